"""What stands for torch's dropout and attention while a model trains on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from mlqa.models.attention import attend
from mlqa.models.dropout import LEVELS, drop

TYPES = (torch.float32, torch.float64, torch.bfloat16)


class CpuFunctions(TorchFunctionMode):
    """Within the block, dropout and attention are computed by the faster functions of mlqa, if these can.

    Args:
        lengths: Tokens of the windows that share the only row of the batch, each of which attends to itself. If None, a
            row is a window, and the model's mask decides.
    """

    def __init__(self, lengths: list[int] | None = None) -> None:
        super().__init__()
        self.lengths = lengths

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call `func`, or what stands for it."""
        options = kwargs or {}
        if func is torch.nn.functional.dropout:
            chosen = _bind(("input", "p", "training", "inplace"), (None, 0.5, True, False), args, options)
            if chosen["training"] and not chosen["inplace"] and _can_draw(chosen["input"], chosen["p"]):
                return drop(chosen["input"], chosen["p"])
        elif func is torch.nn.functional.scaled_dot_product_attention:
            names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
            return self._attend(**_bind(names, (None, None, None, None, 0.0, False), args, options))
        return func(*args, **options)

    def _attend(self, query: Any, key: Any, value: Any, attn_mask: Any, dropout_p: float, **options: Any) -> Any:
        """Compute attention.

        Raises:
            ValueError: The model has a mask of its own for windows that share a row. It has the size of all pairs of
                tokens, and what it separates is not known. The probe of packing finds out.
        """
        if self.lengths is not None and attn_mask is not None:
            raise ValueError("windows that share a row are separated by their lengths, so the row takes no mask")
        is_plain = not options["is_causal"] and not options.get("enable_gqa") and query.shape[:-2] == key.shape[:-2]
        is_constant = attn_mask is None or (attn_mask.ndim == 4 and not attn_mask.requires_grad)
        if _can_draw(query, dropout_p) and query.ndim == 4 and is_plain and is_constant:
            return attend(query, key, value, attn_mask, dropout_p, options.get("scale"), self.lengths)
        plain = torch.nn.functional.scaled_dot_product_attention
        if self.lengths is None:
            return plain(query, key, value, attn_mask, dropout_p, **options)
        cut = (part.split(self.lengths, dim=2) for part in (query, key, value))
        windows = zip(*cut, strict=True)
        return torch.cat([plain(q, k, v, None, dropout_p, **options) for q, k, v in windows], dim=2)


def _bind(names: tuple[str, ...], defaults: tuple[Any, ...], args: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(names, defaults, strict=True)), **dict(zip(names, args, strict=False)), **options}


def _can_draw(values: torch.Tensor, p: float) -> bool:
    return values.device.type == "cpu" and values.dtype in TYPES and 0 < round(p * LEVELS) < LEVELS
