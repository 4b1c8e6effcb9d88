"""HTTPS downloads of public data, with one line for whatever goes wrong."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

import yaml

from hydra_sagemaker_launcher.errors import LaunchError

_SECONDS = 60
_MAX_BYTES = 500_000_000  # the price list of a region has some tens of millions
_AGENT = "hydra-sagemaker-launcher"


def download_json(url: str) -> Any:
    """Download a JSON document.

    Raises:
        LaunchError: It cannot be downloaded, or is not JSON.
    """
    try:
        return json.loads(_download(url))
    except ValueError as error:
        raise LaunchError(f"{url}: is not JSON ({error}); try again, or give the address of a mirror") from None


def download_yaml(url: str) -> Any:
    """Download a YAML document.

    Raises:
        LaunchError: It cannot be had, or is no YAML.
    """
    try:
        return yaml.safe_load(_download(url))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())[:200]
        raise LaunchError(f"{url}: is not YAML ({reason}); try again, or give the address of a mirror") from None


def _download(url: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise LaunchError(f"{url}: is not an address; give one that begins with https://")
    try:
        request = urllib.request.Request(url, headers={"User-Agent": _AGENT})
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            content: bytes = response.read(_MAX_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise LaunchError(f"{url}: cannot be downloaded ({reason}); check the network, and try again") from None
    if len(content) > _MAX_BYTES:
        raise LaunchError(f"{url}: is larger than {_MAX_BYTES / 1e6:.0f} MB; give the address of a mirror")
    return content
