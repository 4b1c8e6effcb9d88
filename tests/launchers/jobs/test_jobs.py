"""Submitting and watching: what it asks of SageMaker, and how often, on a service with simulated time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from launcher_app import Service
from simulated_control import asked, control, counted

from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.request.training_job import MEMBER_VARIABLE, SWEEP_VARIABLE


def test_watching_does_not_cost_more_with_every_member(
    service: Service, jobs: TrainingJobClient, tmp_path: Path
) -> None:
    before = service.calls()
    watched = control(jobs, service, tmp_path, 60)
    watched.start()
    assert watched.join(120)
    assert watched.error is None
    assert {job.outcome for job in watched.jobs} == {Outcome("completed")}
    calls = counted(service, before)
    assert calls["CreateTrainingJob"] == calls["DescribeTrainingJob"] == 60
    # Some 3,060 s at one look in 30 s, and a look at all that runs every 600 s: not 60 members times that.
    assert 90 <= calls["ListTrainingJobs"] <= 125
    assert set(calls) == {"CreateTrainingJob", "DescribeTrainingJob", "ListTrainingJobs"}


def test_each_submission_is_announced_on_disk(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    seen: list[list[str]] = []
    create = jobs.create

    def looking(request: dict[str, Any]) -> str:
        text = (tmp_path / "members.jsonl").read_text()
        seen.append([line for line in text.splitlines() if request["TrainingJobName"] in line])
        return create(request)

    jobs.create = looking  # type: ignore[method-assign]
    watched = control(jobs, service, tmp_path, 3, wait=False)
    watched.start()
    assert watched.join(60) and watched.detached
    assert [len(lines) for lines in seen] == [1, 1, 1]
    assert all('"submitting"' in lines[0] for lines in seen)


def test_what_may_have_been_submitted_is_looked_for_first(
    service: Service, jobs: TrainingJobClient, tmp_path: Path
) -> None:
    jobs.create(asked(jobs, 1))
    before = service.calls()
    watched = control(jobs, service, tmp_path, 3, max_parallel=1)
    watched.jobs[1].state = State.unknown
    watched.start()
    assert watched.join(60)
    assert watched.error is None
    assert counted(service, before)["CreateTrainingJob"] == 2
    described = [jobs.describe(job.request["TrainingJobName"]) or {} for job in watched.jobs]
    # The one that was there counts for max_parallel: none began before it had ended.
    assert described[0]["CreationTime"] >= described[1]["TrainingEndTime"]


def test_a_stranger_of_the_same_name_is_left_alone(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    jobs.create(asked(jobs, 0, Environment={SWEEP_VARIABLE: "other", MEMBER_VARIABLE: "0"}))
    said: list[str] = []
    watched = control(jobs, service, tmp_path, 1, said)
    watched.start()
    assert watched.join(60)
    outcome = watched.jobs[0].outcome
    assert outcome is not None and outcome.status == "failed"
    assert "is not of this sweep; choose another hydra.launcher.job_name" in str(outcome.reason)
    assert not Manifest(tmp_path).has_jobs()


def test_a_job_that_is_known_but_not_shown_yet_is_not_given_up(
    service: Service, jobs: TrainingJobClient, tmp_path: Path
) -> None:
    """SageMaker's lists and descriptions lag behind what it has taken on."""
    jobs.create(asked(jobs, 0))
    describe, unseen = jobs.describe, [None, None]
    jobs.describe = lambda name: unseen.pop() if unseen else describe(name)  # type: ignore[method-assign]
    before = service.calls()
    watched = control(jobs, service, tmp_path, 1)
    watched.start()
    assert watched.join(60)
    assert watched.jobs[0].outcome == Outcome("completed")
    assert counted(service, before).get("CreateTrainingJob", 0) <= 2  # refused by name


@pytest.mark.parametrize("stopping", [False, True])
def test_a_job_that_somebody_deleted_is_not_waited_for(
    service: Service, jobs: TrainingJobClient, tmp_path: Path, stopping: bool
) -> None:
    jobs.list_changed = lambda: iter(())  # type: ignore[method-assign]
    jobs.list_in_progress = set  # type: ignore[method-assign]
    jobs.describe = lambda name: None  # type: ignore[method-assign]
    watched = control(jobs, service, tmp_path, 1)
    watched._submission.submit(lambda: True)
    if stopping:
        watched.stop("Ctrl-C")
    watched.start()
    assert watched.join(60) and watched.error is None
    outcome, name = watched.jobs[0].outcome, watched.jobs[0].name
    assert outcome is not None and outcome.status == "failed"
    assert str(outcome.reason).startswith(f"the job is gone: SageMaker knows of no {name}; resume with retry_failed")
    record = Manifest(tmp_path).get_record(0)
    assert (record.job_status, record.status) == ("Failed", "failed")
    # Two looks at all, 600 s apart; where it was asked to stop, the next look is enough.
    assert (30 <= watched.clock.get_time() < 100) if stopping else (1200 <= watched.clock.get_time() < 1300)


def test_an_outage_is_met_once_and_not_once_a_job(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    create, stop, answers = jobs.create, jobs.stop, [False, True]
    asked_to_stop: list[str] = []

    def answering(request: dict[str, Any]) -> str:
        announced.append((tmp_path / "members.jsonl").read_text().count('"submitting"'))
        if answers and not answers.pop(0):
            raise EndpointConnectionError(endpoint_url="https://aws")
        return create(request)

    def stopping(name: str) -> None:
        asked_to_stop.append(name)
        if len(asked_to_stop) == 1:
            raise EndpointConnectionError(endpoint_url="https://aws")
        stop(name)

    announced: list[int] = []
    jobs.create, jobs.stop = answering, stopping  # type: ignore[method-assign]
    said: list[str] = []
    watched = control(jobs, service, tmp_path, 3, said)
    watched._run_iteration()
    assert announced == [1]
    assert [job.state for job in watched.jobs] == [State.unknown, State.waiting, State.waiting]
    watched._run_iteration()
    assert announced == [1]
    watched.clock.wait(40, threading.Event())
    while len(announced) < 4:
        watched._run_iteration()
        watched.clock.wait(5, threading.Event())
    assert [job.state for job in watched.jobs] == [State.running] * 3
    watched.stop("Ctrl-C")
    watched._run_iteration()
    assert len(asked_to_stop) == 1
    watched.start()
    assert watched.join(60) and watched.error is None
    assert len(asked_to_stop) <= 4
    assert sum("SageMaker cannot be asked" in line for line in said) == 2


def test_one_members_odd_result_ends_no_sweep(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    watched = control(jobs, service, tmp_path, 3)

    def fetch(job: Job) -> Outcome:
        if job.member.number == 1:
            raise RecursionError("maximum recursion depth exceeded")
        return Outcome("completed")

    watched._fetches._fetch = fetch
    watched.start()
    assert watched.join(60) and watched.error is None
    outcomes = [job.outcome for job in watched.jobs]
    assert [outcome and outcome.status for outcome in outcomes] == ["completed", "failed", "completed"]
    assert "its output could not be fetched: RecursionError: maximum recursion depth" in str(outcomes[1])
    assert Manifest(tmp_path).get_record(1).is_lost
