"""The registries of AWS's images in each region, by sagemaker-core's data."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.service_model import find_ecr_host
from hydra_sagemaker_launcher.catalog.releases import HUGGING_FACE, Release
from hydra_sagemaker_launcher.errors import LaunchError

# The file of sagemaker-core with the images of a repository, by repository.
_FILES = {HUGGING_FACE: "huggingface", "pytorch-training": "pytorch", "pytorch": "pytorch-amzn2023"}


def is_listed(release: Release) -> bool:
    """Return whether sagemaker-core lists an image, which confirms its address."""
    return _find_entry(release) is not None


def is_available(release: Release, region: str) -> bool:
    """Return whether an image is known to be in the registry of a region."""
    return region in _find_registries(release)


def build_image_uri(release: Release, region: str) -> str:
    """Return the address of an image in the registry of a region.

    Args:
        release: The image.
        region: The region of the job. SageMaker pulls images from no other.

    Raises:
        LaunchError: sagemaker-core knows no registry there.
    """
    registries = _find_registries(release)
    registry = registries.get(region)
    if registry is None:
        close = difflib.get_close_matches(region, registries, n=1)
        raise LaunchError(
            f"hydra.launcher.region={region}: sagemaker-core knows of no image {release.name} there; "
            + (f"did you mean {close[0]}? Otherwise " if close else "")
            + "choose another region, or give hardware.image, the full address of your own copy"
        )
    return f"{registry}.dkr.{find_ecr_host(region)}/{release.repository}:{release.tag}"


def _find_registries(release: Release) -> Mapping[str, str]:
    """Return {region: account} of an image. One that is too new for sagemaker-core has its predecessor's account."""
    entry = _find_entry(release)
    if entry is None:
        entries = [entry for _, entry in _load_entries(release.repository)]
        entry = entries[-1] if entries else {"registries": {}}
    registries: Mapping[str, str] = entry["registries"]
    return registries


def _find_entry(release: Release) -> Mapping[str, Any] | None:
    key = (release.transformers, release.torch)
    short = (release.transformers, ".".join(release.torch.split(".")[:2]))  # the newer lists have no patch versions
    return next((entry for versions, entry in _load_entries(release.repository) if versions in (key, short)), None)


@cache
def _load_entries(repository: str) -> list[tuple[tuple[str, str], Mapping[str, Any]]]:
    """Return ((transformers, torch), entry) of each image of a repository, the newest last."""
    file = _FILES.get(repository)
    if file is None:
        return []
    # It is read as data, because importing any of sagemaker-core's modules costs seconds.
    path = distribution("sagemaker-core").locate_file(f"sagemaker/core/image_uri_config/{file}.json")
    versions = json.loads(Path(str(path)).read_text("utf-8"))["training"]["versions"]
    if repository != HUGGING_FACE:
        return [(("", torch), entry) for torch, entry in versions.items() if entry["repository"] == repository]
    return [
        ((transformers, torch.removeprefix("pytorch")), entry)
        for transformers, entries in versions.items()
        for torch, entry in entries.items()
        if torch.startswith("pytorch") and entry["repository"] == repository
    ]
