"""What a finished sweep says: a page, a CSV and a Markdown table, and advice that the data supports.

Takes directories, knows nothing of how their runs were trained or tracked. Data flows one way:
members (files -> plain rows) -> questions (per-question scores) -> configurations (seeds together) -> comparison
(differences, Pareto front) -> advice -> page, tables, closing.
"""

from __future__ import annotations


def write(sweep_dir: str) -> None:
    """Writes <sweep_dir>/report and prints the closing table.

    Members that failed, are missing or cannot be read stand in the report as such; they never end it.
    Raises RunError where the directory is missing or cannot be written.
    """
    from mlqa.report.build import write_report  # here, so that naming this function loads nothing

    write_report([sweep_dir])
