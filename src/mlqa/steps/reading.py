"""Read the data of a run, audit it, and describe its windows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mlqa.config.data_files import needs_hub
from mlqa.config.model_facts import is_local_folder
from mlqa.config.schema import Config
from mlqa.data.audit import LEAKAGE, audit
from mlqa.data.audit_warnings import describe_leakage
from mlqa.data.further_sets import FurtherSet, load_run_data
from mlqa.data.load import Splits
from mlqa.environment import go_offline_if_unreachable
from mlqa.features.window_statistics import compute_window_figures
from mlqa.features.windows import Windows
from mlqa.result import Result

if TYPE_CHECKING:
    from mlqa.evaluation import Evaluation

log = logging.getLogger(__name__)


def load_data(config: Config, own_set: str) -> tuple[Splits, list[FurtherSet]]:
    """Return the splits and the data sets of `evaluation.sets`.

    Args:
        config: The run's config.
        own_set: Name of its own data set in scores.jsonl.

    Raises:
        DataError: A source is missing, unreadable or invalid.
    """
    if needs_hub(config.dataset) or not is_local_folder(config.model.pretrained or "."):
        go_offline_if_unreachable()
    log.info("reading the data set")
    splits, further = load_run_data(config, own_set)
    for mixed_set in splits.mixed_sets:
        log.info("%s", mixed_set.describe())
    return splits, further


def audit_data(splits: Splits) -> dict[str, Any]:
    """Return the figures of the audit, and warn if questions of a scored split are also in train."""
    figures = audit(splits).figures
    for leakage in (figures[key] for key in LEAKAGE if key in figures):
        for line in describe_leakage(leakage):
            log.warning("%s", line)
    return figures


def describe_windows(
    config: Config, result: Result, splits: Splits, windows: dict[str, Windows], evaluation: Evaluation
) -> None:
    """Record what the windows hold of the questions, and which version of SQuAD's script scores them."""
    train, longest = windows["train"], config.training.max_answer_length
    result.dataset |= {
        "train_examples": len(splits.train),
        "eval_examples": len(evaluation.examples),
        "windows": len(train),
        "windows_without_answer": int((~train.has_answer).sum()),
        "cut_questions": sum(cut.cut_questions for cut in windows.values()),
        **{f"{name}_rows": splits.get(name).counts for name in windows},
        "language": config.dataset.language,
        "reported_fingerprint": evaluation.examples.compute_fingerprint(),
        "squad_version": evaluation.version,
        "primary_metric": evaluation.primary_metric,
    }
    if splits.mixed_sets:
        result.dataset["mix"] = {mixed_set.name: mixed_set.to_dict() for mixed_set in splits.mixed_sets}
    result.dataset["audit"]["tokenizer"] = {
        name: compute_window_figures(cut, splits.get(name), longest) for name, cut in windows.items() if len(cut)
    }
