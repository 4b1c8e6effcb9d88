"""Test that labels and answers are the text of the data set, whatever offsets a tokenizer reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from mlqa.answers.decoding import decode_best_texts, select_best_spans
from mlqa.data.examples import Answer, Examples
from mlqa.features.windows import make_windows
from mlqa.tokenization.encoding import encode_words

CONTEXT = "Ankara'nın nüfusu 1923 yılında arttı. Ü 三 😀 1930 yılında\u200e azaldı, \u00e9t\u00e9 e\u0301te\u0301"
GOLDS = ["Ankara", "nın", "nüfusu", "1923", "yılında", "arttı", "Ü", "三", "😀", "Ü 三", "三 😀", "1930 yılında"]
GOLDS += ["azaldı", "été"]


def train_byte_level(pre: Any, texts: list[str], vocab_size: int, trim: bool = True) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=trim)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", cls_token="<s>", sep_token="</s>", unk_token="<unk>"
    )


def byte_level(kind: str) -> PreTrainedTokenizerFast:
    level = pre_tokenizers.ByteLevel(add_prefix_space=kind != "untrimmed")
    if kind == "robbert":  # pre_tokenizer of DTAI-KULeuven/robbert-2023, as EuroEval/EuroEval#2171 describes it
        level = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), level, pre_tokenizers.Punctuation()])
    english = ["the quick brown fox jumps over the lazy dog"]  # Turkish letters are two tokens, CJK three
    texts = english if kind == "english" else [CONTEXT] * 3
    return train_byte_level(level, texts * 20, 330, trim=kind != "untrimmed")


def single_letters() -> PreTrainedTokenizerFast:
    """Make a Unigram of letters: ▁ and the next letter cover one character, as XLM-R's before 六 (tokenizers#1775)."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    letters = ["▁", "?", "N", "z", *sorted(set(CONTEXT) - {" ", "z"})]
    tokenizer = Tokenizer(models.Unigram([(piece, -2.0) for piece in special + letters], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


@pytest.mark.parametrize("kind", ["roberta", "robbert", "untrimmed", "english", "unigram"])
def test_labels_and_answers_are_the_text(kind: str) -> None:
    tokenizer = single_letters() if kind == "unigram" else byte_level(kind)
    rows = len(GOLDS)
    golds = [(Answer(gold, CONTEXT.index(gold)),) for gold in GOLDS]
    questions = ["Ne zaman?"] * rows
    examples = Examples([str(row) for row in range(rows)], questions, [CONTEXT], np.zeros(rows, dtype=np.int64), golds)
    windows = make_windows(examples, tokenizer, 200, 20)
    assert len(windows) == rows and windows.has_answer.all()
    import torch

    starts, ends = (torch.full((rows, 200), -10.0) for _ in range(2))
    line = np.arange(rows)
    starts[line, windows.start_positions] = ends[line, windows.end_positions] = 10.0
    spans = select_best_spans(starts, ends, windows, line, 200, 20, 60)
    assert decode_best_texts(spans, windows, examples) == GOLDS


def test_a_word_is_cut_where_its_pieces_begin() -> None:
    """The first letter belongs to the first piece, even if the tokenizer says that nothing covers it."""
    words = ["nüfusu", "yılında"]
    robbert, roberta = encode_words(byte_level("robbert"), words), encode_words(byte_level("roberta"), words)
    pieces = [byte_level("robbert").convert_ids_to_tokens(ids) for ids in robbert.ids]
    assert [len(cuts) for cuts in robbert.cuts] == [len(cuts) for cuts in roberta.cuts], pieces
