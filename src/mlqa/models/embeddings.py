"""Cut the word embeddings of a model to the rows of a trimmed vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlqa.errors import ModelError


def keep_rows(model: Any, kept: np.ndarray) -> int:
    """Keep only the rows `kept` of the word embeddings, in that order, in place.

    Row i becomes the former row `kept[i]`, so the model gives the same output for the renumbered ids. Parameters tied
    to the embeddings stay tied, and the config's vocab_size and token ids follow. Call it before the optimizer is
    made, so that the state of the optimizer has only the remaining rows.

    Args:
        model: A transformers model.
        kept: The former row of each new row [new entries], ascending.

    Returns:
        The former number of rows.

    Raises:
        ModelError: The embeddings do not have a row of `kept`.
    """
    import torch

    embeddings = model.get_input_embeddings()
    old = embeddings.weight
    if kept[-1] >= old.shape[0]:
        raise ModelError(
            f"{model.name_or_path}: its tokenizer has a token {kept[-1]}, but its weights have {len(old)} rows"
        )
    new = torch.nn.Parameter(old.detach()[torch.from_numpy(kept)], requires_grad=old.requires_grad)
    new_ids = {int(old_id): new_id for new_id, old_id in enumerate(kept)}
    for module in model.modules():
        if getattr(module, "weight", None) is old:
            module.weight = new
            if isinstance(module, torch.nn.Embedding):
                module.num_embeddings = len(kept)
                module.padding_idx = None if module.padding_idx is None else new_ids.get(module.padding_idx)
    _renumber_copies(model, new_ids, len(old))
    return len(old)


def _renumber_copies(model: Any, new_ids: dict[int, int], rows: int) -> None:
    """Renumber the ids of special tokens in every config of a model, and those that its modules keep themselves.

    BigBird keeps its separator so, Splinter its question token, T5 a config for each half.
    """
    configs = {id(module.config): module.config for module in model.modules() if hasattr(module, "config")}
    for config in configs.values():
        if getattr(config, "vocab_size", None) == rows:
            config.vocab_size = len(new_ids)
        for name, value in config.to_dict().items():
            if name.endswith("_token_id"):
                setattr(config, name, _renumber(value, new_ids, rows))
    for module in model.modules():
        copies = {name: value for name, value in vars(module).items() if name.endswith("_token_id")}
        padding = getattr(module, "padding_idx", None)
        if isinstance(padding, int) and not hasattr(module, "weight"):  # in a table of positions it is a position
            copies["padding_idx"] = padding
            if hasattr(module, "position_embeddings") and new_ids.get(padding) != padding:
                raise ModelError(
                    f"model.trim_vocabulary=true: a {model.config.model_type} model counts positions from the id of "
                    f"its padding, {padding}, which trimming would change; leave model.trim_vocabulary out"
                )
        for name, value in copies.items():
            setattr(module, name, _renumber(value, new_ids, rows))


def _renumber(value: Any, new_ids: dict[int, int], rows: int) -> Any:
    """Return the new id of an id, or of each in a list. None if it is gone. One beyond the table stays as it is."""
    if isinstance(value, list | tuple):
        return [new_ids[each] for each in value if each in new_ids]
    return value if value is not None and value >= rows else new_ids.get(value)
