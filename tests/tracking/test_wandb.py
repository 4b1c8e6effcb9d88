"""Test the real W&B: offline with two readers, and online, resumed, synced and cut off on a stand-in server."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reading import by_leet, by_records
from wandb_server import KEY, WandbServer

from mlqa.config.schema import TrackingBackend, TrackingConfig, WandbMode
from mlqa.tracking.billing import correct_cost
from mlqa.tracking.protocol import RunIdentity, Table
from mlqa.tracking.sync import _upload_offline_dirs
from mlqa.tracking.trackers import Trackers, open_trackers
from mlqa.tracking.wandb_connection import find_run_dirs
from mlqa.tracking.wandb_files import cut_repeated_rows, read_rows

pytestmark = pytest.mark.slow

ID = "sweep-0-berturk-p3-s42-abc"
RESULT: dict[str, Any] = {
    "status": "completed", "metrics": {"f1": 75.63, "exact_match": 56.17}, "tokenization": {"fertility": 1.73},
    "timing": {"train_seconds": 9.0}, "cost": {"usd": 1.58, "estimate": True}, "model": {"parameters": 7},
    "dataset": {"fingerprint": "ab"}, "breakdown": {"token_boundary": {"on_tokens": {"f1": 80.0}}},
    "versions": {"python": "3.11"}, "error": None,
}  # fmt: skip
WORDS = Table("tokenization/words", ("word", "count"), [["kedi", 1], ["evler", 2]], ("word", "count"))


def opened(folder: Path, **options: Any) -> Trackers:
    identity = RunIdentity(
        ID, "sweep", ("model:berturk", "x" * 80), {"model": "berturk", "cfg": {"seed": 42}}, folder, 3.825
    )
    return open_trackers(TrackingConfig(backend=TrackingBackend.wandb, **options), identity)


def track(folder: Path, status: str = "completed", **options: Any) -> Trackers:
    """Track a complete run."""
    folder.mkdir(exist_ok=True)
    trackers = opened(folder, **options)
    trackers.log({"loss": 2.5, "learning_rate": 1e-4}, 10)
    trackers.log({"eval_f1": 80.0, "eval_exact_match": 50.0}, 20)
    trackers.log({"loss": 1.5}, 20)
    trackers.log_table(WORDS)
    trackers.finish({**RESULT, "status": status})
    return trackers


def until(what: Callable[[], bool]) -> None:
    """Wait for W&B's service process, which writes the last records after `finish` has returned."""
    end = time.monotonic() + 60
    while not what() and time.monotonic() < end:
        time.sleep(0.1)
    assert what()


@pytest.mark.usefixtures("no_account")
def test_the_project_is_the_configs_then_the_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def project(**options: Any) -> str:
        trackers = opened(tmp_path, mode=WandbMode.disabled, **options)
        found: str = trackers.collect_places()["wandb"]["project"]
        trackers.finish({**RESULT})
        return found

    assert project() == "mlqa"
    monkeypatch.setenv("WANDB_PROJECT", "of-the-environment")
    assert project() == "of-the-environment"
    assert project(project="asked-for") == "asked-for"


@pytest.mark.usefixtures("no_account")
def test_an_offline_run_is_read_back_by_both_readers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        trackers = track(tmp_path)
    (run_dir,) = (tmp_path / "wandb").glob("offline-run-*")
    assert caplog.text.count(f"W&B is offline; to upload this run: mlqa sync {tmp_path}") == 2  # start and end
    assert trackers.collect_places()["wandb"]["mode"] == "offline"
    until(lambda: by_records(run_dir)["exit_code"] == 0)
    found = by_records(run_dir)
    run, summary = found["run"], found["summary"]
    assert (run.run_id, run.run_group, run.job_type) == (ID, "sweep", "train")
    assert list(run.tags) == ["model:berturk", "x" * 64]
    assert {key: value for key, value in found["config"].items() if key != "_wandb"} == {
        "model": "berturk",
        "cfg": {"seed": 42},
    }
    steps = [(row["train/global_step"], row.get("train/loss"), row.get("eval/f1")) for row in found["rows"]]
    assert steps[:3] == [(10, 2.5, None), (20, None, 80), (20, 1.5, None)]
    assert 0 < found["rows"][0]["cost/usd"] < 1  # an estimate on the way
    expected = {
        "metrics/f1": 75.63, "best/f1": 80.0, "best/exact_match": 56.17, "tokenization/fertility": 1.73,
        "cost/usd": 1.58, "cost/estimate": True, "status": "completed", "dataset/fingerprint": "ab",
        "breakdown/token_boundary": {"on_tokens": {"f1": 80.0}},
    }  # fmt: skip
    assert {name: summary[name] for name in expected} == expected
    assert summary["tokenization/words.nrows"] == 2
    assert "error" not in summary
    leet = by_leet(run_dir, "--summary")
    assert {name: leet["summary"][name] for name in expected} == expected
    assert (leet["run_id"], leet["exit_code"], leet["config"]["model"]) == (ID, 0, "berturk")


@pytest.mark.usefixtures("no_account")
def test_sagemakers_environment_changes_neither_id_nor_group_nor_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that W&B's SageMaker mode is off: it would name the run after the job and log all hyperparameters."""
    job = {"job_name": "job", "current_host": "algo-1", "hosts": ["algo-1"], "hyperparameters": {"lr": "1", "key": KEY}}
    monkeypatch.setenv("SM_TRAINING_ENV", json.dumps(job))
    monkeypatch.setenv("TRAINING_JOB_NAME", "job")
    monkeypatch.setenv("SM_CURRENT_HOST", "algo-1")
    track(tmp_path)
    (run_dir,) = (tmp_path / "wandb").glob("offline-run-*")
    until(lambda: by_records(run_dir)["exit_code"] == 0)
    found = by_records(run_dir)
    assert (found["run"].run_id, found["run"].run_group) == (ID, "sweep")
    assert set(found["config"]) - {"_wandb"} == {"model", "cfg"}
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.usefixtures("no_account")
def test_a_failed_run_is_marked_failed(tmp_path: Path) -> None:
    track(tmp_path, status="failed")
    (run_dir,) = (tmp_path / "wandb").glob("offline-run-*")
    until(lambda: by_records(run_dir)["exit_code"] is not None)
    assert by_records(run_dir)["exit_code"] == 1
    assert by_records(run_dir)["summary"]["status"] == "failed"


def test_an_online_run_arrives_whole_and_says_where_it_is(server: WandbServer, tmp_path: Path) -> None:
    trackers = track(tmp_path)
    run = server.runs[ID]
    assert trackers.collect_places()["wandb"] == {
        "mode": "online", "entity": "team", "project": "mlqa", "id": ID, "group": "sweep",
        "url": f"{server.url}/team/mlqa/runs/{ID}",
    }  # fmt: skip
    assert run.settings["groupName"] == "sweep"
    assert run.config["model"]["value"] == "berturk"
    assert [row["train/loss"] for row in run.rows() if "train/loss" in row] == [2.5, 1.5]
    assert run.summary["best/f1"] == 80
    assert run.exit_code == 0
    assert not server.unknown
    assert not any(KEY.encode() in body for body in server.everything)  # the key travels in a header alone
    assert not any(KEY in path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_a_sweeps_members_do_not_meet(server: WandbServer, tmp_path: Path, status: str) -> None:
    """Test that the second is a run of its own, even if a crash left the first open."""
    first = opened(tmp_path)
    first.log({"loss": 9.0}, 1)
    (tmp_path / "1").mkdir()
    second = open_trackers(
        TrackingConfig(backend=TrackingBackend.wandb), RunIdentity("second", "sweep", (), {}, tmp_path / "1")
    )
    second.log({"loss": 1.0}, 1)
    second.finish({**RESULT, "status": status})
    assert [row["train/loss"] for row in server.runs[ID].rows()] == [9]
    assert [row["train/loss"] for row in server.runs["second"].rows() if "train/loss" in row] == [1]
    assert server.runs["second"].exit_code == (0 if status == "completed" else 1)


def test_a_killed_run_goes_on_as_the_same_run(server: WandbServer, tmp_path: Path) -> None:
    code = (
        "import sys, os, time; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_wandb import opened\n"
        f"trackers = opened(Path({str(tmp_path)!r}))\n"
        "trackers.log({'loss': 3.0, 'eval_f1': 90.0}, 10)\n"
        "print('logged', flush=True); time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    while child.stdout.readline().strip() != "logged":
        pass
    until(lambda: bool(server.runs[ID].rows()))
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    trackers = opened(tmp_path)
    kept = tmp_path / "kept.jsonl"  # a checkpoint's
    kept.write_text('{"step": 10, "eval_f1": 90.0}\n')
    trackers.start(kept)
    trackers.log({"loss": 2.0}, 10)
    trackers.log({"loss": 1.0}, 20)
    trackers.finish(RESULT)
    assert list(server.runs) == [ID]
    rows = [row for row in server.runs[ID].rows() if "train/loss" in row]
    assert [(row["train/global_step"], row["train/loss"]) for row in rows] == [(10, 3), (20, 1)]
    assert server.runs[ID].summary["best/f1"] == 90  # of the part before the kill


def test_a_run_that_begins_again_is_there_once(server: WandbServer, tmp_path: Path) -> None:
    """Test that an attempt without a checkpoint leaves neither rows nor tables beside those of the next one."""
    for loss in (3.0, 2.0):
        trackers = opened(tmp_path)
        trackers.start(None)
        trackers.log_table(WORDS)
        trackers.log({"loss": 3.0}, 10)
        if loss == 2:
            trackers.log({"loss": loss}, 20)
        trackers.finish({**RESULT, "status": "failed"} if loss == 3 else RESULT)
    (run,) = server.runs.values()
    assert [(row["train/global_step"], row["train/loss"]) for row in run.rows() if "train/loss" in row] == [
        (10, 3),
        (20, 2),
    ]
    assert sum("tokenization/words" in row for row in run.rows()) == 1
    assert (run.summary["train/loss"], run.summary["status"], run.exit_code) == (2, "completed", 0)
    assert not server.unknown


@pytest.mark.usefixtures("no_account")
def test_of_a_run_that_begins_again_offline_the_last_attempt_is_uploaded(tmp_path: Path) -> None:
    for loss in (3.0, 2.0):
        trackers = opened(tmp_path)
        trackers.start(None)
        trackers.log({"loss": loss}, 10)
        trackers.finish(RESULT)
        time.sleep(1.1 if loss == 3 else 0)  # W&B names its folders by the second
    folders = find_run_dirs(tmp_path, ID)
    assert [bool(list(folder.glob("*.synced"))) for folder in folders] == [True, False]
    until(lambda: by_records(folders[1])["exit_code"] is not None)
    assert [row["train/loss"] for row in by_records(folders[1])["rows"] if "train/loss" in row] == [2]


def attempt(folder: Path, mode: str, kept: list[dict[str, Any]], rows: list[tuple[float, int]]) -> None:
    """Log a table and rows of (loss, step), after a checkpoint whose history is `kept`, and end without success."""
    history = folder / "kept.jsonl"
    history.write_text("".join(json.dumps(row) + "\n" for row in kept))
    trackers = opened(folder, mode=WandbMode(mode))
    trackers.start(history if kept else None)
    trackers.log_table(WORDS)
    for loss, step in rows:
        trackers.log({"loss": loss}, step)
    trackers.finish({**RESULT, "status": "failed"})
    time.sleep(1.1)  # W&B names its folders by the second


@pytest.mark.parametrize(
    "modes", [("offline", "offline"), ("offline", "online"), ("online", "offline"), ("offline", "offline", "offline")]
)
def test_no_row_is_uploaded_twice_after_a_checkpoint(
    server: WandbServer, tmp_path: Path, modes: tuple[str, ...]
) -> None:
    """Test that what training repeats after a checkpoint is at W&B once, wherever the earlier attempts were logged."""
    first = {"step": 10, "loss": 3.0}
    attempt(tmp_path, modes[0], [], [(3.0, 10), (2.5, 20), (2.4, 25)])
    attempt(tmp_path, modes[1], [first], [(2.5, 20), (2.0, 30)])
    if len(modes) > 2:  # from a checkpoint between the rows of the second attempt
        attempt(tmp_path, modes[2], [first, {"step": 20, "loss": 2.5}], [(2.0, 30), (1.5, 40)])
    identity = RunIdentity(ID, "sweep", (), {}, tmp_path)
    for _ in range(2):  # a second upload finds nothing
        _upload_offline_dirs(tmp_path, identity, None, None)
    (run,) = server.runs.values()
    logged = [(row["train/global_step"], row["train/loss"]) for row in run.rows() if "train/loss" in row]
    expected = [(10, 3.0), (20, 2.5), (30, 2.0)]
    expected += [(25, 2.4)] if modes[0] == "online" else []  # W&B does not take back what it has
    expected += [(40, 1.5)] if len(modes) > 2 else []
    assert sorted(logged) == sorted(expected)
    assert sum("tokenization/words" in row for row in run.rows()) == 1
    assert not server.unknown


def test_the_files_of_wandb_are_cut_between_two_records(tmp_path: Path) -> None:
    """Test on a file of several blocks, which the tests' own reader reads as well."""
    trackers = opened(tmp_path, mode=WandbMode.offline)
    for step in range(1, 400):
        trackers.log({"loss": 1 / step, "learning_rate": step / 1e6, "grad_norm": step / 7}, step)
    trackers.finish(RESULT)
    (folder,) = find_run_dirs(tmp_path, ID)
    until(lambda: by_records(folder)["exit_code"] is not None)
    (path,) = folder.glob("*.wandb")
    assert path.stat().st_size > 2 << 15
    whole = by_records(folder)["rows"]
    assert read_rows(folder) == whole
    last = {"step": 250, "loss": 1 / 250, "learning_rate": 25e-5, "grad_norm": 250 / 7}
    assert cut_repeated_rows(folder, [last]) >= 149
    assert [row["train/global_step"] for row in by_records(folder)["rows"]] == list(range(1, 251))
    assert by_records(folder)["rows"] == whole[:250]
    del last["grad_norm"]  # the checkpoint was before it
    assert cut_repeated_rows(folder, [last]) == 1


def test_an_outage_ends_in_bounded_time_and_loses_nothing(
    server: WandbServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trackers = opened(tmp_path, finish_timeout=3.0)
    trackers.log_table(WORDS)  # as every run does before it trains
    server.deaf.set()
    began = time.monotonic()
    for step in range(50):
        trackers.log({"loss": 1.0}, step)
    assert time.monotonic() - began < 2  # training is not slowed
    trackers.finish(RESULT)
    assert time.monotonic() - began < 40  # a table waits once for W&B's answer
    (line,) = [record.message for record in caplog.records if "did not finish within" in record.message]
    (run_dir,) = (tmp_path / "wandb").glob("run-*")
    assert line.endswith(f"to complete it: mlqa sync {tmp_path}")
    until(lambda: sum("train/loss" in row for row in by_records(run_dir)["rows"]) == 50)


def test_a_process_of_wandb_that_gives_no_answer_is_not_waited_for(
    server: WandbServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wandb.sdk import wandb_setup

    monkeypatch.setattr("mlqa.tracking.wandb_connection.GRACE_SECONDS", 1)
    trackers = opened(tmp_path, finish_timeout=1.0)
    trackers.log({"loss": 1.0}, 1)
    process = wandb_setup.singleton()._connection._proc._process  # type: ignore[union-attr]
    os.kill(process.pid, signal.SIGSTOP)
    began = time.monotonic()
    trackers.finish(RESULT)
    assert time.monotonic() - began < 20
    assert process.wait(10) == -signal.SIGKILL
    assert sum("did not finish within" in record.message for record in caplog.records) == 1
    again = opened(tmp_path / "next", finish_timeout=60.0)  # a sweep's next member has a process of its own
    again.finish(RESULT)
    assert [run.exit_code for run in server.runs.values()][-1] == 0


@pytest.mark.usefixtures("no_account")
def test_a_server_that_refuses_leaves_an_offline_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb

    wandb.teardown()
    monkeypatch.setattr("mlqa.tracking.wandb_connection.START_SECONDS", 4)
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setattr(server, "answer", lambda *_: (400, {"errors": [{"message": "no"}]}))
        trackers = track(tmp_path)
    assert [record.message for record in caplog.records if "this run is kept offline" in record.message]
    assert trackers.collect_places()["wandb"]["mode"] == "offline"
    assert list((tmp_path / "wandb").glob("offline-run-*"))


@pytest.mark.parametrize("asked", [False, True])
def test_artefacts_go_up_only_where_asked(server: WandbServer, tmp_path: Path, asked: bool) -> None:
    (tmp_path / "predictions.json").write_text('{"q": "a"}')
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    track(tmp_path, artifacts=asked)
    kinds = [artifact["artifactTypeName"] for artifact in server.artifacts]
    assert set(kinds) == ({"run_table", "dataset", "model"} if asked else {"run_table"})
    assert [server.artifacts[int(number[1:])]["artifactTypeName"] for number in server.used] == ["dataset"] * asked
    if asked:
        (model,) = (artifact for artifact in server.artifacts if artifact["artifactTypeName"] == "model")
        assert "latest" in [alias["alias"] for alias in model["aliases"]]
    assert not server.unknown


def test_the_billed_cost_takes_the_estimates_place(server: WandbServer, tmp_path: Path) -> None:
    trackers = track(tmp_path / "0")
    recorded = {"schema_version": 2}
    billed = {"usd": 2.5, "billable_seconds": 1487, "estimate": False}
    (tmp_path / "0" / "result.json").write_text(
        json.dumps(recorded | {"tracking": trackers.collect_places(), "cost": billed})
    )
    for number, cost, mode in ((1, {"usd": 1, "estimate": True}, "online"), (2, billed, "offline")):
        (tmp_path / str(number)).mkdir()
        place = {**trackers.collect_places()["wandb"], "mode": mode, "id": "none"}
        (tmp_path / str(number) / "result.json").write_text(
            json.dumps(recorded | {"tracking": {"wandb": place}, "cost": cost})
        )
    assert correct_cost(tmp_path) == 1
    summary = server.runs[ID].summary
    assert (summary["cost/usd"], summary["cost/billable_seconds"], summary["cost/estimate"]) == (2.5, 1487, False)
    assert summary["metrics/f1"] == 75.63
    assert not server.unknown


def test_a_cost_that_cannot_be_corrected_is_one_warning(
    server: WandbServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = {"mode": "online", "entity": "team", "project": "mlqa", "id": "gone"}
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "result.json").write_text(
        json.dumps({"schema_version": 2, "tracking": {"wandb": place}, "cost": {"usd": 1}})
    )
    assert correct_cost(tmp_path) == 0
    assert [record for record in caplog.records if "the billed cost of 1 run(s) did not reach W&B" in record.message]
