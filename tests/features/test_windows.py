"""Test windows against the tokenizer's own pair encoding, as transformers' question-answering example uses it."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlqa.batching.padded_rows import make_batch
from mlqa.data.examples import Answer, Examples
from mlqa.data.readers import read_file
from mlqa.data.sample import generate
from mlqa.errors import ModelError
from mlqa.features.template import make_template
from mlqa.features.windows import make_windows, thin_windows_without_answer
from mlqa.tokenization.scratch import train_tokenizer

SAMPLE = generate(60, seed=1)
ALGORITHMS = ("wordpiece", "unigram", "char")


def text_of(examples: Examples) -> list[str]:
    return [*examples.contexts, *examples.questions]


@pytest.fixture(scope="module", params=ALGORITHMS)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return train_tokenizer(text_of(SAMPLE), request.param, 600, 512)


def after_marks(text: str, end: int) -> int:
    """Return the end after combining marks. Composing tokenizers leave out the marks of a token's last letter."""
    while end and text[end : end + 1] and unicodedata.combining(text[end]):
        end += 1
    return end


def reference(tokenizer: Any, examples: Examples, max_seq_length: int, doc_stride: int) -> list[dict[str, Any]]:
    """Encode (question, context) by the tokenizer itself, and label windows by a walk over its offsets."""
    encoded = tokenizer(
        [question.lstrip() for question in examples.questions],
        [examples.get_context(row) for row in range(len(examples))],
        truncation="only_second",
        max_length=max_seq_length,
        stride=doc_stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding=False,
    )
    windows = []
    for number in range(len(encoded["input_ids"])):
        row = encoded["overflow_to_sample_mapping"][number]
        context = examples.get_context(row)
        offsets = [(start, after_marks(context, end)) for start, end in encoded["offset_mapping"][number]]
        places = [place for place, part in enumerate(encoded.sequence_ids(number)) if part == 1]
        answer = examples.answers[row][0] if examples.answers[row] else None
        label = (0, 0)
        if answer and places and offsets[places[0]][0] <= answer.start and offsets[places[-1]][1] >= answer.end:
            label = (
                max(place for place in places if offsets[place][0] <= answer.start),
                min(place for place in places if offsets[place][1] >= answer.end),
            )
        windows.append(
            {
                "row": row,
                "input_ids": encoded["input_ids"][number],
                "token_type_ids": encoded["token_type_ids"][number] if "token_type_ids" in encoded else None,
                "label": label,
                "offsets": [offsets[place] for place in places],
            }
        )
    return windows


def assert_equal(examples: Examples, tokenizer: Any, max_seq_length: int, doc_stride: int) -> None:
    windows = make_windows(examples, tokenizer, max_seq_length, doc_stride)
    expected = reference(tokenizer, examples, max_seq_length, doc_stride)
    assert len(windows) == len(expected)
    for number, wanted in enumerate(expected):
        batch = make_batch(windows, [number], multiple=1)
        assert windows.row[number] == wanted["row"]
        assert batch["input_ids"][0].tolist() == wanted["input_ids"]
        assert batch["attention_mask"][0].tolist() == [1] * len(wanted["input_ids"])
        if wanted["token_type_ids"] is not None:
            assert batch["token_type_ids"][0].tolist() == wanted["token_type_ids"]
        assert (windows.start_positions[number], windows.end_positions[number]) == wanted["label"]
        part = slice(windows.begin[number], windows.end[number])
        found = list(zip(windows.context.starts[part].tolist(), windows.context.ends[part].tolist(), strict=True))
        assert found == wanted["offsets"]


@pytest.mark.parametrize(("max_seq_length", "doc_stride"), [(384, 128), (128, 32), (64, 16), (128, 0)])
def test_windows_equal_the_tokenizers_own(tokenizer: Any, max_seq_length: int, doc_stride: int) -> None:
    longest = max(len(tokenizer(question)["input_ids"]) for question in SAMPLE.questions)
    if max_seq_length - longest - 1 <= doc_stride * 4 / 3:
        max_seq_length, doc_stride = longest + 1 + 2 * doc_stride + 16, doc_stride
    assert_equal(SAMPLE, tokenizer, max_seq_length, doc_stride)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["berturk-cased-32k", "berturk-128k-uncased", "mbert-uncased", "xlm-roberta"])
def test_windows_of_tquad_equal_the_tokenizers_own(assets: Path, name: str) -> None:
    from transformers import AutoTokenizer

    examples = read_file(assets / "data" / "tquad" / "dev-v0.1.json")
    assert_equal(examples, AutoTokenizer.from_pretrained(assets / "tokenizers" / name), 384, 128)


def test_shared_contexts_are_tokenized_once() -> None:
    tokenizer = train_tokenizer(text_of(SAMPLE), "wordpiece", 600, 512)
    windows = make_windows(SAMPLE, tokenizer, 128, 32)
    assert len(windows.context) == len(SAMPLE.contexts) < len(SAMPLE)


def one(question: str, context: str, answer: str | None = None) -> Examples:
    answers = (Answer(answer, context.index(answer)),) if answer else ()
    return Examples(["0"], [question], [context], np.array([0]), [answers])


@settings(max_examples=60)
@given(
    question_words=st.integers(1, 120),
    context_words=st.integers(0, 150),
    max_seq_length=st.integers(16, 96),
    stride_share=st.floats(0, 0.999),
)
def test_any_lengths_cover_the_context_and_fit(
    question_words: int, context_words: int, max_seq_length: int, stride_share: float
) -> None:
    """The question alone may also be longer than the window, on which the peer panics."""
    tokenizer = WORDS
    examples = one("kedi " * question_words, "ev " * context_words)
    windows = make_windows(examples, tokenizer, max_seq_length, int(stride_share * max_seq_length))
    assert windows.lengths.max() <= max_seq_length
    covered = np.concatenate([np.arange(begin, end) for begin, end in zip(windows.begin, windows.end, strict=True)])
    assert set(covered.tolist()) == set(range(context_words))
    assert (np.diff(windows.begin) > 0).all()
    assert len(windows) <= max(1, context_words)
    assert windows.cut_questions == (question_words > (max_seq_length - 3) * 3 // 4)


WORDS = train_tokenizer(["kedi ev " * 50], "wordpiece", 40, 512)


def test_an_answer_cut_by_the_window_is_labelled_cls() -> None:
    examples = one("kedi", "ev " * 10 + "kedi kedi", "kedi kedi")
    windows = make_windows(examples, WORDS, 16, 2)
    assert len(windows) == 1
    assert windows.has_answer.tolist() == [True]
    cut = make_windows(examples, WORDS, 16, 1)
    assert len(cut) == 1
    longer = make_windows(one("kedi", "ev " * 11 + "kedi kedi", "kedi kedi"), WORDS, 16, 0)
    assert len(longer) == 2
    assert longer.has_answer.tolist() == [False, False]
    assert longer.start_positions.tolist() == longer.end_positions.tolist() == [0, 0]


def test_padding_is_always_on_the_right() -> None:
    """With absolute positions, padding on the left moves the logits: positions count from the row's first token."""
    tokenizer = train_tokenizer(text_of(SAMPLE), "wordpiece", 600, 512)
    right = make_batch(make_windows(SAMPLE, tokenizer, 256, 64), np.arange(8), 8)
    tokenizer.padding_side = "left"
    left = make_batch(make_windows(SAMPLE, tokenizer, 256, 64), np.arange(8), 8)
    assert (right["attention_mask"] == 0).any()
    assert all(torch.equal(left[name], right[name]) for name in right)


def test_no_token_type_ids_where_the_model_has_none() -> None:
    tokenizer = train_tokenizer(text_of(SAMPLE), "unigram", 600, 512)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    assert "token_type_ids" not in make_batch(make_windows(SAMPLE, tokenizer, 256, 64), [0], 8)


def test_a_slow_tokenizer_is_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ModelError, match="is a slow tokenizer, without the character offsets"):
        make_template(Slow())


def test_without_a_padding_token_padding_is_masked_all_the_same() -> None:
    """GPT-2, Llama and others have no padding token: any id will do where nobody looks."""
    tokenizer = train_tokenizer(text_of(SAMPLE), "char", 600, 512)
    padded = make_batch(make_windows(SAMPLE, tokenizer, 256, 64), np.arange(8), 8)
    tokenizer.pad_token = None
    batch = make_batch(make_windows(SAMPLE, tokenizer, 256, 64), np.arange(8), 8)
    assert torch.equal(batch["attention_mask"], padded["attention_mask"])
    seen = batch["attention_mask"] == 1
    assert torch.equal(batch["input_ids"][seen], padded["input_ids"][seen])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("before", "gold", "after"), [("Bahçede bir ", "ağaç", " var."), ("Bir ", "ağaç", "")])
def test_labels_in_decomposed_text(algorithm: str, before: str, gold: str, after: str) -> None:
    """If ç is c and a mark of its own, the label ends with the word, neither after it nor nowhere."""
    tokenizer = train_tokenizer(["Bahçede bir ağaç var. Bir " * 9], algorithm, 60, 512)
    context, answer = (unicodedata.normalize("NFD", text) for text in (before + gold + after, gold))
    start = len(unicodedata.normalize("NFD", before))
    examples = Examples(["0"], ["bir"], [context], np.array([0]), [(Answer(answer, start),)])
    windows = make_windows(examples, tokenizer, 64, 8)
    assert windows.has_answer.tolist() == [True]
    shift = windows.begin[0] - windows.context_begin[0]
    first, last = (int(positions[0] + shift) for positions in (windows.start_positions, windows.end_positions))
    assert context[windows.context.starts[first] : windows.context.ends[last]].strip() == answer


def test_only_windows_without_their_answer_are_thinned_out() -> None:
    words = " ".join(f"kelime{number}" for number in range(300))
    answered, never = one("Hangisi?", words, "kelime7"), Examples(["1"], ["Kim?"], [words], np.array([0]), [()])
    tokenizer = train_tokenizer([words, "Hangisi? Kim?"], "wordpiece", 1000, 512)
    for examples, kept in ((answered, 1), (never, None)):
        windows = make_windows(examples, tokenizer, 64, 16)
        thinned = thin_windows_without_answer(windows, examples, 0.0, seed=0)
        assert len(windows) > 3 and len(thinned) == (kept or len(windows))
        assert thinned.has_answer.sum() == windows.has_answer.sum()
        assert len(thin_windows_without_answer(windows, examples, 1.0, seed=0)) == len(windows)
    windows = make_windows(answered, tokenizer, 64, 16)
    halves = [thin_windows_without_answer(windows, answered, 0.5, seed) for seed in (1, 1, 2)]
    assert np.array_equal(halves[0].begin, halves[1].begin) and not np.array_equal(halves[0].begin, halves[2].begin)
    assert np.array_equal(halves[0].lengths, windows.lengths[np.isin(windows.begin, halves[0].begin)])
