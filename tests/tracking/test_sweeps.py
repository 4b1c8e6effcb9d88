"""Test W&B sweeps: the files compose, `wandb sweep` and `wandb agent` run them, and one agent run is one member."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from forked import python
from omegaconf import OmegaConf
from wandb_server import KEY, WandbServer

from mlqa.config.preflight import check_command_line
from mlqa.config.wandb_agent import translate_agent_arguments
from mlqa.errors import ConfigError

TOP = Path(__file__).resolve().parents[2]
FILES = sorted((TOP / "sweeps").glob("*.yaml"))


def drawn(path: Path) -> list[list[str]]:
    """Return the command lines, after `train.py`, for the first and the last value of each parameter."""
    sweep = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(sweep, dict)
    choices = []
    for key, described in sweep["parameters"].items():
        assert "." in key or key in ("model", "hardware")
        values = described.get("values") or [described["min"], described["max"]]
        choices.append([f"{key}={value}" for value in (values[0], values[-1])])
    command = sweep["command"]
    assert command[:3] == ["${env}", "${interpreter}", "${program}"]
    assert command[-1] == "${args_no_hyphens}"
    return [[*command[3:-1], *combination] for combination in itertools.product(*choices)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_sweep_draws_is_a_command_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep0")
    monkeypatch.setenv("WANDB_RUN_ID", "drawn0")
    monkeypatch.setenv("TRAINING_JOB_NAME", "job")  # as on the instance that a hardware option names
    monkeypatch.setenv("SM_CURRENT_HOST", "algo-1")
    for arguments in drawn(path):
        check_command_line(arguments)


def test_the_promised_sweeps_exist() -> None:
    assert {"models_by_hardware", "hyperparameters", "quickstart"} <= {path.stem for path in FILES}
    for path in FILES:
        assert re.search(r"^#   wandb sweep sweeps/" + path.name, path.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("variable", ["WANDB_SWEEP_ID", "WANDB_RUN_ID"])
def test_one_agent_run_does_not_hold_several_members(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "abc")
    check_command_line(["-m", "experiment=quickstart", "seed=1"])
    with pytest.raises(ConfigError, match=rf"{variable} names one W&B run and the command starts 2 members; give each"):
        check_command_line(["-m", "experiment=quickstart", "seed=1,2"])


def test_sweep_and_agent(server: WandbServer, tmp_path: Path) -> None:
    """Run a Bayesian sweep with early termination by `wandb sweep` and `wandb agent`, as a user types them.

    The server draws a member that cannot run, then one that it stops after its first evaluation, then one with floats
    for integers, null and a nested parameter. The agent must come to the last.
    """
    text = (TOP / "sweeps" / "quickstart.yaml").read_text("utf-8")
    tiny = '"dataset.sample.train_rows=60", "dataset.sample.validation_rows=20", "model.scratch.num_hidden_layers=1", '
    text = text.replace("program: train.py", f"program: {TOP / 'train.py'}")
    (tmp_path / "sweep.yaml").write_text(text.replace('"${args_no_hyphens}"', tiny + '"${args_no_hyphens}"'))
    text = text.replace("method: grid", "method: bayes\nearly_terminate: {type: hyperband, min_iter: 1}")
    good = {"optimizer": {"learning_rate": 0.002}, "training.num_train_epochs": 1.0, "training.batching": None}
    server.grid = [
        {"model": "tiny_char", "optimizer.learning_rate": -1},
        {"model": "tiny_char", "training.num_train_epochs": 2000.0, "training.eval_strategy": "epoch"},
        {"model": "tiny_char", "training.per_device_train_batch_size": 4.0, **good},
    ]
    server.too_bad = {"drawn1"}
    # The `python` of the sweep's command has its libraries loaded.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec {shlex.join(python("training"))} "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    soon = {"WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "1"}  # rows reach the server at once, not every 15 seconds
    environment = {**os.environ, **soon, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    # An agent looks every 5 seconds whether its run has ended.
    code = "from wandb import wandb_agent; wandb_agent.Agent.POLL_INTERVAL = 0.2; from wandb.cli.cli import cli; cli()"

    def wandb(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment)

    created = wandb("sweep", "sweep.yaml")
    assert created.returncode == 0, created.stderr
    agent = wandb("agent", "team/mlqa/sweep0")
    assert agent.returncode == 0, agent.stderr
    assert sorted(server.runs) == ["drawn0", "drawn1"], (agent.stderr, server.unknown)
    stopped, good_run = server.runs["drawn1"], server.runs["drawn0"]
    assert (stopped.exit_code, good_run.exit_code) == (1, 0), agent.stderr
    assert stopped.summary["error"] == "stopped by SIGTERM"
    assert stopped.summary["train/global_step"] < 2000
    assert (good_run.sweep, good_run.settings["groupName"]) == ("sweep0", "sweep0")
    assert good_run.config["model"]["value"] == "tiny_char"
    settings = good_run.config["cfg"]["value"]
    assert (settings["optimizer"]["learning_rate"], settings["training"]["num_train_epochs"]) == (0.002, 1)
    assert (settings["training"]["per_device_train_batch_size"], settings["training"]["batching"]) == (4, None)
    assert 0 <= good_run.summary["eval/f1"] <= 100
    assert not any(KEY.encode() in body for body in server.everything)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("training.batching=None", ["training.batching=null"]),
        ("training.per_device_train_batch_size=16.0", ["training.per_device_train_batch_size=16"]),
        ("optimizer.learning_rate=1e-05", ["optimizer.learning_rate=1e-05"]),
        (
            "optimizer={'learning_rate': 2e-05, 'name': 'adamw'}",
            ["optimizer.learning_rate=2e-05", "optimizer.name=adamw"],
        ),
        ("training={'batching': None}", ["training.batching=null"]),
        ("tracking.tags=['a', 'b']", ["tracking.tags=['a', 'b']"]),
        ("model=berturk", ["model=berturk"]),
        ("-m", ["-m"]),
    ],
)
def test_what_an_agent_writes_is_translated(written: str, meant: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert translate_agent_arguments([written]) == [written]
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep0")
    assert translate_agent_arguments([written]) == meant
