"""Options and command lines: what is wrong with them is one line each, and nothing has started."""

from __future__ import annotations

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.errors import RaceError, exit_on_error
from hydra_racing_sweeper.options import build_rule, parse_options
from hydra_racing_sweeper.rule import Rule
from hydra_racing_sweeper.treatments import Grid, split_overrides


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"budget_usdd": 3}, "hydra.sweeper.budget_usdd: the sweeper has no such option; did you mean budget_usd?"),
        ({"items": {"fil": "x"}}, "hydra.sweeper.items.fil: the sweeper has no such option; did you mean file?"),
        ({"alpha": "much"}, "hydra.sweeper.alpha: Value 'much'"),
        ({"alpha": 0.7}, "hydra.sweeper.alpha=0.7: is not a level"),
        ({"direction": "up"}, "hydra.sweeper.direction=up: is not a direction; choose from maximize, minimize"),
        ({"min_replicates": 0}, "hydra.sweeper.min_replicates=0: nothing would run"),
        ({"max_replicates": 1}, "hydra.sweeper.max_replicates=1: is less than min_replicates=2"),
        ({"budget_usd": 0}, "hydra.sweeper.budget_usd=0.0: must be above 0"),
        ({"indifference": -1}, "hydra.sweeper.indifference=-1.0: must not be negative"),
        ({"rung_share": 1}, "hydra.sweeper.rung_share=1.0: is not a share"),
        ({"repeat_on": ["("]}, "hydra.sweeper.repeat_on: '(' is not a regular expression"),
    ],
)
def test_a_wrong_option_is_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(RaceError) as caught:
        parse_options(given)
    (problem,) = caught.value.problems
    assert problem.startswith(said)
    assert "\n" not in problem


def test_all_impossible_values_are_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), exit_on_error():
        parse_options({"alpha": 2, "prior_sd": -1, "retries": -1})
    assert [line.partition("=")[0] for line in capsys.readouterr().err.splitlines()] == [
        "error: hydra.sweeper.alpha",
        "error: hydra.sweeper.prior_sd",
        "error: hydra.sweeper.retries",
    ]


def test_the_defaults_are_the_rule_that_was_measured() -> None:
    assert build_rule(RacingSweeperConf()) == Rule(0.05, 0.5, 2, 5, 10.0, 0.6, 4.0)


def split(line: str, **options: Any) -> Grid:
    return split_overrides(OverridesParser.create().parse_overrides(line.split()), RacingSweeperConf(**options))


def test_treatments_are_the_cells_of_the_swept_keys() -> None:
    grid = split("model=a,b lr=0.1 +opt=x,y")
    assert [each.overrides for each in grid.treatments] == [
        ["model=a", "lr=0.1", "+opt=x"],
        ["model=a", "lr=0.1", "+opt=y"],
        ["model=b", "lr=0.1", "+opt=x"],
        ["model=b", "lr=0.1", "+opt=y"],
    ]
    assert grid.treatments[1].name == "model=a opt=y"
    assert grid.replicates == ["1", "2", "3", "4", "5"]
    assert grid.replicate_key == "seed"


@pytest.mark.parametrize(
    ("line", "replicates"),
    [
        ("m=a,b seed=11,12,13,14,15,16", ["11", "12", "13", "14", "15"]),
        ("m=a,b seed=range(3,8)", ["3", "4", "5", "6", "7"]),
        ("m=a,b seed=7", ["7", "8", "9", "10", "11"]),
    ],
)
def test_replicates_can_be_chosen(line: str, replicates: list[str]) -> None:
    assert split(line).replicates == replicates
    assert len(split(line).treatments) == 2


def test_a_replicate_key_may_be_added_or_be_another_or_none() -> None:
    assert split("m=a,b +seed=1").replicate_key == "+seed"
    fold = split("m=a,b seed=1,2 data.fold=0,1,2,3,4", replicate_key="data.fold")
    assert (len(fold.treatments), fold.replicates) == (4, ["0", "1", "2", "3", "4"])
    assert split("m=a,b", replicate_key=None).replicates == [""] * 5


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("m=a,b seed=1,2,3", "seed=1,2,3: gives 3 different values for max_replicates=5"),
        ("m=a,b seed=1,1,1,1,1", "gives 1 different values"),
        ("m=a,b seed=x", "seed=x: each replicate needs another seed"),
        ("m=a,b lr=interval(0,1)", r"lr=interval\(0,1\): a race compares a list of values, not interval sweep"),
    ],
)
def test_a_command_line_that_cannot_be_raced(line: str, said: str) -> None:
    with pytest.raises(RaceError, match=said):
        split(line)
