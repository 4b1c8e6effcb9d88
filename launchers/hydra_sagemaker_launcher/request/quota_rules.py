"""Whether the account's quotas cover every type of `hardware.fallbacks`: SageMaker refuses the list otherwise."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from hydra_sagemaker_launcher.aws.failures import classify_failure
from hydra_sagemaker_launcher.aws.quotas import list_training_quotas
from hydra_sagemaker_launcher.aws.session import Aws, format_aws_error
from hydra_sagemaker_launcher.catalog.fallbacks import is_chosen_by_sagemaker
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.request.plan import PlannedMember

log = logging.getLogger("sagemaker_launcher")


def has_lists(planned: Sequence[PlannedMember]) -> bool:
    """Return whether SageMaker chooses the instance type of any member."""
    return any(is_chosen_by_sagemaker(item.hardware) for item in planned)


def ask_quota_problems(planned: Sequence[PlannedMember], aws: Aws) -> list[str]:
    """Ask Service Quotas, and return what `find_quota_problems` finds. Nothing, with a warning, if it cannot be asked.

    Args:
        planned: The members as they are planned.
        aws: The clients. A dry run may have no account to ask.
    """
    try:
        return list(find_quota_problems(planned, list_training_quotas(aws.quotas), aws.region))
    except Exception as error:  # the answer is a help: SageMaker itself refuses a list that the quotas do not cover
        if not isinstance(error, LaunchError) and classify_failure(error) is None:
            raise
        log.warning("the quotas for hardware.fallbacks cannot be asked: %s", format_aws_error(error))
        return []


def find_quota_problems(planned: Sequence[PlannedMember], quotas: Mapping[str, float], region: str) -> Iterator[str]:
    """Yield a line for each instance type of a list whose quota does not cover its number of instances.

    Args:
        planned: The members as they are planned.
        quotas: Instances by instance type. A type that is missing is not checked.
        region: The region of the jobs.
    """
    for item in planned:
        for hardware in (each.hardware for each in item.candidates if is_chosen_by_sagemaker(item.hardware)):
            name, limit = hardware.instance_type, quotas.get(hardware.instance_type)
            if limit is not None and limit < hardware.instance_count:
                yield (
                    f"hardware.fallbacks: quota '{name} for training job usage' in {region} is {limit:g}. SageMaker "
                    f"takes a list only if the quota of every type covers it ({hardware.instance_count} here); ask for "
                    "more under Service Quotas, Amazon SageMaker, or remove the type"
                )
