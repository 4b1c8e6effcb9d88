"""Whether there are instances for a job: it takes the first type with capacity, waits for one, or fails.

As on AWS, a job on demand waits as long as MaxPendingTimeInSeconds allows if one of its types has an accelerator, and
otherwise fails at once. A spot job waits as long as MaxWaitTimeInSeconds allows. How long a job without a limit waits
is not documented: here half an hour, and then it fails.
"""

from __future__ import annotations

import math
import re

from sagemaker_rehearsal.faults import Faults
from sagemaker_rehearsal.training_jobs import TrainingJob

NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)
UNLIMITED_SECONDS = 1800.0
_ACCELERATED = re.compile(r"ml\.(p|g|trn)\d")


def select_instances(job: TrainingJob, faults: Faults) -> bool:
    """Give a job the first of its instance types that has capacity now, and return whether there is one."""
    for instance_type, count in job.instance_types:
        if faults.has_capacity(instance_type, job.spot):
            job.selected = (instance_type, count)
            return True
    return False


def get_pending_end(job: TrainingJob) -> tuple[float, str, str]:
    """Return when a job that has no instances gives up.

    Returns:
        The time, the secondary status in which it ends then, and its reason.
    """
    if job.spot:
        return job.created + job.get_limit("MaxWaitTimeInSeconds"), "MaxWaitTimeExceeded", ""
    if not any(_ACCELERATED.match(instance_type) for instance_type, _ in job.instance_types):
        return job.created, "Failed", NO_CAPACITY
    limit = job.get_limit("MaxPendingTimeInSeconds")
    if math.isinf(limit):
        return job.created + UNLIMITED_SECONDS, "Failed", NO_CAPACITY
    return job.created + limit, "Stopped", ""
