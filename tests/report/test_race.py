"""The report of a race: by its own record, with a winner only if the race names one."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import config, write_scored

from mlqa.report.closing import print_closing
from mlqa.report.content import Report, Section, make_report
from mlqa.report.latex import render_latex
from mlqa.report.page import render_page
from mlqa.report.tables import render_csv, render_markdown

sys.path.insert(0, str(Path(__file__).parents[2] / "sweepers"))

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.race import Race
from hydra_racing_sweeper.simulation import simulate_race
from hydra_racing_sweeper.standings import build_standings
from hydra_racing_sweeper.state_file import write_race
from hydra_racing_sweeper.stepping import take_step

MODELS = ("berturk", "mbert", "xlmr_base")
TOTAL, CONTEXTS = 400, 100
CONTEXT_OF = np.repeat(np.arange(CONTEXTS), TOTAL // CONTEXTS)


def make_scores(f1: float) -> np.ndarray:
    """F1 by question (0-1) whose mean is exactly `f1` (0-100)."""
    return np.clip(f1 / 100 + 0.1 * np.sin(np.arange(TOTAL) * 2 * np.pi / TOTAL), 0, 1)


def write_sweep(
    sweep: Path, means: Sequence[float], sd: float = 0.3, seed: int = 1, **options: Any
) -> tuple[Race, Path]:
    """The runs of a simulated race, and its race.json."""
    generator = random.Random(seed)
    race = simulate_race(len(means), lambda index, _: generator.gauss(means[index], sd), RacingSweeperConf(**options))
    for index, treatment in enumerate(race.treatments):
        treatment.name = f"model={MODELS[index]}"
    rename_reasons(race)
    write_runs(sweep, race)
    return race, sweep


def rename_reasons(race: Race) -> None:
    for treatment in race.treatments:
        for index, model in enumerate(MODELS):
            treatment.reason = treatment.reason and treatment.reason.replace(f"treatment={index}", f"model={model}")
    if race.end:
        for index, model in enumerate(MODELS):
            race.end.reason = race.end.reason.replace(f"treatment={index}", f"model={model}")


def write_runs(sweep: Path, race: Race) -> None:
    for member in race.members:
        if member.status == "completed" and member.score is not None:
            write_scored(
                sweep / str(member.number), MODELS[member.treatment], "g6", member.replicate,
                make_scores(member.score), CONTEXT_OF,
                settings=config({"instance_type": "ml.g6.xlarge"}, member.replicate, TOTAL,
                                num_train_epochs=0.66 if member.rung else 2.0),
            )  # fmt: skip
    write_race(sweep, race)


def section_of(report: Report) -> Section:
    (section,) = report.sections
    return section


def test_a_decided_race_names_its_winner_by_the_race_s_intervals(tmp_path: Path) -> None:
    race, sweep = write_sweep(tmp_path / "s", (80.0, 76.0, 75.0))
    assert race.end is not None and race.end.kind == "decided"
    section = section_of(make_report([sweep]))
    assert section.answer.is_settled and section.answer.choice is not None
    assert section.comparison.verdict is None
    behind = build_standings(race)[1]
    assert behind.behind_low is not None and behind.behind_high is not None
    interval = f"{behind.behind:.1f} F1 ({behind.behind_low:.1f} to {behind.behind_high:.1f})"
    begin = f"Choose berturk on g6: it won the race, ahead of mbert by {interval} and of 1 other by more; $0.60 and"
    assert section.answer.sentence.startswith(begin)
    assert section.settling.lines == ["Nothing: the race is decided."]
    (method,) = [line for line in section.answer.cautions if "compared after each round" in line]
    assert "at most 4 looks, alpha 0.05" in method and "adjusted" in method


def test_survivors_of_a_budget_are_undecided_at_the_race_s_own_price(tmp_path: Path) -> None:
    race, sweep = write_sweep(tmp_path / "s", (80.0, 79.9, 60.0), budget_runs=8)
    assert race.end is not None and race.end.kind == "budget" and race.end.next_round is not None
    race.end.next_round.update(usd=1.2, minutes=20.0)
    write_race(sweep, race)
    section = section_of(make_report([sweep]))
    answer = section.answer
    assert answer.choice is None and not answer.is_settled and "Choose" not in answer.sentence
    assert {one.name for one in answer.tied} == {"berturk", "mbert"}
    assert "undecided" in answer.sentence and "best mean so far" in answer.sentence
    price = f"Another round of the race is {race.end.next_round['runs']} runs, $1.20 and 20 minutes in all."
    assert section.settling.lines[0].startswith(price)
    assert f"hydra.sweep.dir={sweep}" in section.settling.lines[1]
    assert not any("One seed" in line or "Its seed variance" in line for line in answer.cautions)
    # the means of equal values over two and three seeds, which differ in the last digit
    assert "against fertility" not in render_page(make_report([sweep]))


def test_settled_says_that_others_may_be_as_good(tmp_path: Path) -> None:
    race, sweep = write_sweep(tmp_path / "s", (80.0, 79.2), sd=0.15, indifference=1.0)
    assert race.end is not None and race.end.kind == "settled" and race.end.leader == 0
    section = section_of(make_report([sweep]))
    assert "no other is better by more than 1 F1 (mbert: −" in section.answer.sentence
    assert {one.name for one in section.answer.tied} == {"berturk", "mbert"}
    tex = render_latex(make_report([sweep]))
    assert r"\underline{" in tex and "not shown to be worse" in tex


def test_a_race_that_goes_on_names_nobody(tmp_path: Path) -> None:
    race, sweep = write_sweep(tmp_path / "s", (80.0, 79.9, 60.0), budget_runs=8)
    race.end = None
    for treatment in race.treatments:
        treatment.state = "racing" if treatment.state == "undecided" else treatment.state
    write_race(sweep, race)
    section = section_of(make_report([sweep]))
    assert section.answer.choice is None
    assert section.answer.sentence.startswith("Nothing is decided yet: the race goes on between")
    assert section.settling.lines == [
        f"The race has not ended. The same command with hydra.sweep.dir={sweep} goes on with it."
    ]
    (sweep / "members.jsonl").write_text("")
    (line,) = section_of(make_report([sweep])).settling.lines
    assert f"hydra.launcher.resume={sweep} goes on" in line


def test_runs_that_the_race_has_not_counted_yet_are_told(tmp_path: Path) -> None:
    """A report in the middle of a round: runs are there, and race.json still has them as running."""
    _, sweep = write_sweep(tmp_path / "s", (80.0, 79.9, 60.0), budget_runs=8)
    content = json.loads((sweep / "race.json").read_text())
    content["end"] = None
    for member in content["members"]:
        member["status"] = "running"
    (sweep / "race.json").write_text(json.dumps(content))
    section = section_of(make_report([sweep]))
    assert section.comparison.race is None
    (caution,) = [line for line in section.answer.cautions if "race" in line]
    assert caution.startswith("The race of these runs goes on, and has not counted all of them yet.")


def test_every_form_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, sweep = write_sweep(tmp_path / "s", (80.0, 76.0, 75.0))
    report = make_report([sweep])
    answer = section_of(report).answer
    (method,) = [line for line in answer.cautions if "compared after each round" in line]
    page = render_page(report)
    markdown = render_markdown(report).replace("\\", "")
    print_closing(report, tmp_path / "index.html")
    terminal = " ".join(capsys.readouterr().err.split())
    for text in (page, markdown, terminal):
        assert answer.sentence in text and method in text and "dropped" in text
        assert "p, corrected" not in text
    assert method in render_latex(report)
    rows = list(csv.DictReader(io.StringIO(render_csv(report))))
    assert {row["race_state"] for row in rows if row["model"] == "berturk"} == {"best"}
    assert {row["race_state"] for row in rows if row["model"] == "mbert"} == {"dropped"}
    assert "How each treatment stands in the race" in page


def test_a_short_stage_a_collapse_and_a_run_ahead_are_not_averaged_in(tmp_path: Path) -> None:
    race, sweep = write_sweep(tmp_path / "s", (80.0, 79.9), budget_runs=6)
    race.end, sweep = None, tmp_path / "t"
    for treatment in race.treatments:
        treatment.state = "racing"
    first = [member for member in race.members if member.treatment == 0]
    first[-1].score = 41.0
    for replicate, rung, score in ((1, True, 55.0), (2, True, 56.0), (race.target + 1, False, 90.0)):
        extra = type(first[0])(len(race.members), 0, replicate, [], rung, "completed", score)
        race.members.append(extra)
    write_runs(sweep, race)
    report = make_report([sweep])
    (section,) = report.sections
    standing = build_standings(race)[0]
    (treatment,) = [one for one in section.comparison.treatments if one.name == "berturk"]
    assert standing.mean is not None and treatment.score == pytest.approx(standing.mean, abs=1e-6)
    assert len(treatment.seeds) == standing.counted == 2
    reasons = [member.reason or "" for member in report.not_completed]
    assert sorted(reason.split(":")[0] for reason in reasons) == [
        "a short run of the race's first stage", "a short run of the race's first stage", "collapsed",
        "started ahead of a look that the race did not come to",
    ]  # fmt: skip
    assert "berturk: 1 run collapsed, more than 10 points below its best run, and not averaged in." in (
        section.answer.cautions
    )


def test_seeds_that_scatter_far_more_than_the_race_expected_are_told(tmp_path: Path) -> None:
    _, calm = write_sweep(tmp_path / "calm", (80.0, 40.0), sd=0.3)
    race, wide = write_sweep(tmp_path / "wide", (80.0, 40.0), sd=6.0, collapse=100.0)
    assert not any("scatter" in line for line in section_of(make_report([calm])).answer.cautions)
    spread = statistics.stdev(member.score for member in race.members if member.treatment == 0 and member.score)
    told = f"its seeds scatter by {spread:.1f}, far more than the 0.6 that the race expected"
    assert any(line.startswith(f"berturk: {told}") for line in section_of(make_report([wide])).answer.cautions)
    page = render_page(make_report([wide]))
    assert "Nothing more is needed" not in page and "Nothing: the race is decided" not in page
    assert re.search(r"expects such a scatter: hydra\.sweeper\.prior_sd=[\d.]+, and", page)


def test_what_holds_for_new_questions_is_told(tmp_path: Path) -> None:
    race, sweep = write_sweep(tmp_path / "s", (80.0, 76.0, 75.0))
    assert race.end is not None
    race.end.new_questions = [
        {"better": 0, "worse": 1, "difference": 4.1, "low": 1.2, "high": 7.0, "items": 400, "groups": 100},
        {"better": 0, "worse": 2, "difference": 5.0, "low": -0.4, "high": 10.4, "items": 400, "groups": 100},
    ]
    write_race(sweep, race)
    text = " ".join(section_of(make_report([sweep])).answer.cautions)
    assert "berturk is better than mbert (4.1, 1.2 to 7.0)" in text
    assert "berturk is not shown to be better than xlmr_base (5.0, −0.4 to 10.4)" in text


def test_a_failed_treatment_is_named(tmp_path: Path) -> None:
    race, sweep = write_sweep(tmp_path / "s", (80.0, 76.0))
    race.treatments.append(type(race.treatments[0])("model=xlmr_base", [], "failed", 0, "CUDA out of memory"))
    write_race(sweep, race)
    assert "model=xlmr_base left the race: CUDA out of memory." in section_of(make_report([sweep])).answer.cautions


def test_runs_of_another_sweep_make_a_plain_comparison_that_says_so(tmp_path: Path) -> None:
    _, sweep = write_sweep(tmp_path / "s", (80.0, 76.0, 75.0))
    write_scored(tmp_path / "other" / "0", "distilbert", "g6", 1, make_scores(70.0), CONTEXT_OF)
    write_scored(tmp_path / "other" / "1", "distilbert", "g6", 2, make_scores(70.5), CONTEXT_OF)
    (tmp_path / "other" / "multirun.yaml").write_text("")
    section = section_of(make_report([sweep, tmp_path / "other"]))
    assert section.comparison.verdict is not None and section.comparison.race is None
    assert any("there are runs of other sweeps" in line for line in section.answer.cautions)


def test_another_score_than_the_race_compared_is_told(tmp_path: Path) -> None:
    race, sweep = write_sweep(tmp_path / "s", (80.0, 76.0, 75.0))
    content = json.loads((sweep / "race.json").read_text())
    for standing in content["standings"]:
        standing["mean"] += 1
    (sweep / "race.json").write_text(json.dumps(content))
    section = section_of(make_report([sweep]))
    assert section.comparison.race is None
    assert any("it compared another score" in line for line in section.answer.cautions)
    assert take_step(race, RacingSweeperConf()) == []
