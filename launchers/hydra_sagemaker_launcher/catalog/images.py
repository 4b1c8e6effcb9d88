"""Which container image fits the hardware.

images.yaml lists the images. Their addresses come from sagemaker-core, which knows the registry of each region. The
versions in an image decide what it serves: which GPUs its CUDA build has code for, and SageMaker's data parallel
library.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.service_model import find_ecr_host
from hydra_sagemaker_launcher.catalog.hardware import Hardware, find_hardware_problems
from hydra_sagemaker_launcher.catalog.instances import find_instance, is_offered
from hydra_sagemaker_launcher.data_file import read_data_file
from hydra_sagemaker_launcher.errors import LaunchError


@dataclass(frozen=True)
class Release:
    """The versions in an image. They are empty if its tag does not tell them."""

    python: str = ""  # e.g. py311
    transformers: str = ""  # empty: not in the image, the requirements install it
    torch: str = ""
    cuda: str = ""  # e.g. cu124. Empty: without CUDA

    @property
    def name(self) -> str:
        """The value of hardware.image: the library that the image is made for, and its minor version."""
        library, version = ("transformers", self.transformers) if self.transformers else ("pytorch", self.torch)
        return f"{library}-{'.'.join(version.split('.')[:2])}" + ("" if self.cuda else "-cpu")

    @property
    def smdistributed(self) -> bool:
        """Whether it holds SageMaker's data parallel library: no image of Hugging Face after torch 2.1 does."""
        return self.cuda != "" and tuple(map(int, self.torch.split(".")[:2])) < (2, 2)

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


@dataclass(frozen=True)
class Image:
    """A container image at its address."""

    uri: str
    release: Release

    @property
    def label(self) -> str:
        """A short name for tables: the main library, or the end of the address if its tag tells no versions."""
        if self.release.transformers:
            return f"transformers {self.release.transformers}"
        return f"torch {self.release.torch}" if self.release.torch else self.uri.rpartition("/")[2]


_ADDRESS = re.compile(
    r"\d{12}\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)(\.[a-z0-9-]+)+"
    r"/(?P<repository>[a-z0-9]+([._/-]+[a-z0-9]+)*)(:(?P<tag>\w[\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?"
)
_TAG = re.compile(
    r"(?P<torch>\d+\.\d+\.\d+)(-transformers(?P<transformers>\d+\.\d+\.\d+))?-(gpu|cpu)-(?P<python>py3\d+)"
    r"(-(?P<cuda>cu\d+))?(-.*)?"
)
_HUGGING_FACE = "huggingface-pytorch-training"
_OWN_IMAGE = "give hardware.image, the full address of an image made for it"


@cache
def load_releases() -> dict[str, Release]:
    """Return the releases of images.yaml by the names that hardware.image takes, newest first."""
    releases = (
        Release(*(row[key] or "" for key in ("python", "transformers", "torch", "cuda")))
        for row in read_data_file("catalog/images.yaml")["images"]
    )
    return {release.name: release for release in releases}


def choose_image(hardware: Hardware, region: str) -> Image:
    """Choose the image that `hardware.image` names, or else the newest that serves the instance and the distribution.

    Args:
        hardware: The hardware node of one member.
        region: The region of the job. SageMaker pulls images from no other.

    Raises:
        LaunchError: The hardware is impossible, no image fits it, or the region has none. It has every reason and the
            way out.
    """
    if problems := find_hardware_problems(hardware) + find_image_problems(hardware):
        raise LaunchError(problems)
    releases = load_releases()
    if hardware.image is not None and (address := _ADDRESS.fullmatch(hardware.image)):
        if address["region"] != region:
            raise LaunchError(
                f"hardware.image={hardware.image}: SageMaker pulls images from the job's own region; "
                f"copy it to the registry of {region}, or choose hydra.launcher.region={address['region']}"
            )
        return Image(hardware.image, _parse_tag(address["tag"]))
    candidates = list(releases.values()) if hardware.image is None else [releases[hardware.image]]
    release = next(release for release in candidates if _explain_mismatch(release, hardware) is None)
    return Image(_build_image_uri(release, region), release)


def find_image_problems(hardware: Hardware) -> list[str]:
    """Return a line for why no image can be chosen for the hardware. This calls no service and needs no region.

    The tag of a full address tells what the image serves only in Hugging Face's own repository. Others are trusted.
    """
    image, name, releases = hardware.image, hardware.instance_type, load_releases()
    if image is None:
        return [f"hardware.instance_type={name}: {reason}"] if (reason := _explain_unserved_instance(hardware)) else []
    if image in releases:
        reason = _explain_mismatch(releases[image], hardware)
    elif address := _ADDRESS.fullmatch(image):
        release = _parse_tag(address["tag"] if address["repository"] == _HUGGING_FACE else None)
        reason = _explain_mismatch(release, hardware) if release.torch and find_instance(name) else None
    else:
        return [
            f"hardware.image={image}: neither a known name nor an address in ECR; choose null, {', '.join(releases)}, "
            "or <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>"
        ]
    return [f"hardware.image={image}: {reason}"] if reason else []


def _explain_mismatch(release: Release, hardware: Hardware) -> str | None:
    """Return why a release does not serve the hardware, and the way out. None if it does."""
    name = hardware.instance_type
    instance = find_instance(name)
    if instance is None:
        return f"the launcher does not know what {name} needs; {_OWN_IMAGE}"
    others = load_releases().values()
    if instance.architecture not in release.architectures:
        build = f"its CUDA build ({release.cuda})" if release.cuda else "its build without CUDA"
        target = f"the {instance.gpu} ({instance.architecture.title()}) of {name}" if instance.gpus else name
        fitting = [other.name for other in others if instance.architecture in other.architectures]
        return f"{build} is not made for {target}; choose null or {' or '.join(fitting) or 'another instance type'}"
    if hardware.distribution == "smdistributed" and not release.smdistributed:
        fitting = [other.name for other in others if other.smdistributed]
        return f"it does not hold smdistributed; choose {' or '.join(fitting)}, or hardware.distribution=torchrun"
    return None


def _explain_unserved_instance(hardware: Hardware) -> str | None:
    """Return why no release serves an instance. None if one does, or if SageMaker does not offer the type."""
    instance = find_instance(hardware.instance_type)
    releases = load_releases().values()
    if instance is None:
        return _explain_mismatch(next(iter(releases)), hardware) if is_offered(hardware.instance_type) else None
    if any(instance.architecture in release.architectures for release in releases):
        return None
    gpu = f"{instance.gpu} ({instance.architecture.title()})"
    return f"no image serves its {gpu} any more; choose another instance type, or {_OWN_IMAGE}"


def _read_image_config(framework: str) -> Any:
    """Read what sagemaker-core knows of a framework's training images.

    It is read as data, because importing any of sagemaker-core's modules costs seconds.
    """
    path = distribution("sagemaker-core").locate_file(f"sagemaker/core/image_uri_config/{framework}.json")
    return json.loads(Path(str(path)).read_text("utf-8"))["training"]["versions"]


@cache
def _build_image_uri(release: Release, region: str) -> str:
    """Return a release's address in the registry of a region, as sagemaker-core's `image_uris.retrieve` composes it."""
    tag = release.torch
    try:
        if release.transformers:
            image = _read_image_config("huggingface")[release.transformers][f"pytorch{release.torch}"]
            tag += f"-transformers{release.transformers}"
        else:
            image = _read_image_config("pytorch")[release.torch]
        registry = image["registries"][region]
    except KeyError as error:
        raise LaunchError(
            f"hydra.launcher.region={region}: sagemaker-core knows of no image {release.name} there; choose another "
            "region, or give hardware.image, the full address of your own copy"
        ) from error
    processor = "gpu" if release.cuda else "cpu"
    parts = [tag, processor, release.python, image.get("container_version", {}).get(processor)]
    return f"{registry}.dkr.{find_ecr_host(region)}/{image['repository']}:{'-'.join(filter(None, parts))}"


def _parse_tag(tag: str | None) -> Release:
    """Parse the versions from a tag of the Deep Learning Containers' form. They are empty for any other."""
    match = _TAG.fullmatch(tag or "")
    return Release(**{key: value or "" for key, value in match.groupdict().items()}) if match else Release()
