"""The table of `hydra-sagemaker costs` in a narrow terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hydra_sagemaker_launcher.commands.costs import Attempt, build_table

TOTAL = {"billed_seconds": 100.0, "usd": 1.5, "warm_pool_usd": 0.0}
JOB = Attempt(0, 1, "example-berturk-1129-c30aed69f2-0", "Completed", "ml.g5.12xlarge", 100.0, 1.5)


def show(with_sources: bool, width: int, **total: float) -> list[str]:
    console = Console(file=io.StringIO(), width=width, legacy_windows=False)
    console.print(build_table([JOB], TOTAL | total, with_sources))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 200])
def test_words_and_figures_are_not_broken(width: int) -> None:
    lines = show(False, width)
    assert max(map(len, lines)) <= width
    (row,) = [line for line in lines if "Completed" in line]
    for words in ("ml.g5.12xlarge", "100", "1.5000"):
        assert words in row
    (heading,) = [line for line in lines if "attempt" in line]
    assert "instances" in heading and "billed s" in heading


def test_the_name_of_a_job_keeps_room_beside_a_warm_pool() -> None:
    """A folded name of 34 letters takes five lines at most, in a terminal of 80 columns."""
    lines = show(False, 80, warm_pool_usd=0.25)
    assert max(map(len, lines)) <= 80
    assert len([line for line in lines if line.strip()]) <= 1 + 1 + 5 + 1  # heading, rule, job, total


def test_columns_that_say_something_are_shown() -> None:
    assert "warm pool" not in "".join(show(False, 200)) and "price by" not in "".join(show(False, 200))
    assert "warm pool $" in "".join(show(False, 200, warm_pool_usd=0.25))
    assert "price by" in "".join(show(True, 200))
