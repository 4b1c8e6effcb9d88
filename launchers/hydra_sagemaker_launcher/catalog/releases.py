"""What is in a container image: the rows of both catalogs, and what the tag of any other image tells."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra_sagemaker_launcher.catalog.user_catalog import read_catalog
from hydra_sagemaker_launcher.data_file import read_data_file


@dataclass(frozen=True)
class Release:
    """The versions in an image. They are empty if its tag does not tell them."""

    python: str = ""  # e.g. py311
    transformers: str = ""  # empty: not in the image, the requirements install it
    torch: str = ""
    cuda: str = ""  # e.g. cu124. Empty: without CUDA
    smdistributed: bool = False  # whether it holds SageMaker's data parallel library
    repository: str = ""
    tag: str = ""
    public: str = ""  # its tag in the public registry. Empty: it is not there
    ga: datetime.date | None = None
    end_of_patch: datetime.date | None = None  # the last day on which AWS patches it, None if unknown

    @property
    def name(self) -> str:
        """The value of hardware.image: the library that the image is made for, and its minor version."""
        library, version = ("transformers", self.transformers) if self.transformers else ("pytorch", self.torch)
        return f"{library}-{'.'.join(version.split('.')[:2])}" + ("" if self.cuda else "-cpu")

    @property
    def framework(self) -> str:
        """What the requirements of an app depend on: the version of transformers, or that there is only torch."""
        return f"transformers-{self.transformers}" if self.transformers else "pytorch" if self.torch else ""

    @property
    def architectures(self) -> frozenset[str]:
        """The GPU architectures that its build of torch has code for.

        CUDA 12 has no Kepler. The builds for 12.8 and 12.9 in torch 2.7 and 2.8, and all for 13, have no Volta.
        Blackwell needs CUDA 12.8. Ada runs what is built for Ampere.
        """
        if not self.cuda:
            return frozenset({"cpu"})
        newest = self.cuda >= "cu128"
        return frozenset({"turing", "ampere", "ada", "hopper", "blackwell" if newest else "volta"})

    def is_patched(self, day: datetime.date) -> bool:
        """Return whether AWS still patches the image on a day. An image without a known end counts as patched."""
        return self.end_of_patch is None or day <= self.end_of_patch


HUGGING_FACE = "huggingface-pytorch-training"
# AWS's own repositories, and the newest torch of their images that is known to hold SageMaker's data parallel library.
_NEWEST_SMDDP = {HUGGING_FACE: "2.1", "pytorch-training": "2.3", "pytorch": "0"}
_TORCH = r"(?P<torch>\d+\.\d+(\.\d+)?)(-transformers(?P<transformers>\d+\.\d+(\.\d+)?))?"
_TAGS = (  # both forms of the Deep Learning Containers: with the processor, and on Amazon Linux 2023 without it
    re.compile(rf"{_TORCH}-(gpu|cpu)-(?P<python>py3\d+)(-(?P<cuda>cu\d+))?(-.*)?"),
    re.compile(rf"{_TORCH}-((?P<cuda>cu\d+)|cpu)-amzn2023(-.*)?"),
)


def load_releases() -> dict[str, Release]:
    """Return the releases of both catalogs by the names that hardware.image takes.

    Returns:
        Those with transformers first, and the newest first. What the user's rows tell comes before the package's.
    """
    rows: dict[str, dict[str, Any]] = {}
    for row in (*read_data_file("catalog/images.yaml")["images"], *read_catalog()["images"]):
        told = {key: value for key, value in row.items() if value is not None}
        rows.setdefault(parse_release(row).name, {}).update(told)
    releases = sorted(map(parse_release, rows.values()), key=_rank_release, reverse=True)
    return {release.name: release for release in releases}


def parse_release(row: Mapping[str, Any]) -> Release:
    """Return the release of a row of images.yaml."""
    texts = ("python", "transformers", "torch", "cuda", "repository", "tag", "public")
    return Release(
        **{key: str(row.get(key) or "") for key in texts},
        smdistributed=bool(row.get("smdistributed")),
        ga=row.get("ga"),
        end_of_patch=row.get("end_of_patch"),
    )


def _rank_release(release: Release) -> tuple[Any, ...]:
    return release.transformers != "", bool(release.cuda), parse_version(release.transformers or release.torch)


def is_known_repository(repository: str) -> bool:
    """Return whether the tags of a repository tell what its images serve. Others may be built in any way."""
    return repository in _NEWEST_SMDDP


def parse_tag(repository: str, tag: str | None) -> Release:
    """Parse the versions from a tag of the Deep Learning Containers' form.

    Args:
        repository: The repository of the image.
        tag: Its tag, if it has one.

    Returns:
        The row of the catalog if it has one for this tag, otherwise what the tag tells. All is empty for other tags.
    """
    for release in load_releases().values():
        if release.repository == repository and tag and tag in (release.tag, release.public):
            return release
    for pattern in _TAGS:
        if match := pattern.fullmatch(tag or ""):
            versions = {key: value or "" for key, value in match.groupdict().items()}
            newest = _NEWEST_SMDDP.get(repository, "0")
            holds = bool(versions["cuda"]) and parse_version(versions["torch"])[:2] <= parse_version(newest)
            return parse_release({**versions, "smdistributed": holds, "repository": repository, "tag": tag})
    return Release()


def parse_version(version: str) -> tuple[int, ...]:
    """Return a version as numbers that compare, e.g. (2, 14, 0)."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
