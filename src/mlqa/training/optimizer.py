"""Layer-wise learning rate decay (Howard & Ruder 2018, "discriminative fine-tuning")."""

from __future__ import annotations

import re
from typing import Any

import torch

from mlqa.models.weights import list_head_weights

_NO_DECAY = re.compile(r"bias$|norm", re.IGNORECASE)


def build_layerwise_groups(model: Any, learning_rate: float, decay: float, weight_decay: float) -> list[dict[str, Any]]:
    """Build parameter groups whose learning rate falls from the head to the embeddings.

    The head learns at `learning_rate`, each layer at `decay` times the rate of the layer above, and the embeddings at
    the lowest rate. The layers of a decoder are above those of its encoder. What stands between two layers, such as the
    norm after an encoder, learns as the layer before it. Biases and norms have no weight decay.

    Args:
        model: A transformers model for question answering.
        learning_rate: The rate of the head.
        decay: The factor per layer, above 0 and at most 1.
        weight_decay: The weight decay of all other parameters.

    Returns:
        Parameter groups for a torch optimizer.
    """
    depths = compute_depths(model)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        depth, decays = depths[name], not _NO_DECAY.search(name)
        group = groups.setdefault(
            (depth, decays),
            {"params": [], "lr": learning_rate * decay**depth, "weight_decay": weight_decay if decays else 0.0},
        )
        group["params"].append(parameter)
    return list(groups.values())


def compute_depths(model: Any) -> dict[str, int]:
    """Return how many layers below the head each parameter of a model is: 0 in the head, most in the embeddings."""
    layers = list_layers(model)
    numbers = {f"{layer}.": number for number, layer in enumerate(layers, 1)}
    below_layers = {  # tables, whatever they are called: wte, shared ...
        f"{name}.weight" for name, module in model.named_modules() if isinstance(module, torch.nn.Embedding)
    }
    head = list_head_weights(model)
    depths, latest = {}, 0
    for name, _ in model.named_parameters():  # in the order of definition
        number = next((numbers[layer] for layer in numbers if name.startswith(layer)), None)
        if number is not None:
            latest = number
        elif name in head:
            number = len(layers) + 1
        elif name in below_layers or "embed" in name:
            number = 0
        else:
            number = latest or (len(layers) if "norm" in name else 0)  # OPT defines its last norm before its layers
        depths[name] = len(layers) + 1 - number
    return depths


def list_layers(model: Any) -> list[str]:
    """Return the names of a model's layers, the lowest first.

    They are the entries of its lists of modules, apart from lists within a layer (the sublayers of T5, experts) and
    lists of embeddings. Funnel has lists of lists.
    """
    layers: list[str] = []
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.ModuleList) or name.startswith(tuple(f"{layer}." for layer in layers)):
            continue
        for number, entry in module.named_children():
            is_layer = not isinstance(entry, torch.nn.ModuleList | torch.nn.Embedding)
            if is_layer and any(True for _ in entry.parameters()):
                layers.append(f"{name}.{number}")
    return layers
