"""The config group `dataset`: the source of a data set, its splits, and how its answers are compared."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Optional

from omegaconf import MISSING


class PrimaryMetric(enum.Enum):
    """What sweepers maximize and reports rank by."""

    exact_match = "exact_match"
    f1 = "f1"
    exact_match_language = "exact_match_language"
    f1_language = "f1_language"


@dataclass
class DownloadConfig:
    """Files at a public address. They are fetched once, checked against their SHA-256 and kept in the cache."""

    train_url: str = MISSING
    train_sha256: str = MISSING
    validation_url: str = MISSING
    validation_sha256: str = MISSING


@dataclass
class HubConfig:
    """A data set of the Hugging Face hub."""

    path: str = MISSING  # the name of the data set on the hub
    name: Optional[str] = None  # its configuration
    data_dir: Optional[str] = None  # the folder of its files, if it has several sets and no configurations
    revision: Optional[str] = None
    train_split: Optional[str] = "train"  # null: the data set has none and is only scored on
    validation_split: Optional[str] = "validation"
    test_split: Optional[str] = None
    id_prefix: Optional[str] = None  # only rows whose id begins so, e.g. one language of several


@dataclass
class SampleConfig:
    """How much the generator writes. Its seed is part of the data set and not of the run."""

    train_rows: int = 1000
    validation_rows: int = 200
    seed: int = 0


@dataclass
class MixConfig:
    """Several data sets to train on. What is scored is the target set's own."""

    # Options of the group dataset: a list, {option: weight} or {option: {weight, max_train_samples, a key of its own}}.
    # A composed config has the last form (config/mixing.py), a typed one {option: MixedSetConfig}.
    sets: Any = MISSING
    target: Optional[str] = None  # null: the first set


@dataclass
class DatasetConfig:
    """A data set, its source, and how its answers are compared."""

    language: str = MISSING  # ISO 639-1 or 639-3
    # The path of a file, or a list of paths. They replace a split of any source.
    train_file: Any = None
    validation_file: Any = None
    test_file: Any = None  # only reported. null: the validation split is reported
    validation_share: Optional[float] = None  # cut out of train. The given validation split then is the test split
    folds: Optional[int] = None  # hold out one fold of train, for a data set without a test split
    fold: Optional[int] = None  # which one, to be swept: dataset.fold=range(0,5)
    download: Optional[DownloadConfig] = None
    hub: Optional[HubConfig] = None
    sample: Optional[SampleConfig] = None
    mix: Optional[MixConfig] = None  # train splits of several data sets, instead of one
    # References for the figures of the tokenizer. null: zeyrek's morphemes (Turkish), and no parity.
    segmentation_file: Optional[str] = None  # TSV: word, tab, mor pheme s (alternatives separated by bars)
    parallel_file: Optional[str] = None  # the data set in another language, with the same ids
    max_train_samples: Optional[int] = None  # the same rows for every seed, so that runs can be compared
    max_eval_samples: Optional[int] = None
    strict: bool = False  # refuse a data set if an answer is not in its context, instead of dropping the row
    primary_metric: Optional[PrimaryMetric] = None  # null: f1, or f1_language if SQuAD's words mean nothing
    # How scores by the rules of the language compare answers. null: as the language has it.
    articles: Optional[list[str]] = None  # words that do not count. []: every word counts
    dotted_i: Optional[bool] = None  # whether I folds to ı and İ to i, as in Turkish
    question_words: Any = (
        None  # {type: [word, stem*, two words ...]}, for scores by type. Any, so that a dict may replace null
    )


@dataclass
class MixedSetConfig(DatasetConfig):
    """A set of a mix. `max_train_samples` is the most rows that an epoch reads: each reads others."""

    weight: float = 1.0  # rows that an epoch reads, as a share of the set. 2.0: every row twice
