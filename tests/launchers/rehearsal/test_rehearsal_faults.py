"""Faults on demand, each as a client meets it."""

from __future__ import annotations

import tarfile
import time
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from rehearsal_client import BUCKET, Rehearsal, channel, statuses

import sagemaker_rehearsal


def test_the_next_calls_are_throttled(rehearsal: Rehearsal) -> None:
    rehearsal.faults(throttle={"operation": "StopTrainingJob", "next": 2})
    for _ in range(2):
        with pytest.raises(ClientError, match="Rate exceeded") as refused:
            rehearsal.sagemaker.stop_training_job(TrainingJobName="nobody")
        assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    with pytest.raises(ClientError, match="not found"):
        rehearsal.sagemaker.stop_training_job(TrainingJobName="nobody")


def test_boto3s_retries_get_through_a_rate(rehearsal: Rehearsal) -> None:
    rehearsal.faults(throttle={"operation": "ListTrainingJobs", "per_second": 2})
    patient = rehearsal.client("sagemaker", attempts=10)
    began = time.monotonic()
    for _ in range(3):
        patient.list_training_jobs()
    assert time.monotonic() - began > 0.9  # three calls at two a second


def test_a_lost_response_was_carried_out(rehearsal: Rehearsal) -> None:
    rehearsal.faults(lose_response={"operation": "CreateTrainingJob", "next": 1})
    with pytest.raises(BotoCoreError):
        rehearsal.create("lost")
    assert rehearsal.wait("lost")["TrainingJobStatus"] == "Completed"
    with pytest.raises(ClientError, match="ResourceInUse"):
        rehearsal.create("lost")


def test_the_endpoint_is_down_for_a_while(rehearsal: Rehearsal) -> None:
    rehearsal.faults(down={"seconds": 0.7})
    began = time.monotonic()
    for call in (rehearsal.s3.list_buckets, rehearsal.sagemaker.list_training_jobs):
        with pytest.raises(BotoCoreError):
            call()
    while time.monotonic() - began < 5:
        try:
            rehearsal.s3.list_buckets()
            break
        except BotoCoreError:
            time.sleep(0.05)
    assert 0.5 < time.monotonic() - began < 3


def test_s3_denies_access(rehearsal: Rehearsal) -> None:
    uri = rehearsal.upload("denied/data/x.txt", "x")
    request = rehearsal.request("denied", channels=[channel("data", uri)])
    rehearsal.faults(deny_s3={"key": f"^{BUCKET}/denied/(data|output)"})
    with pytest.raises(ClientError, match="AccessDenied"):
        rehearsal.read("denied/data/x.txt")
    rehearsal.sagemaker.create_training_job(**request)
    described = rehearsal.wait("denied")
    assert described["FailureReason"].startswith("ClientError: Data download failed: ")
    rehearsal.create("denied-2", OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/denied/output"})
    assert rehearsal.wait("denied-2")["FailureReason"].startswith("ClientError: Artifact upload failed: ")


def test_a_result_archive_is_malformed(rehearsal: Rehearsal) -> None:
    rehearsal.faults(malformed_output={"job": "^half$"})
    script = "import os; open(os.environ['SM_OUTPUT_DATA_DIR'] + '/random', 'wb').write(os.urandom(100_000))"
    assert rehearsal.wait(rehearsal.create("half", script))["TrainingJobStatus"] == "Completed"
    with pytest.raises((tarfile.TarError, EOFError)):
        rehearsal.output("half")


def test_a_job_fails_on_demand(rehearsal: Rehearsal) -> None:
    rehearsal.faults(fail={"job": "^doomed$", "reason": "ClientError: doomed", "after_seconds": 0.2})
    described = rehearsal.wait(rehearsal.create("doomed", "import time; time.sleep(60)"))
    assert (described["TrainingJobStatus"], described["FailureReason"]) == ("Failed", "ClientError: doomed")


@pytest.mark.parametrize(("attempts", "status"), [(1, "Failed"), (2, "Completed")])
def test_internal_errors_are_retried_as_asked(rehearsal: Rehearsal, attempts: int, status: str) -> None:
    name = f"internal-{attempts}"
    rehearsal.faults(fail={"job": f"^{name}$", "internal": True, "times": 2})
    script = "import time; time.sleep(0.5)"
    described = rehearsal.wait(rehearsal.create(name, script, RetryStrategy={"MaximumRetryAttempts": attempts}))
    assert described["TrainingJobStatus"] == status
    assert statuses(described).count("Restarting") == attempts
    assert ("InternalServerError" in described.get("FailureReason", "")) == (status == "Failed")


def test_phases_are_delayed_and_a_job_is_stopped_in_one(rehearsal: Rehearsal) -> None:
    rehearsal.faults(delay={"job": "^slow$", "phase": "Starting", "seconds": 60})
    rehearsal.create("slow")
    time.sleep(0.2)
    assert rehearsal.describe("slow")["SecondaryStatus"] == "Starting"
    rehearsal.sagemaker.stop_training_job(TrainingJobName="slow")
    described = rehearsal.wait("slow")
    assert statuses(described) == ["Starting", "Stopping", "Stopped"]
    assert "BillableTimeInSeconds" not in described  # it never got instances


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"trottle": []}, "unknown kind 'trottle'; choose from throttle, quota"),
        ({"throttle": {"operation": "X", "nxt": 1}}, "give an object of operation, next, per_second"),
        ({"delay": {"job": "x"}}, "phase, seconds is missing"),
        ({"fail": {"job": "("}}, "not a regular expression"),
    ],
)
def test_a_fault_that_is_none(rehearsal: Rehearsal, described: dict[str, Any], message: str) -> None:
    with pytest.raises(sagemaker_rehearsal.RehearsalError, match=message):
        rehearsal.faults(**described)


def test_calls_are_counted(rehearsal: Rehearsal) -> None:
    before = sagemaker_rehearsal.call(rehearsal.url, "calls")
    rehearsal.wait(rehearsal.create("counted"))
    after = sagemaker_rehearsal.call(rehearsal.url, "calls")
    assert after["CreateTrainingJob"] == before["CreateTrainingJob"] + 1
    assert after["s3:PUT"] == before["s3:PUT"] + 1  # the client's own; not the service's archives
