"""What makes two runs the same run: the settings that count, and the hashes made of them.

Everything that asks comes here: what takes over a run directory, goes on from a checkpoint, names a run for its
trackers, or puts the seeds of one configuration together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlqa.config.data_files import describe_sets
from mlqa.config.model_facts import get_installed_transformers

if TYPE_CHECKING:
    from mlqa.config.schema import Config

REPEATED = ("seed", "training.seed", "dataset.fold")  # runs that repeat a configuration differ in them
# Where a run writes, how it is tracked and reported, how sure is sure enough, what else its model is scored on, how a
# step is read that memory is too small for, in which pieces gradients are sent, and what its tokenizer alone is
# described with.
NOT_COMPUTED = (
    "training.output_dir",
    "training.auto_find_batch_size",
    "training.ddp_bucket_cap_mb",
    "tracking",
    "report",
    "calibration",
    "evaluation",
    "words",
    "words_file",
    "dataset.segmentation_file",
    "dataset.parallel_file",
)
# A run that was cut short may be given more, and one that found no instance may take another.
LIMITS = ("hardware.max_hours", "hardware.volume_gb", "hardware.fallbacks", "hardware.max_pending_minutes")
PRICE = ("hardware.spot", "hardware.usd_per_hour")  # what a run costs: the same computation, another row of a report
# Settings that earlier versions did not have, and what those did. At this value they do not count, so that a run of an
# earlier version is recognized.
ADDED: dict[str, Any] = {
    "dataset.test_file": None,
    "dataset.validation_share": None,
    "dataset.folds": None,
    "dataset.fold": None,
    "dataset.hub.test_split": None,
    "dataset.hub.data_dir": None,
    "dataset.hub.id_prefix": None,
    "dataset.mix": None,
    "model.endpoint": None,
    "training.keep": "last",
    "training.patience": None,
    "training.windows_without_answer": 1.0,
}
MIXED_SETS = "dataset.mix.sets"
# How an endpoint is asked and what it charges: the same questions and answers.
ASKING = tuple(
    f"model.endpoint.{name}"
    for name in (
        *("key_variable", "concurrency", "timeout_seconds", "max_retries", "budget_usd"),
        *("usd_per_million_input", "usd_per_million_output"),
    )
)
# Settings of a data set that do not decide which questions are asked in the evaluation.
TRAIN_ONLY = (
    "dataset.train_file",
    "dataset.max_train_samples",
    "dataset.mix",
    "dataset.sample.train_rows",
    "dataset.strict",
)


def compute_config_hash(config: Config) -> str:
    """Return the hash of a config.

    Returns:
        12 hex digits over every setting that decides what a run computes, the seed included.
    """
    settings = _drop_keys(_drop_added(asdict(config)), (*NOT_COMPUTED, *LIMITS, *PRICE, *ASKING))
    text = json.dumps(settings, sort_keys=True, default=lambda value: value.value)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def compute_run_identity(config_hash: str, fingerprint: str, world_size: int) -> str:
    """Return 16 hex digits that are equal for runs of which one may go on from the other's checkpoint.

    The major version of transformers counts, because its state files change from one to the next.

    Args:
        config_hash: The hash from `compute_config_hash`.
        fingerprint: The fingerprint of the data, from `Splits.compute_fingerprint`.
        world_size: Number of processes, which decides how windows are shared out.
    """
    installed = get_installed_transformers() or ""
    parts = [config_hash, fingerprint, str(world_size), installed.split(".")[0]]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def is_configuration_setting(key: str) -> bool:
    """Return whether a setting tells two configurations of a report apart.

    Args:
        key: A dotted key, e.g. "training.seed".

    Returns:
        False for a seed or fold, for what is not computed, and for a limit.
    """
    return not _is_below(key, (*REPEATED, *NOT_COMPUTED, *LIMITS, *ASKING))


def extract_configuration_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that runs of one configuration share, by dotted key.

    Args:
        config: The content of a run's .hydra/config.yaml. A null counts as no key, so that an older config without the
            key is the same configuration.

    Returns:
        The settings. For a mix, the key `dataset.mix.sets` describes in one text what is mixed.
    """
    settings = {
        key: value for key, value in _flatten(config) if is_configuration_setting(key) and value != str(ADDED.get(key))
    }
    sets = describe_sets(config.get("dataset"))
    return settings | ({MIXED_SETS: sets} if sets else {})


def extract_evaluation_settings(dataset: Mapping[str, Any], split: str = "validation") -> dict[str, str]:
    """Return the settings that decide which questions are asked in the evaluation, by dotted key.

    Args:
        dataset: The node `dataset` of a config.
        split: The split that is reported.
    """
    # Questions that were cut out of train depend on how train is read.
    is_cut = dataset.get("folds") or (dataset.get("validation_share") and split == "validation")
    left_out = ("dataset.max_train_samples",) if is_cut else (*TRAIN_ONLY, "dataset.validation_share")
    pairs = _flatten({"dataset": dataset})
    return {key: value for key, value in pairs if not _is_below(key, (*left_out, *REPEATED, *NOT_COMPUTED))}


def _is_below(key: str, paths: Collection[str]) -> bool:
    return any(key == path or key.startswith(f"{path}.") for path in paths)


def _drop_keys(node: dict[str, Any], paths: Collection[str], prefix: str = "") -> dict[str, Any]:
    return {
        key: _drop_keys(value, paths, f"{prefix}{key}.") if isinstance(value, dict) else value
        for key, value in node.items()
        if f"{prefix}{key}" not in paths
    }


def _drop_added(settings: dict[str, Any]) -> dict[str, Any]:
    """Remove the settings of `ADDED` that have their value there."""
    for key, default in ADDED.items():
        *path, name = key.split(".")
        node: Any = settings
        for part in path:
            node = node.get(part) or {}
        if name in node and getattr(node[name], "value", node[name]) == default:
            del node[name]
    return settings


def _flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else str(key))
    elif node is not None:
        yield prefix, str(node)
