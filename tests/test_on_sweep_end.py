"""The end of a multirun: a sweeper that has chosen by the scores is recorded in them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from mlqa.on_sweep_end import record_sweeper
from mlqa.result import Result, read_result


def make_config(target: str, option: str) -> DictConfig:
    node = {"sweeper": {"_target_": target}, "runtime": {"choices": {"hydra/sweeper": option}}}
    return OmegaConf.create({"hydra": node})


def test_a_sweeper_that_chose_is_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Result(status="completed", selection={"keep": "best", "split": "validation", "epochs": 3.0}).write(tmp_path / "0")
    Result(status="failed").write(tmp_path / "1")
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "result.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        record_sweeper(make_config("hydra_plugins.hydra_optuna_sweeper.OptunaSweeper", "optuna"), tmp_path)
    expected = {"keep": "best", "split": "validation", "epochs": 3.0, "sweeper": "optuna"}
    assert read_result(tmp_path / "0")["selection"] == expected
    assert read_result(tmp_path / "1")["selection"] == {}
    assert "the sweeper optuna chose by the questions that are reported" in caplog.text


def test_a_grid_chooses_nothing(tmp_path: Path) -> None:
    Result(status="completed").write(tmp_path / "0")
    before = (tmp_path / "0" / "result.json").read_bytes()
    record_sweeper(make_config("hydra._internal.core_plugins.basic_sweeper.BasicSweeper", "basic"), tmp_path)
    assert (tmp_path / "0" / "result.json").read_bytes() == before


def test_a_test_split_is_not_chosen_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Result(status="completed", reported_split="test").write(tmp_path / "0")
    record_sweeper(make_config("hydra_plugins.racing_sweeper.sweeper.RacingSweeper", "racing"), tmp_path)
    assert json.loads((tmp_path / "0" / "result.json").read_text())["selection"]["sweeper"] == "racing"
    assert not caplog.records
