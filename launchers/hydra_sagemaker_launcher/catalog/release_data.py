"""The release data of AWS's Deep Learning Containers: one YAML file per image, from which AWS makes its own pages.

They are in the repository aws/deep-learning-containers, in docs/src/data/<repository>/, with `version`, `cuda`, `tags`
and, except for Hugging Face's, `ga` and `eop` (end of patch).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from hydra_sagemaker_launcher.catalog.download import download_json, download_yaml
from hydra_sagemaker_launcher.catalog.releases import HUGGING_FACE, parse_release, parse_version
from hydra_sagemaker_launcher.errors import LaunchError

IMAGE_DATA_URL = "https://api.github.com/repos/aws/deep-learning-containers/contents/docs/src/data"
_DATED = ("pytorch-training", "pytorch")  # the older ones on Ubuntu, the newer ones on Amazon Linux 2023
_OLDEST_TORCH = (2, 1)  # older ones have no image that the launcher would name
_PATCH_VERSION = re.compile(r"\d+\.\d+\.\d+")
_VALUES = re.compile(r"[A-Za-z0-9][\w.-]*")  # of tags and versions, which become part of addresses


def fetch_images(url: str, today: datetime.date) -> list[dict[str, Any]]:
    """Fetch the SageMaker training images of PyTorch and Hugging Face.

    Args:
        url: The folder of the data, as GitHub's contents API lists it: a JSON array of files with `name` and
            `download_url`.
        today: The day to date the rows with.

    Returns:
        Rows as in images.yaml.

    Raises:
        LaunchError: The data cannot be had, or has another form.
    """
    rows: list[dict[str, Any]] = []
    days: dict[str, tuple[Any, Any]] = {}  # (ga, end of patch) by the minor version of torch
    for repository in _DATED:
        for described in _fetch_folder(url, repository):
            days[str(described["version"])] = _parse_day(described.get("ga")), _parse_day(described.get("eop"))
            if repository == "pytorch":
                rows.append(_build_row(repository, described, days, today))
    rows += [_build_row(HUGGING_FACE, described, days, today) for described in _fetch_folder(url, HUGGING_FACE)]
    recent = [row for row in rows if parse_version(row["torch"])[:2] >= _OLDEST_TORCH]
    named = {parse_release(row).name: row for row in recent}
    return list(named.values())


def _fetch_folder(url: str, repository: str) -> list[Mapping[str, Any]]:
    folder = f"{url.rstrip('/')}/{repository}"
    listing = download_json(folder)
    try:
        addresses = [entry["download_url"] for entry in listing if entry["name"].endswith("-sagemaker.yml")]
        described = [download_yaml(address) for address in addresses]
        for content in described:
            content["version"], content["tags"][0]
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise LaunchError(f"{folder}: is not release data of AWS's images ({type(error).__name__}: {error})") from None
    return described


def _build_row(
    repository: str, described: Mapping[str, Any], days: Mapping[str, tuple[Any, Any]], today: datetime.date
) -> dict[str, Any]:
    version, tags = str(described["version"]), [str(tag) for tag in described["tags"]]
    # The tag without a patch version moves on with AWS's patches, and is the one in sagemaker-core.
    tag = next((tag for tag in tags if tag.startswith(f"{version}-")), tags[0])
    full = next((match[0] for tag in tags if (match := _PATCH_VERSION.match(tag))), version)
    ga, end_of_patch = days.get(version, (None, None))
    row = {
        "repository": repository,
        "tag": tag,
        "public": tag if described.get("public_registry") else None,
        "python": described.get("python"),
        "transformers": described.get("transformers"),
        "torch": full,
        "cuda": described.get("cuda") if described.get("accelerator") != "cpu" else None,
        "smdistributed": repository == HUGGING_FACE and parse_version(version)[:2] <= _OLDEST_TORCH,
        "ga": ga,
        "end_of_patch": end_of_patch,
        "source": "dlc",
        "date": today,
    }
    for key in ("tag", "python", "transformers", "torch", "cuda"):
        if row[key] is not None and not _VALUES.fullmatch(str(row[key])):
            raise LaunchError(f"release data of {repository} {version}: {key}={row[key]!r} is not a version or a tag")
    return row


def _parse_day(text: Any) -> datetime.date | None:
    if text is None or isinstance(text, datetime.date):
        return text
    try:
        return datetime.date.fromisoformat(str(text))
    except ValueError:
        return None
