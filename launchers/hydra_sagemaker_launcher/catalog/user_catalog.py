"""The user's own catalog: the rows that `hydra-sagemaker catalog update` has fetched. They come before the package's.

It is a YAML file with
    updated: <day>
    sources: {<source>: <what it is>}
    prices: {<region>: {published: <day>, usd_per_hour: {<instance type>: <dollars>}}}
    images: [<a row as in images.yaml>]
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hydra_sagemaker_launcher.errors import LaunchError

PATH_VARIABLE = "HYDRA_SAGEMAKER_CATALOG"


def get_catalog_path() -> Path:
    """Return the path of the user's catalog: HYDRA_SAGEMAKER_CATALOG, or a file in the user's config directory."""
    if path := os.environ.get(PATH_VARIABLE):
        return Path(path)
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder, "hydra-sagemaker", "catalog.yaml").expanduser()


def read_catalog() -> dict[str, Any]:
    """Return the user's catalog, without anything in it if there is none. Callers share it and must not change it.

    Raises:
        LaunchError: The file is not a catalog.
    """
    return _read_file(get_catalog_path())


def write_catalog(content: dict[str, Any]) -> Path:
    """Write the user's catalog, whole or not at all.

    Args:
        content: The catalog, as the module's docstring describes it.

    Returns:
        The path of the file.
    """
    path = get_catalog_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    heading = "# Written by `hydra-sagemaker catalog update`. Remove the file to go back to the launcher's own rows.\n"
    partial.write_text(heading + yaml.safe_dump(content, sort_keys=False, width=120), "utf-8")
    os.replace(partial, path)
    forget_catalog()
    return path


def forget_catalog() -> None:
    """Read the file again when it is next asked for."""
    _read_file.cache_clear()


@cache
def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text("utf-8")) or {}
        content = {"updated": None, "sources": {}, "prices": {}, "images": []} | content
        for region in content["prices"].values():
            region["published"], region["usd_per_hour"].items()
        for row in content["images"]:
            row["repository"], row["tag"], row["torch"]
    except FileNotFoundError:
        return {"updated": None, "sources": {}, "prices": {}, "images": []}
    except (OSError, ValueError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise LaunchError(
            f"{path}: is not a catalog ({reason}); remove it, or run: hydra-sagemaker catalog update"
        ) from None
    return content
