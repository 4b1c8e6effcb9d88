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

if TYPE_CHECKING:
    from mlqa.config.schema import Config

SEED = ("seed", "training.seed")
# Where a run writes, how it is tracked and reported, how a step is read that memory is too small for, in which pieces
# gradients are sent, and what a tokenizer alone is described with.
NOT_COMPUTED = (
    "training.output_dir",
    "training.auto_find_batch_size",
    "training.ddp_bucket_cap_mb",
    "tracking",
    "report",
    "words",
    "dataset.segmentation_file",
    "dataset.parallel_file",
)
# Settings that came later, with the value at which a run is what it was before.
LATER = {"training.windows_without_answer": 1.0}
# A run that was cut short may be given more, and one that found no instance may take another.
LIMITS = ("hardware.max_hours", "hardware.volume_gb", "hardware.fallbacks", "hardware.max_pending_minutes")
PRICE = ("hardware.spot", "hardware.usd_per_hour")  # what a run costs: the same computation, another row of a report
# Settings of a data set that do not decide which questions are asked in the evaluation.
TRAIN_ONLY = ("dataset.train_file", "dataset.max_train_samples", "dataset.sample.train_rows", "dataset.strict")


def compute_config_hash(config: Config) -> str:
    """Return the hash of a config.

    Returns:
        12 hex digits over every setting that decides what a run computes, the seed included.
    """
    content = asdict(config)
    unset = {key for key, value in _flatten_values(content) if key in LATER and value == LATER[key]}
    settings = _drop_keys(content, (*NOT_COMPUTED, *LIMITS, *PRICE, *unset))
    text = json.dumps(settings, sort_keys=True, default=lambda value: value.value)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def compute_run_identity(config_hash: str, fingerprint: str, world_size: int) -> str:
    """Return 16 hex digits that are equal for runs of which one may go on from the other's checkpoint.

    The major version of transformers counts, because its state files change from one to the next.

    Args:
        config_hash: Of `compute_config_hash`.
        fingerprint: Of the data (`Splits.compute_fingerprint`).
        world_size: Number of processes, which decides how windows are shared out.
    """
    import transformers

    parts = [config_hash, fingerprint, str(world_size), transformers.__version__.split(".")[0]]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def is_configuration_setting(key: str) -> bool:
    """Return whether a setting tells two configurations of a report apart.

    Args:
        key: A dotted key, e.g. "training.seed".

    Returns:
        False for a seed, for what is not computed, and for a limit.
    """
    return not _is_below(key, (*SEED, *NOT_COMPUTED, *LIMITS))


def extract_configuration_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that runs of one configuration share, by dotted key.

    Args:
        config: The content of a run's .hydra/config.yaml. A null counts as no key, so that an older config without the
            key is the same configuration.
    """
    return {
        key: value
        for key, value in _flatten(config)
        if is_configuration_setting(key) and (key not in LATER or float(value) != LATER[key])
    }


def extract_evaluation_settings(dataset: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that decide which questions are asked in the evaluation, by dotted key.

    Args:
        dataset: The node `dataset` of a config.
    """
    pairs = _flatten({"dataset": dataset})
    return {key: value for key, value in pairs if not _is_below(key, (*TRAIN_ONLY, *NOT_COMPUTED))}


def _is_below(key: str, paths: Collection[str]) -> bool:
    return any(key == path or key.startswith(f"{path}.") for path in paths)


def _drop_keys(node: dict[str, Any], paths: Collection[str], prefix: str = "") -> dict[str, Any]:
    return {
        key: _drop_keys(value, paths, f"{prefix}{key}.") if isinstance(value, dict) else value
        for key, value in node.items()
        if f"{prefix}{key}" not in paths
    }


def _flatten(node: Any) -> Iterator[tuple[str, str]]:
    return ((key, str(value)) for key, value in _flatten_values(node) if value is not None)


def _flatten_values(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _flatten_values(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, node
