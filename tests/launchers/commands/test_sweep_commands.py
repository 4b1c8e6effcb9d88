"""`hydra-sagemaker status, logs, stop, resume, costs` on sweeps that a launcher has left behind."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apps import make_app_of_steps
from launcher_app import LAUNCHERS, App, Done, Service, python, wait_until

import sagemaker_rehearsal
from hydra_sagemaker_launcher.manifest import Manifest

PRINTING = r"""
import time
if int(cfg.x) == 3:
    raise ValueError("no third")
for step in range(cfg.steps):
    print(f"step {step}: 'loss': {1 / (step + 1):.3f}", flush=True)
    time.sleep(0.05)
(out / "weights.txt").write_text("heavy")
"""
CONFIG = """
defaults:
  - _self_
  - hardware: m5
  - override hydra/launcher: sagemaker
x: 1
task: ok
steps: 0
secret_free: ${oc.env:HOME}
hydra:
  launcher:
    job_name: job
    request:
      AlgorithmSpecification:
        MetricDefinitions: [{Name: loss, Regex: "'loss': ([0-9.]+)"}]
"""


@pytest.fixture
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    service.faults(clear=True)
    return App.make(tmp_path_factory.mktemp("app"), PRINTING, CONFIG, service.environment())


def run(app: App, name: str, *arguments: str, env: dict[str, str] | None = None, timeout: float = 90) -> Done:
    return app.execute([*python(), "-m", "hydra_sagemaker_launcher.cli", name, *arguments], env, timeout)


def kill_after_submission(app: App, *overrides: str, times: int, env: dict[str, str] | None = None) -> None:
    with app.started(*overrides, env=env) as client:
        client.wait_for("submitted:", times=times)
        client.send(signal.SIGKILL)


def read_status(app: App, *arguments: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = run(app, "status", "sweep", "--json", *arguments, env=env)
    assert done.code == 0, done.output
    status: dict[str, Any] = json.loads(done.output)
    return status


def wait_for_states(app: App, expected: str, env: dict[str, str] | None = None) -> None:
    wait_until(lambda: all(re.match(expected, each["state"]) for each in read_status(app, env=env)["members"]), 60)


def test_a_sweep_whose_client_was_killed_is_seen_stopped_and_resumed(app: App, service: Service) -> None:
    """From kill -9 to the results, with nothing but the sweep's directory."""
    kill_after_submission(app, "x=1,2", "steps=2000", "hydra.launcher.max_parallel=2", times=2)
    wait_until(lambda: all(each["last"] for each in read_status(app)["members"]), 60)
    table = run(app, "status", "sweep")
    table.says("x=1", "ml.m5.large", "Training", "loss=0.", "2 running jobs cost $0.23 an hour", "nothing drives")
    (one, two) = read_status(app)["members"]
    assert (one["overrides"], one["instance_type"]) == (["x=1", "steps=2000"], "ml.m5.large")
    assert one["usd"] == pytest.approx(one["seconds"] * 0.115 / 3600, rel=0.2)
    assert read_status(app)["driver"] is None

    asked = run(app, "stop", "sweep")
    assert asked.code == 1
    asked.says("#0 x=1: Training on ml.m5.large at $0.12 an hour", "Stop these 2 jobs?", "add --yes")
    assert {service.describe(name)["TrainingJobStatus"] for name in service.names(app.sweep())} == {"InProgress"}
    stopped = run(app, "stop", "sweep", "--member", "1", "--yes")
    stopped.says("asked 1 job to stop")
    wait_until(lambda: service.describe(two["job_name"])["TrainingJobStatus"] == "Stopped", 40)
    assert service.describe(one["job_name"])["TrainingJobStatus"] == "InProgress"
    run(app, "stop", "sweep", "-y").says("#0 x=1", "asked 1 job to stop")
    wait_for_states(app, "Stopped, not fetched")
    run(app, "stop", "sweep", "-y").says("no job of this sweep runs")

    back = run(app, "resume", "sweep", "--retry-failed", "--yes", "steps=3")
    assert back.code == 1, back.output  # another config is another sweep
    back.says("its config is not the one that this sweep was started with")
    back = run(app, "resume", "sweep", "--yes")
    assert back.code == 1, back.output  # Hydra's exit code after stopped members
    # The retry before has fetched them, although its other config was refused.
    back.says(f"hydra.launcher.resume={app.root / 'sweep'}", "2 of 2 members are finished; nothing would be submitted")
    assert app.sweep().statuses() == {0: "stopped", 1: "stopped"}
    assert "heavy" not in [path.name for path in (app.root / "sweep" / "0").iterdir()]
    costs = run(app, "costs", "sweep", "--json")
    content = json.loads(costs.output)
    assert [each["status"] for each in content["attempts"]] == ["Stopped", "Stopped"]
    billed = sum(service.describe(name)["BillableTimeInSeconds"] for name in service.names(app.sweep()))
    assert content["total"]["billed_seconds"] == billed
    assert content["total"]["usd"] == pytest.approx(billed * 0.115 / 3600, abs=2e-4)


def test_results_are_fetched_without_the_app(app: App, service: Service) -> None:
    kill_after_submission(app, "x=1,2,3", "steps=40", times=3)
    wait_for_states(app, "Completed, not fetched|Failed, not fetched")
    (app.root / "app.py").rename(app.root / "gone.py")
    again = run(app, "resume", "sweep", "--yes")
    assert again.code == 1
    again.says("app.py: is gone", "hydra-sagemaker resume", "--fetch")
    done = run(app, "resume", "sweep", "--fetch")
    assert done.code == 0, done.output
    done.says("#0 completed", "#2 failed: AlgorithmError: ValueError: no third", "3 members fetched")
    assert app.sweep().statuses() == {0: "completed", 1: "completed", 2: "failed"}
    for number in (0, 1):
        folder = app.root / "sweep" / str(number)
        assert (folder / "weights.txt").read_text() == "heavy"
        result = app.sweep().result(number)
        assert (result["status"], result["objective"], result["choices"]) == (
            "completed",
            2.0 * (number + 1),
            {"hardware": "m5"},
        )
        assert result["cost"]["usd_per_hour"] == 0.115
        config = (folder / ".hydra" / "hydra.yaml").read_text("utf-8")
        assert str(folder) in config and "/opt/ml" not in config  # the paths of this machine
        assert "step 39" in (folder / "sagemaker.log").read_text("utf-8")
    assert run(app, "resume", "sweep", "--fetch").output.startswith("0 members fetched")
    # The launcher itself takes them for finished.
    (app.root / "gone.py").rename(app.root / "app.py")
    submitted = len(service.names(app.sweep()))
    back = run(app, "resume", "sweep", "-y")
    back.says("3 of 3 members are finished")
    assert len(service.names(app.sweep())) == submitted
    status = run(app, "status", "sweep")
    status.says("objective=2", "AlgorithmError: ValueError: no third", "2 completed, 1 failed")


def test_resume_submits_what_waited_and_ends_like_the_launcher(app: App, service: Service) -> None:
    kill_after_submission(app, "x=1,2", "steps=20", "hydra.launcher.max_parallel=1", times=1)
    assert [each["state"] for each in read_status(app)["members"]][1] == "not submitted"
    done = run(app, "resume", "sweep", "-y", "hydra.launcher.max_parallel=2")
    assert done.code == 0, done.output
    done.says("in ", "app.py -m", "hydra.launcher.max_parallel=2")
    assert done.output.count("max_parallel") == 1
    assert app.sweep().statuses() == {0: "completed", 1: "completed"}
    assert len(service.names(app.sweep())) == 2
    assert read_status(app)["members"][1]["last"] == "objective=4"


def test_members_that_were_stopped_meanwhile_are_submitted_again_by_one_command(app: App, service: Service) -> None:
    kill_after_submission(app, "x=1", "steps=30", times=1)
    run(app, "stop", "sweep", "-y").says("asked 1 job to stop")
    wait_for_states(app, "Stopped, not fetched")
    done = run(app, "resume", "sweep", "--retry-failed", "--yes")
    assert done.code == 0, done.output
    done.says("#0 stopped", "0 of 1 members are finished", "#0 completed")
    assert len(service.names(app.sweep())) == 2


def test_a_resume_of_some_members_does_not_make_the_sweep_forget_the_others(app: App) -> None:
    kill_after_submission(app, "x=1,2", "steps=2", "hydra.launcher.max_parallel=1", times=1)
    some = app.run("x=1", "steps=2", "hydra.launcher.resume=sweep")
    assert some.code == 0, some.output
    some.says("not in this command, and left as recorded: #1; hydra-sagemaker resume")
    back = run(app, "resume", "sweep", "--yes")
    assert back.code == 0, back.output
    assert app.sweep().statuses() == {0: "completed", 1: "completed"}


def test_logs_of_all_members_follow_until_they_end(app: App, service: Service) -> None:
    kill_after_submission(app, "x=1,2", "steps=60", times=2)
    done = run(app, "logs", "sweep", "-f", "--interval", "0.3")
    assert done.code == 0, done.output
    for number, x in ((0, 1), (1, 2)):
        steps = [line for line in done.output.splitlines() if line.startswith(f"#{number} x={x} | step ")]
        assert [int(re.search(r"step (\d+)", line)[1]) for line in steps] == list(range(60))  # type: ignore[index]
    assert "\x1b" not in done.output
    one = run(app, "logs", "sweep", "--member", "1", "--tail", "1")
    assert one.output.count("\n") == 1 and one.output.startswith("#1 x=2 | ")
    wrong = run(app, "logs", "sweep", "--member", "7")
    assert (wrong.code, wrong.output) == (1, "error: --member 7: this sweep has #0 to #1\n")


def test_a_terminal_gets_a_color_per_member(app: App) -> None:
    assert app.run("x=1,2", "steps=1").code == 0
    leader, follower = pty.openpty()
    command = [*python(), "-m", "hydra_sagemaker_launcher.cli", "logs", "sweep", "--tail", "1"]
    env = {name: value for name, value in app.env().items() if name != "NO_COLOR"}
    done = subprocess.Popen(command, cwd=app.root, env=env, stdout=follower, stderr=subprocess.STDOUT)
    done.wait(60)
    os.close(follower)
    said = os.read(leader, 10_000).decode()
    os.close(leader)
    assert "\x1b[36m#0 x=1 |\x1b[0m" in said and "\x1b[33m#1 x=2 |\x1b[0m" in said


def test_a_sweep_that_is_driven_says_so(app: App) -> None:
    with app.started("x=1", "steps=2000") as client:
        client.wait_for("submitted:")
        status = run(app, "status", "sweep")
        status.says("process", "drives this sweep")
        refused = run(app, "resume", "sweep", "-y")
        assert refused.code == 1
        refused.says("drives this sweep; wait for its end, or stop it there")
        run(app, "stop", "sweep", "-y").says("submits members that wait; Ctrl-C there stops everything")
        done = client.end()
    done.says("#0 stopped: the job was stopped")


@pytest.fixture
def rehearsing(app: App) -> Iterator[App]:
    """An app whose sweeps start a stand-in of their own."""
    app.environment = {"SAGEMAKER_ROLE_ARN": ""}
    yield app
    with contextlib.suppress(OSError):
        sagemaker_rehearsal.stop(app.root / "sweep" / ".rehearsal")


def test_a_rehearsal_is_attached_to(rehearsing: App) -> None:
    app = rehearsing
    kill_after_submission(app, "x=1,2", "steps=100", "hydra.launcher.service=rehearsal", times=1)
    status = run(app, "status", "sweep")
    status.says("this is a rehearsal, and free", "x=2", "not submitted")
    done = run(app, "resume", "sweep", "-y")
    assert done.code == 0, done.output
    assert app.sweep().statuses() == {0: "completed", 1: "completed"}
    # The stand-in has ended with the sweep. What is on disk is still shown, and nothing is started for it.
    assert [each["state"] for each in read_status(app)["members"]] == ["completed", "completed"]
    run(app, "logs", "sweep", "--member", "0").says("#0 x=1 | step 99")
    run(app, "costs", "sweep").says("2 jobs", "this was a rehearsal, and free")
    assert not (app.root / "sweep" / ".rehearsal").exists()


def test_a_rehearsal_that_has_ended_is_said_to_have(rehearsing: App) -> None:
    app = rehearsing
    kill_after_submission(app, "x=1", "steps=2000", "hydra.launcher.service=rehearsal", times=1)
    sagemaker_rehearsal.stop(app.root / "sweep" / ".rehearsal")
    run(app, "status", "sweep").says("the rehearsal service of this sweep has ended, and its jobs with it")
    fetched = run(app, "resume", "sweep", "--fetch")
    assert fetched.code == 1 and "nothing can be fetched" in fetched.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["status", "logs", "stop", "resume", "costs"])
def test_errors_are_one_line(tmp_path: Path, name: str) -> None:
    done = run(App(tmp_path), name, "nowhere", timeout=60)
    assert done.code == 1
    assert done.output == "error: nowhere: contains no members.jsonl; give the directory of a sweep\n"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "renew the credentials"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "look at the network"),
    ],
)
def test_a_service_that_cannot_be_asked_is_one_line(app: App, env: dict[str, str], words: str) -> None:
    kill_after_submission(app, "x=1", "steps=2000", times=1)
    done = run(app, "status", "sweep", env={"AWS_MAX_ATTEMPTS": "1", **env})
    assert done.code == 1 and "Traceback" not in done.output
    done.says("SageMaker cannot be asked (", words)
    assert done.output.count("\n") == 1
    run(app, "stop", "sweep", "-y")


def test_looking_changes_nothing(app: App) -> None:
    """Another process may be writing the last line at this moment."""
    assert app.run("x=1", "steps=1").code == 0
    path = app.root / "sweep" / "members.jsonl"
    with path.open("ab") as file:
        file.write(b'{"event": "plan')
    before = path.read_bytes()
    for name in ("status", "costs", "logs"):
        assert run(app, name, "sweep").code == 0
    assert path.read_bytes() == before
    assert Manifest(app.root / "sweep", may_repair=False).members[0].status == "completed"


@pytest.mark.slow
def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import atexit, sys\n"
        "heavy = ('boto3', 'botocore', 'rich', 'moto', 'torch')\n"
        "atexit.register(lambda: print('HEAVY', [name for name in heavy if name in sys.modules]))\n"
        "from hydra_sagemaker_launcher.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    env = {"PYTHONPATH": str(LAUNCHERS), "PATH": os.environ["PATH"]}
    for arguments in (["--help"], ["status", "--help"], ["resume", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert "examples:" in done.stdout or arguments == ["--help"]
        assert "HEAVY []" in done.stdout, done.stdout


@pytest.mark.slow
def test_the_help_lists_every_command(tmp_path: Path) -> None:
    done = run(App(tmp_path), "--help")
    for name in ("status", "logs", "stop", "resume", "costs", "catalog"):
        assert re.search(rf"^ +{name} +\w", done.output, re.MULTILINE)


def test_jobs_left_running_name_these_commands(app: App, service: Service) -> None:
    with app.started("x=1", "steps=2000", "hydra.launcher.on_interrupt=detach") as client:
        client.wait_for("submitted:")
        client.send(signal.SIGINT)
        done = client.end()
    sweep = app.root / "sweep"
    done.says(
        f"or run hydra-sagemaker resume {sweep}",
        f"to look at its jobs: hydra-sagemaker status {sweep}",
        f"#0 runs on at $0.12 an hour; to stop it: hydra-sagemaker stop {sweep} --member 0",
    )
    named = re.search(r"to stop it: hydra-sagemaker (stop .* --member 0)", done.output)
    assert named is not None
    run(app, *named[1].split(), "--yes").says("asked 1 job to stop")
    wait_until(lambda: service.describe(service.names(app.sweep())[0])["TrainingJobStatus"] == "Stopped", 40)


def test_make_app_of_steps_is_resumed_from_another_folder(service: Service, tmp_path: Path) -> None:
    """The command is run where it was given, wherever `resume` is called."""
    app = make_app_of_steps(tmp_path / "a b", service)
    kill_after_submission(app, "steps=1", times=1)
    elsewhere = App(tmp_path, app.environment)
    done = elsewhere.execute(
        [*python(), "-m", "hydra_sagemaker_launcher.cli", "resume", str(app.root / "sweep"), "-y"],
    )
    assert done.code == 0, done.output
    assert app.sweep().statuses() == {0: "completed"}
