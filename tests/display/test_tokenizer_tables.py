"""Test the table of suffix families where tokenizers differ in what they are judged on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mlqa.display.tokenizer_labels import FIGURES
from mlqa.display.tokenizer_tables import build_families_table, describe_sources


def make_row(model: str, suffixes: int, intervals: dict[str, Any]) -> dict[str, Any]:
    families = {"all": {"suffixes": suffixes, "clean": 1.0, "broken": 0.0, "intervals": intervals}}
    details = {"suffix_families": families, "source": "a list", "reading": "likeliest"}
    return {"model": model, "morphemes": details, "analysed_words": []}


def test_no_interval_and_no_count_is_invented(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [make_row("one", 3, {}), make_row("two", 4, {"clean": [0.5, 1.0]})]
    table = build_families_table(rows)
    assert table is not None
    Console(width=100).print(table)
    cells = capsys.readouterr().out.splitlines()[-1].split()
    assert cells == ["all", "3–4", "100%", "100%", "[50,", "100]"]


def test_it_says_that_suffixes_take_the_best_reading() -> None:
    (line,) = describe_sources([make_row("one", 3, {})])
    assert "the likeliest reading counts. Suffixes are always judged by the best reading." in line


def test_the_docs_define_each_figure_by_name_and_label() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "tokenizers.md").read_text("utf-8")
    table = page.split("| name | shown as |")[1].split("\n\n")[0].splitlines()[2:]
    documented = {}
    for names, labels, *_ in (line.strip("| ").split(" | ") for line in table):
        documented.update(zip(names.replace("`", "").split(", "), labels.split(", "), strict=True))
    assert documented == {name: column.label for name, column in FIGURES.items()}
