"""A model's word embeddings, cut to the rows of a trimmed vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlqa.errors import ModelError


def keep_rows(model: Any, kept: np.ndarray) -> int:
    """Gives a model only the rows `kept` [new entries] of its word embeddings, in that order, in place.

    Row i becomes what row `kept[i]` was, so that the model answers as before to the renumbered ids. Parameters that
    share the embeddings' weights share the new ones; the config's vocab_size and token ids follow. Cut before an
    optimizer is made, whose state then has the rows that are left. Returns how many rows there were.
    Raises ModelError where one of `kept` is not among them.
    """
    import torch

    embeddings = model.get_input_embeddings()
    old = embeddings.weight
    if kept[-1] >= old.shape[0]:
        raise ModelError(f"{model.name_or_path}: its tokenizer has a token {kept[-1]}, its weights {len(old)} rows")
    new = torch.nn.Parameter(old.detach()[torch.from_numpy(kept)], requires_grad=old.requires_grad)
    place = {int(was): index for index, was in enumerate(kept)}
    for module in model.modules():
        if getattr(module, "weight", None) is old:
            module.weight = new
            if isinstance(module, torch.nn.Embedding):
                module.num_embeddings = len(kept)
                module.padding_idx = None if module.padding_idx is None else place.get(module.padding_idx)
    model.config.vocab_size = len(kept)
    for name, value in model.config.to_dict().items():
        if name.endswith("_token_id") and isinstance(value, int):
            setattr(model.config, name, place.get(value))
    return len(old)
