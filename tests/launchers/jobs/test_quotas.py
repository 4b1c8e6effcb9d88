"""Quotas: waited for while jobs of the sweep hold them, and a failure when others do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from launcher_app import Service
from simulated_control import control

from hydra_sagemaker_launcher.aws.training_jobs import QuotaError, TrainingJobClient
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.jobs.job import State
from hydra_sagemaker_launcher.jobs.outcome import Outcome


def quota_error(name: str, limit: int) -> QuotaError:
    said = f"The account-level service limit '{name}' is {limit} Instances, with current utilization of {limit}"
    return QuotaError(said, "us-east-1")


@pytest.mark.parametrize(
    ("quota", "spot", "waits"),
    [
        ("ml.c5.xlarge for training job usage", False, False),  # what the others hold is of another type
        ("ml.m5.large for spot training job usage", True, False),  # ... or on demand
        ("Number of instances across training jobs", False, True),  # counts them all
    ],
)
def test_a_quota_is_waited_for_where_jobs_of_ours_hold_it(
    service: Service, jobs: TrainingJobClient, tmp_path: Path, quota: str, spot: bool, waits: bool
) -> None:
    create = jobs.create
    watched = control(jobs, service, tmp_path, 2)
    watched.jobs[1].member.hardware = Hardware("ml.m5.large", spot=True) if spot else Hardware("ml.c5.xlarge")

    def limited(request: dict[str, Any]) -> str:
        if request["TrainingJobName"].endswith("-1") and watched.jobs[0].state is State.running:
            raise quota_error(quota, 1)
        return create(request)

    jobs.create = limited  # type: ignore[method-assign]
    watched.start()
    assert watched.join(60) and watched.error is None
    outcomes = [job.outcome for job in watched.jobs]
    assert [outcome and outcome.status for outcome in outcomes] == ["completed", "completed" if waits else "failed"]


def test_an_instance_that_is_not_given_back_yet_is_waited_for(
    service: Service, jobs: TrainingJobClient, tmp_path: Path
) -> None:
    """A quota goes on counting a job for a moment after its end."""
    create, late = jobs.create, [True]

    def lagging(request: dict[str, Any]) -> str:
        if request["TrainingJobName"].endswith("-1") and late:
            late.clear()
            raise quota_error("ml.m5.large for training job usage", 1)
        return create(request)

    jobs.create = lagging  # type: ignore[method-assign]
    said: list[str] = []
    watched = control(jobs, service, tmp_path, 2, said, max_parallel=1)
    watched.start()
    assert watched.join(60)
    assert [job.outcome for job in watched.jobs] == [Outcome("completed")] * 2
    assert "#1 waits for a free ml.m5.large: one of this sweep was released a moment ago" in said


def test_a_quota_that_others_hold_is_a_failure(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    service.faults(quota={"instance_type": "ml.m5.large", "instances": 0})
    watched = control(jobs, service, tmp_path, 1)
    watched.start()
    assert watched.join(60)
    service.faults(clear=True)
    assert watched.jobs[0].outcome is not None and watched.jobs[0].outcome.status == "failed"
