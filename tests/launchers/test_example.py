"""The example is an app that knows nothing of mlqa: its members run here and as jobs of the rehearsal service."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from launcher_app import python

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "launchers" / "example"
# Of the points (1, 2.5) (2, 4) (3, 6.5) (4, 8): the mean of (x * t - y)^2, by hand.
ERRORS = {"1": (1.5**2 + 2**2 + 3.5**2 + 4**2) / 4, "2": (0.5**2 + 0 + 0.5**2 + 0) / 4}


def run(*arguments: str, cwd: Path, cold: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    environment["PYTHONPATH"] = str(TOP / "launchers")  # a bare clone: nothing is installed
    return subprocess.run(
        [*([sys.executable] if cold else python()), str(EXAMPLE / "app.py"), *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of the example's header, as a user gives it, from another folder."""
    folder = tmp_path_factory.mktemp("example")
    done = run(
        *("-m", "x=1,2", "hardware=here,m5", "hydra.launcher.service=rehearsal", "hydra.sweep.dir=sweep"),
        cwd=folder,
        cold=True,
    )
    assert done.returncode == 0, done.stderr
    assert "best of 4: #2 x=2 hardware=here, error 0.1250" in done.stdout
    assert "this was a rehearsal, and free" in done.stderr
    return folder / "sweep"


def events(sweep: Path, event: str) -> dict[int, dict[str, object]]:
    lines = map(json.loads, (sweep / "members.jsonl").read_text("utf-8").splitlines())
    return {line["member"]: line for line in lines if line["event"] == event}


def test_every_member_returns_its_error(sweep: Path) -> None:
    planned, finished = events(sweep, "planned"), events(sweep, "finished")
    for number, (x, hardware) in enumerate([("1", "here"), ("1", "m5"), ("2", "here"), ("2", "m5")]):
        assert planned[number]["overrides"] == [f"x={x}", f"hardware={hardware}"]
        assert finished[number]["status"] == "completed"
        assert finished[number]["return_value"] == pytest.approx(ERRORS[x])


def test_only_m5_became_jobs(sweep: Path) -> None:
    assert set(events(sweep, "submitted")) == {1, 3}
    result = json.loads((sweep / "3" / "result.json").read_text("utf-8"))
    assert result["status"] == "completed"
    assert result["objective"] == pytest.approx(ERRORS["2"])
    assert result["cost"]["instance_type"] == "ml.m5.large"
    assert result["cost"]["price_source"].startswith("rehearsal (")  # nobody has paid it
    assert "on ml.m5.large" in (sweep / "3" / "sagemaker.log").read_text("utf-8")
    for number in range(4):
        assert (sweep / str(number) / ".hydra" / "config.yaml").is_file()


def test_report_names_the_best(sweep: Path) -> None:
    assert json.loads((sweep / "best.json").read_text("utf-8")) == {
        "member": 2,
        "overrides": ["x=2", "hardware=here"],
        "error": 0.125,
        "of": 4,
    }


def test_service_has_ended_and_left_nothing(sweep: Path) -> None:
    assert not (sweep / ".rehearsal").exists()


def test_dry_run_submits_nothing(tmp_path: Path) -> None:
    done = run("-m", "x=1,2", "hardware=here,m5", "hydra.launcher.dry_run=true", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 jobs, at most" in done.stdout
    assert "0.06" in done.stdout  # two times 0.115 dollars an hour for a quarter of an hour
    assert not list(tmp_path.rglob("members.jsonl"))


def test_single_run(tmp_path: Path) -> None:
    done = run("x=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mean squared error 0.1250 on this machine" in done.stdout


@pytest.mark.parametrize("file", sorted(EXAMPLE.glob("*.py")), ids=lambda file: file.name)
def test_imports_neither_mlqa_nor_the_launcher(file: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.partition(".")[0])
    assert not imported & {"mlqa", "hydra_plugins", "sagemaker_rehearsal", "boto3", "sagemaker"}
