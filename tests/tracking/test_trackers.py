"""Test that tracking never stops a run: files always work, and the real W&B, offline, if it can start."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlqa.config.schema import TrackingBackend, TrackingConfig, WandbMode
from mlqa.tracking.protocol import RunIdentity
from mlqa.tracking.trackers import TRACKERS, Trackers, open_trackers
from mlqa.tracking.wandb_mode import decide_mode, has_key

RESULT: dict[str, Any] = {
    "status": "completed", "metrics": {"f1": 75.63}, "tokenization": {}, "timing": {}, "cost": {"usd": 1.58},
    "model": {}, "dataset": {}, "breakdown": {},
}  # fmt: skip


def identity(folder: Path) -> RunIdentity:
    return RunIdentity("sweep-0-berturk-p3-s42-abc", "sweep", ("model:berturk", "x" * 80), {"model": "berturk"}, folder)


def test_history_is_on_disk_line_by_line(tmp_path: Path) -> None:
    trackers = open_trackers(TrackingConfig(backend=TrackingBackend.files), identity(tmp_path))
    trackers.log({"loss": 1.5}, 10)
    trackers.log({"loss": float("nan")}, 20)
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert rows == [{"step": 10, "loss": 1.5}, {"step": 20, "loss": None}]


def test_the_last_evaluation_is_logged_once(tmp_path: Path) -> None:
    """Test that the scores at the end of a run repeat none of the evaluation that training ended with."""
    trackers = open_trackers(TrackingConfig(backend=TrackingBackend.files), identity(tmp_path))
    kept = tmp_path / "kept.jsonl"
    kept.write_text('{"step": 10, "eval_f1": 70.0, "eval_total": 20.0}\n', "utf-8")
    trackers.start(kept)
    trackers.log({"eval_f1": 70.0, "eval_total": 20, "eval_f1_ci_low": 60.0}, 10)
    trackers.log({"eval_f1": 70.0, "eval_total": 20}, 20)  # another evaluation, though its scores are the same
    trackers.log({"eval_f1": 71.0, "eval_total": 20}, 20)  # of another model
    trackers.log({"eval_f1": 71.0, "eval_total": 20}, 20)
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert rows == [
        {"step": 10, "eval_f1": 70.0, "eval_total": 20.0},
        {"step": 10, "eval_f1_ci_low": 60.0},
        {"step": 20, "eval_f1": 70.0, "eval_total": 20},
        {"step": 20, "eval_f1": 71.0},
    ]


def test_a_failing_tracker_warns_once_and_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        def log(self, row: dict[str, float], step: int) -> None:
            raise RuntimeError("no network")

        def finish(self, result: dict[str, Any]) -> None:
            raise RuntimeError("nor a way to close it")

    class Counting:
        steps: list[int]

        def __init__(self) -> None:
            self.steps = []

        def log_table(self, table: Any) -> None:
            pass

        def log(self, row: dict[str, float], step: int) -> None:
            self.steps.append(step)

        def finish(self, result: dict[str, Any]) -> None:
            self.steps.append(-1)

    counting = Counting()
    trackers = Trackers([Failing(), counting])
    with caplog.at_level(logging.WARNING):
        trackers.log({"loss": 1.0}, 1)
        trackers.log({"loss": 1.0}, 2)
        trackers.finish(RESULT)
    assert counting.steps == [1, 2, -1]
    assert [record.message for record in caplog.records] == [
        "tracking: Failing failed and is not used from now on: no network"
    ]


@pytest.mark.usefixtures("no_account")
def test_mode_is_decided_before_wandb_could_ask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert decide_mode(WandbMode.auto) == "offline"
    assert decide_mode(WandbMode.online) == "offline"  # W&B would ask on a terminal
    assert decide_mode(WandbMode.disabled) == "disabled"
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["tracking.mode=online"]
    monkeypatch.setenv("WANDB_MODE", "online")
    assert decide_mode(WandbMode.auto) == "offline"
    assert caplog.records[-1].getMessage().startswith("WANDB_MODE=online: there is no W&B key")
    monkeypatch.delenv("WANDB_MODE")
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    assert decide_mode(WandbMode.auto) == "online"
    assert decide_mode(WandbMode.online) == "online"
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert decide_mode(WandbMode.auto) == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    assert decide_mode(WandbMode.auto) == "online"
    monkeypatch.setenv("WANDB_MODE", "dryrun")  # W&B's old name
    assert decide_mode(WandbMode.auto) == "offline"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert decide_mode(WandbMode.auto) == "disabled"
    assert decide_mode(WandbMode.offline) == "offline"


@pytest.mark.usefixtures("no_account")
@pytest.mark.parametrize("password", ["secret", ""])
def test_the_key_of_a_server_of_ones_own_is_found_as_wandb_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, password: str
) -> None:
    (tmp_path / "netrc").write_text(f'machine localhost:8080 login user password "{password}"\n')
    (tmp_path / "netrc").chmod(0o600)
    assert not has_key()
    (tmp_path / "settings").write_text("[default]\nbase_url = http://localhost:8080\n")  # by wandb login --host
    # Python 3.10 knows no quotes in a netrc. W&B reads by it, and takes two of them for a password.
    assert has_key() == (bool(password) or sys.version_info < (3, 11))
    monkeypatch.setenv("WANDB_BASE_URL", "http://localhost")  # another port is another server
    assert not has_key()
    monkeypatch.setenv("WANDB_IDENTITY_TOKEN_FILE", "token")
    assert has_key()


@pytest.mark.usefixtures("no_account")
def test_wandb_that_cannot_start_leaves_the_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    refused = replace(identity(tmp_path), id="not/allowed:in an id")
    trackers = open_trackers(TrackingConfig(backend=TrackingBackend.wandb), refused)
    trackers.log({"loss": 1.0}, 1)
    trackers.finish(RESULT)
    assert (tmp_path / "history.jsonl").read_text()
    assert [record.message for record in caplog.records if "could not start" in record.message]


def test_every_backend_is_opened_or_is_the_files() -> None:
    assert set(TRACKERS) == set(TrackingBackend) - {TrackingBackend.files}
