"""Make what training needs: the processes' common settings, tokenizer, model and windows."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.config.schema import Config, is_trained
from mlqa.data.examples import Examples
from mlqa.data.load import SPLITS, Splits
from mlqa.distributed import broadcast_object
from mlqa.environment import get_cache_dir
from mlqa.features.windows import Windows
from mlqa.models.answering import read_answering
from mlqa.result import Result

if TYPE_CHECKING:
    import numpy as np

    from mlqa.features.template import Reading

log = logging.getLogger(__name__)


def join_processes(config: Config) -> tuple[Any, Path]:
    """Return the TrainingArguments and the run directory of rank 0, which `config` then has on every rank.

    If several processes train together, they connect when transformers makes the arguments.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # otherwise each process warns that all weights were used
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    from mlqa.training.arguments import build_training_arguments

    disable_progress_bar()  # transformers shows bars and reports of its own when it reads and writes weights
    set_verbosity_error()
    arguments = build_training_arguments(config)
    config.training.output_dir = broadcast_object(config.training.output_dir)
    return arguments, Path(config.training.output_dir)


def make_tokenizer(config: Config, splits: Splits) -> tuple[Any, np.ndarray | None]:
    """Return the tokenizer and, if its vocabulary was trimmed, the rows of the word embeddings that stay [entries]."""
    from mlqa.tokenization.load import load_tokenizer
    from mlqa.tokenization.trimming import trim_vocabulary

    counts = [len(split) for split in (splits.train, splits.validation, splits.test) if len(split)]
    log.info("tokenizing %s questions", " + ".join(map(str, counts)))
    tokenizer = load_tokenizer(config.model, _iter_texts(splits.train))
    if config.model.trim_vocabulary:
        return trim_vocabulary(tokenizer, _iter_texts(splits.train))
    return tokenizer, None


def cut_windows(config: Config, splits: Splits, tokenizer: Any, reading: Reading) -> dict[str, Windows]:
    """Return the windows of train and of each split that has rows."""
    names = [name for name in SPLITS if name == "train" or len(splits.get(name))]
    return {name: cut_split(config, splits.get(name), tokenizer, reading) for name in names}


def cut_split(config: Config, examples: Examples, tokenizer: Any, reading: Reading) -> Windows:
    """Return the windows of some questions, whose tokens are kept in the cache."""
    from mlqa.features.token_cache import TokenCache
    from mlqa.features.windows import make_windows

    length, stride = config.training.max_seq_length, config.training.doc_stride
    return make_windows(examples, tokenizer, length, stride, TokenCache(get_cache_dir() / "tokens", tokenizer), reading)


def load_model(config: Config, result: Result, tokenizer: Any, kept_rows: np.ndarray | None) -> tuple[Any, Reading]:
    """Return the seeded model, cut to `kept_rows` if there are any, and how it reads. `result` describes it."""
    from transformers import set_seed

    from mlqa.features.template import Reading
    from mlqa.models.loading import describe_model, load_model, trim_model
    from mlqa.models.reading import probe_reading

    set_seed(config.seed)
    model, weights = load_model(config.model, tokenizer)
    result.weights = weights.to_dict()
    if kept_rows is None:
        result.model = describe_model(config.model, model)
    else:
        result.model = trim_model(config.model, model, kept_rows)
    # A model from scratch has no padding that others gave it, and learns with whatever padding its batches have.
    if not is_trained(config.training) and (known := read_answering(config.model.pretrained)):
        reading = Reading(**known["reading"])  # as it was trained
    else:
        reading = Reading() if config.model.scratch else probe_reading(model, config.training.max_seq_length)
    result.model["reading"] = asdict(reading)
    return model, reading


def _iter_texts(examples: Examples) -> Iterator[str]:
    yield from examples.contexts
    yield from examples.questions
