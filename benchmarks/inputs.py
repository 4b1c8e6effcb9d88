"""What the benchmarks read: data, tokenizers and a small model, of yours, of MLQA_ASSETS, or generated."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mlqa.data.examples import Examples
from mlqa.data.readers import read_file
from mlqa.data.sample import generate
from mlqa.tokenization.scratch import train_tokenizer

NAMED = ("berturk-cased-32k", "xlm-roberta")  # a WordPiece and a Unigram tokenizer


def find_asset(*parts: str) -> Path | None:
    """Return a folder below MLQA_ASSETS, or None if there is none."""
    assets = os.environ.get("MLQA_ASSETS")
    folder = Path(assets, *parts) if assets else None
    return folder if folder and folder.is_dir() else None


def load_train_and_dev(folder: str | None, questions: int) -> tuple[Examples, Examples]:
    """Load train and dev from `folder`, else TQuAD from MLQA_ASSETS, else generate them.

    Args:
        folder: A folder with train*.json and dev*.json.
        questions: Number of questions to generate for train. Dev gets a tenth.
    """
    place = Path(folder) if folder else find_asset("data", "tquad")
    if place is None:
        return generate(questions, seed=0), generate(max(questions // 10, 10), seed=1, split="validation")
    train, dev = (read_file(next(place.glob(pattern))) for pattern in ("train*.json", "dev*.json"))
    return train, dev


def load_tokenizers(folder: str | None, train: Examples) -> dict[str, Any]:
    """Load the tokenizer in `folder`, else those of MLQA_ASSETS, else train one. Return them by name."""
    from transformers import AutoTokenizer

    folders = [Path(folder)] if folder else [place for name in NAMED if (place := find_asset("tokenizers", name))]
    if folders:
        return {place.name: AutoTokenizer.from_pretrained(place) for place in folders}
    return {"generated": train_tokenizer([*train.contexts, *train.questions], "wordpiece", 2000, 512)}


def build_bert(vocabulary: int, is_base: bool = False, **settings: Any) -> Any:
    """Return a BERT with random weights, of 4 layers x 256 or in the size of BERT-base."""
    from transformers import BertConfig, BertForQuestionAnswering

    small = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024}
    return BertForQuestionAnswering(BertConfig(vocab_size=vocabulary, **({} if is_base else small) | settings))
