"""The configured data set, whatever its source, as two splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlqa.data.examples import Examples
from mlqa.errors import DataError

if TYPE_CHECKING:
    from mlqa.config.schema import DatasetConfig

SPLITS = ("train", "validation")
SUBSET_SEED = 0  # one draw for every seed: members of a sweep train and are scored on the same rows


@dataclass(frozen=True)
class Splits:
    train: Examples
    validation: Examples

    def compute_fingerprint(self) -> str:
        """16 hex digits over both splits: equal data, equal string."""
        return hashlib.sha256(
            f"{self.train.compute_fingerprint()} {self.validation.compute_fingerprint()}".encode()
        ).hexdigest()[:16]


def load_splits(dataset: DatasetConfig, both: bool = True) -> Splits:
    """Reads both splits and draws `max_train_samples` and `max_eval_samples` rows from them.

    A file given by `train_file` or `validation_file` takes the place of that split of any source. Where not `both`
    are needed, one without a source is empty.
    Raises DataError or UnreachableError, naming the source.
    """
    names = [split for split in SPLITS if both or has_source(dataset, split)]
    if not names:
        raise DataError("dataset.train_file, dataset.validation_file: the data set names no source; give a file")
    loaded = {split: load_split(dataset, split) for split in names}
    train, validation = (loaded.get(split, Examples.make_empty()) for split in SPLITS)
    return Splits(
        train.sample_rows(dataset.max_train_samples, SUBSET_SEED),
        validation.sample_rows(dataset.max_eval_samples, SUBSET_SEED),
    )


def has_source(dataset: DatasetConfig, split: str) -> bool:
    """Whether the data set says where one of its splits, "train" or "validation", comes from."""
    hub_split = dataset.hub is not None and getattr(dataset.hub, f"{split}_split")
    return bool(getattr(dataset, f"{split}_file") or dataset.sample or dataset.download or hub_split)


def load_split(dataset: DatasetConfig, split: str) -> Examples:
    """All rows of one split, "train" or "validation"."""
    file = getattr(dataset, f"{split}_file")
    if file is not None:
        from mlqa.data.readers import read_file

        return read_file(file, dataset.strict)
    if dataset.sample is not None:
        from mlqa.data.sample import generate

        return generate(getattr(dataset.sample, f"{split}_rows"), dataset.sample.seed, split=split)
    if dataset.download is not None:
        from mlqa.data.download import fetch
        from mlqa.data.readers import read_file

        download = dataset.download
        offline = "offline, give files: dataset.train_file=... dataset.validation_file=..."
        path = fetch(getattr(download, f"{split}_url"), getattr(download, f"{split}_sha256"), offline)
        return read_file(path, dataset.strict)
    hub_split = dataset.hub and getattr(dataset.hub, f"{split}_split")
    if dataset.hub is not None and hub_split:
        from mlqa.data.hub import read_hub

        return read_hub(dataset.hub, hub_split, dataset.strict)
    raise DataError(f"dataset.{split}_file: the data set names no source for its {split} split; give a file")
