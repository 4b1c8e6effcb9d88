"""The configured data set as its splits, whatever its source.

train is trained on. validation is seen by whatever chooses: checkpoints, patience, sweepers. test is only reported. A
data set without a test split reports its validation split.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlqa.data.cutting import cut_fold, cut_share
from mlqa.data.examples import Examples
from mlqa.errors import DataError

if TYPE_CHECKING:
    from mlqa.config.schema import DatasetConfig

SPLITS = ("train", "validation", "test")
SUBSET_SEED = 0  # the same for every run's seed, so that the members of a sweep use the same rows


@dataclass(frozen=True)
class Splits:
    """The splits of a data set. One that it does not have is empty."""

    train: Examples
    validation: Examples
    test: Examples = field(default_factory=Examples.make_empty)

    @property
    def reported_split(self) -> str:
        """The name of the split whose scores are reported."""
        return "test" if len(self.test) else "validation"

    @property
    def reported(self) -> Examples:
        """The split whose scores are reported."""
        return self.test if len(self.test) else self.validation

    def get(self, name: str) -> Examples:
        """Return the split of this name, one of `SPLITS`."""
        split: Examples = getattr(self, name)
        return split

    def compute_fingerprint(self) -> str:
        """Compute 16 hex digits over all splits. Equal data have equal digits."""
        splits = [self.train, self.validation, *([self.test] if len(self.test) else [])]
        return hashlib.sha256(" ".join(split.compute_fingerprint() for split in splits).encode()).hexdigest()[:16]


def load_splits(dataset: DatasetConfig, complete: bool = True, keep_unplaced: bool = False) -> Splits:
    """Read all splits, cut those that train gives, and draw `max_train_samples` and `max_eval_samples` rows from them.

    A file of a split (`train_file` ...) replaces the split of any source. `dataset.validation_share` cuts the
    validation split out of train. The validation split of the source then is the test split, if the data set has no
    other. If `dataset.folds` is set, a fold of train is held out: as the test split if the data set also has a
    validation split, otherwise as the validation split.

    Args:
        dataset: The config group `dataset`.
        complete: Whether a run needs the splits. If not, one without a source is empty.
        keep_unplaced: Whether rows that can be scored but not trained on are kept in the validation and test split
            (see `ExamplesBuilder`).

    Raises:
        DataError: If a source is missing, unreadable or invalid, or train is too small to be cut.
        UnreachableError: If a source cannot be reached.
    """
    loaded = {
        split: load_split(dataset, split, keep_unplaced and split != "train")
        for split in SPLITS
        if has_source(dataset, split)
    }
    train, validation, test = (loaded.get(split, Examples.make_empty()) for split in SPLITS)
    if dataset.folds is not None and dataset.fold is not None and len(train):
        train, held_out = cut_fold(train, dataset.folds, dataset.fold)
        if len(validation) or dataset.validation_share is not None:
            test = held_out
        else:
            validation = held_out
    if dataset.validation_share is not None and len(train):
        test = test if len(test) else validation
        train, validation = cut_share(train, dataset.validation_share)
    splits = Splits(
        train.sample_rows(dataset.max_train_samples, SUBSET_SEED),
        validation.sample_rows(dataset.max_eval_samples, SUBSET_SEED),
        test.sample_rows(dataset.max_eval_samples, SUBSET_SEED),
    )
    missing = [name for name in ("train", splits.reported_split) if not len(getattr(splits, name))]
    if complete and missing:
        raise DataError(
            f"dataset.{missing[0]}_file: the data set has no source for its {missing[0]} split; give a file"
        )
    return splits


def load_reported(dataset: DatasetConfig, keep_unplaced: bool = False) -> tuple[str, Examples]:
    """Read the split of a data set that is reported, of which `max_eval_samples` rows are drawn. train is not read.

    Returns:
        The name of the split, and its rows.

    Raises:
        DataError: If its source is missing, unreadable or invalid.
        UnreachableError: If its source cannot be reached.
    """
    split = "test" if has_source(dataset, "test") else "validation"
    return split, load_split(dataset, split, keep_unplaced).sample_rows(dataset.max_eval_samples, SUBSET_SEED)


def has_source(dataset: DatasetConfig, split: str) -> bool:
    """Return whether the data set has a source of its own for a split: "train", "validation" or "test"."""
    hub_split = dataset.hub is not None and getattr(dataset.hub, f"{split}_split")
    given = split != "test" and (dataset.sample or dataset.download)
    return bool(getattr(dataset, f"{split}_file") or given or hub_split)


def load_split(dataset: DatasetConfig, split: str, keep_unplaced: bool = False) -> Examples:
    """Read all rows of a split.

    Args:
        dataset: The config group `dataset`.
        split: "train", "validation" or "test".
        keep_unplaced: Whether to keep rows that can be scored but not trained on.

    Raises:
        DataError: If the source is missing, unreadable or invalid. The message names it.
        UnreachableError: If the source cannot be reached.
    """
    file = getattr(dataset, f"{split}_file")
    if file is not None:
        from mlqa.data.readers import read_file

        return read_file(file, dataset.strict, keep_unplaced)
    if dataset.sample is not None and split != "test":
        from mlqa.data.sample import generate

        return generate(getattr(dataset.sample, f"{split}_rows"), dataset.sample.seed, split=split)
    if dataset.download is not None and split != "test":
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
