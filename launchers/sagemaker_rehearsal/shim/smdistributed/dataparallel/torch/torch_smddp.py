"""Register the torch.distributed backend `smddp` at import, as AWS's library does. Here it is gloo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import torch.distributed as dist


def _create_gloo_group(store: Any, rank: int, size: int, timeout: timedelta) -> Any:
    return dist.ProcessGroupGloo(store, rank, size, timeout=timeout)


if not hasattr(dist.Backend, "SMDDP"):
    dist.Backend.register_backend("smddp", _create_gloo_group, devices=["cpu"])
