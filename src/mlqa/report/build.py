"""Write the files of a report and print its closing lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlqa.errors import RunError
from mlqa.report.closing import print_closing
from mlqa.report.content import make_report
from mlqa.report.page import render_page
from mlqa.report.tables import render_csv, render_markdown

PAGE, CSV, MARKDOWN = "index.html", "results.csv", "results.md"
FOLDER = "report"


def write_report(
    sweep_dirs: Sequence[str | Path], output: str | Path | None = None, compare_with: str | None = None
) -> Path:
    """Writes the report, prints its end of the story, and returns the page's path.

    `output`: the folder to write into; None: `report` in the sweep's directory, or here where there are several.
    Raises RunError and ConfigError as `make_report`, and RunError where the folder cannot be written.
    """
    report = make_report(sweep_dirs, compare_with)
    if output is None:
        output = report.sweeps[0].directory / FOLDER if len(report.sweeps) == 1 else Path(FOLDER)
    folder = Path(output).expanduser()
    files = {PAGE: render_page(report), CSV: render_csv(report), MARKDOWN: render_markdown(report)}
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
