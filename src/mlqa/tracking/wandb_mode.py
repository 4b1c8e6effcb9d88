"""Whether W&B is reached: decided from the config, the environment and the netrc, before W&B itself could ask."""

from __future__ import annotations

import configparser
import logging
import netrc
import os
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from mlqa.config.schema import WandbMode

log = logging.getLogger(__name__)

Mode = Literal["online", "offline", "disabled"]
CLOUD = "https://api.wandb.ai"
PROJECT = "mlqa"
NO_KEY = "tracking: W&B is to be online, and no key is in WANDB_API_KEY or the netrc; this run is kept offline"


def decide_mode(mode: WandbMode) -> Mode:
    """online, offline or disabled: `auto` is WANDB_MODE where that is set, else online where a key is found, else
    offline. Online without a key is offline, too, and a warning: on a terminal W&B would ask for one."""
    wanted = os.environ.get("WANDB_MODE") if mode is WandbMode.auto else mode.value
    if wanted == "disabled":
        return "disabled"
    if wanted in ("offline", "dryrun"):
        return "offline"
    if has_key():
        return "online"
    if wanted == "online":
        log.warning(NO_KEY)
    return "offline"


def has_key() -> bool:
    """Whether W&B would find an API key, or the file of an identity token: in the environment, or in the netrc for the
    server that WANDB_BASE_URL or else `wandb login --host` names."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or _read_settings().get("base_url") or CLOUD).netloc
    try:
        found = netrc.netrc(str(_find_netrc())).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return False
    return bool(found and found[2])


def _find_netrc() -> Path:
    if os.environ.get("NETRC"):
        return Path(os.environ["NETRC"]).expanduser()
    usual, windows = Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser()
    return windows if windows.exists() and not usual.exists() else usual


def _read_settings() -> dict[str, str]:
    """What `wandb login` has kept beside the key."""
    folder = Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(folder / "settings", "utf-8")
        return dict(parser.items("default"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {}
