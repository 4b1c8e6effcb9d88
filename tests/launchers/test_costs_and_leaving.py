"""What a sweep has cost over all its attempts, and what is said of jobs that a launcher leaves running."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_matrix import Matrix
from in_process_service import SECONDS_OF_A_JOB, Fault
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.display.plan_table import print_plan
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.plan import make_plan

pytestmark = pytest.mark.slow

FAILED_AFTER = 60  # seconds, of member 0 where its failure stops the others


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with Matrix(tmp_path_factory.mktemp("matrix")).open() as matrix:
        yield matrix


def read_cost(sweep_dir: Path, number: int) -> dict[str, Any]:
    cost: dict[str, Any] = json.loads((sweep_dir / str(number) / "result.json").read_text("utf-8"))["cost"]
    return cost


def test_the_cost_of_a_member_is_that_of_all_its_attempts(matrix: Matrix) -> None:
    _, second, jobs = matrix.run_sweep(None, True, "attempts")
    assert second is not None and len(jobs) == 6
    (sweep_dir,) = matrix.folder.glob("*-attempts")
    cost = read_cost(sweep_dir, 0)
    seconds = FAILED_AFTER + SECONDS_OF_A_JOB
    assert (cost["billable_seconds"], cost["attempts"]) == (seconds, 2)
    assert cost["usd"] == pytest.approx(seconds * cost["usd_per_hour"] / 3600, abs=2e-4)
    total = sum(read_cost(sweep_dir, number)["usd"] for number in range(3))
    assert Manifest(sweep_dir).sum_billed_usd() == pytest.approx(total, abs=1e-3)
    assert f"billed for this sweep: ${total:.2f}" in second.said
    again = matrix.launch(sweep_dir, None)
    assert set(again.statuses.values()) == {"completed"}
    row = next(line for line in again.said.splitlines() if "ml.m5.large" in line)
    assert row.split("│")[5:7] == [f" {seconds / 60:>7.1f} ", f" {cost['usd']:>4.2f} "]
    assert f"billed for this sweep: ${total:.2f}" in again.said


def test_a_single_attempt_says_nothing_of_attempts(matrix: Matrix) -> None:
    matrix.run_sweep(None, False, "single")
    (sweep_dir,) = matrix.folder.glob("*-single")
    cost = read_cost(sweep_dir, 1)
    assert "attempts" not in cost
    assert cost["billable_seconds"] == SECONDS_OF_A_JOB


def test_warm_pools_count_in_the_worst_case_and_in_the_budget(matrix: Matrix) -> None:
    hardware = Hardware("ml.m5.large", max_hours=1, usd_per_hour=2.0)
    member = Member(0, [], OmegaConf.create({"hydra": {"overrides": {"task": []}}}), Path("0"), hardware)
    (cold,) = make_plan([member], SageMakerLauncherConf(), "us-east-1", None)
    (warm,) = make_plan([member], SageMakerLauncherConf(keep_alive_seconds=1800), "us-east-1", None)
    assert (cold.worst_case, warm.worst_case, warm.warm_pool_usd) == (2.0, 3.0, 1.0)
    # At $0.115 an hour and at most one hour, each job may cost $0.115, and its pool of an hour as much again.
    sweep_dir = matrix.folder / "warm"
    options: dict[str, Any] = {"keep_alive_seconds": 3600, "max_parallel": 1}
    ended = matrix.launch(sweep_dir, None, budget_usd=0.35, **options)
    assert ended.statuses == {0: "completed", 1: "completed", 2: "failed"}
    assert re.search(r"#2 failed: not submitted: \$0\.2\d of hydra.launcher.budget_usd=0.35 are spent", ended.said)
    assert Manifest(sweep_dir).sum_warm_pool_usd() == pytest.approx(2 * 0.115)
    assert matrix.launch(sweep_dir, None, budget_usd=0.5, **options).statuses[2] == "completed"


def test_jobs_that_are_left_running_are_named_with_price_and_commands(matrix: Matrix) -> None:
    sweep_dir = matrix.folder / "left"
    left = matrix.launch(sweep_dir, Fault("ListTrainingJobs", "403", 0), patience_minutes=1)
    assert left.statuses == {}
    assert "Traceback" not in left.said
    jobs = matrix.service.list_jobs(str(Manifest(sweep_dir).sweep["sweep_id"]))
    assert len(jobs) == 3
    for name in jobs:
        number = name.rpartition("-")[2]
        assert (
            f"#{number} runs on at $0.12 an hour; to stop it: hydra-sagemaker stop {sweep_dir} --member {number}\n"
        ) in left.said
    assert "these 3 jobs cost $0.35 an hour" in left.said
    assert f"to go on, give the same command with hydra.launcher.resume={sweep_dir}" in left.said
    assert "error: SageMaker cannot be asked (AccessDeniedException: said) for 1 minutes" in left.said
    assert left.said.count("jobs run on, and it is tried again") == 1
    assert "left running" in left.said
    back = matrix.launch(sweep_dir, None)
    assert set(back.statuses.values()) == {"completed"}
    assert len(matrix.service.list_jobs(str(Manifest(sweep_dir).sweep["sweep_id"]))) == 3


def test_members_that_were_never_submitted_are_not_said_to_run(matrix: Matrix) -> None:
    sweep_dir = matrix.folder / "waiting"
    left = matrix.launch(sweep_dir, Fault("ListTrainingJobs", "403", 0), patience_minutes=0, max_parallel=1)
    rows = [line.split("│")[4].strip() for line in left.said.splitlines() if "ml.m5.large" in line and "│" in line]
    assert rows == ["left running", "not submitted", "not submitted"]
    assert left.said.count("to stop it:") == 1


@pytest.mark.parametrize(
    ("budget", "verdict"), [(4.0, "all jobs may run at once"), (3.5, "jobs wait for others to end, or are left out")]
)
def test_a_dry_run_says_what_a_budget_means(budget: float, verdict: str, capsys: pytest.CaptureFixture[str]) -> None:
    composed = OmegaConf.create({"hydra": {"overrides": {"task": []}}})
    hardware = Hardware("ml.m5.large", max_hours=1, usd_per_hour=1.0)
    members = [Member(number, [], composed, Path(str(number)), hardware) for number in range(2)]
    planned = make_plan(members, SageMakerLauncherConf(keep_alive_seconds=3600), "us-east-1", None)
    print_plan([], planned, {}, budget)
    said = " ".join(capsys.readouterr().out.split())
    assert "2 jobs, at most 4.00" in said
    assert "if every job runs until hardware.max_hours stops it, and every warm pool waits to its end." in said
    assert f"hydra.launcher.budget_usd={budget:g}: {verdict}." in said


def test_a_dry_run_does_not_count_an_unknown_price_as_free(capsys: pytest.CaptureFixture[str]) -> None:
    composed = OmegaConf.create({"hydra": {"overrides": {"task": []}}})
    hardware = Hardware("ml.m5.large", max_hours=2, usd_per_hour=1.5)
    members = [Member(number, [], composed, Path(str(number)), hardware) for number in range(2)]
    known, other = make_plan(members, SageMakerLauncherConf(), "us-east-1", None)
    print_plan([], [known, dataclasses.replace(other, price=None, worst_case=None)], {})
    assert "2 jobs, at most 3.00 + ?" in " ".join(capsys.readouterr().out.split())
