"""Test the workspace: its panels name what a run logs. It is printed without a network and saved with one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from reading import by_records
from wandb_server import WandbServer

pytest.importorskip("wandb_workspaces")
TOP = Path(__file__).resolve().parents[2]
OWN = {"config:model.value", "config:hardware.value", "model.value", "hardware.value"}  # of the config


def named_by_panels(content: Any) -> set[str]:
    """Return every metric, config key and table that a panel of the specification names."""
    found: set[str] = set()
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "metrics" and isinstance(value, list):
                found.update(value)
            elif key in ("xAxis", "yAxis", "accessor", "groupBy") and isinstance(value, str):
                found.add(value.removeprefix("summary:"))
            elif key == "key" and isinstance(value, dict) and value.get("type") == "string":
                found.add(str(value.get("val")))
            else:
                found |= named_by_panels(value)
    elif isinstance(content, list):
        for value in content:
            found |= named_by_panels(value)
    return found


@pytest.mark.slow
def test_every_name_in_a_panel_is_logged_by_a_run(
    no_account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlqa.config.compose import compose_config
    from mlqa.experiment import run
    from mlqa.tracking.dashboard import build_specification

    tiny = ["dataset.sample.train_rows=60", "dataset.sample.validation_rows=20", "training.logging_steps=1"]
    config, choices = compose_config(
        ["experiment=quickstart", "tracking=wandb", "model.scratch.num_hidden_layers=1", *tiny]
    )
    config.training.output_dir = str(tmp_path)
    run(config, choices)
    (run_dir,) = (tmp_path / "wandb").glob("offline-run-*")
    end = time.monotonic() + 60  # W&B's own process writes the last records after the run has ended
    while (found := by_records(run_dir))["exit_code"] is None and time.monotonic() < end:
        time.sleep(0.2)
    tables = {name.rpartition(".")[0] for name in found["summary"] if name.endswith("._type")}
    logged = {*found["summary"], *tables, *(name for row in found["rows"] for name in row)}
    assert {f"config:{key}.value" for key in found["config"]} >= {"config:model.value", "config:hardware.value"}
    names = (
        named_by_panels(build_specification("sweep", "mlqa", "team")["spec"]["section"]["panelBankConfig"]) - OWN - {""}
    )
    assert {"best/f1", "cost/usd", "tokenization/fertility", "train/loss", "eval/f1"} <= names
    assert names <= logged, names - logged
    assert {"predictions", "tokenization/words", "tokenization/figures"} <= tables
    documented = (TOP / "docs" / "wandb.md").read_text("utf-8")
    for name in found["summary"]:
        known = name.partition(".")[0]
        assert (
            name.startswith("_")
            or f"`{known}" in documented
            or f"`{known.partition('/')[0]}/..." in documented
            or (known.startswith("eval/"))
        ), name
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert result["tracking"]["wandb"]["mode"] == "offline"
    assert result["tokenization"]["embedding_share"] == pytest.approx(
        result["model"]["embedding_parameters"] / result["model"]["parameters"]
    )


@pytest.mark.slow
def test_dry_run_needs_no_network_and_nothing_heavy() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from mlqa.cli import main\n"
        "main(['dashboard', 'my sweep', '--dry-run'])\n"
        "print([name for name in ('torch', 'transformers', 'datasets') if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().endswith("[]")
    assert '"value": "my sweep"' in json.dumps(json.loads(done.stdout))


def test_a_workspace_is_saved(server: WandbServer, capsys: pytest.CaptureFixture[str]) -> None:
    from mlqa.cli import main

    main(["dashboard", "sweep"])
    assert re.match(rf"{server.url}/team/mlqa\?nw=\w+", capsys.readouterr().out)
    (view,) = server.views
    assert "tokenization/figures" in view["spec"]
    assert not server.unknown


@pytest.mark.usefixtures("no_account")
def test_without_a_key_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    from mlqa.cli import main

    with pytest.raises(SystemExit):
        main(["dashboard", "sweep"])
    assert (
        "error: dashboard: no W&B key in WANDB_API_KEY or the netrc: give one, or use --dry-run"
        in capsys.readouterr().err
    )


def test_no_name_is_no_group(capsys: pytest.CaptureFixture[str]) -> None:
    from mlqa.cli import main

    with pytest.raises(SystemExit):
        main(["dashboard", " ", "--dry-run"])
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: group: is empty")


def test_without_its_package_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlqa.cli import main

    monkeypatch.setitem(sys.modules, "wandb_workspaces.workspaces", None)
    with pytest.raises(SystemExit):
        main(["dashboard", "sweep", "--dry-run"])
    assert "pip install 'wandb-workspaces>=0.4,<0.5'" in capsys.readouterr().err
