"""Print the end of a sweep: a short table, the advice and the path of the report."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from mlqa.environment import get_console
from mlqa.report.content import Report
from mlqa.report.rows import RESULTS

MOST_ROWS = 12
MOST_REASONS = 5


def print_closing(report: Report, page: Path) -> None:
    """Print the scores, minutes and dollars of the best, the advice, and what was not compared or did not complete.

    Args:
        report: The report.
        page: Path of its page, shown last.
    """
    console = get_console()
    for comparison, advice in zip(report.comparisons, report.advice, strict=True):
        table = Table(title=Text(comparison.dataset), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
        table.add_column("", overflow="fold")
        for column in RESULTS[1:5]:
            table.add_column(column.heading, justify="right", no_wrap=True)
        for one in comparison.configurations[:MOST_ROWS]:
            table.add_row(*(Text(column.make_cell(one).text) for column in RESULTS[:5]))
        console.print(table)
        left = len(comparison.configurations) - MOST_ROWS
        if left > 0:
            console.print(f"and {left} more", highlight=False)
        for item in advice:
            console.print(Text(f"{item.question}: {item.claim}"), highlight=False)
        gaps = comparison.list_gaps()
        for line in gaps[:MOST_REASONS]:
            console.print(Text(line), highlight=False)
        if len(gaps) > MOST_REASONS:
            console.print(f"and {len(gaps) - MOST_REASONS} more reasons", highlight=False)
    for member in report.not_completed[:MOST_REASONS]:
        console.print(Text(f"{member.label} {member.status}: {member.reason}"), highlight=False)
    if len(report.not_completed) > MOST_REASONS:
        console.print(f"and {len(report.not_completed) - MOST_REASONS} more without a score", highlight=False)
    console.print(
        Text(f"{report.format_status_counts()}{report.format_spending()}; report: {page}"),
        highlight=False,
        soft_wrap=True,
    )
