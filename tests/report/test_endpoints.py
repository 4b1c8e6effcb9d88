"""A model behind an endpoint in a report: one more treatment, with what its score and its price cannot tell."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_scored

from mlqa.report.build import write_report
from mlqa.report.content import make_report
from mlqa.report.endpoints import build_endpoint_table
from mlqa.report.flags import ASKED_PRICE, CONTAMINATION

CONTEXT_OF = np.repeat(np.arange(40), 3)


def asked(seed: int, **more: Any) -> dict[str, Any]:
    steps = {"no answer": 0, "exact": 90, "unwrapped": 12, "folded": 6, "unaligned": 12}
    return {
        "name": "gpt-x", "base_url": "https://llm.example/v1", "served": [f"gpt-x-2026-0{seed}"], "api": "chat",
        "prompt_language": "tr", "examples": ["a", "b", "c"], "temperature": 0.7, "questions": 120, "kept": 0,
        "requests": 120, "retries": 0, "refused": 3, "cut_off": 6, "alignment": steps, "input_tokens": 60_000,
        "output_tokens": 600 * seed, "usd": 0.012, "usd_paid": 0.012,
        "seconds_per_answer": {"mean": 0.5, "median": 0.4 + 0.2 * seed, "p95": 1.0}, **more,
    }  # fmt: skip


def write_asked(folder: Path, seed: int, share: float) -> None:
    cost = {
        "billable_seconds": 60,
        "instance_type": "endpoint",
        "instance_count": 1,
        "usd_per_hour": None,
        "usd": 0.012,
    }
    scores = (np.random.default_rng((seed, 9)).random(len(CONTEXT_OF)) < share).astype(float)
    write_scored(
        folder, "gpt-x", "local", seed, scores, CONTEXT_OF, cost=cost, endpoint=asked(seed), tokenization={},
        timing={"total_seconds": 60.0}, metrics={"f1_without_context": 30.0 + seed},
        overrides=["model=llm", f"seed={seed}"],
    )  # fmt: skip


def write_trained(folder: Path, seed: int, share: float) -> None:
    scores = (np.random.default_rng((seed, 8)).random(len(CONTEXT_OF)) < share).astype(float)
    write_scored(folder, "berturk", "p3", seed, scores, CONTEXT_OF)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    for seed in (1, 2):
        write_trained(tmp_path / "sweep" / str(seed), seed, 0.8)
        write_asked(tmp_path / "sweep" / str(2 + seed), seed, 0.8)
    return tmp_path / "sweep"


def test_of_tied_models_the_trained_one_is_chosen_although_it_costs_more(sweep: Path) -> None:
    (section,) = make_report([sweep]).sections
    assert len(section.answer.tied) == 2 and section.answer.choice is not None
    assert section.answer.choice.first.model == "berturk" and section.answer.choice.usd == pytest.approx(0.6)
    assert {CONTAMINATION, ASKED_PRICE} <= set(section.answer.cautions)
    assert not any("If time matters more" in line for line in section.answer.cautions)
    assert [one.name for one in section.comparison.configurations if one.on_fronts] == ["berturk on p3"]


def test_an_asked_model_that_beats_the_others_is_chosen_and_flagged(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_trained(tmp_path / "sweep" / str(seed), seed, 0.3)
        write_asked(tmp_path / "sweep" / str(2 + seed), seed, 0.95)
    (section,) = make_report([tmp_path / "sweep"]).sections
    assert section.answer.sentence.startswith("Choose gpt-x on local: it beats berturk")
    assert any(re.match(r"gpt-x: asked, not trained here.*contamination", line) for line in section.answer.cautions)
    assert any("without the context it reaches F1 31.50" in line for line in section.answer.cautions)


def test_the_table_has_what_the_answers_took(sweep: Path) -> None:
    (section,) = make_report([sweep]).sections
    table = build_endpoint_table(section.comparison)
    assert table is not None and len(table.rows) == 1
    cells = {column.heading: cell.text for column, cell in zip(table.columns, table.rows[0], strict=True)}
    assert cells == {
        "treatment": "gpt-x", "served": "gpt-x-2026-01", "prompt in": "tr", "examples": "3", "temperature": "0.7",
        "F1 without the context": "31.50", "tokens in": "500", "tokens out": "7.5",
        "$ per 1,000 questions": "0.1000", "seconds, median": "0.70",
        "seconds, 95 %": "1.00", "not in the context": "10.0%", "refused": "2.5%", "cut off": "5.0%",
    }  # fmt: skip
    page = write_report([sweep]).read_text("utf-8")
    assert "Asked, not trained" in page and CONTAMINATION in page
    rows = list(csv.DictReader((sweep / "report" / "results.csv").open(encoding="utf-8")))
    assert [row["output_tokens"] for row in rows] == ["", "", "600", "1200"]
    assert "$ per 1,000 questions" in (sweep / "report" / "results.md").read_text("utf-8")


def test_asked_models_alone_make_a_report(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_asked(tmp_path / "sweep" / str(seed), seed, 0.8)
    page = write_report([tmp_path / "sweep"]).read_text("utf-8")
    assert CONTAMINATION in page and ASKED_PRICE not in page and "<h3>Tokenizers</h3>" not in page


def test_a_damaged_endpoint_node_leaves_cells_empty(tmp_path: Path) -> None:
    scores = np.ones(len(CONTEXT_OF))
    for number, node in enumerate(({"name": "x"}, {"name": "x", "examples": 3, "served": "x", "questions": "many"})):
        write_scored(tmp_path / "sweep" / str(number), "x", "local", number, scores, CONTEXT_OF, endpoint=node)
    write_report([tmp_path / "sweep"])
