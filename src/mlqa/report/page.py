"""Render index.html, a single file that fetches nothing.

Its Content-Security-Policy allows the two scripts by their hashes and forbids every address. If a text slipped through
the escaping, it could neither run nor fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

from mlqa.display.html import render_template
from mlqa.display.tokenizer_page import mark_words
from mlqa.report.advice import REHEARSED
from mlqa.report.browser import build_browser_data
from mlqa.report.cells import build_table
from mlqa.report.charts import has_other_questions, make_charts
from mlqa.report.comparison import MOST_COMPARED
from mlqa.report.content import Report
from mlqa.report.member_rows import MEMBERS
from mlqa.report.reference import DATASET
from mlqa.report.rows import PUBLISHED, TABLES, build_pair_table

# Only these characters could end a script element or begin a comment in it.
_IN_SCRIPT = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def render_page(report: Report) -> str:
    """Render the page.

    Args:
        report: The report.

    Returns:
        HTML, to be written as UTF-8.
    """
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    scripts = [get_plotlyjs().replace("\r\n", "\n"), _read_resource("page.js")]
    data: dict[str, Any] = {"charts": {}, "browsers": {}}
    sections = []
    for number, comparison in enumerate(report.comparisons):
        charts = make_charts(comparison, report.published)
        for chart in charts:
            data["charts"][f"chart-{number}-{chart.name}"] = {"data": chart.data, "layout": chart.layout}
        if browser := build_browser_data(comparison):
            data["browsers"][str(number)] = browser
        sections.append(
            {
                "number": number,
                "comparison": comparison,
                "advice": report.advice[number],
                "charts": charts,
                **{name: build_table(columns, comparison.configurations) for name, columns in TABLES.items()},
                "pairs": build_pair_table(comparison, comparison.differences),
                "can_browse": bool(browser),
            }
        )
    return render_template(
        "mlqa.report",
        "index.html.j2",
        report=report,
        sections=sections,
        words=mark_words(_read_word_tables(report)),
        published=build_table(PUBLISHED, report.published),
        published_data=DATASET,
        of_other_questions=bool(report.published) and any(map(has_other_questions, report.comparisons)),
        members=build_table(MEMBERS, report.members),
        most_compared=MOST_COMPARED,
        rehearsed=REHEARSED,
        style=Markup(_read_resource("page.css")),
        scripts=[Markup(script) for script in scripts],
        policy=_build_security_policy(scripts),
        data=Markup(dump_json_for_script(data)),
    )


def _read_word_tables(report: Report) -> list[dict[str, Any]]:
    """Return the word table of each model, of the first member that recorded one in tokenization.json."""
    rows: dict[str, dict[str, Any]] = {}
    for member in report.members:
        if member.model not in rows and (words := member.read_word_table()):
            rows[member.model] = {"model": member.model, "analysed_words": words}
    return list(rows.values())


def dump_json_for_script(content: Any) -> str:
    """Write JSON that is safe inside a script element, because no text in it can end the element.

    Args:
        content: Values that can be written as JSON, without NaN.
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_IN_SCRIPT)


def _build_security_policy(scripts: list[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _read_resource(name: str) -> str:
    return (files("mlqa.report") / "templates" / name).read_text("utf-8")
