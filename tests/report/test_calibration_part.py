"""The report shows how sure the models may be, and no damaged record can stop it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from made import result, write_member

from mlqa.report.calibration import CalibrationPart, build_calibration
from mlqa.report.content import make_report
from mlqa.report.page import render_page

CALIBRATION: dict[str, Any] = {
    "split": "validation", "reported_split": "validation", "is_same_split": True, "temperature": 1.5, "metric": "f1",
    "ece": 0.031, "ece_ci_low": 0.01, "ece_ci_high": 0.05, "ece_by_chance": 0.028, "ece_uncalibrated": 0.112,
    "reliability": [
        {"low": 0.0, "high": 0.1, "total": 3, "confidence": 0.05, "correct": 0.9},
        {"low": 0.4, "high": 0.5, "total": 20, "confidence": 0.5, "correct": 0.25},
        {"low": 0.9, "high": 1.0, "total": 40, "confidence": 1.0, "correct": 0.75},
    ],
    "risk_coverage": [
        {"threshold": 0.9, "coverage": 0.5, "score": 92.0},
        {"threshold": 0.0, "coverage": 1.0, "score": 72.0},
    ],
    "risk": 0.1, "threshold": 0.81, "coverage": 0.64, "score": 90.4, "score_ci_low": 87.1, "score_ci_high": 93.0,
    "crossfitted": {"ece": 0.035, "coverage": 0.62, "score": 89.7},
}  # fmt: skip


def build(folder: Path, *calibrations: Any) -> CalibrationPart | None:
    for number, calibration in enumerate(calibrations):
        content = result(f"model{number}", f1=80.0 - number, calibration=calibration)
        write_member(folder / "sweep" / str(number), content)
    (section,) = make_report([folder / "sweep"]).sections
    return build_calibration(section.comparison)


def test_the_figures_are_where_the_numbers_are(tmp_path: Path) -> None:
    part = build(tmp_path, CALIBRATION)
    assert part is not None
    reliability, coverage = part.plots
    assert [line.name for line in reliability.lines] == ["every probability is true", "model0"]
    assert reliability.lines[0].points == "0,100 100,0"
    assert reliability.lines[1].points == "50,75 100,25", "the bin of three answers is left out"
    assert [line.name for line in coverage.lines] == ["model0", "F1 90"]
    first, last = coverage.lines[0].points.split(" ")
    assert first.startswith("50,") and last.startswith("100,")


def test_a_model_that_is_never_sure_fills_the_diagram(tmp_path: Path) -> None:
    """A real encoder after 550 steps: no answer was more probable than 0.2."""
    bins = [
        {"low": 0.0, "high": 0.067, "total": 500, "confidence": 0.05, "correct": 0.04},
        {"low": 0.067, "high": 0.133, "total": 60, "confidence": 0.1, "correct": 0.15},
    ]
    part = build(tmp_path, CALIBRATION | {"reliability": bins})
    assert part is not None
    reliability = part.plots[0]
    assert reliability.lines[0].points == "0,100 100,0"
    assert reliability.lines[1].points == "25,80 50,25"
    assert [tick.text for tick in reliability.x.ticks] == ["0", "0.04", "0.08", "0.12", "0.16", "0.2"]


def test_the_table_has_the_numbers(tmp_path: Path) -> None:
    part = build(tmp_path, CALIBRATION)
    assert part is not None
    (row,) = part.table.rows
    shown = {column.heading: cell.line for column, cell in zip(part.table.columns, row, strict=True)}
    assert shown == {
        "treatment": "model0", "temperature": "1.50", "ECE before": "0.112",
        "ECE": "0.031 (0.010 to 0.050), held out: 0.035", "ECE by chance": "0.028",
        "goal": "F1 90", "sure from": "0.81", "answered": "64 % held out: 62 %",
        "F1 of those": "90.4 (87.1 to 93.0), held out: 89.7",
    }  # fmt: skip
    assert "The reported split is the same" in part.note


def test_another_split_is_not_said_to_be_the_same(tmp_path: Path) -> None:
    other = {**CALIBRATION, "reported_split": "test", "is_same_split": False, "crossfitted": None}
    part = build(tmp_path, other, CALIBRATION)
    assert part is not None and "The reported split of model1 is the same" in part.note
    (only,) = [build(tmp_path / "only", other)]
    assert only is not None and "the same" not in only.note


@pytest.mark.parametrize(
    "damaged",
    [
        {}, None, [], "x", {"temperature": 1.0}, {**CALIBRATION, "reliability": 3, "risk_coverage": [1, {}, None]},
        {**CALIBRATION, "reliability": [{"confidence": "x"}] * 3, "crossfitted": 5, "metric": ["f1"], "risk": None},
        {**CALIBRATION, "threshold": None, "score": None, "coverage": 0.0},
        {**CALIBRATION, "reliability": [{"confidence": 7, "correct": -3, "total": 9}] * 2, "risk": 1e300},
    ],
)  # fmt: skip
def test_a_damaged_record_stops_nothing(tmp_path: Path, damaged: Any) -> None:
    build(tmp_path, CALIBRATION, damaged)
    page = render_page(make_report([tmp_path / "sweep"]))
    assert "How sure the models may be" in page and not re.search(r"\bnan\b", page.split("<script")[0])


def test_runs_without_it_have_no_section(tmp_path: Path) -> None:
    assert build(tmp_path, {}) is None
    assert "How sure the models may be" not in render_page(make_report([tmp_path / "sweep"]))
