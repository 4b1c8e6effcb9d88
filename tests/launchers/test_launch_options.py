"""Options that say how many members of a sweep run, when, and whether at all."""

from __future__ import annotations

import itertools
import re

import pytest
from apps import make_app_of_tasks
from launcher_app import App, Service

from hydra_sagemaker_launcher.manifest import FILE


@pytest.fixture(scope="module")
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    return make_app_of_tasks(tmp_path_factory.mktemp("app"), service)


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
    called = {name for name, count in service.calls().items() if before.get(name) != count}
    assert called <= {"GetProducts", "ListServiceQuotas", "iam:POST", "sts:POST"}  # they change nothing
    offline = app.run(
        "hardware=m5",
        "hydra.launcher.dry_run=true",
        "hydra.launcher.service=rehearsal",
        sweep="dry",
        env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
    )
    assert offline.code == 0, offline.output
    assert not [path for path in (app.root / "dry").iterdir() if path.is_dir()]  # .rehearsal neither


@pytest.mark.parametrize("key", ["hardware.max_hours", "hydra.sweep.subdir"])
def test_an_interpolation_without_a_value_is_one_line(app: App, key: str) -> None:
    done = app.run("hardware=m5", f"{key}='${{oc.env:NO_SUCH_VARIABLE}}'", "hydra.launcher.dry_run=true", sweep="dry")
    assert done.code == 1, done.output
    done.says(f"error: {key}: has no value for #0", "'NO_SUCH_VARIABLE' not found")
    assert "Traceback" not in done.output and "full_key" not in done.output


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


def test_a_rehearsal_of_its_own_comes_and_goes(app: App) -> None:
    done = app.run("hardware=m5", "hydra.launcher.service=rehearsal", sweep="own", env={"AWS_ENDPOINT_URL": ""})
    assert done.code == 0, done.output
    done.says("billed for this sweep: $0.00 on AWS; this was a rehearsal, and free")
    assert not (app.root / "own" / ".rehearsal").exists()
    assert app.sweep("own").statuses() == {0: "completed"}
