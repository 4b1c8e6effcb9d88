"""What goes wrong with jobs, the service and the client: nothing is lost, nothing doubled, each with its message."""

from __future__ import annotations

import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from launcher_app import App, Service, python, wait_until

BODY = r"""
import time
state = Path(os.environ.get("SM_CHECKPOINT_DIR", out)) / "steps"
done = int(state.read_text()) if state.exists() else 0
(out / "began").write_text(str(done))
while done < cfg.steps:
    time.sleep(0.1)
    done += 1
    new = state.with_name("steps.new")
    new.write_text(str(done))
    new.replace(state)
"""
TERMINATED = r"""
import signal, time

class Terminated(KeyboardInterrupt):
    pass

def handle(*_):
    raise Terminated

signal.signal(signal.SIGTERM, handle)
(out / "began").write_text("")
time.sleep(60)
"""
CONFIG = """
defaults:
  - _self_
  - hardware: m5
  - override hydra/launcher: sagemaker
x: 1
task: ok
steps: 0
hydra:
  launcher:
    job_name: job
"""
# Stands for the client; it kills itself at the k-th of the steps of a submission.
DIES = """
import os, runpy, signal, sys
from hydra_sagemaker_launcher.aws import training_jobs
from hydra_sagemaker_launcher import manifest as manifest_module

step = sys.argv[1]

def dying(cls, name, when):
    whole = getattr(cls, name)

    def call(self, *args, **kwargs):
        label = args[0] if name == "write" else name
        if step == f"before {label}":
            os.kill(os.getpid(), signal.SIGKILL)
        returned = whole(self, *args, **kwargs)
        if step == f"after {label}":
            os.kill(os.getpid(), signal.SIGKILL)
        return returned

    setattr(cls, name, call)

dying(manifest_module.Manifest, "write", step)
dying(training_jobs.TrainingJobClient, "create", step)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
# Before a step is behind the one before it.
STEPS = ["before sweep"] + [
    f"after {step}" for step in ("sweep", "planned", "submitting", "create", "submitted", "ended", "finished")
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    service.faults(clear=True)
    return App.make(tmp_path_factory.mktemp("app"), BODY, CONFIG, service.environment())


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
    done = app.run("x=1,2")
    assert done.code == 1
    assert service.names(app.sweep()) == []
    done.says(
        "#0 failed: quota 'ml.m5.large for training job usage' in us-east-1 is 0 and 0 are in use; ask for more under "
        "Service Quotas, Amazon SageMaker, or choose other hardware",
        "#1 failed: quota",
    )
    service.faults(clear=True)
    resumed = app.run("x=1,2", f"hydra.launcher.resume={app.root / 'sweep'}")
    assert resumed.code == 0, resumed.output
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
    done = app.run("hardware.max_hours=0.0003", "steps=60")
    assert done.code == 1
    done.says("#0 failed: stopped by SageMaker after hardware.max_hours=0.0003; raise it, and resume with")
    more = (f"hydra.launcher.resume={app.sweep().path}", "hydra.launcher.retry_failed=true")
    assert app.run("hardware.max_hours=0.1", "steps=60", *more).code == 0
    other = app.run("hardware.max_hours=0.1", "steps=61", *more)
    other.says("#0: its config is not the one that this sweep was started with")


def test_the_service_is_down_for_a_while(app: App, service: Service) -> None:
    with app.started("x=1,2", "steps=10") as client:
        client.wait_for("submitted:", times=2)
        service.faults(down={"seconds": 20})
        done = client.end(120)
    assert done.code == 0, done.output
    assert len(service.names(app.sweep())) == 2
    done.says(
        "SageMaker cannot be asked (", "jobs run on, and it is tried again every", "SageMaker answers again after"
    )


@pytest.mark.parametrize("step", STEPS)
def test_a_client_that_is_killed_loses_and_doubles_nothing(app: App, service: Service, step: str) -> None:
    command = [*python(), "-c", DIES, step, *app.command("x=1,2")[len(python()) :]]
    dead = app.execute(command)
    assert dead.code == -signal.SIGKILL, dead.output
    sweep = app.root / "sweep"
    mode = [f"hydra.launcher.resume={sweep}"]
    if step in ("before sweep",):
        mode = []  # there is nothing to resume
    done = app.run("x=1,2", *mode)
    assert done.code == 0, done.output
    names = service.names(app.sweep())
    assert sorted(name.rpartition("-")[2] for name in names) == ["0", "1"]
    assert app.sweep().statuses() == {0: "completed", 1: "completed"}
    assert [app.sweep().result(number)["status"] for number in (0, 1)] == ["completed", "completed"]


def test_ctrl_c_stops_the_jobs(app: App, service: Service) -> None:
    (app.root / "ended.py").write_text("def note(path):\n    open(path + '/ended.txt', 'w').close()\n")
    with app.started(
        "x=1,2,3", "steps=600", "hydra.launcher.max_parallel=2", "hydra.launcher.on_sweep_end=ended.note"
    ) as client:
        client.wait_for("submitted:", times=2)
        client.send(signal.SIGINT)
        done = client.end()
    assert done.code == 130, done.output
    done.says(
        "Ctrl-C: submitting no more, stopping 2 jobs",
        "Ctrl-C again does not wait",
        "#0 stopped: the job was stopped",
        "#2 stopped: not submitted: Ctrl-C",
    )
    assert {service.describe(name)["TrainingJobStatus"] for name in service.names(app.sweep())} == {"Stopped"}
    assert len(service.names(app.sweep())) == 2
    assert (app.root / "sweep" / "ended.txt").exists()


def test_sigterm_is_a_ctrl_c(app: App, service: Service) -> None:
    with app.started("steps=600") as client:
        client.wait_for("submitted:")
        client.send(signal.SIGTERM)
        done = client.end()
    assert done.code == 143, done.output
    assert service.describe(service.names(app.sweep())[0])["TrainingJobStatus"] == "Stopped"


def test_ctrl_c_in_a_member_here_ends_a_rehearsal_whose_jobs_have_not_begun(app: App) -> None:
    began = app.root / "sweep" / "0" / "began"
    with app.started(
        "hardware=local,m5", "steps=600", "hydra.launcher.service=rehearsal", env={"AWS_ENDPOINT_URL": ""}
    ) as client:
        wait_until(began.exists, 40)
        client.send(signal.SIGINT)
        done = client.end()
    assert done.code == 130, done.output
    done.says("Ctrl-C: submitting no more, stopping 0 jobs", "#1 stopped: not submitted: Ctrl-C")


def test_ctrl_c_before_anything_is_submitted_is_one_line(app: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes a call, and never answers
        silent.settimeout(40)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with app.started("x=1,2", env={"AWS_ENDPOINT_URL": url}) as client:
            connection, _ = silent.accept()
            client.send(signal.SIGINT)
            done = client.end()
            connection.close()
    assert done.code == 130, done.output
    done.says("Ctrl-C: leaving at once")
    assert "Traceback" not in done.output


def test_a_members_own_handler_of_sigterm_is_told_from_a_ctrl_c(app: App, service: Service) -> None:
    """A task may write its result before it goes, and raises an exception of its own to do so."""
    own = App.make(app.root / "own", TERMINATED, CONFIG, service.environment())
    for kinds, ended in (("local", 0), ("local,m5", 1)):
        sweep = kinds.replace(",", "-")
        with own.started(f"hardware={kinds}", sweep=sweep) as client:
            wait_until((own.root / sweep / "0" / "began").exists, 40)
            if ended:
                client.wait_for("submitted:")
            client.send(signal.SIGTERM)
            done = client.end()
        assert done.code == 143, done.output
        assert "Traceback" not in done.output


def test_ctrl_c_detaches(app: App, service: Service) -> None:
    with app.started("steps=80", "hydra.launcher.on_interrupt=detach") as client:
        client.wait_for("submitted:")
        client.send(signal.SIGINT)
        done = client.end()
    assert done.code == 130, done.output
    done.says("Ctrl-C: leaving; 1 jobs run on and cost money: to go on, give the same command with")
    [name] = service.names(app.sweep())
    assert service.describe(name)["TrainingJobStatus"] == "InProgress"
    back = app.run("steps=80", f"hydra.launcher.resume={app.root / 'sweep'}")
    assert back.code == 0, back.output
    assert service.names(app.sweep()) == [name]


def test_a_second_ctrl_c_does_not_wait(app: App, service: Service) -> None:
    service.faults(delay={"job": "", "phase": "Uploading", "seconds": 8})
    with app.started("steps=600") as client:
        client.wait_for("submitted:")
        client.send(signal.SIGINT)
        client.wait_for("stopping 1 jobs")
        time.sleep(1)
        client.send(signal.SIGINT)
        done = client.end(6)
    assert done.code == 130, done.output
    done.says("leaving at once; to go on, give the same command with hydra.launcher.resume=")
