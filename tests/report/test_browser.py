"""Which questions the page shows of a large data set."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_scored

from mlqa.cli import main
from mlqa.report.browser import ALWAYS_SHOWN, MOST_ANSWERS, MOST_QUESTIONS, choose_shown_rows
from mlqa.report.build import write_report


@pytest.mark.parametrize(("questions", "runs"), [(892, 500), (1000, 1000), (11_873, 10), (12_000, 2), (2000, 60)])
def test_an_ordinary_data_set_is_shown_whole(questions: int, runs: int) -> None:
    assert choose_shown_rows(np.arange(questions) // 5, runs).tolist() == list(range(questions))


@pytest.mark.parametrize(("runs", "most"), [(2, MOST_QUESTIONS), (60, MOST_ANSWERS // 60), (500, ALWAYS_SHOWN)])
def test_of_a_large_one_whole_contexts_are_shown(runs: int, most: int) -> None:
    sizes = np.random.default_rng(1).integers(1, 9, 40_000)
    context_of = np.random.default_rng(2).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = choose_shown_rows(context_of, runs)
    assert most - 8 <= len(rows) <= most
    assert (np.diff(rows) > 0).all()
    shown, counts = np.unique(context_of[rows], return_counts=True)
    assert (counts == sizes[shown]).all()
    # A draw, not the first ones: the mean number is in the middle (40,000 / 2), within five standard errors.
    assert abs(shown.mean() - 20_000) < 5 * 40_000 / 12**0.5 / len(shown) ** 0.5
    assert rows.tolist() == choose_shown_rows(context_of, runs).tolist()


def test_a_context_of_more_questions_than_a_page_shows() -> None:
    assert len(choose_shown_rows(np.zeros(50_000, dtype=np.int64), 2)) == MOST_QUESTIONS


def unpack(page: Path) -> Any:
    (packed,) = re.findall(r'<script[^>]*id="data"[^>]*>([^<]+)</script>', page.read_text("utf-8"))
    return json.loads(gzip.decompress(base64.b64decode(packed)))


@pytest.mark.slow
def test_the_page_says_what_it_shows_and_judges_by_all(tmp_path: Path) -> None:
    """15,000 questions of 3,000 contexts, of which 400 contexts are right in one run alone, by hand 13.33 points."""
    context_of = np.arange(15_000) // 5
    right = np.ones(15_000)
    wrong = np.where(context_of < 400, 0.0, 1.0)
    for number, scores in enumerate((right, wrong)):
        write_scored(tmp_path / "s" / str(number), f"model{number}", "g6", 1, scores, context_of)
    page = write_report([tmp_path / "s"])
    assert page.stat().st_size < 1_000_000
    browser = unpack(page)["0"]
    assert len(browser["questions"]) == 12_000 and len(browser["contexts"]) == 2400
    text = " ".join(page.read_text("utf-8").split())
    assert "The page shows 12,000 of 15,000 questions: those of 2,400 contexts, drawn at random." in text
    assert "15,000 questions in 3,000 contexts" in text
    assert "13.3" in text
    row = browser["questions"][0]
    number = int(row[0][1:])
    assert row[1:] == [f"Soru {number}?", 0, ["altın"]] and browser["contexts"][0] == f"Metin {number // 5}: altın."
    (_, values, of_rows) = browser["groups"][0]
    assert [values[one] for one in of_rows] == [("kim", "ne")[int(name[1:]) % 2] for name, *_ in browser["questions"]]
    for run, scores in enumerate((right, wrong)):
        given = [browser["answers"][place][one] for place, one in enumerate(browser["given"][run][0])]
        assert [f1 / 100 for _, _, f1 in given] == [scores[int(name[1:])] for name, *_ in browser["questions"]]


def test_nothing_is_said_if_all_are_shown(tmp_path: Path) -> None:
    for number in range(2):
        scores = np.arange(100) % (number + 2) / 2
        write_scored(
            tmp_path / "s" / str(number), f"model{number}", "g6", 1, np.minimum(scores, 1), np.arange(100) // 2
        )
    page = write_report([tmp_path / "s"])
    assert "The page shows" not in page.read_text("utf-8")
    assert len(unpack(page)["0"]["questions"]) == 100


def test_a_page_to_pass_on_quotes_few_questions_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TQuAD has no licence: whoever shares a page decides how much of the data is in it."""
    for number in range(2):
        scores = np.minimum(np.arange(100) % (number + 2) / 2, 1)
        write_scored(tmp_path / "s" / str(number), f"model{number}", "g6", 1, scores, np.arange(100) // 2)
    main(["report", str(tmp_path / "s"), "--questions", "7"])
    page = tmp_path / "s" / "report" / "index.html"
    assert len(unpack(page)["0"]["questions"]) == 6, "whole contexts of two questions"
    assert "The page shows 6 of 100 questions: those of 3 contexts" in " ".join(page.read_text("utf-8").split())
    main(["report", str(tmp_path / "s"), "--questions", "0"])
    assert unpack(page) == {} and "Metin" not in page.read_text("utf-8")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["report", str(tmp_path / "s"), "--questions", "-1"])
    assert capsys.readouterr().err == "error: report: --questions=-1: choose 0 or more\n"
