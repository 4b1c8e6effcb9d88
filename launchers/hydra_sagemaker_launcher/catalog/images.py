"""Which container image fits the hardware: its CUDA build has code for the GPUs, and smdistributed if need be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hydra_sagemaker_launcher.catalog.fallbacks import find_candidate_problems, list_candidates
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.instances import Instance, find_instance, is_offered
from hydra_sagemaker_launcher.catalog.registries import build_image_uri, is_available, is_listed
from hydra_sagemaker_launcher.catalog.releases import (
    Release,
    is_known_repository,
    load_releases,
    parse_tag,
    parse_version,
)
from hydra_sagemaker_launcher.errors import LaunchError

_ADDRESS = re.compile(
    r"(\d{12}\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)(\.[a-z0-9-]+)+|public\.ecr\.aws/[a-z0-9][a-z0-9-]*)"
    r"/(?P<repository>[a-z0-9]+([._/-]+[a-z0-9]+)*)(:(?P<tag>\w[\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?"
)
_OWN_IMAGE = "give hardware.image, the full address of an image made for it"
_NAMED = 3  # so many images are named as a way out


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


def choose_image(hardware: Hardware, region: str) -> Image:
    """Choose the image that `hardware.image` names, or else the newest that serves the instance and the distribution.

    Unless it is named, an image must also be in sagemaker-core's list, which confirms its address. With fallbacks it
    must serve every type.

    Args:
        hardware: The hardware node of one member.
        region: The region of the job. SageMaker pulls images from no other, except from the public registry.

    Raises:
        LaunchError: The hardware is impossible, no image fits it, or the region has none. The message has every reason
            and what to do.
    """
    if problems := find_candidate_problems(hardware) + find_image_problems(hardware):
        raise LaunchError(problems)
    if hardware.image is not None and (address := _ADDRESS.fullmatch(hardware.image)):
        if address["region"] not in (region, None):
            raise LaunchError(
                f"hardware.image={hardware.image}: SageMaker pulls images from the job's own region; "
                f"copy it to the registry of {region}, or choose hydra.launcher.region={address['region']}"
            )
        return Image(hardware.image, parse_tag(address["repository"].rpartition("/")[2], address["tag"]))
    if hardware.image is not None:
        release = load_releases()[hardware.image]
    else:
        fitting = list_fitting_releases(list_candidates(hardware))
        release = next((each for each in fitting if is_available(each, region)), fitting[0])
    return Image(build_image_uri(release, region), release)


def find_image_problems(hardware: Hardware) -> list[str]:
    """Return a line for why no image can be chosen for the hardware. This calls no service and needs no region.

    The tag of a full address tells what the image serves only in repositories named as AWS's. Others are trusted.
    """
    try:
        candidates = list_candidates(hardware)
    except LaunchError:
        return []  # find_candidate_problems reports it
    image, releases = hardware.image, load_releases()
    if image is None:
        for candidate in candidates:
            if reason := _explain_unserved_instance(candidate):
                return [f"hardware.instance_type={candidate.instance_type}: {reason}"]
        if not list_fitting_releases(candidates) and all(is_offered(each.instance_type) for each in candidates):
            types = ", ".join(candidate.instance_type for candidate in candidates)
            return [f"hardware.fallbacks: no image serves all of {types}; a job has one image, so remove some"]
        return []
    if image in releases:
        release = releases[image]
    elif address := _ADDRESS.fullmatch(image):
        repository = address["repository"].rpartition("/")[2]
        release = parse_tag(repository, address["tag"]) if is_known_repository(repository) else Release()
        candidates = [each for each in candidates if release.torch and find_instance(each.instance_type)]
    else:
        return [
            f"hardware.image={image}: neither a known name nor an address in ECR; choose null, {', '.join(releases)}, "
            "or <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>"
        ]
    reasons = (_explain_mismatch(release, candidate) for candidate in candidates)
    return [f"hardware.image={image}: {reason}" for reason in reasons if reason][:1]


def list_fitting_releases(candidates: Sequence[Hardware]) -> list[Release]:
    """Return the confirmed images that serve all candidates, the newest first."""
    return [
        release
        for release in load_releases().values()
        if is_listed(release) and all(_is_made_for(release, candidate) for candidate in candidates)
    ]


def _is_made_for(release: Release, hardware: Hardware) -> bool:
    """Return whether a release has code for an instance type, and its data parallel library if that is asked for."""
    instance = find_instance(hardware.instance_type)
    if instance is None or instance.architecture not in release.architectures:
        return False
    return hardware.distribution != "smdistributed" or _has_smddp_for(release, instance)


def _explain_mismatch(release: Release, hardware: Hardware) -> str | None:
    """Return why a release does not serve one instance type, and the way out. None if it does."""
    if _is_made_for(release, hardware):
        return None
    name = hardware.instance_type
    instance = find_instance(name)
    if instance is None:
        return f"the launcher does not know what {name} needs; {_OWN_IMAGE}"
    others = load_releases().values()
    if instance.architecture not in release.architectures:
        build = f"its CUDA build ({release.cuda})" if release.cuda else "its build without CUDA"
        target = f"the {instance.gpu} ({instance.architecture.title()}) of {name}" if instance.gpus else name
        fitting = [each.name for each in others if is_listed(each) and instance.architecture in each.architectures]
        return (
            f"{build} is not made for {target}; choose null or "
            f"{' or '.join(fitting[:_NAMED]) or 'another instance type'}"
        )
    fitting = [each.name for each in others if _has_smddp_for(each, instance)]
    why = "it does not hold smdistributed"
    if release.smdistributed:
        newest = instance.smdistributed or "no version"
        why = f"smdistributed of torch {release.torch} does not run on {name} ({newest} is the last that does)"
    return f"{why}; choose hardware.distribution=torchrun, or for smdistributed {' or '.join(fitting)}"


def _has_smddp_for(release: Release, instance: Instance) -> bool:
    """Return whether an image holds SageMaker's data parallel library in a version that runs on an instance."""
    return release.smdistributed and parse_version(release.torch)[:2] <= parse_version(instance.smdistributed)


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
