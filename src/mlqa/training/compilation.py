"""torch.compile where batches have a few dozen shapes."""

from __future__ import annotations

import torch

SHAPES = 64  # a pass has one of some widths and numbers of windows; those that vary become symbols after some graphs


def allow_shapes() -> None:
    """Lets torch.compile keep a graph for each of SHAPES shapes; beyond its own limit of 8 it would silently stop."""
    settings = torch._dynamo.config
    name = "recompile_limit" if hasattr(settings, "recompile_limit") else "cache_size_limit"  # before torch 2.6
    setattr(settings, name, max(getattr(settings, name), SHAPES))
