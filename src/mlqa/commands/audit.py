"""`mlqa audit`: what is wrong with a data set, before a model is trained on it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlqa.config.schema import Config
    from mlqa.data.load import Splits

EXAMPLE = """\
examples; any override of train.py may stand here:
  mlqa audit dataset=tquad
  mlqa audit dataset=squad_json dataset.train_file=train.json model=xlmr_base
  mlqa audit dataset=sample model=tiny_wordpiece --json > audit.json
"""
# A run needs both splits; an audit looks at what there is.
OPTIONAL = ("dataset.train_file", "dataset.validation_file", "dataset.hub.train_split")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", help="what to audit, as for train.py: dataset=... model=...")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with examples, instead of tables")


def run(args: argparse.Namespace) -> None:
    from mlqa.config.compose import compose_config
    from mlqa.config.validation import is_local_folder
    from mlqa.data.audit import audit
    from mlqa.data.load import load_splits
    from mlqa.environment import go_offline_if_unreachable

    config, choices = compose_config(args.overrides, OPTIONAL, weights=False)
    if config.dataset.hub is not None or not is_local_folder(config.model.pretrained or "."):
        go_offline_if_unreachable()
    splits = load_splits(config.dataset, both=False)
    found = audit(splits)
    tokenizer, why_none = _audit_tokenizer(config, splits)
    if args.json:
        content = {
            "dataset": choices["dataset"],
            "model": choices["model"],
            "fingerprint": splits.compute_fingerprint(),
            "figures": found.figures,
            "tokenizer": tokenizer or {"error": why_none},
            "examples": found.examples,
        }
        json.dump(content, sys.stdout, ensure_ascii=False, indent=1, allow_nan=False)
        print()
        return

    from mlqa.display.audit_tables import show

    show(found, tokenizer or why_none, choices, config.training.max_answer_length)


def _audit_tokenizer(config: Config, splits: Splits) -> tuple[dict[str, Any], str]:
    """{split: figures} by the model's tokenizer, or nothing and the line that says why and what to do."""
    from mlqa.data.load import SPLITS
    from mlqa.errors import MlqaError

    if config.model.scratch is not None and not len(splits.train):
        return {}, "this model's tokenizer is trained on the train split: give dataset.train_file, or another model"

    from transformers.utils.logging import set_verbosity_error

    from mlqa.features.window_statistics import compute_window_figures
    from mlqa.features.windows import make_windows
    from mlqa.tokenization.load import load_tokenizer
    from mlqa.tokenization.trimming import trim_vocabulary

    set_verbosity_error()
    training = config.training
    try:
        tokenizer = load_tokenizer(config.model, _iter_train_texts(splits))
        if config.model.trim_vocabulary:
            tokenizer, _ = trim_vocabulary(tokenizer, _iter_train_texts(splits))
        figures = {}
        for name in SPLITS:
            if len(split := getattr(splits, name)):
                windows = make_windows(split, tokenizer, training.max_seq_length, training.doc_stride)
                figures[name] = compute_window_figures(windows, split, training.max_answer_length)
    except MlqaError as error:
        return {}, str(error)
    return figures, ""


def _iter_train_texts(splits: Splits) -> Iterator[str]:
    yield from splits.train.contexts
    yield from splits.train.questions
