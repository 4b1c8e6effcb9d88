"""The record of a race, as the sweeper writes it, is what the report reads."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

from mlqa.report.race import FILE, read_race

sys.path.insert(0, str(Path(__file__).parents[2] / "sweepers"))

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.simulation import simulate_race
from hydra_racing_sweeper.standings import build_standings
from hydra_racing_sweeper.state_file import write_race


def test_a_race_is_read_as_it_was_written(tmp_path: Path) -> None:
    generator = random.Random(1)
    race = simulate_race(3, lambda treatment, _: generator.gauss((83, 82.6, 70)[treatment], 0.3), RacingSweeperConf())
    write_race(tmp_path, race)
    record = read_race(tmp_path)
    assert record is not None and race.end is not None and race.end.leader is not None
    assert (record.end, record.looks, record.alpha) == (race.end.kind, 4, 0.05)
    assert record.leader == f"treatment={race.end.leader}"
    assert record.standings[2].members == ("2", "5")
    assert record.standings[2].state == "dropped"
    for read, written in zip(record.standings, build_standings(race), strict=True):
        assert (read.mean, read.behind_high) == (written.mean, written.behind_high)
        assert (read.sd, read.scattered) == (written.sd, written.scattered)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "hydra-racing", "version": 1}'])
def test_what_is_no_race_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_race(tmp_path) is None


def test_a_version_that_is_not_known_is_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"format": "hydra-racing", "version": 2}))
    assert read_race(tmp_path) is None
    assert read_race(tmp_path / "nowhere") is None
