"""A client that dies at any moment of a submission: nothing is lost, nothing doubled."""

from __future__ import annotations

import signal

import pytest
from apps import make_app_of_steps
from exhaustive import keep_cases
from launcher_app import App, Service, python

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


@pytest.fixture
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    service.faults(clear=True)
    return make_app_of_steps(tmp_path_factory.mktemp("app"), service)


@pytest.mark.parametrize("step", keep_cases(["after create", "after ended"], STEPS))
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
