"""The configured data set as its splits, whatever its source.

train is trained on. validation is seen by whatever chooses: checkpoints, patience, sweepers. test is only reported. A
data set without a test split reports its validation split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlqa.config.data_files import list_paths
from mlqa.data.cutting import cut_fold, cut_share
from mlqa.data.examples import Examples
from mlqa.data.mixing import MixedSet, mix_train_splits
from mlqa.errors import DataError

if TYPE_CHECKING:
    from mlqa.config.schema import DatasetConfig

SPLITS = ("train", "validation", "test")
SUBSET_SEED = 0  # the same for every run's seed, so that the members of a sweep use the same rows


@dataclass(frozen=True)
class Splits:
    """The splits of a data set. One that it does not have is empty.

    Attributes:
        mixed_sets: The sets of the train split of a mix, in its order. Empty if it is no mix.
    """

    train: Examples
    validation: Examples
    test: Examples = field(default_factory=Examples.make_empty)
    mixed_sets: tuple[MixedSet, ...] = ()

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


def load_splits(
    dataset: DatasetConfig,
    complete: bool = True,
    keep_unplaced: bool = False,
    trains: bool = True,
    further: Mapping[str, Examples] | None = None,
) -> Splits:
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
        trains: Whether a run needs the train split.
        further: Further questions that are scored, by the name of their data set. A mix leaves out rows with their
            contexts.

    Raises:
        DataError: If a source is missing, unreadable or invalid, or train is too small to be cut.
        UnreachableError: If a source cannot be reached.
    """
    if dataset.mix is not None:
        return _load_mix(dataset, complete, keep_unplaced, further or {})
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
    needed = ("train", splits.reported_split) if trains else (splits.reported_split,)
    missing = [name for name in needed if not len(splits.get(name))]
    if complete and missing:
        raise DataError(
            f"dataset.{missing[0]}_file: the data set has no source for its {missing[0]} split; give a file"
        )
    return splits


def _load_mix(dataset: DatasetConfig, complete: bool, keep_unplaced: bool, further: Mapping[str, Examples]) -> Splits:
    """Load the splits of the target set, and mix its train split, if it has a part in the mix, with the others."""
    assert dataset.mix is not None
    sets, target = dataset.mix.sets, dataset.mix.target
    own = sets.get(target)
    given = {"train_file": own.train_file, "strict": own.strict} if own else {}
    splits = load_splits(replace(dataset, mix=None, **given), complete, keep_unplaced, trains=own is not None)
    trains = {name: splits.train if name == target else load_split(each, "train") for name, each in sets.items()}
    scored = {name: splits.get(name) for name in ("validation", "test") if len(splits.get(name))}
    train, mixed_sets = mix_train_splits(trains, sets, scored | dict(further))
    return replace(splits, train=train, mixed_sets=mixed_sets)


def load_reported(dataset: DatasetConfig, keep_unplaced: bool = False) -> tuple[str, Examples]:
    """Read the split of a data set that is reported, of which `max_eval_samples` rows are drawn.

    train is read only if the data set cuts that split out of it.

    Returns:
        The name of the split, and its rows.

    Raises:
        DataError: If its source is missing, unreadable or invalid.
        UnreachableError: If its source cannot be reached.
    """
    split = "test" if has_source(dataset, "test") else "validation"
    if not has_source(dataset, split) and (dataset.validation_share or dataset.folds):
        splits = load_splits(dataset, complete=False, keep_unplaced=keep_unplaced)
        return splits.reported_split, splits.reported
    return split, load_split(dataset, split, keep_unplaced).sample_rows(dataset.max_eval_samples, SUBSET_SEED)


def has_source(dataset: DatasetConfig, split: str) -> bool:
    """Return whether the data set has a source of its own for a split: "train", "validation" or "test"."""
    hub_split = dataset.hub is not None and getattr(dataset.hub, f"{split}_split")
    given = split != "test" and (dataset.sample or dataset.download)
    is_mixed = split == "train" and dataset.mix is not None
    return bool(getattr(dataset, f"{split}_file") or given or hub_split or is_mixed)


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
    files = list_paths(getattr(dataset, f"{split}_file"))
    if files:
        from mlqa.data.readers import read_files

        return read_files(files, dataset.strict, keep_unplaced)
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
