"""Simulated jobs: a timetable of hours passes in no time, with the figures a real one would show."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from rehearsal_client import Rehearsal, statuses

import sagemaker_rehearsal

LONG = {"MaxRuntimeInSeconds": 7200}


def advance(service: Rehearsal, seconds: float) -> None:
    sagemaker_rehearsal.call(service.url, "clock", {"advance_seconds": seconds})


def test_a_job_takes_its_time_and_no_more(simulated: Rehearsal) -> None:
    simulated.faults(
        delay=[
            {"job": "^sim-1$", "phase": "Starting", "seconds": 120},
            {"job": "^sim-1$", "phase": "Uploading", "seconds": 7},
        ]
    )
    simulated.create("sim-1", StoppingCondition=LONG)
    advance(simulated, 119)
    assert simulated.describe("sim-1")["SecondaryStatus"] == "Starting"
    advance(simulated, 1)
    assert simulated.describe("sim-1")["SecondaryStatus"] == "Training"
    advance(simulated, 3600)
    described = simulated.describe("sim-1")
    assert statuses(described) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert (described["TrainingEndTime"] - described["CreationTime"]).total_seconds() == pytest.approx(727, abs=0.01)
    assert described["BillableTimeInSeconds"] == described["TrainingTimeInSeconds"] == 607


def test_quotas_hold_until_a_job_has_ended(simulated: Rehearsal) -> None:
    big = {"InstanceType": "ml.p3.16xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30}
    for name in ("sim-q1", "sim-q2"):
        simulated.create(name, StoppingCondition=LONG, ResourceConfig=big)
    with pytest.raises(
        ClientError, match="is 4 Instances, with current utilization of 4 Instances and a request delta of 2"
    ):
        simulated.create("sim-q3", StoppingCondition=LONG, ResourceConfig=big)
    advance(simulated, 601)
    simulated.create("sim-q3", StoppingCondition=LONG, ResourceConfig=big)


def test_stops_limits_failures_and_interruptions(simulated: Rehearsal) -> None:
    simulated.faults(
        fail={"job": "^sim-fails$", "reason": "AlgorithmError: boom", "after_seconds": 100},
        interrupt={"job": "^sim-spot$", "after_seconds": 50, "wait_seconds": 900},
    )
    for name in ("sim-stop", "sim-fails"):
        simulated.create(name, StoppingCondition=LONG)
    simulated.create("sim-limit", StoppingCondition={"MaxRuntimeInSeconds": 300})
    limits = {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 7200}
    simulated.create("sim-spot", EnableManagedSpotTraining=True, StoppingCondition=limits)
    advance(simulated, 50)
    simulated.sagemaker.stop_training_job(TrainingJobName="sim-stop")
    assert simulated.describe("sim-stop")["TrainingJobStatus"] == "Stopped"
    assert simulated.describe("sim-spot")["SecondaryStatus"] == "Interrupted"
    advance(simulated, 50)
    assert simulated.describe("sim-fails")["FailureReason"] == "AlgorithmError: boom"
    advance(simulated, 3600)
    limited = simulated.describe("sim-limit")
    assert (limited["SecondaryStatus"], limited["TrainingTimeInSeconds"]) == ("MaxRuntimeExceeded", 300)
    finished = simulated.describe("sim-spot")
    assert (finished["TrainingJobStatus"], finished["TrainingTimeInSeconds"]) == ("Completed", 650)


def test_the_machines_clock_cannot_be_advanced(rehearsal: Rehearsal) -> None:
    with pytest.raises(sagemaker_rehearsal.RehearsalError, match="--simulate"):
        advance(rehearsal, 1)
