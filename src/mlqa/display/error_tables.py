"""The tables of `mlqa errors`."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from mlqa.metrics.error_analysis.grouping import GROUPS, ErrorGroup

LONGEST_TEXT = 120  # characters of a question or answer that are shown


def build_error_table(groups: Sequence[ErrorGroup], title: str) -> Table:
    """Build a table of the groups: how many answers, their share of all wrong ones, and what they cost."""
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what is wrong")
    for heading in ("answers", "share", "points of F1 lost"):
        table.add_column(heading, justify="right")
    for group in groups:
        table.add_row(GROUPS[group.name], str(len(group.members)), f"{group.share:.0%}", f"{group.lost:.2f}")
    return table


def build_example_table(groups: Sequence[ErrorGroup], count: int) -> Table:
    """Build a table of the first answers of each group."""
    table = Table(title="examples", title_justify="left", box=box.SIMPLE_HEAD, show_lines=True)
    for heading in ("question", "answer", "gold"):
        table.add_column(heading, overflow="fold")
    for group in groups:
        for number, each in enumerate(group.members[:count]):
            question = Text(f"{GROUPS[group.name]}\n" if number == 0 else "", style="bold")
            question.append(_shorten(each.row["question"]), style="not bold")
            answer = Text(_shorten(each.row["answer"] or "(no answer)"))
            table.add_row(question, answer, Text(_shorten(each.gold or "(no answer)")))
    return table


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
