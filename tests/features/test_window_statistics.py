"""Test figures over windows by hand, with a tokenizer of one token per word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from mlqa.data.examples import Examples
from mlqa.data.readers import read_file
from mlqa.data.rows import ExamplesBuilder
from mlqa.features.window_statistics import compute_window_figures
from mlqa.features.windows import make_windows


@pytest.fixture(scope="module")
def words() -> Any:
    """Return a tokenizer of [CLS] question [SEP] context [SEP] with one token per white-space word."""
    backend = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[PAD]": 3}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]"
    )


def built(*rows: tuple[str, str, str]) -> Examples:
    builder = ExamplesBuilder("test")
    for number, (question, context, answer) in enumerate(rows):
        golds = [{"text": answer, "answer_start": context.index(answer)}] if answer else []
        builder.add(f"row {number}", number, question, context, golds)
    return builder.build()


def test_by_hand(words: Any) -> None:
    """Windows have 16 tokens: three special ones, two of the question, eleven of the context.

    Ten context words: one window of 15 tokens. Twenty: 0-11, 7-18 and 14-20 with a stride of four, of 16, 16 and 11.
    """
    ten, twenty = (" ".join(f"w{number}" for number in range(count)) for count in (10, 20))
    examples = built(
        ("kim o", ten, "w3"),
        ("ne o", ten, ""),
        ("kim o", twenty, "w8 w9"),  # in the first and the second window
        ("ne o", twenty, "w1 w2 w3 w4 w5"),  # only in the first
    )
    figures = compute_window_figures(make_windows(examples, words, 16, 4), examples, max_answer_length=4)
    assert figures == {
        "windows": 8,
        "windows_per_question": 2.0,
        "questions_of_several_windows": 0.5,
        "windows_without_answer": (0 + 1 + 1 + 2) / 8,
        "padding_at_max_seq_length": pytest.approx(1 - (15 + 15 + 2 * (16 + 16 + 11)) / (8 * 16)),
        "answers_beyond_max_answer_length": pytest.approx(1 / 3),
        "cut_questions": 0,
    }


def test_an_answer_that_no_window_holds_is_measured_too(words: Any) -> None:
    context = " ".join(f"w{number}" for number in range(20))
    examples = built(("kim o", context, " ".join(f"w{number}" for number in range(3, 18))))
    windows = make_windows(examples, words, 16, 4)
    assert compute_window_figures(windows, examples, 14)["answers_beyond_max_answer_length"] == 1
    assert compute_window_figures(windows, examples, 15)["answers_beyond_max_answer_length"] == 0
    assert compute_window_figures(windows, examples, 15)["windows_without_answer"] == 1


def test_cut_questions_and_no_answers(words: Any) -> None:
    examples = built(("x " * 30, "a b", "a"), ("x", "a b", ""))
    assert compute_window_figures(make_windows(examples, words, 16, 4), examples, 1)["cut_questions"] == 1
    unanswerable = examples.select([1])
    figures = compute_window_figures(make_windows(unanswerable, words, 16, 4), unanswerable, 1)
    assert figures["answers_beyond_max_answer_length"] == 0


def test_tquad_by_berturk(assets: Path) -> None:
    """1.6 % of the answers, 133 of 8,308, have more than 30 tokens."""
    from transformers import AutoTokenizer

    folder = assets / "tokenizers" / "berturk-cased-32k"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    examples = read_file(assets / "data" / "tquad" / "train-v0.1.json")
    figures = compute_window_figures(make_windows(examples, tokenizer, 384, 128), examples, 30)
    longer = sum(
        len(tokenizer.tokenize(answers[0].text)) > 30 for answers in examples.answers
    )  # tokenized alone, so a word that the answer cuts may have other tokens
    assert figures["answers_beyond_max_answer_length"] * len(examples) == pytest.approx(longer, abs=5)
    assert figures["answers_beyond_max_answer_length"] == pytest.approx(0.016, abs=0.0005)
