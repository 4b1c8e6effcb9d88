"""`hardware.fallbacks`: the instance types that a job also takes, in order, if there is no capacity for the first.

SageMaker itself chooses from the list for jobs on demand (ResourceConfig.InstancePreferences). It does not for spot
jobs, and an older botocore has no words for it. The launcher then submits the job once per type, until one starts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hydra_sagemaker_launcher.aws.service_model import load_service_model
from hydra_sagemaker_launcher.catalog.hardware import Hardware, find_hardware_problems
from hydra_sagemaker_launcher.catalog.instances import is_offered, list_offered_types
from hydra_sagemaker_launcher.errors import LaunchError

MAX_TYPES = 5  # of InstancePreferences
PENDING_MINUTES = (30, 40320)  # the bounds of MaxPendingTimeInSeconds


def list_candidates(hardware: Hardware) -> list[Hardware]:
    """Return the hardware of each type that a job may run on, the preferred one first.

    Each has no fallbacks itself, and a price of the user's own only counts for the first.

    Args:
        hardware: A fallback is an instance type (`ml.g6.xlarge`) or a family (`g6`, in the size of the first type),
            with `:<count>` if its number of instances is another.

    Raises:
        LaunchError: A fallback is not such a name. It has a line for each.
    """
    first = replace(hardware, fallbacks=())
    candidates, problems = [first], []
    for text in hardware.fallbacks:
        name, colon, count = text.partition(":")
        if not name.startswith("ml."):
            name = f"ml.{name}.{hardware.instance_type.rpartition('.')[2]}"
        if not is_offered(name):
            sizes = [each for each in list_offered_types() if each.split(".")[1] == name.split(".")[1]]
            way_out = f"choose from {', '.join(sizes)}" if sizes else "give a family or a type, e.g. g5 or ml.g5.xlarge"
            problems.append(f"hardware.fallbacks={text}: SageMaker has no training instance {name}; {way_out}")
        elif colon and not (count.isdecimal() and int(count) > 0):
            problems.append(f"hardware.fallbacks={text}: {count!r} is not a number of instances; give 1 or more")
        else:
            instances = int(count) if colon else hardware.instance_count
            candidates.append(replace(first, instance_type=name, instance_count=instances, usd_per_hour=None))
    if problems:
        raise LaunchError(problems)
    return candidates


def is_chosen_by_sagemaker(hardware: Hardware) -> bool:
    """Return whether SageMaker chooses from the types, in one job. If not, the launcher submits job after job."""
    return bool(hardware.fallbacks) and not hardware.spot and has_preferences()


def is_pending_limited_by_sagemaker(hardware: Hardware) -> bool:
    """Return whether SageMaker keeps `hardware.max_pending_minutes`. If not, the launcher stops the job itself."""
    return (
        not hardware.spot and "MaxPendingTimeInSeconds" in load_service_model().shape_for("StoppingCondition").members
    )


def has_preferences() -> bool:
    """Return whether the installed botocore has words for a list of instance types."""
    return "InstancePreferences" in load_service_model().shape_for("ResourceConfig").members


def has_own_counts(candidates: Sequence[Hardware]) -> bool:
    """Return whether the numbers of instances differ. SageMaker takes one for all types or one for each, no mixture."""
    return len({candidate.instance_count for candidate in candidates}) > 1


def find_candidate_problems(hardware: Hardware) -> list[str]:
    """Return a line for everything that SageMaker or one of the instance types cannot do, except for the image."""
    problems = find_hardware_problems(hardware)
    problems += _check_pending_limit(hardware)
    if not hardware.fallbacks:
        return problems
    try:
        candidates = list_candidates(hardware)
    except LaunchError as error:
        return problems + error.problems
    problems += _check_list(hardware, candidates)
    for candidate in candidates[1:]:
        new = (line for line in find_hardware_problems(candidate) if line not in problems)
        problems += [f"hardware.fallbacks={candidate.instance_type}: {line}" for line in new]
    return problems


def _check_pending_limit(hardware: Hardware) -> Iterator[str]:
    minutes, (least, most) = hardware.max_pending_minutes, PENDING_MINUTES
    if minutes is not None and not least <= minutes <= most:
        yield f"hardware.max_pending_minutes={minutes}: choose {least} to {most} minutes (28 days), or null"


def _check_list(hardware: Hardware, candidates: Sequence[Hardware]) -> Iterator[str]:
    """Check a list of types by the rules of InstancePreferences, which also make sense for one job after another."""
    if len(candidates) > MAX_TYPES:
        yield (
            f"hardware.fallbacks: {len(candidates)} types with the first one; SageMaker takes {MAX_TYPES}, so remove "
            f"{len(candidates) - MAX_TYPES}"
        )
    for name, times in Counter(candidate.instance_type for candidate in candidates).items():
        if times > 1:
            yield f"hardware.fallbacks: {name} is there {times} times, hardware.instance_type included; remove it"
    if hardware.distribution == "smdistributed":
        yield (
            "hardware.fallbacks: smdistributed is started for one instance type; choose "
            "hardware.distribution=torchrun, or hardware.fallbacks=[]"
        )
