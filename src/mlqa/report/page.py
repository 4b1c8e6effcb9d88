"""index.html: one file that needs nothing else, and lets nothing in.

Its Content-Security-Policy names the two scripts by their hashes and forbids every address: a text that slipped
through the escaping could neither run nor fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

from mlqa.report.advice import REHEARSED
from mlqa.report.browser import build_browser_data
from mlqa.report.cells import find_filled_columns
from mlqa.report.charts import has_other_questions, make_charts
from mlqa.report.comparison import MOST_COMPARED
from mlqa.report.content import Report
from mlqa.report.member_rows import MEMBER_COLUMNS, make_member_row
from mlqa.report.reference import DATASET
from mlqa.report.rows import (
    RESULT_COLUMNS,
    SCORE_COLUMNS,
    TOKENIZER_COLUMNS,
    make_published_row,
    make_result_row,
    make_score_row,
    make_tokenizer_row,
)
from mlqa.report.wording import format_p_value

# Within a script element, only these could end it or begin a comment.
_IN_SCRIPT = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def render_page(report: Report) -> str:
    """The page as text, to be written as UTF-8."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("mlqa.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["p_value"] = lambda p: format_p_value(p).removeprefix("= ")
    scripts = [load_plotly_script(), _read_resource("page.js")]
    data: dict[str, Any] = {"charts": {}, "browsers": {}}
    sections = []
    for number, comparison in enumerate(report.comparisons):
        charts = make_charts(comparison, report.published)
        for chart in charts:
            data["charts"][f"chart-{number}-{chart.name}"] = {"data": chart.data, "layout": chart.layout}
        browser = build_browser_data(comparison)
        if browser is not None:
            data["browsers"][str(number)] = browser
        sections.append(
            {
                "number": number,
                "comparison": comparison,
                "advice": report.advice[number],
                "charts": charts,
                "results": build_table(RESULT_COLUMNS, [make_result_row(one) for one in comparison.configurations]),
                "scores": build_table(SCORE_COLUMNS, [make_score_row(one) for one in comparison.configurations]),
                "tokenizers": build_table(
                    TOKENIZER_COLUMNS, [make_tokenizer_row(one) for one in comparison.configurations]
                ),
                "can_browse": browser is not None,
            }
        )
    rendered: str = environment.get_template("index.html.j2").render(
        report=report,
        sections=sections,
        published=build_table(RESULT_COLUMNS, [make_published_row(row) for row in report.published]),
        published_data=DATASET,
        of_other_questions=bool(report.published) and any(map(has_other_questions, report.comparisons)),
        members=build_table(MEMBER_COLUMNS, [make_member_row(member) for member in report.members]),
        most_compared=MOST_COMPARED,
        rehearsed=REHEARSED,
        style=Markup(_read_resource("page.css")),
        scripts=[Markup(script) for script in scripts],
        policy=_build_security_policy(scripts),
        data=Markup(dump_json_for_script(data)),
    )
    return rendered


def build_table(columns: Any, rows: Any) -> dict[str, Any]:
    """Columns of which a row has something, and their cells."""
    kept = find_filled_columns(columns, rows)
    return {"columns": [columns[index] for index in kept], "rows": [[row[index] for index in kept] for row in rows]}


def dump_json_for_script(content: Any) -> str:
    """JSON that can stand in a script element: no text of it ends the element."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_IN_SCRIPT)


def load_plotly_script() -> str:
    """plotly.js, as the Python package brings it."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("\r\n", "\n")


def _build_security_policy(scripts: list[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _read_resource(name: str) -> str:
    return (files("mlqa.report") / "templates" / name).read_text("utf-8")
