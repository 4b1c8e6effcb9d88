"""Layer-wise learning rate decay (Howard & Ruder 2018, "discriminative fine-tuning")."""

from __future__ import annotations

import re
from typing import Any

_LAYER = re.compile(r"\.(?:layer|layers|h)\.(\d+)\.")
_NO_DECAY = re.compile(r"bias$|norm", re.IGNORECASE)


def build_layerwise_groups(model: Any, learning_rate: float, decay: float, weight_decay: float) -> list[dict[str, Any]]:
    """Build parameter groups whose learning rate falls from the head to the embeddings.

    The head learns at `learning_rate`, each layer at `decay` times the rate of the layer above, and the embeddings at
    the lowest rate. Biases and norms have no weight decay.

    Args:
        model: A transformers model.
        learning_rate: The rate of the head.
        decay: The factor per layer, above 0 and at most 1.
        weight_decay: The weight decay of all other parameters.

    Returns:
        Parameter groups for a torch optimizer.
    """
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    layers = 1 + max((int(match.group(1)) for name, _ in named if (match := _LAYER.search(name))), default=-1)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in named:
        depth = _compute_depth(name, layers)
        decays = not _NO_DECAY.search(name)
        group = groups.setdefault(
            (depth, decays),
            {"params": [], "lr": learning_rate * decay**depth, "weight_decay": weight_decay if decays else 0.0},
        )
        group["params"].append(parameter)
    return list(groups.values())


def _compute_depth(name: str, layers: int) -> int:
    """Return how many layers below the head a parameter is."""
    match = _LAYER.search(name)
    if match:
        return layers - int(match.group(1))
    return layers + 1 if "embed" in name else 0
