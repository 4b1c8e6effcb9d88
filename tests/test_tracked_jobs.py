"""The default tracking in jobs: what W&B leaves in the run directory comes back whole from a container."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from forked import python

from mlqa.config.schema import TrackingBackend, TrackingConfig, WandbMode
from mlqa.tracking.protocol import RunIdentity
from mlqa.tracking.trackers import open_trackers

TOP = Path(__file__).resolve().parents[1]
for folder in ("launchers", "tests/tracking"):
    sys.path.insert(0, str(TOP / folder))

from reading import by_records  # noqa: E402

from hydra_sagemaker_launcher.jobs.safe_extract import extract  # noqa: E402

RESULT: dict[str, Any] = {"status": "completed", "metrics": {"f1": 75.0}, "error": None}


def track(folder: Path) -> None:
    """Make a real offline run."""
    identity = RunIdentity("sweep-0-berturk", "sweep", (), {}, folder)
    config = TrackingConfig(backend=TrackingBackend.wandb, mode=WandbMode.offline)
    trackers = open_trackers(config, identity)
    trackers.log({"loss": 2.5}, 10)
    trackers.finish(RESULT)


def list_links(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): os.readlink(path) for path in folder.rglob("*") if path.is_symlink()}


def read_run(folder: Path) -> dict[str, Any]:
    """Read a run with its last records, which W&B's service writes after `finish` has returned."""
    end = time.monotonic() + 60
    while (found := by_records(find_run(folder)))["exit_code"] is None and time.monotonic() < end:
        time.sleep(0.1)
    return found


def find_run(folder: Path) -> Path:
    (run,) = [path for path in (folder / "wandb").glob("offline-run-*") if not path.is_symlink()]
    return run


def test_wandbs_own_folder_comes_out_of_an_archive(tmp_path: Path) -> None:
    origin = tmp_path / "run"
    origin.mkdir()
    track(origin)
    read_run(origin)
    links = list_links(origin)
    absolute = [name for name, target in links.items() if target.startswith("/")]
    assert "wandb/latest-run" in links and absolute, "W&B writes no links any more: this test has lost its subject"
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(origin, ".")
    left_out = extract(tmp_path / "x.tar.gz", tmp_path / "into", max_bytes=10**8, max_files=1000)
    assert left_out == absolute
    assert list_links(tmp_path / "into") == {name: links[name] for name in links if name not in absolute}
    assert by_records(find_run(tmp_path / "into")) == by_records(find_run(origin))


def test_a_container_packs_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINING_JOB_NAME", "job")
    monkeypatch.setenv("SM_CURRENT_HOST", "algo-1")
    track(tmp_path)
    assert list_links(tmp_path) == {}
    assert read_run(tmp_path)["summary"]["metrics/f1"] == 75.0


def test_the_command_of_the_readme_with_the_default_tracking(tmp_path: Path) -> None:
    command = (
        "train.py -m experiment=quickstart model=tiny_wordpiece hardware=local,p3 hydra.launcher.service=rehearsal "
        "tracking=wandb hardware.precision=fp32 training.max_steps=2 training.per_device_train_batch_size=4 "
        "training.shuffled_questions_control=false dataset.sample.train_rows=60 dataset.sample.validation_rows=10"
    ).split()
    sweep_dir = tmp_path / "sweep"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "AWS_"))}
    done = subprocess.run(
        [*python("training"), str(TOP / command[0]), *command[1:], f"hydra.sweep.dir={sweep_dir}"],
        env=env | {"WANDB_MODE": "offline"}, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "left out" not in done.stdout and "was not fetched" not in done.stdout
    results = [json.loads((sweep_dir / name / "result.json").read_text("utf-8")) for name in "01"]
    assert [(result["status"], result["choices"]["hardware"]) for result in results] == [
        ("completed", "local"), ("completed", "p3"),
    ]  # fmt: skip
    assert results[0]["metrics"] == results[1]["metrics"]
    for name, result in zip("01", results, strict=True):
        recorded = read_run(sweep_dir / name)
        assert recorded["summary"]["metrics/f1"] == pytest.approx(result["metrics"]["f1"])
        assert recorded["exit_code"] == 0
    assert (sweep_dir / "report" / "index.html").is_file()
