"""Write the files of a report and print the closing table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlqa.errors import RunError
from mlqa.report.closing import print_closing
from mlqa.report.content import make_report
from mlqa.report.latex import render_latex
from mlqa.report.page import render_page
from mlqa.report.tables import render_csv, render_markdown

PAGE, CSV, MARKDOWN, LATEX = "index.html", "results.csv", "results.md", "results.tex"
FOLDER = "report"


def write_report(
    sweep_dirs: Sequence[str | Path],
    output: str | Path | None = None,
    reference: str | None = None,
    usd_per_question: float | None = None,
    most_questions: int | None = None,
) -> Path:
    """Write the report on one or several sweeps and print the closing table.

    Args:
        sweep_dirs: Directories of multiruns, of folders that hold some, or of single runs.
        output: Folder to write into. None means `report` in the sweep's directory, or `./report` if there are several.
        reference: Published results to show: a name, e.g. "blog", or a YAML file. None means those that the members'
            config names.
        usd_per_question: What it costs to annotate a question, for a learning curve. None means what the members'
            config says.
        most_questions: How many questions the page shows with their context, at most. None means the page's own limit.

    Returns:
        The path of the page.

    Raises:
        RunError: If a directory holds no run, or the folder cannot be written to.
        ConfigError: If there are no published results of that name, and no such file.
    """
    report = make_report(sweep_dirs, reference, usd_per_question)
    if output is None:
        output = report.sweeps[0].directory / FOLDER if len(report.sweeps) == 1 else Path(FOLDER)
    folder = Path(output).expanduser()
    files = {
        PAGE: render_page(report, most_questions),
        CSV: render_csv(report),
        MARKDOWN: render_markdown(report),
        LATEX: render_latex(report),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            partial = folder / f"{name}.partial"
            partial.write_text(content, encoding="utf-8", errors="replace", newline="")
            partial.replace(folder / name)
    except OSError as error:
        raise RunError(f"{folder}: the report cannot be written: {error.strerror or error}") from None
    print_closing(report, folder / PAGE)
    return folder / PAGE
