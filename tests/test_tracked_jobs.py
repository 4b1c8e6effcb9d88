"""The default tracking in jobs: what W&B leaves in the run directory comes back whole from a container."""

from __future__ import annotations

import os
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mlqa.config.schema import TrackingBackend, TrackingConfig, WandbMode
from mlqa.tracking.protocol import RunIdentity
from mlqa.tracking.trackers import open_trackers

TOP = Path(__file__).resolve().parents[1]
for folder in ("launchers", "tests/tracking"):
    sys.path.insert(0, str(TOP / folder))

from reading import by_records, find_run, read_run  # noqa: E402

from hydra_sagemaker_launcher.jobs.safe_extract import extract  # noqa: E402

pytestmark = pytest.mark.slow

RESULT: dict[str, Any] = {"status": "completed", "metrics": {"f1": 75.0}, "error": None}


def track(folder: Path) -> None:
    """Make a real offline run."""
    import wandb

    wandb.teardown()  # the process of W&B that another test has used may have gone
    os.environ.pop("WANDB_SERVICE", None)
    identity = RunIdentity("sweep-0-berturk", "sweep", (), {}, folder)
    config = TrackingConfig(backend=TrackingBackend.wandb, mode=WandbMode.offline)
    trackers = open_trackers(config, identity)
    trackers.log({"loss": 2.5}, 10)
    trackers.finish(RESULT)


def list_links(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): os.readlink(path) for path in folder.rglob("*") if path.is_symlink()}


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
