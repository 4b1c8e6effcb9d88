"""mlqa through the launcher, on the rehearsal service: what runs there is what runs here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from forked import fork_services, interpreter, python

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "launchers"))

sys.path.insert(0, str(TOP / "tests" / "tracking"))

from reading import read_run  # noqa: E402

import sagemaker_rehearsal  # noqa: E402

pytestmark = pytest.mark.slow

SMALL = (
    "experiment=quickstart",
    "model=tiny_wordpiece",
    "hardware.precision=fp32",
    "dataset.sample.train_rows=400",
    "dataset.sample.validation_rows=60",
    "training.per_device_train_batch_size=8",
    "training.shuffled_questions_control=false",
    "training.save_steps=5",
)
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}
ROLE = "arn:aws:iam::123456789012:role/jobs"


@contextmanager
def serve(state: Path, **options: Any) -> Iterator[str]:
    """A stand-in that the launcher takes for AWS, by AWS_ENDPOINT_URL as for any private endpoint."""
    fork_services()
    try:
        yield sagemaker_rehearsal.start(state, checkpoint_seconds=0.3, idle_minutes=5, **options)
    finally:
        sagemaker_rehearsal.stop(state)


def train(service: str, sweep_dir: Path, *overrides: str) -> subprocess.Popen[str]:
    env = os.environ | ACCOUNT | {"SAGEMAKER_ROLE_ARN": ROLE, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}
    env |= {"AWS_ENDPOINT_URL": service} if service else {}
    command = [*python("training"), str(TOP / "train.py"), "-m", *SMALL, f"hydra.sweep.dir={sweep_dir}", *overrides]
    poll = "hydra.launcher.poll_interval=0.5"
    return subprocess.Popen([*command, poll], env=env, stderr=subprocess.PIPE, text=True, cwd=sweep_dir.parent)


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep with the default tracking, one member here and one on an instance, which starts from nothing there."""
    sweep_dir = tmp_path_factory.mktemp("sweeps") / "both"
    more = ("hydra.launcher.service=rehearsal", "hydra.launcher.region=eu-central-1", "tracking=wandb")
    with train("", sweep_dir, "hardware=local,g5", *more) as process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "left out" not in errors and "was not fetched" not in errors
    return sweep_dir


def test_a_member_answers_the_same_here_and_there(both: Path) -> None:
    assert read(both / "0" / "predictions.json") == read(both / "1" / "predictions.json")
    here, there = read(both / "0" / "result.json"), read(both / "1" / "result.json")
    assert here["metrics"] == there["metrics"]
    assert here["status"] == there["status"] == "completed"
    assert [result["choices"]["hardware"] for result in (here, there)] == ["local", "g5"]


def test_a_member_leaves_the_same_files_here_and_there(both: Path) -> None:
    def files(member: str) -> set[str]:
        found = {path.relative_to(both / member) for path in (both / member).rglob("*") if path.is_file()}
        return {path.as_posix() for path in found if path.parts[0] != "wandb"}  # its names have a time

    of_the_model = {name for name in files("0") if name.startswith("model/")}
    assert files("1") - {"sagemaker.log"} == files("0") - of_the_model


@pytest.mark.parametrize("member", ["0", "1"])
def test_the_tracked_run_is_whole_here_and_there(both: Path, member: str) -> None:
    recorded = read_run(both / member)
    assert recorded["exit_code"] == 0
    assert recorded["summary"]["metrics/f1"] == pytest.approx(read(both / member / "result.json")["metrics"]["f1"])


def test_the_sweep_has_a_report(both: Path) -> None:
    assert (both / "report" / "index.html").is_file()


def test_cost_is_completed_from_billable_seconds(both: Path) -> None:
    cost = read(both / "1" / "result.json")["cost"]
    assert (cost["instance_type"], cost["instance_count"], cost["usd_per_hour"]) == ("ml.g5.xlarge", 1, 1.408)
    assert cost["billable_seconds"] > 0
    assert cost["usd"] == pytest.approx(cost["billable_seconds"] * 1.408 / 3600, abs=5e-5)
    assert not cost["estimate"]


def test_a_spot_interruption_changes_nothing_but_the_time(both: Path, tmp_path: Path) -> None:
    with serve(tmp_path / "service", python=interpreter("training job")) as service:
        process = train(service, tmp_path / "spot", "hardware=g5", "hardware.max_hours=1", "hardware.spot=true")
        s3 = boto3.client("s3", endpoint_url=service, region_name=ACCOUNT["AWS_REGION"],
                          aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and not _checkpoints(s3, tmp_path / "spot" / "members.jsonl"):
            time.sleep(0.2)
        sagemaker_rehearsal.call(
            service, "faults", {"interrupt": {"job": ".*", "after_seconds": 0, "wait_seconds": 0.5}}
        )
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    result = read(tmp_path / "spot" / "0" / "result.json")
    assert result["timing"]["resumed_after_step"] >= 5
    assert read(tmp_path / "spot" / "0" / "predictions.json") == read(both / "1" / "predictions.json")
    assert 0 < result["cost"]["spot_saving"] < 1


def _checkpoints(s3: Any, manifest: Path) -> list[str]:
    """Whole checkpoints of a sweep that have reached S3: a checkpoint's own manifest is written last."""
    if not manifest.exists() or not manifest.read_text("utf-8").endswith("\n"):
        return []
    sweep = json.loads(manifest.read_text("utf-8").splitlines()[0])
    place = f"{sweep['prefix']}/{sweep['sweep_id']}/0/checkpoints/"
    found = s3.list_objects_v2(Bucket=sweep["bucket"], Prefix=place).get("Contents", [])
    return [item["Key"] for item in found if item["Key"].endswith("manifest.json") and ".partial" not in item["Key"]]


def test_without_m_nothing_trains_here_unnoticed(tmp_path: Path) -> None:
    command = [sys.executable, str(TOP / "train.py"), *SMALL, "hardware=p3"]
    process = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert process.returncode == 2
    assert "put -m before the overrides" in process.stderr
    assert len(process.stderr.splitlines()) == 1
