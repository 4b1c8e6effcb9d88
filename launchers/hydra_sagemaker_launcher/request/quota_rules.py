"""Whether the account's quotas cover each job: SageMaker would refuse it, perhaps after others have run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hydra_sagemaker_launcher.catalog.fallbacks import is_chosen_by_sagemaker, list_candidates
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.request.plan import PlannedMember

_WAY_OUT = "ask for more under Service Quotas, Amazon SageMaker, or"


def find_quota_problems(
    planned: Sequence[PlannedMember], quotas: Mapping[tuple[str, bool], float], region: str
) -> Iterator[str]:
    """Yield a line for each quota that does not cover the instances of one job.

    Fewer instances than all jobs together need are no problem: jobs then wait for each other.

    Args:
        planned: The members as they are planned.
        quotas: Instances by instance type and whether it is for spot. A type that is missing is not checked.
        region: The region of the jobs.
    """
    for hardware in dict.fromkeys(item.hardware for item in planned):
        candidates = list_candidates(hardware)
        short = [each for each in candidates if quotas.get(_get_key(each), each.instance_count) < each.instance_count]
        if is_chosen_by_sagemaker(hardware):
            for each in short:
                yield (
                    f"hardware.fallbacks: {_describe(each, quotas, region)}. SageMaker takes a list only if the quota "
                    f"of every type covers it ({each.instance_count} here); {_WAY_OUT} remove the type"
                )
        elif len(short) == len(candidates):  # otherwise one of them is left to try
            for each in short:
                yield (
                    f"hardware.instance_type={each.instance_type}: {_describe(each, quotas, region)}, and a job needs "
                    f"{each.instance_count}; {_WAY_OUT} choose other hardware"
                )


def _get_key(hardware: Hardware) -> tuple[str, bool]:
    return hardware.instance_type, hardware.spot


def _describe(hardware: Hardware, quotas: Mapping[tuple[str, bool], float], region: str) -> str:
    kind = "spot " if hardware.spot else ""
    limit = quotas[_get_key(hardware)]
    return f"quota '{hardware.instance_type} for {kind}training job usage' in {region} is {limit:g}"
