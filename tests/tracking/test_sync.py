"""Test that `mlqa sync` adds what is missing at W&B, once, and says what it cannot do."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recorded import HISTORY, RESULT, record_run
from wandb_server import KEY, WandbServer

from mlqa.cli import main
from mlqa.tracking.earlier_rows import EarlierRows
from mlqa.tracking.names import STEP, find_missing_rows, rename_metrics
from mlqa.tracking.protocol import Logged

TABLES = {"tokenization/words", "tokenization/figures", "tokenization/page", "predictions", "evaluations"}


def test_only_metrics_that_no_row_of_the_step_has_are_missing() -> None:
    logged = [{STEP: row["step"], **rename_metrics({k: v for k, v in row.items() if k != "step"})} for row in HISTORY]
    assert find_missing_rows(HISTORY, logged) == []
    assert find_missing_rows(HISTORY, []) == [
        HISTORY[0], {"step": 10, "learning_rate": 1e-4, "epoch": 1.0}, HISTORY[2], HISTORY[3],
    ]  # fmt: skip
    assert find_missing_rows(HISTORY, [*logged[:2], {STEP: 10, "eval/f1": 70, "train/epoch": 1}, *logged[3:]]) == [
        {"step": 10, "eval_exact_match": 50.0, "epoch": 1.0}
    ]
    assert find_missing_rows([{"step": 5, "loss": 2.5}], [{STEP: 6, "train/loss": 2.5}]) == [{"step": 5, "loss": 2.5}]


def test_what_an_earlier_attempt_logged_at_a_step_is_not_missing() -> None:
    """Test that only the second evaluation of a step is missing if the service has another attempt's first one."""
    history = [{"step": 20, "eval_f1": 65.25}, {"step": 20, "eval_f1": 70.0}]
    assert find_missing_rows(history, [{STEP: 20, "eval/f1": 65.5}]) == [history[1]]
    assert find_missing_rows(history, [{STEP: 20, "eval/f1": 65.25}]) == [history[1]]
    earlier = EarlierRows(
        Logged([{STEP: 10, "eval/f1": 60.0}, {STEP: 20, "eval/f1": 65.5}], {}), [{"step": 10, "eval_f1": 60.0}]
    )
    assert earlier.drop_known({"eval/f1": 61.0, "train/epoch": 1.0}, 10) == {"eval/f1": 61.0, "train/epoch": 1.0}
    assert [earlier.drop_known({"eval/f1": f1}, 20) for f1 in (65.25, 70.0)] == [{}, {"eval/f1": 70.0}]


@pytest.mark.slow
def test_what_a_kill_left_out_is_added_once(
    server: WandbServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = {"wandb": {"mode": "online", "entity": "team", "project": "kept", "id": "killed", "url": "x"}}
    folder = record_run(tmp_path / "run", tracking=place)
    main(["sync", str(folder)])
    assert "added 4 rows, 5 tables and the summary" in capsys.readouterr().out
    (run,) = server.runs.values()
    assert (run.name, run.project, run.exit_code) == ("killed", "kept", 0)
    assert run.settings["commit"] == RESULT["versions"]["commit"]
    assert [(row[STEP], row.get("train/loss"), row.get("eval/f1")) for row in run.rows()[:4]] == [
        (5, 2.5, None), (10, None, None), (10, None, 70), (20, None, 65.25),
    ]  # fmt: skip
    assert run.summary["best/f1"] == 70
    assert run.summary["evaluations/xquad_tr/f1"] == 55.5
    assert run.summary.keys() >= TABLES
    assert not any("cost/usd" in row for row in run.rows())  # not an estimate made of the seconds of this upload

    rows = len(run.rows())
    main(["sync", str(folder)])
    assert "complete, nothing to add" in capsys.readouterr().out
    assert len(run.rows()) == rows

    # The server has lost two rows and a table, as if the machine had gone before W&B sent them.
    lost = [line for line, row in run.history.items() if row.get("eval/f1") == 70 or row.get("train/loss") == 2.5]
    assert len(lost) == 2
    kept = [row for line, row in run.history.items() if line not in lost]
    run.history = dict(enumerate(kept))
    del run.summary["predictions"]
    main(["sync", str(folder)])
    assert "added 2 rows, 1 table and the summary" in capsys.readouterr().out
    assert run.summary["eval/f1"] == 65.25  # of the last step, though the row of an earlier one came later
    assert sorted((row[STEP], row["eval/f1"]) for row in run.rows() if "eval/f1" in row) == [(10, 70), (20, 65.25)]
    main(["sync", str(folder)])
    assert "complete, nothing to add" in capsys.readouterr().out
    assert not server.unknown
    assert not any(KEY.encode() in body for body in server.everything)


@pytest.mark.slow
def test_an_offline_run_is_uploaded_and_completed(
    server: WandbServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = record_run(tmp_path / "run")
    code = (
        "import sys; from pathlib import Path\n"
        "from mlqa.config.schema import TrackingBackend, TrackingConfig, WandbMode\n"
        "from mlqa.tracking.protocol import RunIdentity\n"
        "from mlqa.tracking.trackers import open_trackers\n"
        "config = TrackingConfig(backend=TrackingBackend.wandb, mode=WandbMode.offline)\n"
        "trackers = open_trackers(config, RunIdentity('one', None, (), {}, Path(sys.argv[1])))\n"
        "trackers.log({'loss': 2.5}, 5)\n"
        "trackers.finish({'status': 'failed', 'metrics': {}})\n"
    )
    history = (folder / "history.jsonl").read_bytes()
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True, timeout=120)
    (folder / "history.jsonl").write_bytes(history)
    place = {"mode": "offline", "entity": "", "project": "mlqa", "id": "one", "url": None}
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "tracking": {"wandb": place}}))
    main(["sync", str(folder)])
    assert "uploaded; added 3 rows, 5 tables and the summary; to see it: " in capsys.readouterr().out
    end = time.monotonic() + 60
    while server.runs["one"].exit_code != 0 and time.monotonic() < end:
        time.sleep(0.1)
    run = server.runs["one"]
    assert [row["train/loss"] for row in run.rows() if "train/loss" in row] == [2.5]
    assert run.summary["status"] == "completed"
    address = f"{server.url}/team/mlqa/runs/one"
    main(["sync", str(tmp_path)])  # the folder above it
    assert f"{folder}: complete, nothing to add; to see it: {address}\n" in capsys.readouterr().out
    monkeypatch.setattr("mlqa.tracking.sync._upload_offline_dirs", lambda *_: True)
    main(["sync", str(folder)])
    assert f"{folder}: uploaded; to see it: {address}\n" in capsys.readouterr().out
    recorded = json.loads((folder / "result.json").read_text())
    assert (recorded["tracking"]["wandb"]["mode"], recorded["tracking"]["wandb"]["url"]) == ("online", address)
    assert {**recorded, "tracking": 0} == {**result, "tracking": 0}


@pytest.mark.usefixtures("no_account")
def test_without_a_key_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sync", str(record_run(tmp_path / "run"))])
    assert "error: sync: there is no W&B key in WANDB_API_KEY or the netrc" in capsys.readouterr().err


def test_what_is_no_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sync", str(tmp_path)])
    assert f"error: {tmp_path / 'result.json'}: the file does not exist" in capsys.readouterr().err


@pytest.mark.slow
def test_a_wrong_key_is_called_one(server: WandbServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = lambda *_: (401, {"errors": [{"message": "invalid token"}]})  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        main(["sync", str(record_run(tmp_path / "run"))])
    assert f"W&B at {server.url} refuses the key in WANDB_API_KEY" in capsys.readouterr().err
