"""What is said at the end: intervals that hold, what holds for new questions, tables and pictures."""

from __future__ import annotations

import random
import statistics
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from rich.console import Console
from test_stepping import drive, make_race

from hydra_racing_sweeper.cli import main
from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.display.lines import describe_end, describe_scatter
from hydra_racing_sweeper.display.picture import draw_race, write_picture
from hydra_racing_sweeper.display.table import build_race_table
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.new_questions import average_items, compare_items
from hydra_racing_sweeper.simulation import expect_runs, simulate_race
from hydra_racing_sweeper.standings import build_standings
from hydra_racing_sweeper.state_file import write_race

OPTIONS = RacingSweeperConf()


def test_intervals_hold_although_the_race_looked_at_them() -> None:
    """Test 150 races of three: the intervals of all means, and of all differences, hold together in 95 % or more."""
    generator = random.Random(3)
    truth = (0.0, -1.0, -1.5)
    means_hold = differences_hold = 0
    for _ in range(150):
        race = simulate_race(3, lambda i, _: generator.gauss(truth[i], 0.6), OPTIONS)
        standings = build_standings(race)
        assert race.end is not None and race.end.leader is not None
        lead = truth[race.end.leader]
        means_hold += all(each.low <= truth[i] <= each.high for i, each in enumerate(standings))  # type: ignore[operator]
        differences_hold += all(
            each.behind is None or each.behind_low <= lead - truth[i] <= each.behind_high  # type: ignore[operator]
            for i, each in enumerate(standings)
        )
    assert means_hold > 0.92 * 150
    assert differences_hold > 0.92 * 150


def test_a_plan_expects_fewer_runs_the_clearer_the_race_is() -> None:
    tie, near, clear = expect_runs(3, [0.0, 1.0, 4.0], OPTIONS, races=30)
    assert 15 >= tie > near > clear >= 6


# --- new questions


def test_items_are_averaged_over_runs_that_have_them() -> None:
    runs = [{"q1": (1.0, "a"), "q2": (0.0, "a")}, {"q1": (0.0, "a")}]
    assert average_items(runs) == {"q1": (0.5, "a")}
    assert average_items([]) == {}


def test_the_interval_of_new_questions_is_that_of_a_bootstrap_over_texts() -> None:
    generator = random.Random(5)
    first, second = {}, {}
    texts: dict[str, list[float]] = {}
    for text in range(60):
        shift = generator.gauss(1, 4)
        for question in range(generator.randint(1, 6)):
            name, difference = f"{text}-{question}", shift + generator.gauss(0, 10)
            first[name], second[name] = (difference, str(text)), (0.0, str(text))
            texts.setdefault(str(text), []).append(difference)
    compared = compare_items(0, 1, first, second, 0.0, 0.025)
    assert compared is not None and compared.groups == 60
    drawn = []
    for _ in range(1200):
        sample = [value for text in generator.choices(list(texts), k=60) for value in texts[text]]
        drawn.append(statistics.fmean(sample))
    drawn.sort()
    assert compared.difference == pytest.approx(statistics.fmean([value for value, _ in first.values()]))
    assert compared.low == pytest.approx(drawn[30], abs=0.3)
    assert compared.high == pytest.approx(drawn[-31], abs=0.3)


def test_few_texts_say_nothing() -> None:
    items = {str(number): (1.0, str(number)) for number in range(9)}
    assert compare_items(0, 1, items, items, 0.1, 0.025) is None


# --- tables and pictures


def make_finished(tmp_path: Path) -> Path:
    race = make_race(4, OPTIONS)
    scores = {(0, r): 83.0 + r / 10 for r in range(1, 6)} | {(1, r): 82.9 + r / 10 for r in range(1, 6)}
    drive(race, OPTIONS, scores | {(2, 1): 71.0, (2, 2): 71.3, (3, 1): "MemoryError", (3, 2): "MemoryError"})
    write_race(tmp_path, race)
    return tmp_path


def test_show_prints_the_race_and_writes_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_finished(tmp_path)
    main(["show", str(tmp_path), "--picture", str(tmp_path / "p.svg")])
    said = " ".join(capsys.readouterr().out.split())
    assert "m=c 2 71.15" in said and "dropped: 12" in said
    assert "failed: MemoryError" in said
    assert "this is about the mean over replicates on this test set" in said
    drawing = ElementTree.parse(tmp_path / "p.svg").getroot()
    circles = [each for each in drawing.iter() if each.tag.endswith("circle")]
    crosses = [each for each in drawing.iter() if each.tag.endswith("path")]
    race_runs = 2 * int(said.split("replicate")[0].count("m=") > 0)
    assert len(circles) >= 6 + race_runs and len(crosses) == 1


def test_show_without_a_race(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["show", str(tmp_path)])
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/race.json: does not exist")


def test_a_picture_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(RaceError, match=r"is neither \.html nor \.svg"):
        write_picture(tmp_path / "race.png", make_race(2, OPTIONS))


def test_names_are_escaped_and_a_race_without_a_score_is_drawn() -> None:
    race = make_race(2, OPTIONS)
    race.treatments[0].name = "model=<b>&"
    ElementTree.fromstring(draw_race(race))
    Console(file=open("/dev/null", "w")).print(build_race_table(race))  # noqa: SIM115


def test_the_end_names_no_winner_among_the_undecided(tmp_path: Path) -> None:
    race = make_race(2, OPTIONS)
    drive(race, OPTIONS, {(i, r): 80 + (i + r) % 2 for i in (0, 1) for r in range(1, 6)})
    lines = describe_end(race)
    assert lines[0].startswith("undecided between m=a and m=b: max_replicates=5 is reached")
    assert "another round would be 2 runs; it could show differences of" in lines[1]


def test_the_end_warns_of_runs_that_scatter_more_than_the_rule_can_take() -> None:
    race = make_race(2, OPTIONS)
    drive(
        race, OPTIONS, {(i, r): 80 - 30 * i + (9 * (r % 2) if i == 0 else 0.1 * r) for i in (0, 1) for r in range(1, 6)}
    )
    (line,) = describe_scatter(race)
    assert line.startswith("m=a: its runs scatter by ") and line.endswith("decisions are less certain than alpha says")
