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
    """Run `wandb sweep` and `wandb agent` as a user types them. The server draws two models."""
    text = (TOP / "sweeps" / "quickstart.yaml").read_text("utf-8")
    tiny = '"dataset.sample.train_rows=60", "dataset.sample.validation_rows=20", "model.scratch.num_hidden_layers=1", '
    text = text.replace("program: train.py", f"program: {TOP / 'train.py'}")
    (tmp_path / "sweep.yaml").write_text(text.replace('"${args_no_hyphens}"', tiny + '"${args_no_hyphens}"'))
    server.grid = [{"model": "tiny_wordpiece"}, {"model": "tiny_char"}]
    # The `python` of the sweep's command has its libraries loaded.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec {shlex.join(python("training"))} "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}

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
    for name, model in (("drawn1", "tiny_wordpiece"), ("drawn0", "tiny_char")):
        run = server.runs[name]
        assert run.exit_code == 0, agent.stderr
        assert run.sweep == "sweep0"
        assert run.settings["groupName"] == "sweep0"
        assert run.config["model"]["value"] == model
        assert 0 <= run.summary["eval/f1"] <= 100
    assert not any(KEY.encode() in body for body in server.everything)
