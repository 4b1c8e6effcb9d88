"""What goes wrong with jobs and the service: nothing is lost, nothing doubled, each with its message."""

from __future__ import annotations

from collections import Counter

import pytest
from apps import make_app_of_steps
from launcher_app import App, Service, wait_until


@pytest.fixture
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    service.faults(clear=True)
    return make_app_of_steps(tmp_path_factory.mktemp("app"), service)


def test_throttling_and_a_lost_answer_double_nothing(app: App, service: Service) -> None:
    service.faults(
        throttle=[{"operation": "CreateTrainingJob", "next": 2}, {"operation": "ListTrainingJobs", "next": 1}],
        lose_response={"operation": "CreateTrainingJob", "next": 1},
    )
    done = app.run("x=1,2")
    assert done.code == 0, done.output
    assert len(service.names(app.sweep())) == 2
    assert app.sweep().statuses() == {0: "completed", 1: "completed"}


def test_a_quota_of_nothing_is_told(app: App, service: Service) -> None:
    service.faults(quota={"instance_type": "ml.m5.large", "instances": 0})
    before = service.calls().get("CreateTrainingJob", 0)
    done = app.run("x=1,2")
    assert done.code == 1
    assert service.calls().get("CreateTrainingJob", 0) == before
    done.says(
        "error: hardware.instance_type=ml.m5.large: quota 'ml.m5.large for training job usage' in us-east-1 is 0, and "
        "a job needs 1; ask for more under Service Quotas, Amazon SageMaker, or choose other hardware",
    )
    service.faults(clear=True)
    again = app.run("x=1,2")
    assert again.code == 0, again.output
    assert len(service.names(app.sweep())) == 2


def test_a_quota_smaller_than_the_sweep_is_waited_for(app: App, service: Service) -> None:
    service.faults(
        quota={"instance_type": "ml.m5.large", "instances": 2}, delay={"job": "", "phase": "Training", "seconds": 0.5}
    )
    done = app.run("x=1,2,3,4")
    assert done.code == 0, done.output
    done.says("#2 waits for a free ml.m5.large: this sweep holds 2")
    assert Counter(app.sweep().statuses().values()) == {"completed": 4}
    assert len(service.names(app.sweep())) == 4


def test_jobs_that_fail_and_outputs_that_cannot_be_had(app: App, service: Service) -> None:
    service.faults(
        fail=[
            {"job": "-0$", "reason": "AlgorithmError: injected, exit code: 1"},
            {"job": "-1$", "internal": True, "times": 1},
            {"job": "-2$", "internal": True},
        ],
        malformed_output={"job": "-3$"},
        deny_s3={"key": "/4/output/.*output.tar.gz"},
    )
    done = app.run("x=0,1,2,3,4,5", "steps=5")
    assert done.code == 1
    sweep = app.sweep()
    assert sweep.statuses() == {0: "failed", 1: "completed", 2: "failed", 5: "completed"}
    done.says(
        "#0 failed: AlgorithmError: injected, exit code: 1; https://",
        "#2 failed: InternalServerError: We encountered an internal error. Please try again.; https://",
        "#3 failed: the job is completed; its output could not be fetched: s3://",
        "output.tar.gz: is truncated or not a tar.gz",
        "resume to fetch it again, with retry_failed=true to run it again",
        "#4 failed: ClientError: Artifact upload failed: ",
        "output.tar.gz: cannot be read: ",
    )
    assert not (sweep.path / "3" / "began").exists()
    service.faults(clear=True)
    resumed = app.run("x=0,1,2,3,4,5", "steps=5", f"hydra.launcher.resume={sweep.path}")
    assert resumed.code == 1
    resumed.says("#3 failed: the job is completed")  # the archive is still what it is
    assert len(service.names(sweep)) == 6
    retried = app.run(
        "x=0,1,2,3,4,5", "steps=5", f"hydra.launcher.resume={sweep.path}", "hydra.launcher.retry_failed=true"
    )
    assert retried.code == 0, retried.output
    assert Counter(sweep.statuses().values()) == {"completed": 6}
    assert len(service.names(sweep)) == 10
    for number in range(6):  # nothing of the first attempt is left
        assert (sweep.result(number)["status"], sweep.result(number).get("error")) == ("completed", None)


def test_a_spot_job_goes_on_from_its_checkpoints(app: App, service: Service) -> None:
    with app.started("+hardware.spot=true", "steps=60") as client:
        client.wait_for("submitted:")
        wait_until(lambda: service.holds(f"{app.sweep().sweep_id}/0/checkpoints/steps"), 60)
        service.faults(interrupt={"job": "", "after_seconds": 0})
        done = client.end(120)
    assert done.code == 0, done.output
    assert int((app.root / "sweep" / "0" / "began").read_text()) > 0
    [name] = service.names(app.sweep())
    described = service.describe(name)
    assert "Interrupted" in [entry["Status"] for entry in described["SecondaryStatusTransitions"]]
    assert described["StoppingCondition"]["MaxWaitTimeInSeconds"] == 24 * 3600
    assert app.sweep().result(0)["cost"]["billable_seconds"] == described["BillableTimeInSeconds"]


def test_max_runtime_is_a_failure_whose_way_out_works(app: App) -> None:
    done = app.run("hardware.max_hours=0.0003", "steps=30")
    assert done.code == 1
    done.says("#0 failed: stopped by SageMaker after hardware.max_hours=0.0003; raise it, and resume with")
    more = (f"hydra.launcher.resume={app.sweep().path}", "hydra.launcher.retry_failed=true")
    assert app.run("hardware.max_hours=0.1", "steps=30", *more).code == 0
    other = app.run("hardware.max_hours=0.1", "steps=31", *more)
    other.says("#0: its config is not the one that this sweep was started with")


def test_the_service_is_down_for_a_while(app: App, service: Service) -> None:
    with app.started("x=1,2", "steps=10") as client:
        client.wait_for("submitted:", times=2)
        service.faults(down={"seconds": 600})
        client.wait_for("SageMaker cannot be asked", 180)
        service.faults(clear=True)
        done = client.end(120)
    assert done.code == 0, done.output
    assert len(service.names(app.sweep())) == 2
    done.says(
        "SageMaker cannot be asked (", "jobs run on, and it is tried again every", "SageMaker answers again after"
    )
