"""Warn of hardware and images that a run still uses after their end of life."""

from __future__ import annotations

import datetime

from hydra_sagemaker_launcher.catalog.fallbacks import list_candidates
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.images import Image
from hydra_sagemaker_launcher.catalog.instances import find_instance
from hydra_sagemaker_launcher.catalog.releases import Release, load_releases
from hydra_sagemaker_launcher.catalog.user_catalog import read_catalog


def list_expired(hardware: Hardware, image: Image, region: str, today: datetime.date) -> list[str]:
    """Return a line for each instance type and image that AWS no longer sells or patches.

    Args:
        hardware: The hardware of a member, without problems.
        image: Its image.
        region: The region of the job.
        today: The day on which the job runs.
    """
    lines = []
    for candidate in list_candidates(hardware):
        name = candidate.instance_type
        instance = find_instance(name)
        listed = read_catalog()["prices"].get(region)
        if instance is not None and instance.end_of_life is not None and instance.end_of_life < today:
            lines.append(
                f"{name}: AWS asked its users to leave this family by {instance.end_of_life}, so there may be no "
                "capacity; use it to repeat an earlier experiment, otherwise choose e.g. ml.g6.xlarge"
            )
        elif listed is not None and name not in listed["usd_per_hour"]:
            lines.append(
                f"{name}: AWS's price list of {listed['published']} sells no training on it in {region}; choose "
                "another type or region, or update the list: hydra-sagemaker catalog update"
            )
    if not image.release.is_patched(today):
        lines.append(_describe_unpatched(hardware, image, today))
    return lines


def _describe_unpatched(hardware: Hardware, image: Image, today: datetime.date) -> str:
    release = image.release
    line = f"image {release.name} (torch {release.torch}): AWS has not patched it since {release.end_of_patch}"
    if hardware.distribution == "smdistributed":
        return f"{line}, nor any other image with smdistributed; hardware.distribution=torchrun runs on newer ones"
    architectures = {
        instance.architecture
        for candidate in list_candidates(hardware)
        if (instance := find_instance(candidate.instance_type)) is not None
    }
    fitting = [each for each in load_releases().values() if each.is_patched(today)]
    fitting = [each for each in fitting if architectures <= each.architectures]
    if not fitting:
        return f"{line}, and no newer one serves {hardware.instance_type}"
    return f"{line}; these are patched: {', '.join(map(_describe_release, fitting[:3]))} (hardware.image=<name>)"


def _describe_release(release: Release) -> str:
    return f"{release.name} until {release.end_of_patch}" if release.end_of_patch else release.name
