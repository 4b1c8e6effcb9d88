"""torch.compile for batches of a few dozen shapes."""

from __future__ import annotations

import torch

# A pass has one of a few widths and numbers of windows. Dimensions that vary become symbolic after some graphs.
SHAPES = 64


def allow_shapes() -> None:
    """Let torch.compile keep a graph for each of SHAPES shapes. Beyond its default limit of 8 it stops silently."""
    settings = torch._dynamo.config
    name = "recompile_limit" if hasattr(settings, "recompile_limit") else "cache_size_limit"  # before torch 2.6
    setattr(settings, name, max(getattr(settings, name), SHAPES))
