"""A multirun ends with its report under every launcher, even if a member fails."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from tiny_runs import TINY, train

from mlqa import on_sweep_end
from mlqa.on_sweep_end import ReportSweep, report_ended_sweeps

QUICK = [*TINY, "training.shuffled_questions_control=false", "tracking=files"]


def read_rows(sweep: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((sweep / "report" / "results.csv").open(encoding="utf-8")))


@pytest.mark.slow
def test_hydras_own_launcher_with_named_directories(tmp_path: Path) -> None:
    """The second member fails: its max_seq_length holds no question."""
    done = train(
        tmp_path, "-m", *QUICK, "hydra/launcher=basic", "seed=1,2", "training.max_steps=1",
        f"hydra.sweep.dir={tmp_path}/sweep", "hydra.sweep.subdir=seeds/${seed}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [(row["status"], row["seed"]) for row in read_rows(tmp_path / "sweep")] == [
        ("completed", "1"),
        ("completed", "2"),
    ]
    assert not list((tmp_path / "sweep").rglob("run.lock"))


class Reported:
    """What `finish_sweep` was called with."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sweeps: list[str] = []
        self._error = error

    def __call__(self, sweep_dir: str, writes_report: bool) -> None:
        assert writes_report
        self.sweeps.append(sweep_dir)
        if self._error:
            raise self._error


def start(sweep: Path, **launcher: object) -> ReportSweep:
    callback = ReportSweep()
    callback.on_multirun_start(OmegaConf.create({"hydra": {"sweep": {"dir": str(sweep)}, "launcher": launcher}}))
    return callback


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Reported:
    monkeypatch.setattr(on_sweep_end, "finish_sweep", recorded := Reported())
    return recorded


def test_a_sweep_that_breaks_off_is_reported_at_the_end_of_the_process(tmp_path: Path, reported: Reported) -> None:
    start(tmp_path)
    (tmp_path / "0" / ".hydra").mkdir(parents=True)
    report_ended_sweeps()
    report_ended_sweeps()
    assert reported.sweeps == [str(tmp_path)]


def test_a_completed_sweep_is_reported_once(tmp_path: Path, reported: Reported) -> None:
    callback = start(tmp_path)
    (tmp_path / "result.json").write_text("{}")
    callback.on_multirun_end(OmegaConf.create())
    report_ended_sweeps()
    assert reported.sweeps == [str(tmp_path)]


@pytest.mark.parametrize("launcher", [{}, {"dry_run": True}])
def test_a_sweep_that_never_began_has_no_report(tmp_path: Path, reported: Reported, launcher: dict) -> None:
    start(tmp_path, **launcher)
    if launcher:
        (tmp_path / "0" / ".hydra").mkdir(parents=True)
    else:
        planned = {"event": "planned", "member": 0, "overrides": []}
        (tmp_path / "members.jsonl").write_text(json.dumps(planned) + "\n")
    report_ended_sweeps()
    assert reported.sweeps == []


def test_jobs_without_a_result_are_reported(tmp_path: Path, reported: Reported) -> None:
    start(tmp_path)
    submitted = {"event": "submitting", "member": 0, "job_name": "mlqa-0"}
    (tmp_path / "members.jsonl").write_text(json.dumps(submitted) + "\n")
    report_ended_sweeps()
    assert reported.sweeps == [str(tmp_path)]


def test_a_report_that_fails_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(on_sweep_end, "finish_sweep", Reported(OSError("the disk\nis full")))
    start(tmp_path)
    (tmp_path / "result.json").write_text("{}")
    report_ended_sweeps()
    assert [record.message for record in caplog.records] == [
        f"the report of {tmp_path} was not written: the disk is full"
    ]
