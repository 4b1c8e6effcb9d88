"""Whole sweeps of a small app on the rehearsal service: what a user gets, sees, and is refused."""

from __future__ import annotations

import sys

import pytest
from apps import make_app_of_tasks
from launcher_app import App, Service

from hydra_sagemaker_launcher.manifest import FILE

# Stands for the client of a user who may submit and not look; the first member here ends after the first look.
DIES = """
import runpy, sys, time
from botocore.exceptions import ClientError
from hydra_sagemaker_launcher import in_process
from hydra_sagemaker_launcher.aws import training_jobs

def changed(self):
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ListTrainingJobs")

run_job = in_process.run_job

def slow(**given):
    returned = run_job(**given)
    time.sleep(4)
    return returned

training_jobs.TrainingJobClient.list_changed, in_process.run_job = changed, slow
sys.argv[0] = "app.py"
runpy.run_path("app.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    return make_app_of_tasks(tmp_path_factory.mktemp("app"), service)


def test_local_and_remote_members_mix_and_look_alike(app: App, service: Service) -> None:
    done = app.run(
        "hardware=local,m5", "task=ok,result", "x=1.5", "hydra.launcher.on_sweep_end=ended.note", sweep="mix"
    )
    assert done.code == 0, done.output
    sweep = app.sweep("mix")
    assert sweep.statuses() == dict.fromkeys(range(4), "completed")
    assert (sweep.path / "ended.txt").read_text() == "called\n"
    for number in range(4):
        folder = sweep.path / str(number)
        assert (folder / "note.txt").read_text() == "x=1.5"
        hardware, task = [("local", "ok"), ("local", "result"), ("m5", "ok"), ("m5", "result")][number]
        overrides = (folder / ".hydra" / "overrides.yaml").read_text()
        assert overrides.split() == ["-", f"hardware={hardware}", "-", f"task={task}", "-", "x=1.5"]
        assert "/opt/ml" not in (folder / ".hydra" / "hydra.yaml").read_text()
        assert f"task: {task}" in (folder / ".hydra" / "config.yaml").read_text()
    planned = {event["member"]: event["directory"] for event in sweep.events() if event["event"] == "planned"}
    assert planned == {number: str(number) for number in range(4)}
    returned = {event["member"]: event["return_value"] for event in sweep.events() if event["event"] == "finished"}
    assert returned == dict.fromkeys(range(4), 3.0)
    # An app that leaves no result.json gets one, with what its task returned; one that does keeps its own words.
    for number, objective in ((2, 3.0), (3, 75.5)):
        result = sweep.result(number)
        assert (result["status"], result["objective"]) == ("completed", objective)
        name = next(name for name in service.names(sweep) if name.endswith(f"-{number}"))
        billed = service.describe(name)["BillableTimeInSeconds"]
        cost = result["cost"]
        assert (cost["instance_type"], cost["instance_count"]) == ("ml.m5.large", 1)
        assert cost["billable_seconds"] == billed
        assert cost["usd"] == pytest.approx(billed * cost["usd_per_hour"] / 3600, abs=0.01)
        assert "the task says" in (sweep.path / str(number) / "sagemaker.log").read_text()
        assert not (sweep.path / str(number) / "job_return.json").exists()
    assert sweep.result(3)["metrics"] == {"f1": 75.5}
    done.says("#2 submitted: app-ok-", "#3 completed", "billed for this sweep: $")
    assert "botocore" not in done.output and "Found credentials" not in done.output

    again = app.run("hardware=local,m5", "task=ok,result", "x=1.5", sweep="mix")
    assert again.code == 1
    again.says("this sweep already has jobs on SageMaker", "hydra.launcher.resume=", "choose another hydra.sweep.dir")

    calls = service.calls()
    resumed = app.run("hardware=local,m5", "task=ok,result", "x=1.5", f"hydra.launcher.resume={sweep.path}")
    assert resumed.code == 0, resumed.output
    assert service.calls().get("CreateTrainingJob") == calls["CreateTrainingJob"]
    assert len(service.names(sweep)) == 2
    assert not (app.root / "sweep").exists()  # nothing of a resumed sweep goes elsewhere

    for changed in (["x=2"], ["x=1.5", "+y=1"]):
        other = app.run("hardware=local,m5", "task=ok,result", *changed, f"hydra.launcher.resume={sweep.path}")
        assert other.code == 1
        other.says("#0: its config is not the one that this sweep was started with", "resume with the same command")
    local = app.run("hardware=local", "task=raise,result", "x=1.5", f"hydra.launcher.resume={sweep.path}")
    assert local.code == 1
    local.says("#0: its config is not the one")


def test_failed_members_are_all_told_and_the_others_go_on(app: App, service: Service) -> None:
    done = app.run(
        "hardware=local,m5", "task=raise,exit,leave,ok", "hydra.launcher.on_sweep_end=ended.bad", sweep="fails"
    )
    assert done.code == 1
    sweep = app.sweep("fails")
    kinds = ["failed", "failed", "completed", "completed"]
    assert sweep.statuses() == dict(enumerate(kinds * 2))
    assert (sweep.path / "ended.txt").read_text() == "called\n"
    jobs = {int(name.rpartition("-")[2]): name for name in service.names(sweep)}
    assert service.describe(jobs[4])["FailureReason"] == (
        "AlgorithmError: ValueError: no such word: ağaç, exit code: 1"
    )
    done.says(
        "#0 failed: no such word: ağaç",
        "#1 failed: #1 ended with exit code 3",
        "#4 failed: AlgorithmError: ValueError: no such word: ağaç, exit code: 1; https://us-east-1.console.aws.amazon.com"
        f"/sagemaker/home?region=us-east-1#/jobs/{jobs[4]}",
        "#5 failed: AlgorithmError: exit code 3, exit code: 3; https://",
        "hydra.launcher.on_sweep_end=ended.bad: the report broke",
    )
    assert "Traceback" not in done.output.partition("Error executing job")[0]
    assert sweep.result(4)["status"] == "failed" and "ağaç" in sweep.result(4)["error"]

    resumed = app.run(
        "hardware=local,m5",
        "task=raise,exit,leave,ok",
        f"hydra.launcher.resume={sweep.path}",
        "hydra.launcher.on_sweep_end=ended.note",
    )
    assert resumed.code == 1  # failed members stay failed
    assert len(service.names(sweep)) == 4
    again = ["hardware=local,m5", "task=raise,exit,leave,ok", f"hydra.launcher.resume={sweep.path}"]
    for retry, jobs_to_come in ((False, 0), (True, 2)):
        dry = app.run(*again, "hydra.launcher.dry_run=true", f"hydra.launcher.retry_failed={str(retry).lower()}")
        assert dry.code == 0, dry.output
        dry.says(f"{jobs_to_come} jobs, at most")
        rows = [line.split() for line in dry.output.splitlines() if "task=" in line]
        assert [row[-1] for row in rows if row[-1] in ("completed", "failed")] == (
            ["completed"] * 4 if retry else kinds * 2
        )
    retried = app.run(
        "hardware=local,m5",
        "task=raise,exit,leave,ok",
        f"hydra.launcher.resume={sweep.path}",
        "hydra.launcher.retry_failed=true",
    )
    assert retried.code == 1
    names = service.names(sweep)
    assert sorted(name.rpartition(sweep.sweep_id)[2] for name in names) == ["-4", "-4-r2", "-5", "-5-r2", "-6", "-7"]


def test_a_members_exception_reaches_the_sweeper_with_name_and_reason(app: App, service: Service) -> None:
    done = app.run("hardware=m5", "task=raise", sweep="alone")
    assert done.code == 1
    [name] = service.names(app.sweep("alone"))
    assert f"#0 ({name}) failed: AlgorithmError: ValueError: no such word: ağaç, exit code: 1" in done.output
    # Hydra shows the traceback to whoever debugs, and takes the measuring of coverage for that.
    assert "Traceback" not in done.output or sys.gettrace() is not None


def test_a_member_whose_setup_fails_is_one_that_failed(app: App, service: Service) -> None:
    done = app.run(
        "hardware=local,m5", "x=1,2", "++hydra.job.env_set.FOO='${oc.env:NOPE_${hydra:job.num}}'", sweep="setup",
        env={"NOPE_1": "there"},
    )  # fmt: skip
    assert done.code == 1
    sweep = app.sweep("setup")
    assert {number: sweep.statuses()[number] for number in (0, 1)} == {0: "failed", 1: "completed"}
    assert len(service.names(sweep)) == 2 and set(sweep.statuses()) == {0, 1, 2, 3}
    done.says("#0 failed: #0 cannot be run: KeyError raised", "\"Environment variable 'NOPE_0' not found\"")


def test_no_other_member_begins_here_when_the_loop_of_the_jobs_has_died(app: App, service: Service) -> None:
    (app.root / "dies.py").write_text(DIES, "utf-8")
    patience = "hydra.launcher.patience_minutes=0"
    done = app.execute(
        [sys.executable, "dies.py", *app.command(patience, "hardware=m5,local", "x=1,2", sweep="dies")[-7:]]
    )
    assert done.code == 1, done.output
    assert (app.root / "dies" / "2" / "note.txt").exists()
    assert not (app.root / "dies" / "3").exists()
    done.says(
        "error: SageMaker cannot be asked (AccessDeniedException: no) for 0 minutes, which is hydra.launcher.patience",
        f"#1 runs on at $0.12 an hour; to stop it: hydra-sagemaker stop {app.root / 'dies'} --member 1",
        "jobs of this sweep may run on and cost money: to go on, give the same command with",
    )
    assert len(service.names(app.sweep("dies"))) == 2


def test_a_return_value_is_kept_as_a_container_sends_it(app: App) -> None:
    done = app.run("hardware=local,m5", "task=list", sweep="list")
    assert done.code == 0, done.output
    kept = [event["return_value"] for event in app.sweep("list").events() if event["event"] == "finished"]
    assert kept == [[[1, 2], {"f1": 0.5}]] * 2


def test_what_would_be_submitted_twice_or_overwrite_itself_is_refused(app: App) -> None:
    done = app.run("hardware=local,m5", "hydra.sweep.subdir=same", sweep="same")
    assert done.code == 1
    done.says("hydra.sweep.subdir: #0 and #1 would share", "make it of ${hydra.job.num}")
    assert not (app.root / "same" / FILE).exists() and not (app.root / "same" / "same").exists()
    ranks = app.run("hardware=m5", sweep="ranks", env={"WORLD_SIZE": "2", "RANK": "1"})
    assert ranks.code == 1
    ranks.says("WORLD_SIZE=2: each of these processes would submit the sweep; start the launch with python")
    assert not (app.root / "ranks" / FILE).exists()


def test_what_is_wrong_is_told_at_once_and_whole(app: App) -> None:
    done = app.run(
        "hardware=m5",
        "+hardware.instance_count=2",
        "hydra.launcher.input_mode=Slow",
        "hydra.launcher.bucket=Bad_Name",
        "hydra.launcher.on_interrupt=never",
        sweep="wrong",
    )
    assert done.code == 1
    done.says(
        "hydra.launcher.input_mode=Slow: choose File, FastFile or Pipe",
        "hydra.launcher.bucket=Bad_Name",
        "hydra.launcher.on_interrupt=never: choose stop or detach",
        "hardware.instance_count=2",
    )
    assert "Traceback" not in done.output
