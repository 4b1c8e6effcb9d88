"""Test decoding against a search over every span, and its properties on any scores."""

from __future__ import annotations

import unicodedata

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlqa.answers.decoding import Candidate, decode_best_texts, decode_n_best, find_top_k, select_best_spans
from mlqa.data.examples import Examples
from mlqa.features.windows import Windows, make_windows
from mlqa.tokenization.scratch import train_tokenizer

TOKENIZER = train_tokenizer(["kedi ev at ip su yol dil gün " * 9], "wordpiece", 60, 512)
SPACES = train_tokenizer(["kedi ev at ip su yol dil gün  ağ   " * 9], "unigram", 60, 512)  # a space may be a token
WORDS = "kedi ev at ip su yol dil gün".split()


def decode(
    examples: Examples,
    windows: Windows,
    starts: torch.Tensor,
    ends: torch.Tensor,
    n: int,
    longest: int,
    null: bool = False,
) -> list[list[Candidate]]:
    spans = select_best_spans(starts, ends, windows, np.arange(len(windows)), starts.shape[1], n, longest)
    return decode_n_best(spans, windows, examples, n, null)


def every_span(
    windows: Windows, starts: torch.Tensor, ends: torch.Tensor, longest: int
) -> dict[tuple[int, int], float]:
    """Return {(start, end): best score} over all windows of the only row, from every pair of positions."""
    found: dict[tuple[int, int], float] = {}
    for window in range(len(windows)):
        offset = int(windows.context_begin[window])
        for first in range(int(windows.end[window] - windows.begin[window])):
            for last in range(first, min(first + longest, int(windows.end[window] - windows.begin[window]))):
                span = (
                    int(windows.context.starts[windows.begin[window] + first]),
                    int(windows.context.ends[windows.begin[window] + last]),
                )
                score = float(starts[window, offset + first] + ends[window, offset + last])
                found[span] = max(score, found.get(span, -np.inf))
    return found


@settings(max_examples=80)
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=40),
    seed=st.integers(0, 2**32 - 1),
    coarse=st.booleans(),
    longest=st.integers(1, 12),
)
def test_equals_a_search_over_all_spans(words: list[str], seed: int, coarse: bool, longest: int) -> None:
    """Coarse scores cause many ties, which are sorted by score, then start, then end."""
    context = " ".join(words)
    examples = Examples(["0"], ["kedi"], [context], np.array([0]), [()])
    windows = make_windows(examples, TOKENIZER, 24, 8)
    random = torch.Generator().manual_seed(seed)
    starts, ends = (torch.randn(len(windows), 24, generator=random) for _ in range(2))
    if coarse:
        starts, ends = starts.round(), ends.round()
    expected = sorted(every_span(windows, starts, ends, longest).items(), key=lambda item: (-item[1], item[0]))[:5]
    found = decode(examples, windows, starts, ends, 24, longest)[0][:5]
    spans = select_best_spans(starts, ends, windows, np.arange(len(windows)), 24, 24, longest)
    assert decode_best_texts(spans, windows, examples) == [found[0].text]
    assert [(candidate.start, candidate.end) for candidate in found] == [span for span, _ in expected]
    np.testing.assert_allclose([candidate.score for candidate in found], [score for _, score in expected], rtol=1e-6)
    for candidate in found:
        assert context[candidate.start : candidate.end] == candidate.text == candidate.text.strip()


def test_a_span_of_two_windows_counts_once_with_its_better_score() -> None:
    context = " ".join(["ev"] * 8 + ["kedi"] + ["at"] * 20)
    examples = Examples(["0"], ["su"], [context], np.array([0]), [()])
    windows = make_windows(examples, TOKENIZER, 20, 12)
    starts = ends = torch.zeros(len(windows), 20)
    starts, ends = starts.clone(), ends.clone()
    word = windows.context.starts.tolist().index(context.index("kedi"))
    holding = [number for number in range(len(windows)) if windows.begin[number] <= word < windows.end[number]]
    assert len(holding) >= 2
    for bonus, window in enumerate(holding):
        place = int(windows.context_begin[window] + word - windows.begin[window])
        starts[window, place] = ends[window, place] = 5 + bonus
    answers = decode(examples, windows, starts, ends, 20, 5)[0]
    assert (answers[0].text, answers[0].score) == ("kedi", 2.0 * (5 + len(holding) - 1))
    assert [answer.text for answer in answers].count("kedi") == 1
    assert abs(sum(answer.probability for answer in answers) - 1) < 1e-9


def test_answers_of_sentencepiece_have_no_leading_space() -> None:
    tokenizer = train_tokenizer(["kedi ev at ip su yol dil gün " * 9], "unigram", 60, 512)
    examples = Examples(["0"], ["su"], ["ev  kedi at"], np.array([0]), [()])
    windows = make_windows(examples, tokenizer, 24, 8)
    for first in range(len(windows.context.ids)):
        starts = ends = torch.full((1, 24), -9.0)
        starts, ends = starts.clone(), ends.clone()
        starts[0, windows.context_begin[0] + first] = ends[0, windows.context_begin[0] + first] = 9
        best = decode(examples, windows, starts, ends, 20, 5)[0][0]
        assert best.text == best.text.strip()
        assert examples.contexts[0][best.start : best.end] == best.text


def test_no_answer_competes_by_its_lowest_window() -> None:
    context = " ".join(["ev"] * 30)
    examples = Examples(["0"], ["su"], [context], np.array([0]), [()])
    windows = make_windows(examples, TOKENIZER, 20, 4)
    logits = torch.zeros(len(windows), 20)
    logits[:, 0] = torch.tensor([4.0] + [1.0] * (len(windows) - 1))
    best = decode(examples, windows, logits, logits, 20, 5, null=True)[0][0]
    assert (best.text, best.score) == ("", 2.0)
    assert decode(examples, windows, logits, logits, 20, 5, null=False)[0][0].text == "ev"


def test_an_empty_context_has_an_answer_too() -> None:
    examples = Examples(["0"], ["su"], [""], np.array([0]), [()])
    windows = make_windows(examples, TOKENIZER, 20, 4)
    answers = decode(examples, windows, torch.zeros(1, 20), torch.zeros(1, 20), 20, 5)
    assert [answer.text for answer in answers[0]] == [""]


def test_an_answer_keeps_the_marks_of_its_last_letter() -> None:
    """In NFD, ü is u and a mark of its own. The offsets of a composing tokenizer end before the mark."""
    context = unicodedata.normalize("NFD", "ev gü at")
    tokenizer = train_tokenizer(["ev gü at " * 9], "wordpiece", 40, 512)
    examples = Examples(["0"], ["ev"], [context], np.array([0]), [()])
    windows = make_windows(examples, tokenizer, 24, 8)
    starts = torch.zeros(1, 24)
    place = int(windows.context_begin[0]) + 1
    starts[0, place] = 9
    assert windows.context.ends[1] == len("ev gü") + 1
    best = decode(examples, windows, starts, starts, 20, 1)[0][0]
    assert best.text == unicodedata.normalize("NFD", "gü")


@given(
    lines=st.lists(
        st.lists(st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 1e-30, 2.0]), min_size=7, max_size=7), min_size=1
    ),
    count=st.integers(1, 9),
)
def test_highest_equals_a_sort(lines: list[list[float]], count: int) -> None:
    found = find_top_k(np.array(lines), count)
    for line, columns in zip(lines, found.tolist(), strict=True):
        assert columns == sorted(range(7), key=lambda column: (-line[column], column))[:count]
    assert find_top_k(np.array([lines, lines[::-1]]), count).tolist() == [found.tolist(), found.tolist()[::-1]]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), coarse=st.booleans(), n=st.integers(1, 20), longest=st.integers(1, 30))
def test_best_texts_are_the_first_of_the_n_best(seed: int, coarse: bool, n: int, longest: int) -> None:
    """Rows have several windows, spans of white space only, and no span at all."""
    contexts = [" ".join(WORDS * 5), "ev  at", " ", "ip   su   yol"]
    rows = np.array([0, 1, 2, 0, 3, 3])
    examples = Examples([str(row) for row in range(6)], ["kedi"] * 6, contexts, rows, [()] * 6)
    windows = make_windows(examples, SPACES, 24, 8)
    random = torch.Generator().manual_seed(seed)
    starts, ends = (torch.randn(len(windows), 24, generator=random) for _ in range(2))
    if coarse:
        starts, ends = starts.round(), ends.round()
    spans = select_best_spans(starts, ends, windows, np.arange(len(windows)), 24, n, longest)
    expected = decode_n_best(spans, windows, examples, n, with_null=False)
    assert decode_best_texts(spans, windows, examples) == [candidates[0].text for candidates in expected]
