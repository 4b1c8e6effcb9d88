"""The configured data set as two splits, whatever its source."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlqa.data.examples import Examples
from mlqa.errors import DataError

if TYPE_CHECKING:
    from mlqa.config.schema import DatasetConfig

SPLITS = ("train", "validation")
SUBSET_SEED = 0  # the same for every run's seed, so that the members of a sweep use the same rows


@dataclass(frozen=True)
class Splits:
    """The train and the validation split."""

    train: Examples
    validation: Examples

    def compute_fingerprint(self) -> str:
        """Compute 16 hex digits over both splits. Equal data have equal digits."""
        return hashlib.sha256(
            f"{self.train.compute_fingerprint()} {self.validation.compute_fingerprint()}".encode()
        ).hexdigest()[:16]


def load_splits(dataset: DatasetConfig, both: bool = True, keep_unplaced: bool = False) -> Splits:
    """Read both splits and draw `max_train_samples` and `max_eval_samples` rows from them.

    `train_file` and `validation_file` replace a split of any source.

    Args:
        dataset: The config group `dataset`.
        both: Whether both splits are needed. If not, one without a source is empty.
        keep_unplaced: Whether validation rows that can be scored but not trained on are kept (see `ExamplesBuilder`).

    Raises:
        DataError: If a source is missing, unreadable or invalid. The message names it.
        UnreachableError: If a source cannot be reached.
    """
    names = [split for split in SPLITS if both or has_source(dataset, split)]
    loaded = {split: load_split(dataset, split, keep_unplaced and split == "validation") for split in names}
    train, validation = (loaded.get(split, Examples.make_empty()) for split in SPLITS)
    return Splits(
        train.sample_rows(dataset.max_train_samples, SUBSET_SEED),
        validation.sample_rows(dataset.max_eval_samples, SUBSET_SEED),
    )


def has_source(dataset: DatasetConfig, split: str) -> bool:
    """Return whether the data set has a source for a split, "train" or "validation"."""
    hub_split = dataset.hub is not None and getattr(dataset.hub, f"{split}_split")
    return bool(getattr(dataset, f"{split}_file") or dataset.sample or dataset.download or hub_split)


def load_split(dataset: DatasetConfig, split: str, keep_unplaced: bool = False) -> Examples:
    """Read all rows of a split.

    Args:
        dataset: The config group `dataset`.
        split: "train" or "validation".
        keep_unplaced: Whether to keep rows that can be scored but not trained on.

    Raises:
        DataError: If the source is missing, unreadable or invalid. The message names it.
        UnreachableError: If the source cannot be reached.
    """
    file = getattr(dataset, f"{split}_file")
    if file is not None:
        from mlqa.data.readers import read_file

        return read_file(file, dataset.strict, keep_unplaced)
    if dataset.sample is not None:
        from mlqa.data.sample import generate

        return generate(getattr(dataset.sample, f"{split}_rows"), dataset.sample.seed, split=split)
    if dataset.download is not None:
        from mlqa.data.download import fetch
        from mlqa.data.readers import read_file

        download = dataset.download
        offline = "offline, give files: dataset.train_file=... dataset.validation_file=..."
        path = fetch(getattr(download, f"{split}_url"), getattr(download, f"{split}_sha256"), offline)
        return read_file(path, dataset.strict, keep_unplaced)
    hub_split = dataset.hub and getattr(dataset.hub, f"{split}_split")
    if dataset.hub is not None and hub_split:
        from mlqa.data.hub import read_hub

        return read_hub(dataset.hub, hub_split, dataset.strict, keep_unplaced)
    raise DataError(f"dataset.{split}_file: the data set has no source for its {split} split; give a file")
