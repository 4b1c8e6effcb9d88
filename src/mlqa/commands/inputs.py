"""What audit, score and tokenizers load: the splits that have a source, and the model's tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mlqa.errors import ConfigError

if TYPE_CHECKING:
    from mlqa.config.schema import Config
    from mlqa.data.load import Splits

# Keys that a run requires and these commands do not: they work with whichever split has a source.
OPTIONAL = ("dataset.train_file", "dataset.validation_file", "dataset.hub.train_split")


def load_available_splits(config: Config, needs_tokenizer: bool = True, keep_unplaced: bool = False) -> Splits:
    """Load the splits that have a source. A split without one is empty.

    If anything comes from the Hugging Face hub, first check that the hub can be reached. Otherwise its libraries retry
    each file for half a minute.

    Args:
        config: A composed config.
        needs_tokenizer: Whether the caller also loads the model's tokenizer, which may come from the hub.
        keep_unplaced: Whether the caller also scores rows whose golds are nowhere in their context.

    Raises:
        ConfigError: If no split has a source.
        DataError: If a source is at fault.
        UnreachableError: If a source cannot be reached.
    """
    from mlqa.config.data_files import needs_hub
    from mlqa.config.model_facts import is_local_folder
    from mlqa.data.further_sets import load_further_sets, name_own_set
    from mlqa.data.load import SPLITS, has_source, load_splits
    from mlqa.environment import go_offline_if_unreachable

    if not any(has_source(config.dataset, split) for split in SPLITS):
        raise ConfigError("dataset.train_file, dataset.validation_file: the data set has no source; give a file")
    hub_model = needs_tokenizer and not is_local_folder(config.model.pretrained or ".")
    if needs_hub(config.dataset) or hub_model:
        go_offline_if_unreachable()
    further = {}
    if config.dataset.mix is not None:  # what it leaves out depends on what is scored
        sets = load_further_sets(config, name_own_set(config, {}))
        further = {one.name: one.examples for one in sets}
    return load_splits(config.dataset, complete=False, keep_unplaced=keep_unplaced, further=further)


def load_model_tokenizer(config: Config, splits: Splits) -> Any:
    """Load the tokenizer that a run of this config would use.

    A tiny model's tokenizer is trained on the train split. If `model.trim_vocabulary` is set, the vocabulary is
    trimmed to that split.

    Returns:
        A fast tokenizer of transformers.

    Raises:
        UnreachableError: If the hub cannot be reached.
        ModelError: If the model has no fast tokenizer.
    """
    from transformers.utils.logging import set_verbosity_error

    from mlqa.tokenization.load import load_tokenizer
    from mlqa.tokenization.trimming import trim_vocabulary

    set_verbosity_error()
    tokenizer = load_tokenizer(config.model, _iter_train_texts(splits))
    if config.model.trim_vocabulary:
        tokenizer, _ = trim_vocabulary(tokenizer, _iter_train_texts(splits))
    return tokenizer


def _iter_train_texts(splits: Splits) -> Iterator[str]:
    yield from splits.train.contexts
    yield from splits.train.questions
