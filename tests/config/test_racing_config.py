"""A race on mlqa's command line: every treatment is checked before the first one starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlqa.config.member_overrides import list_member_overrides
from mlqa.config.preflight import check_command_line
from mlqa.errors import ConfigError

sys.path.insert(0, str(Path(__file__).parents[2] / "sweepers"))
TOP = Path(__file__).parents[2]
RACE = ["-m", "hydra/sweeper=racing", "experiment=quickstart"]


def test_each_treatment_is_a_member() -> None:
    members = list_member_overrides([*RACE[1:], "model=tiny_wordpiece,tiny_unigram", "optimizer=adamw,adafactor"])
    assert [member[2:] for member in members] == [
        [f"model={model}", f"optimizer={optimizer}"]
        for model in ("tiny_wordpiece", "tiny_unigram")
        for optimizer in ("adamw", "adafactor")
    ]


def test_a_mistake_in_the_last_treatment_stops_the_race() -> None:
    with pytest.raises(ConfigError, match="model=berturkk"):
        check_command_line([*RACE, "model=tiny_wordpiece,tiny_unigram,berturkk"])
    with pytest.raises(ConfigError, match="num_train_epochs"):
        check_command_line([*RACE, "model=tiny_wordpiece,tiny_unigram", "training.num_train_epochs=1,-1"])


def test_a_race_says_where_members_report(tmp_path: Path) -> None:
    command = [sys.executable, str(TOP / "train.py"), "hydra/sweeper=racing", "--cfg", "hydra", "-p", "hydra.sweeper"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    for line in (
        "usd_key: cost.usd",
        "seconds_key: cost.billable_seconds",
        "file: scores.jsonl",
        "set: dataset.set",
        "alpha: 0.05",
    ):
        assert line in shown.stdout, shown.stderr
