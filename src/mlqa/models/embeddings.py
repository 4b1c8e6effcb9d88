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
    model.config.vocab_size = len(kept)
    for name, value in model.config.to_dict().items():
        if name.endswith("_token_id") and isinstance(value, int):
            setattr(model.config, name, new_ids.get(value))
    return len(old)
