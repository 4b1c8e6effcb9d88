"""Test oracle scores by hand on small contexts, against brute force, and on TQuAD if it is available."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.data.examples import Answer, Examples
from mlqa.errors import DataError
from mlqa.features.tokens import Tokens
from mlqa.metrics.oracle import compute_oracle_scores
from mlqa.metrics.squad import score_against_golds


def examples_of(rows: list[tuple[str, list[str]]]) -> Examples:
    """Make examples of (context, golds). A gold starts at the first occurrence of its text in the context."""
    contexts = list(dict.fromkeys(context for context, _ in rows))
    return Examples(
        ids=[str(row) for row in range(len(rows))],
        questions=["?"] * len(rows),
        contexts=contexts,
        context_of=np.array([contexts.index(context) for context, _ in rows]),
        answers=[tuple(Answer(gold, context.index(gold)) for gold in golds) for context, golds in rows],
    )


def score(rows: list[tuple[str, list[str]]], tokens: list[list[tuple[int, int]]]) -> dict[str, float]:
    return compute_oracle_scores(examples_of(rows), tokens_at(tokens))


def tokens_at(offsets: list[list[tuple[int, int]]]) -> Tokens:
    flat = np.array([pair for pairs in offsets for pair in pairs], dtype=np.int32).reshape(-1, 2)
    return Tokens(np.zeros(len(flat), np.int32), np.cumsum([0, *map(len, offsets)]), flat[:, 0], flat[:, 1])


def result(boundary_recall: float, exact_match: float, f1: float) -> dict[str, float]:
    return {
        "boundary_recall": pytest.approx(boundary_recall),
        "oracle_exact_match": pytest.approx(exact_match),
        "oracle_f1": pytest.approx(f1),
    }


CATS = "kediler uyur"
CAT_TOKENS = [(0, 4), (4, 7), (8, 12)]  # kedi ler uyur
CITY = "eski kentler (Ankara)"
CITY_TOKENS = [(0, 4), (5, 9), (9, 12), (13, 20), (20, 21)]  # eski kent ler (Ankara )


@pytest.mark.parametrize(
    ("context", "tokens", "gold", "expected"),
    [
        (CATS, CAT_TOKENS, "kediler uyur", (1, 100, 100)),
        (CATS, CAT_TOKENS, "kedi", (1, 100, 100)),
        # "kediler" covers it and "kedi" is inside it, but neither is the word "kedile".
        (CATS, CAT_TOKENS, "kedile", (0, 0, 0)),
        # "ediler uyur": covering "kediler uyur" 1/2, inside "ler uyur" 1/2, without the damaged word 2/3.
        (CATS, CAT_TOKENS, "ediler uyur", (0, 0, 200 / 3)),
        # "eski kentle": covering 1/2, inside "eski kent" 1/2, "eski" alone P 1, R 1/2: 2/3.
        (CITY, CITY_TOKENS, "eski kentle", (0, 0, 200 / 3)),
        # The bracket is part of the token, and SQuAD's normalization removes it.
        (CITY, CITY_TOKENS, "Ankara", (0, 100, 100)),
        # White space at the edge of a token, as in SentencePiece, and a token of white space only.
        (CATS, [(0, 7), (7, 8), (7, 12)], "uyur", (1, 100, 100)),
        # The lone space does not count as a token that begins at the "u" after it.
        (CATS, [(0, 7), (7, 8), (9, 12)], "uyur", (0, 0, 0)),
        # No token touches the gold.
        (CATS, [(0, 7)], "uyur", (0, 0, 0)),
        (CATS, [], "uyur", (0, 0, 0)),
    ],
)
def test_by_hand(context: str, tokens: list[tuple[int, int]], gold: str, expected: tuple[float, float, float]) -> None:
    assert score([(context, [gold])], [tokens]) == result(*expected)


def test_rows_and_golds_are_averaged() -> None:
    rows = [
        (CATS, ["kedile", "kediler"]),  # 1 of 2 golds, and the better one counts for EM and F1
        (CITY, ["eski kentle"]),  # 0 of 1, scores 0 and 2/3
        (CATS, []),  # unanswerable: the empty answer
        (CITY, ["kent", "kent", "kent"]),  # 3 of 3
    ]
    assert score(rows, [CAT_TOKENS, CITY_TOKENS]) == result(4 / 6, 75, 100 * (1 + 2 / 3 + 1 + 1) / 4)


def test_a_span_never_leaves_its_context() -> None:
    """The last gold of a context ends after its last token. The first token of the next context must not be used."""
    rows = [("bir iki", ["iki"]), ("üç", ["üç"])]
    assert score(rows, [[(0, 3), (4, 6)], [(0, 2)]]) == result(1 / 2, 50, 50)


def test_without_any_answer_no_boundary_is_lost() -> None:
    assert score([(CATS, [])], [CAT_TOKENS]) == result(1, 100, 100)


def test_refuses_no_rows() -> None:
    with pytest.raises(DataError, match="no rows"):
        compute_oracle_scores(examples_of([]), tokens_at([]))


@st.composite
def tokenized(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]], str]:
    """Draw a context, tokens cut at random, and a gold without outer white space."""
    context = draw(st.text(alphabet="ab ç.", min_size=1, max_size=14).filter(str.strip))
    cuts = sorted(draw(st.sets(st.integers(1, len(context)), max_size=8)) | {0, len(context)})
    tokens = list(itertools.pairwise(cuts))
    start = draw(st.integers(0, len(context) - 1))
    gold = context[start : draw(st.integers(start + 1, len(context)))].strip()
    return context, tokens, gold or context.strip()


@given(tokenized())
def test_lies_between_the_covering_span_and_brute_force(
    drawn: tuple[str, list[tuple[int, int]], str],
) -> None:
    context, tokens, gold = drawn
    start = context.index(gold)
    end = start + len(gold)
    scores = score([(context, [gold])], [tokens])

    solid = [pair for pair in tokens if context[slice(*pair)].strip()]
    trimmed = [re.search(r"\S(.*\S)?", context[s:e], re.DOTALL).span() for s, e in solid]  # type: ignore[union-attr]
    starts = {s + offset for (s, _), (offset, _) in zip(solid, trimmed, strict=True)}
    ends = {s + offset for (s, _), (_, offset) in zip(solid, trimmed, strict=True)}
    assert scores["boundary_recall"] == float(start in starts and end in ends)

    touching = [(s, e) for s, e in tokens if s < end and e > start]
    covering = score_against_golds(context[touching[0][0] : touching[-1][1]].strip(), [gold])
    spans = {context[s:e].strip() for s, _ in tokens for _, e in tokens if s < e}
    every = [score_against_golds(span, [gold]) for span in spans]
    assert 100 * covering[0] <= scores["oracle_exact_match"] <= 100 * max(exact for exact, _ in every)
    assert 100 * covering[1] <= scores["oracle_f1"] <= 100 * max(f1 for _, f1 in every)


@given(tokenized(), st.integers(1, 5))
def test_an_answer_has_at_most_so_many_tokens(drawn: tuple[str, list[tuple[int, int]], str], limit: int) -> None:
    """A gold on token boundaries, against every span of so few tokens inside it."""
    context, tokens, _ = drawn
    solid = [pair for pair in tokens if context[slice(*pair)].strip()]
    gold = context[solid[0][0] : solid[-1][1]].strip()
    examples = Examples(["0"], ["?"], [context], np.array([0]), [(Answer(gold, context.index(gold)),)])
    scores = compute_oracle_scores(examples, tokens_at([tokens]), max_answer_length=limit)
    spans = [
        context[tokens[first][0] : tokens[last][1]].strip()
        for first in range(len(tokens))
        for last in range(first, min(first + limit, len(tokens)))
    ]
    every = [score_against_golds(span, [gold]) for span in spans]
    assert scores["boundary_recall"] == 1
    assert scores["oracle_exact_match"] == pytest.approx(100 * max(exact for exact, _ in every))
    assert scores["oracle_f1"] == pytest.approx(100 * max(f1 for _, f1 in every))


def test_a_long_gold_by_hand() -> None:
    context = "Ankara Antlaşması nın tam metni"
    tokens = [(0, 6), (7, 11), (11, 17), (18, 21), (22, 25), (26, 31)]
    examples = examples_of([(context, [context])])
    # 3 tokens are 2 of 5 words (Ankara Antlaşması), or the last 3: precision 1, recall 3/5.
    assert compute_oracle_scores(examples, tokens_at([tokens]), max_answer_length=3) == result(1, 0, 75)
    assert compute_oracle_scores(examples, tokens_at([tokens]), max_answer_length=6) == result(1, 100, 100)


@given(tokenized())
def test_characters_as_tokens_lose_nothing(drawn: tuple[str, list[tuple[int, int]], str]) -> None:
    context, _, gold = drawn
    scores = score([(context, [gold])], [[(i, i + 1) for i in range(len(context))]])
    assert scores["boundary_recall"] == 1.0
    assert scores["oracle_exact_match"] == 100.0


def tquad(path: Path) -> Examples:
    rows = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answers = []
                for answer in question["answers"]:
                    text, start = answer["text"], int(answer["answer_start"])
                    answers.append(Answer(text.strip(), start + len(text) - len(text.lstrip())))
                rows.append((paragraph["context"], tuple(answers)))
    place = {context: index for index, context in enumerate(dict.fromkeys(context for context, _ in rows))}
    return Examples(
        ids=[str(row) for row in range(len(rows))],
        questions=["?"] * len(rows),
        contexts=list(place),
        context_of=np.array([place[context] for context, _ in rows]),
        answers=[answers for _, answers in rows],
    )


@pytest.mark.parametrize(("split", "share"), [("dev", 0.964), ("train", 0.973)])
def test_tquad_with_berturk(assets: Path, split: str, share: float) -> None:
    """The shares were measured independently of this code, by comparing offsets gold by gold."""
    from transformers import AutoTokenizer

    examples = tquad(assets / "data" / "tquad" / f"{split}-v0.1.json")
    tokenizer = AutoTokenizer.from_pretrained(assets / "tokenizers" / "berturk-cased-32k")
    offsets = tokenizer(examples.contexts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)[
        "offset_mapping"
    ]
    scores = compute_oracle_scores(examples, tokens_at(offsets))
    assert round(scores["boundary_recall"], 3) == share
    # All other golds end inside a word, and no nearby span can match them.
    assert scores["oracle_exact_match"] == pytest.approx(100 * scores["boundary_recall"], abs=0.1)
    assert scores["oracle_exact_match"] < scores["oracle_f1"] < 100
