"""Print the end of a sweep: a short table, the report's own sentence, and the path of the report."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from mlqa.environment import get_console
from mlqa.report.cautions import REHEARSED
from mlqa.report.content import Report, Section
from mlqa.report.rows import build_treatment_table

MOST_ROWS = 12
MOST_REASONS = 5
HEADINGS = ("EM", "seeds", "cheapest on", "$ a run", "minutes")  # besides the treatment and its score


def print_closing(report: Report, page: Path) -> None:
    """Print scores, minutes and dollars, the answer, what would settle it, and what did not complete.

    Args:
        report: The report.
        page: Path of its page, shown last.
    """
    console = get_console()
    for section in report.sections:
        console.print(_build_table(section))
        left = len(section.comparison.treatments) - MOST_ROWS
        if left > 0:
            console.print(f"and {left} more", highlight=False)
        for line in (section.answer.sentence, *section.answer.cautions):
            console.print(Text(line), highlight=False)
        for line in section.curves.sentences if section.curves else ():
            console.print(Text(line), highlight=False)
        race = section.comparison.race
        if section.settling.prospects or (race is not None and not race.record.has_winner):
            console.print(Text("What would settle it: " + " ".join(section.settling.lines)), highlight=False)
            for command in section.settling.commands[:MOST_REASONS]:
                console.print(Text(f"  {command}"), highlight=False, soft_wrap=True)
        _print_some(section.comparison.list_gaps(), "reasons")
    if report.is_rehearsal and not report.sections:
        console.print(Text(REHEARSED), highlight=False)
    _print_some([f"{one.label} {one.status}: {one.reason}" for one in report.not_completed], "without a score")
    _print_some(report.problems, "problems")
    console.print(
        Text(f"{report.format_status_counts()}{report.format_spending()}; report: {page}"),
        highlight=False,
        soft_wrap=True,
    )


def _build_table(section: Section) -> Table:
    comparison = section.comparison
    content = build_treatment_table(comparison)
    headings = ("race", *HEADINGS[1:]) if comparison.race else HEADINGS  # 80 columns hold no more
    shown = [
        index
        for index, column in enumerate(content.columns)
        if index == 0 or column.heading in (comparison.score_name, *headings)
    ]
    table = Table(title=Text(comparison.dataset), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for index in shown:
        column = content.columns[index]
        justify = "right" if column.is_number else "left"
        heading = column.heading if index else ""
        table.add_column(heading, justify=justify, no_wrap=column.is_number, overflow="fold")  # type: ignore[arg-type]
    for row in content.rows[:MOST_ROWS]:
        table.add_row(*(Text(row[index].text) for index in shown))
    return table


def _print_some(lines: list[str], what: str) -> None:
    console = get_console()
    for line in lines[:MOST_REASONS]:
        console.print(Text(line), highlight=False)
    if len(lines) > MOST_REASONS:
        console.print(f"and {len(lines) - MOST_REASONS} more {what}", highlight=False)
