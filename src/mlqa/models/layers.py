"""Cut a model's config to its first layers, with every list in it that has an entry per layer."""

from __future__ import annotations

from typing import Any

from mlqa.errors import ModelError

# A decoder has as many layers as its encoder after the cut. Not all configs derive these from num_hidden_layers.
COUNTS = ("num_hidden_layers", "num_layers", "encoder_layers", "decoder_layers", "num_decoder_layers")


def cut_layers(config: Any, layers: int, pretrained: str) -> None:
    """Keep the first layers of a model, in place.

    Lists per layer are layer_types, attention_window (Longformer), no_rope_layers (SmolLM3), attention_types (GPT-Neo)
    and others. Any list that is as long as the model has layers counts as one.

    Args:
        config: The model's config.
        layers: The number of layers to keep.
        pretrained: The name of the model, for messages.

    Raises:
        ModelError: The model has fewer layers, or does not consist of equal layers.
    """
    had = getattr(config, "num_hidden_layers", None)
    if had is None or layers > had:
        raise ModelError(
            f"model.num_hidden_layers={layers}: {pretrained} has {had or 'an unknown number of'} layers; choose no "
            "more, or leave it null"
        )
    lists = {name: value[:layers] for name, value in vars(config).items() if _is_per_layer(value, had)}
    try:
        for name, value in lists.items():
            setattr(config, name, value)
        for name in COUNTS:
            if isinstance(getattr(config, name, None), int):
                setattr(config, name, min(layers, getattr(config, name)))
    except (NotImplementedError, AttributeError):
        raise ModelError(
            f"model.num_hidden_layers={layers}: the layers of a {config.model_type} model are blocks that cannot be "
            "cut; leave it null"
        ) from None
    if hasattr(config, "attention_types"):  # [[["global", "local"], repetitions], ...], from which the list is made
        config.attention_types = [[list(config.attention_layers), 1]]


def _is_per_layer(value: Any, layers: int) -> bool:
    return isinstance(value, list) and len(value) == layers and layers > 1
