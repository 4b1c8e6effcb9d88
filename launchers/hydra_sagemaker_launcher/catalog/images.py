"""Which container image fits the hardware.

The addresses come from sagemaker-core, which knows each region's registry. What an image serves is known here: the
GPUs that its CUDA build has code for, and whether it still holds SageMaker's data parallel library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from hydra_sagemaker_launcher.catalog import hardware as hardware_catalog
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.errors import LaunchError


@dataclass(frozen=True)
class Image:
    """A container image for training; versions are empty where its tag does not tell them."""

    uri: str
    python: str  # py311
    transformers: str  # empty: not in the image, the requirements install it
    torch: str
    cuda: str  # cu124; empty: without CUDA
    smdistributed: bool

    @property
    def name(self) -> str:
        """A short name for tables: the library that it is made for, or the end of an address of the user's own."""
        if not self.torch:
            return self.uri.rpartition("/")[2]
        return f"transformers {self.transformers}" if self.transformers else f"torch {self.torch}"


@dataclass(frozen=True)
class _Release:
    """An image of AWS's Deep Learning Containers; its address depends on the region."""

    python: str
    transformers: str
    torch: str
    cuda: str

    @property
    def name(self) -> str:
        """What hardware.image may say: the library that the image is made for, and its minor version."""
        library, version = ("transformers", self.transformers) if self.transformers else ("pytorch", self.torch)
        return f"{library}-{'.'.join(version.split('.')[:2])}" + ("" if self.cuda else "-cpu")

    @property
    def smdistributed(self) -> bool:
        return self.cuda != "" and _parse_version(self.torch) < (2, 2)  # no later image of Hugging Face holds it

    @property
    def architectures(self) -> frozenset[str]:
        """CUDA 12 has no Kepler; the builds for 12.8 and 12.9 in torch 2.7 and 2.8, and all for 13, have no Volta.

        Blackwell needs CUDA 12.8. Ada runs what is built for Ampere.
        """
        if not self.cuda:
            return frozenset({"cpu"})
        newest = self.cuda >= "cu128"
        return frozenset({"turing", "ampere", "ada", "hopper", "blackwell" if newest else "volta"})


# Newest first. Hugging Face publishes no training image without CUDA: instances without GPUs get PyTorch's own.
_RELEASES = (
    _Release("py312", "5.3.0", "2.9.0", "cu130"),
    _Release("py312", "4.56.2", "2.8.0", "cu129"),
    _Release("py311", "4.49.0", "2.5.1", "cu124"),
    _Release("py310", "4.36.0", "2.1.0", "cu121"),
    _Release("py312", "", "2.9.0", ""),
)
NAMES = tuple(release.name for release in _RELEASES)

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


def choose_image(hardware: Hardware, region: str) -> Image:
    """The image that `hardware.image` names, or else the newest that serves the instance and the distribution.

    Raises LaunchError with every reason and the way out: hardware that cannot be, nothing that fits it, or a region
    without such an image.
    """
    if wrong := hardware_catalog.find_hardware_problems(hardware) + find_image_problems(hardware):
        raise LaunchError(wrong)
    if hardware.image is not None and (address := _ADDRESS.fullmatch(hardware.image)):
        if address["region"] != region:
            raise LaunchError(
                f"hardware.image={hardware.image}: SageMaker takes images of the job's own region; "
                f"copy it to the registry of {region}, or choose hydra.launcher.region={address['region']}"
            )
        release = _parse_tag(address["tag"])
        smdistributed = hardware.distribution == "smdistributed"  # nothing but the user knows
        return Image(hardware.image, release.python, release.transformers, release.torch, release.cuda, smdistributed)
    candidates = _RELEASES if hardware.image is None else (_RELEASES[NAMES.index(hardware.image)],)
    release = next(release for release in candidates if _explain_mismatch(release, hardware) is None)
    uri = _retrieve_image_uri(release, region)
    return Image(uri, release.python, release.transformers, release.torch, release.cuda, release.smdistributed)


def find_image_problems(hardware: Hardware) -> list[str]:
    """Why no image can be chosen for the hardware, a line each; asks nobody and needs no region.

    Of a full address only a tag of Hugging Face's own repository tells what the image serves; others are trusted.
    """
    image, name = hardware.image, hardware.instance_type
    address = _ADDRESS.fullmatch(image) if image is not None else None
    if image is None:
        return [f"hardware.instance_type={name}: {reason}"] if (reason := _explain_unserved_instance(hardware)) else []
    if image in NAMES:
        reason = _explain_mismatch(_RELEASES[NAMES.index(image)], hardware)
    elif address is None:
        return [
            f"hardware.image={image}: neither a known name nor an address in ECR; choose null, {', '.join(NAMES)}, "
            "or <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>"
        ]
    else:
        known = _parse_tag(address["tag"] if address["repository"] == _HUGGING_FACE else None)
        reason = _explain_mismatch(known, hardware) if known.torch and hardware_catalog.find_instance(name) else None
    return [f"hardware.image={image}: {reason}"] if reason else []


def _explain_mismatch(release: _Release, hardware: Hardware) -> str | None:
    """Why a release does not serve the hardware, and the way out; None where it does."""
    name = hardware.instance_type
    instance = hardware_catalog.find_instance(name)
    if instance is None:
        return f"the launcher does not know what {name} needs; {_OWN_IMAGE}"
    if instance.architecture not in release.architectures:
        build = f"its CUDA build ({release.cuda})" if release.cuda else "it, without CUDA,"
        whose = f"the {instance.gpu} ({instance.architecture.title()}) of {name}" if instance.gpus else name
        fitting = [other.name for other in _RELEASES if instance.architecture in other.architectures]
        return f"{build} is not made for {whose}; choose null or {' or '.join(fitting) or 'another instance type'}"
    if hardware.distribution == "smdistributed" and not release.smdistributed:
        those = " or ".join(other.name for other in _RELEASES if other.smdistributed)
        return f"it does not hold smdistributed; choose {those}, or hardware.distribution=torchrun"
    return None


def _explain_unserved_instance(hardware: Hardware) -> str | None:
    """Why no release serves an instance; None where one does, or where the hardware itself cannot be."""
    instance = hardware_catalog.find_instance(hardware.instance_type)
    if instance is None:
        return (
            _explain_mismatch(_RELEASES[0], hardware) if hardware_catalog.is_offered(hardware.instance_type) else None
        )
    if any(instance.architecture in release.architectures for release in _RELEASES):
        return None
    gpu = f"{instance.gpu} ({instance.architecture.title()})"
    return f"no image serves its {gpu} any more; choose another instance type, or {_OWN_IMAGE}"


@cache  # sagemaker-core reads its files anew each time, a tenth of a second a member
def _retrieve_image_uri(release: _Release, region: str) -> str:
    from sagemaker.core import image_uris

    framework, version = ("huggingface", release.transformers) if release.transformers else ("pytorch", release.torch)
    try:
        return str(
            image_uris.retrieve(
                framework,
                region,
                version=version,
                py_version=release.python,
                base_framework_version=f"pytorch{release.torch}" if release.transformers else None,
                instance_type="ml.g5.xlarge" if release.cuda else "ml.m5.xlarge",  # says no more than GPU or CPU
                image_scope="training",
            )
        )
    except (ValueError, TypeError) as error:
        raise LaunchError(
            f"hydra.launcher.region={region}: sagemaker-core knows of no image {release.name} there; choose another "
            "region, or give hardware.image, the full address of your own copy"
        ) from error


def _parse_tag(tag: str | None) -> _Release:
    """The versions that a tag of the Deep Learning Containers' form tells; empty strings for any other."""
    found = _TAG.fullmatch(tag or "")
    if found is None:
        return _Release("", "", "", "")
    return _Release(found["python"], found["transformers"] or "", found["torch"], found["cuda"] or "")


def _parse_version(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".") if number.isdigit())
