"""Whole sweeps of a small app on the rehearsal service: what a user gets, sees, and is refused."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_app import CONFIG, App, Service, unpacked

from hydra_sagemaker_launcher.manifest import FILE

BODY = r"""
if cfg.task == "raise":
    raise ValueError("no such word: ağaç")
if cfg.task == "exit":
    sys.exit(3)
if cfg.task == "leave":
    sys.exit(0)
if cfg.task == "list":
    return [(1, 2), {"f1": 0.5}]
if cfg.task == "result":
    result = {"schema_version": 1, "status": "completed", "objective": 75.5, "metrics": {"f1": 75.5}, "cost": None}
    (out / "result.json").write_text(json.dumps(result), "utf-8")
"""
ENDED = """
from pathlib import Path


def note(sweep_dir):
    path = Path(sweep_dir, "ended.txt")
    path.write_text((path.read_text() if path.exists() else "") + "called\\n")


def bad(sweep_dir):
    note(sweep_dir)
    raise RuntimeError("the report broke")
"""

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
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    app = App.make(tmp_path_factory.mktemp("app"), BODY, environment=service.environment())
    (app.root / "ended.py").write_text(ENDED, "utf-8")
    return app


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
    assert "Traceback" not in done.output


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
        "#1 runs on at $0.12 an hour; to stop it: aws sagemaker stop-training-job --region us-east-1",
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


def test_a_config_file_that_did_not_travel_is_named(app: App) -> None:
    done = app.run("hardware=m5", "hydra.launcher.include=[/app.py]", sweep="lacks")
    assert done.code == 1
    done.says("#0 failed: AlgorithmError: MissingConfigException: Primary config")


def test_fail_fast_stops_the_others(app: App, service: Service) -> None:
    done = app.run(
        "hardware=m5",
        "task=raise,ok",
        "x=1,2,3",
        "hydra.launcher.max_parallel=1",
        "hydra.launcher.fail_fast=true",
        sweep="fast",
    )
    assert done.code == 1
    assert len(service.names(app.sweep("fast"))) == 1
    done.says("#5 stopped: not submitted: #0 failed, and hydra.launcher.fail_fast is set")
    here = app.run("hardware=local,m5", "task=raise,ok", "hydra.launcher.fail_fast=true", sweep="fast-here")
    assert here.code == 1
    assert not (app.root / "fast-here" / "1").exists()


def test_max_parallel_holds(app: App, service: Service) -> None:
    done = app.run("hardware=m5", "x=1,2,3", "hydra.launcher.max_parallel=1", sweep="parallel")
    assert done.code == 0, done.output
    described = sorted(
        (service.describe(name) for name in service.names(app.sweep("parallel"))), key=lambda job: job["CreationTime"]
    )
    assert len(described) == 3
    for earlier, later in itertools.pairwise(described):
        assert later["CreationTime"] >= earlier["TrainingEndTime"]


def test_a_dry_run_prints_the_plan_and_asks_nothing(app: App, service: Service) -> None:
    before = service.calls()
    done = app.run("hardware=local,m5,c5", "hydra.launcher.dry_run=true", sweep="dry")
    assert done.code == 0, done.output
    done.says(
        "What would be submitted",
        "this machine",
        "1 x ml.m5.large",
        "1 x ml.c5.xlarge",
        "2 jobs, at most",
        "Nothing was submitted",
    )
    assert {name: count for name, count in service.calls().items() if before.get(name) != count}.keys() <= {
        "GetProducts"
    }
    offline = app.run(
        "hardware=m5",
        "hydra.launcher.dry_run=true",
        "hydra.launcher.service=rehearsal",
        sweep="dry",
        env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
    )
    assert offline.code == 0, offline.output
    assert not list(app.root.glob("dry/*/")) and not (app.root / "dry" / ".rehearsal").exists()


def test_leaving_at_once_and_coming_back(app: App, service: Service) -> None:
    service.faults(delay={"job": "-left-", "phase": "Training", "seconds": 3})
    options = ["hardware=m5", "x=1,2", "hydra.launcher.job_name=left"]
    done = app.run(*options, "hydra.launcher.wait=false", "hydra.launcher.on_sweep_end=ended.note", sweep="leave")
    assert done.code == 0, done.output
    sweep = app.sweep("leave")
    done.says("submitted; to go on, give the same command with hydra.launcher.resume=", "left running")
    assert len(service.names(sweep)) == 2 and sweep.statuses() == {}
    assert (sweep.path / "ended.txt").exists()
    back = app.run(*options, f"hydra.launcher.resume={sweep.path}")
    assert back.code == 0, back.output
    assert sweep.statuses() == {0: "completed", 1: "completed"}
    assert len(service.names(sweep)) == 2
    refused = app.run(*options, "hydra.launcher.wait=false", "hydra.launcher.max_parallel=1", sweep="never")
    assert refused.code == 1
    refused.says("hydra.launcher.wait=false: all jobs are submitted at once")


def test_a_budget_refuses_at_once_or_stops_submitting(app: App, service: Service) -> None:
    refused = app.run("hardware=m5", "hydra.launcher.budget_usd=0.001", sweep="poor")
    assert refused.code == 1
    refused.says(
        "hydra.launcher.budget_usd=0.001: #0 alone may cost $", "lower hardware.max_hours, or raise the budget"
    )
    assert not (app.root / "poor" / FILE).exists()
    # At $1 a second one member of 6 s at most fits into $7; after it has taken 2 s or more, a second one does not.
    service.faults(delay={"job": "^budget-", "phase": "Training", "seconds": 2})
    done = app.run(
        "hardware=m5",
        "x=1,2",
        "+hardware.usd_per_hour=3600",
        "hardware.max_hours=0.00166",
        "hydra.launcher.budget_usd=7",
        "hydra.launcher.job_name=budget",
        sweep="budget",
    )
    assert done.code == 1
    sweep = app.sweep("budget")
    assert len(service.names(sweep)) == 1
    done.says("#1 failed: not submitted: $", "of hydra.launcher.budget_usd=7 are spent, and it may cost $5.98")


def test_optuna_finds_the_better_value_over_several_launches(app: App, service: Service) -> None:
    pytest.importorskip("optuna")
    done = app.run(
        "hydra/sweeper=optuna",
        "hydra.sweeper.n_trials=4",
        "hydra.sweeper.n_jobs=2",
        "hydra.sweeper.direction=maximize",
        "hydra/sweeper/sampler=grid",
        "hardware=m5",
        "x=choice(1,5,3,2)",
        sweep="optuna",
        timeout=150,
    )
    assert done.code == 0, done.output
    sweep = app.sweep("optuna")
    best = (sweep.path / "optimization_results.yaml").read_text()
    assert re.search(r"x: 5", best) and "best_value: 10.0" in best
    assert len(service.names(sweep)) == 4


VALUES = [
    "a=b",
    "a,b",
    "it's",
    'say "x"',
    " spaced  ",
    "null",
    "[1,2]",
    "{a: 1}",
    "çğışöü İ",
    "日本",
    "a\\b",
    "\\",
    "'",
    "100%",
    "$(rm -rf /)",
    "`id`",
    "a;b|c&d",
    "line\u2028end",
    "C:\\x\\",
    "#no comment",
    "a: b",
    "~",
    "-",
    "!x",
    "*y",
    "@z",
]


def test_values_survive_the_way_into_the_container(app: App, service: Service, tmp_path: Path) -> None:
    body = (
        "import yaml\nfrom omegaconf import OmegaConf\n"
        '(out / "seen.json").write_text(json.dumps(OmegaConf.to_container(cfg, resolve=True)), "utf-8")'
    )
    config = CONFIG + "nothing: 5\nlist: []\nreferred: ${x}\nv: {}\n"
    odd = App.make(tmp_path / "a b, c=ç'd", body, config, service.environment())

    def quoted(text: str) -> str:
        """As Hydra's documentation tells users to: in quotes, with quotes and the backslashes before them escaped."""
        return "'" + re.sub(r"(\\*)(?='|$)", r"\1\1", text).replace("'", "\\'") + "'"

    given = [f"+v.v{number}={quoted(value)}" for number, value in enumerate(VALUES)]
    done = odd.run(
        "hardware=m5", "nothing=null", "list=[1,two,[3],'f,our']", "text='x is ${x}'", "x=1e-5", *given, sweep="s"
    )
    assert done.code == 0, done.output
    seen = json.loads((odd.root / "s" / "0" / "seen.json").read_text("utf-8"))
    assert seen["nothing"] is None
    assert seen["list"] == [1, "two", [3], "f,our"]
    assert seen["text"] == "x is 1e-05"
    assert seen["referred"] == 1e-5
    assert [seen["v"][f"v{number}"] for number in range(len(VALUES))] == VALUES


def test_data_is_uploaded_once_for_all_members(app: App, service: Service, tmp_path: Path) -> None:
    body = (
        'many = "".join(path.read_text() for path in sorted(Path(cfg.folder).glob("*")))\n'
        'found = Path(cfg.file).read_text("utf-8") + "|" + many\n'
        '(out / "found.txt").write_text(found + "|" + str(cfg.hub) + "|" + os.environ.get("PASSED", "") '
        '+ os.environ.get("KEPT", ""), "utf-8")'
    )
    config = CONFIG + "file: data/one file.txt\nfolder: ./data/many\nhub: null\n"
    own = App.make(tmp_path / "data app", body, config, service.environment())
    (own.root / "data" / "many").mkdir(parents=True)
    (own.root / "data" / "one file.txt").write_text("ağaç", "utf-8")
    for name in "ab":
        (own.root / "data" / "many" / name).write_text(name)
    before = set(service.objects())
    done = own.run(
        "hardware=m5",
        "x=1,2",
        "hub=org/name",
        "+hydra.launcher.channels={train: file, many: folder, hub: hub}",
        "hydra.launcher.environment=[PASSED,UNSET]",
        env={"PASSED": "yes", "KEPT": "no"},
    )
    assert done.code == 0, done.output
    for number in range(2):
        assert (own.root / "sweep" / str(number) / "found.txt").read_text("utf-8") == "ağaç|ab|org/name|yes"
    new = [key for key in service.objects() if key not in before and "/data/" in key]
    assert sorted(key.rpartition("/")[2].partition(".whole")[0][-8:] for key in new if not key.endswith(".whole")) == [
        "a",
        "b",
        "file.txt",
    ]
    described = service.describe(service.names(own.sweep())[0])
    ours = {"SAGEMAKER_SWEEP_ID", "SAGEMAKER_SWEEP_DIR", "SAGEMAKER_MEMBER"}
    assert set(described["Environment"]) == {"PASSED", *ours}
    missing = own.run("hardware=m5", "file=./not/there", "+hydra.launcher.channels={train: file}", sweep="missing")
    assert missing.code == 1
    missing.says("file=", "there is no such file or folder")


CANARY = "c4n4ry"


def test_no_secret_leaves(service: Service, tmp_path: Path) -> None:
    own = App.make(tmp_path / "secret", "print(dict(os.environ))", environment=service.environment())
    hidden = {
        ".env": f"WANDB_API_KEY={CANARY}-env\n",
        ".netrc": f"machine api.wandb.ai login user password {CANARY}-netrc\n",
        "deep/server.pem": f"{CANARY}-pem\n",
        ".aws/credentials": f"[default]\naws_secret_access_key = {CANARY}-aws\n",
        "credentials.json": f'{{"key": "{CANARY}-json"}}',
        "id_rsa": f"{CANARY}-rsa",
        ".git/config": f"{CANARY}-git",
    }
    for name, content in hidden.items():
        (own.root / name).parent.mkdir(exist_ok=True)
        (own.root / name).write_text(content)
    environment = {
        "WANDB_API_KEY": f"{CANARY}-wandb",
        "HF_TOKEN": f"{CANARY}-hf",
        "AWS_SESSION_TOKEN": f"{CANARY}-session",
        "AWS_SECRET_ACCESS_KEY": f"{CANARY}-key",
        "GITHUB_TOKEN": f"{CANARY}-github",
        "PLAIN": f"{CANARY}-plain",
    }
    before = set(service.objects())
    done = own.run("hardware=m5", "hydra.launcher.include=['**']", env=environment)
    assert done.code == 0, done.output
    sweep = own.sweep()
    [name] = service.names(sweep)
    left: dict[str, bytes] = {"request": json.dumps(service.describe(name), default=str).encode()}
    for key, content in service.objects().items():
        if key in before:
            continue
        left[key] = content
        if key.endswith(".tar.gz"):
            left |= {f"{key}:{inside}": data for inside, data in unpacked(content)}
    left |= {str(path): path.read_bytes() for path in sweep.path.rglob("*") if path.is_file()}
    left["printed"] = done.output.encode()
    assert any(":app.py" in where for where in left)
    assert any("sagemaker.log" in where for where in left)
    assert [where for where, content in left.items() if CANARY.encode() in content] == []

    for options, told in (
        (["hydra.launcher.environment=[WANDB_API_KEY]"], "WANDB_API_KEY sounds like a secret"),
        (["hydra.launcher.environment=[AWS_SESSION_TOKEN]"], "AWS_SESSION_TOKEN sounds like a secret"),
        (["text=hf_AbCdEfGhIjKlMnOpQrStUvWxYz1234567890"], "its config contains what looks like a Hugging Face token"),
        ([f"+hydra.launcher.secrets.WANDB_API_KEY={CANARY}"], "never the secret itself"),
    ):
        refused = own.run("hardware=m5", *options, sweep="refused", env=environment)
        assert refused.code == 1, refused.output
        refused.says(told)
        assert CANARY not in refused.output
    assert not service.names(sweep)[1:]


def test_what_an_override_refers_to_is_not_looked_up_here(service: Service, tmp_path: Path) -> None:
    """${oc.env:...} may stand for a secret: it travels, and is written down, as the user gave it."""
    own = App.make(tmp_path / "refers", environment=service.environment())
    before = set(service.objects())
    done = own.run(
        "hardware=m5",
        "x=1,2",
        "text='${oc.env:HELD}'",
        "++hydra.job.env_set.FOO=${oc.env:HELD,none}",
        "hydra.sweep.subdir=${hydra.job.num}-${hydra.job.override_dirname}",
        "hydra.job.config.override_dirname.exclude_keys=[text,hardware]",
        env={"HELD": CANARY},
    )
    assert done.code == 0, done.output
    sweep = own.sweep()
    assert {path.name for path in sweep.path.iterdir() if path.is_dir()} == {"0-x=1", "1-x=2"}
    names = service.names(sweep)
    assert len(names) == 2
    left = {key: content for key, content in service.objects().items() if key not in before}
    left |= {name: json.dumps(service.describe(name), default=str).encode() for name in names}
    left |= {str(path): path.read_bytes() for path in sweep.path.rglob("*") if path.is_file()}
    left["printed"] = done.output.encode()
    assert [where for where, content in left.items() if CANARY.encode() in content] == []
    member = json.loads(next(content for key, content in left.items() if key.endswith("0/member/member.json")))
    assert "text='${oc.env:HELD}'" in member["overrides"]
    assert "++hydra.job.env_set.FOO=${oc.env:HELD,none}" in member["overrides"]
    alone = own.run("hardware=m5", "text='${oc.env:HELD}'", sweep="alone", env={"HELD": CANARY})
    assert alone.code == 0, alone.output
    [name] = service.names(own.sweep("alone"))
    assert name.startswith("app-m5-oc-env-HELD-")


def test_a_rehearsal_of_its_own_comes_and_goes(app: App) -> None:
    done = app.run("hardware=m5", "hydra.launcher.service=rehearsal", sweep="own", env={"AWS_ENDPOINT_URL": ""})
    assert done.code == 0, done.output
    done.says("billed for this sweep: $0.00 on AWS; this was a rehearsal, and free")
    assert not (app.root / "own" / ".rehearsal").exists()
    assert app.sweep("own").statuses() == {0: "completed"}


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
        "hydra.launcher.input_mode=Slow: choose File or FastFile",
        "hydra.launcher.bucket=Bad_Name",
        "hydra.launcher.on_interrupt=never: choose stop or detach",
        "hardware.instance_count=2",
    )
    assert "Traceback" not in done.output
