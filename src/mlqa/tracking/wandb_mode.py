"""Decide from the config, the environment and the netrc whether to use W&B online, before W&B itself could ask."""

from __future__ import annotations

import base64
import configparser
import contextlib
import json
import logging
import netrc
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from mlqa.config.schema import WandbMode

log = logging.getLogger(__name__)

Mode = Literal["online", "offline", "disabled"]
CLOUD = "https://api.wandb.ai"
PROJECT = "mlqa"
PROBE_SECONDS = 10
NO_KEY = (
    "%s=online: there is no W&B key in WANDB_API_KEY or the netrc, so this run is kept offline; "
    "set a key or run `wandb login`"
)


def decide_mode(mode: WandbMode) -> Mode:
    """Decide how W&B runs.

    `auto` follows WANDB_MODE if it is set. Otherwise the run is online if there is a key, and offline if not. If
    `online` is requested without a key, log a warning and stay offline, because W&B would ask for a key on a terminal.

    Args:
        mode: The config's `tracking.mode`.

    Returns:
        "online", "offline" or "disabled".
    """
    requested = os.environ.get("WANDB_MODE") if mode is WandbMode.auto else mode.value
    if requested == "disabled":
        return "disabled"
    if requested in ("offline", "dryrun"):  # the second is W&B's old name
        return "offline"
    if has_key():
        return "online"
    if requested == "online":
        log.warning(NO_KEY, "WANDB_MODE" if mode is WandbMode.auto else "tracking.mode")
    return "offline"


def has_key() -> bool:
    """Return whether W&B would find credentials.

    Returns:
        True if the environment has an API key or names the file of an identity token, or if the netrc has a password
        for the server of WANDB_BASE_URL or, if that is not set, of `wandb login --host`.
    """
    return bool(os.environ.get("WANDB_IDENTITY_TOKEN_FILE") or _read_key())


def is_key_refused() -> bool:
    """Ask the server once whose the key is.

    Returns:
        True if the server answers that the key is nobody's. False if it knows the key or does not answer.
    """
    key = _read_key()
    if key is None:
        return False
    credentials = base64.b64encode(f"api:{key}".encode()).decode()
    request = urllib.request.Request(
        f"{get_server()}/graphql",
        json.dumps({"operationName": "Viewer", "query": "query Viewer { viewer { id } }", "variables": {}}).encode(),
        {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS) as answer:
            return bool(json.load(answer)["data"]["viewer"] is None)
    except urllib.error.HTTPError as error:
        return error.code in (401, 403)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def get_key_place() -> str:
    """Return where the key is from, for a message."""
    return "WANDB_API_KEY" if os.environ.get("WANDB_API_KEY") else "the netrc"


def _read_key() -> str | None:
    if key := os.environ.get("WANDB_API_KEY"):
        return key
    host = urlsplit(get_server()).netloc
    given = os.environ.get("NETRC")
    for path in (given,) if given else ("~/.netrc", "~/_netrc"):  # the second is Windows'
        with contextlib.suppress(OSError, netrc.NetrcParseError):
            entry = netrc.netrc(str(Path(path).expanduser())).authenticators(host)
            return entry[2] if entry and entry[2] else None
    return None


def get_server() -> str:
    """Return the address of the W&B server: WANDB_BASE_URL, else that of `wandb login --host`, else the cloud's."""
    return (os.environ.get("WANDB_BASE_URL") or _read_login_host() or CLOUD).rstrip("/")


def _read_login_host() -> str | None:
    """Read the server that `wandb login --host` stores besides the key."""
    folder = Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    parser = configparser.ConfigParser(interpolation=None)
    with contextlib.suppress(OSError, UnicodeDecodeError, configparser.Error):
        parser.read(folder / "settings", "utf-8")
        return parser.get("default", "base_url", fallback=None)
    return None
