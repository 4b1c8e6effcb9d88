"""Ctrl-C and SIGTERM: what becomes of the jobs, and what the user reads."""

from __future__ import annotations

import signal
import socket
import time

import pytest
from apps import CONFIG_OF_STEPS, make_app_of_steps
from launcher_app import App, Service, wait_until

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


@pytest.fixture
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    service.faults(clear=True)
    return make_app_of_steps(tmp_path_factory.mktemp("app"), service)


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
    own = App.make(app.root / "own", TERMINATED, CONFIG_OF_STEPS, service.environment())
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
