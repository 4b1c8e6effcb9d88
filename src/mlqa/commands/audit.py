"""`mlqa audit`: find faults in a data set before a model is trained on it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from mlqa.commands.inputs import OPTIONAL, load_available_splits, load_model_tokenizer

if TYPE_CHECKING:
    from mlqa.config.schema import Config
    from mlqa.data.load import Splits

EXAMPLE = """\
examples, with any override of train.py:
  mlqa audit dataset=tquad
  mlqa audit dataset=squad_json dataset.language=tr dataset.train_file=train.json model=xlmr_base
  mlqa audit dataset=sample model=tiny_wordpiece --json > audit.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa audit`."""
    parser.add_argument("overrides", nargs="*", help="what to audit, as for train.py: dataset=... model=...")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with examples, instead of tables")


def run(args: argparse.Namespace) -> None:
    """Audit the splits that have a source, and print tables or JSON.

    Raises:
        ConfigError: If an override is wrong, or the data set has no source.
        DataError: If the data set cannot be read, or is refused because of `dataset.strict`.
        UnreachableError: If a source cannot be reached.
    """
    from mlqa.config.compose import compose_config
    from mlqa.data.audit import audit
    from mlqa.metrics.readiness import find_reasons_to_wait

    config, choices = compose_config(args.overrides, OPTIONAL, weights=False)
    splits = load_available_splits(config)
    audited = audit(splits)
    windows, permitted, reason = _measure_tokenizer(config, splits)
    longest = config.training.max_answer_length
    leakage = audited.figures.get("test_leakage", audited.figures.get("leakage"))
    reasons = list(find_reasons_to_wait(leakage, permitted, windows.values(), config))
    if args.json:
        content = {
            "dataset": choices["dataset"],
            "model": choices["model"],
            "fingerprint": splits.compute_fingerprint(),
            "figures": audited.figures,
            "tokenizer": windows or {"error": reason},
            "permitted": permitted,
            "before_training": reasons,
            "examples": audited.examples,
        }
        print(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False))
        return

    from mlqa.display.audit_tables import print_audit, print_reasons

    print_audit(audited, windows or reason, choices["model"], longest)
    print_reasons(reasons)


def _measure_tokenizer(config: Config, splits: Splits) -> tuple[dict[str, Any], dict[str, float], str]:
    """Return {split: window figures} and what the model's tokenizer permits, or nothing and the reason for that."""
    from mlqa.data.load import SPLITS
    from mlqa.errors import MlqaError

    if config.model.scratch is not None and not len(splits.train):
        reason = "this model's tokenizer is trained on the train split: give dataset.train_file or another model"
        return {}, {}, reason

    from mlqa.features.window_statistics import compute_window_figures
    from mlqa.features.windows import make_windows
    from mlqa.metrics.readiness import compute_permitted_scores

    training = config.training
    figures: dict[str, Any] = {}
    permitted: dict[str, float] = {}
    try:
        tokenizer = load_model_tokenizer(config, splits)
        for name in SPLITS:
            if len(split := getattr(splits, name)):
                windows = make_windows(split, tokenizer, training.max_seq_length, training.doc_stride)
                figures[name] = compute_window_figures(windows, split, training.max_answer_length)
                permitted = compute_permitted_scores(tokenizer, split, windows.context)  # the reported split comes last
    except MlqaError as error:
        return {}, {}, str(error)
    return figures, permitted, ""
