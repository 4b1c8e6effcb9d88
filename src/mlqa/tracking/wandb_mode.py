"""Whether W&B is reached: decided from the config, the environment and the netrc, before W&B itself could ask."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Literal
from urllib.parse import urlparse

from mlqa.config import WandbMode

Mode = Literal["online", "offline", "disabled"]
CLOUD = "https://api.wandb.ai"


def decide_mode(mode: WandbMode) -> Mode:
    """online, offline or disabled: `auto` is WANDB_MODE where that is set, else online where a key is found, else
    offline. Never a question."""
    wanted = os.environ.get("WANDB_MODE") if mode is WandbMode.auto else mode.value
    if wanted == "disabled":
        return "disabled"
    if wanted == "offline":
        return "offline"
    return "online" if wanted == "online" or has_key() else "offline"


def has_key() -> bool:
    """Whether an API key is in WANDB_API_KEY, or in the netrc for the server that WANDB_BASE_URL names."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL") or CLOUD).hostname or ""
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        return netrc.netrc(str(path)).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
