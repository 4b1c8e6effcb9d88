"""Render index.html, a single file that fetches nothing.

Its Content-Security-Policy allows the one script by its hash and forbids every address. If a text slipped through the
escaping, it could neither run nor fetch anything. Figures are drawn without a script. The answers of the question
browser are packed, because they are most of the page.
"""

from __future__ import annotations

import base64
import gzip
import json
from importlib.resources import files
from typing import Any

from mlqa.display.html import build_security_policy, render_template
from mlqa.display.tokenizer_labels import list_readings
from mlqa.display.tokenizer_page import mark_words
from mlqa.report.browser import build_browser_data, describe_sample
from mlqa.report.calibration import build_calibration
from mlqa.report.cautions import REHEARSED
from mlqa.report.cells import build_table
from mlqa.report.content import Report, Section
from mlqa.report.drawings import draw_picture, draw_plots
from mlqa.report.endpoints import build_endpoint_table
from mlqa.report.factors import Design
from mlqa.report.flags import CONTAMINATION
from mlqa.report.member_rows import MEMBERS, RECORDED
from mlqa.report.pair_rows import build_pair_table
from mlqa.report.published_rows import build_published_table
from mlqa.report.race_rows import build_race_table
from mlqa.report.race_sentences import describe_method
from mlqa.report.rows import (
    build_configuration_table,
    build_score_table,
    build_tokenizer_table,
    build_transfer_table,
    build_treatment_table,
)
from mlqa.report.settling import MORE_SEEDS, TIMES_QUESTIONS
from mlqa.report.tokenizer_effects import build_correlation_table, build_effect_table, measure_tokenizer_effects
from mlqa.report.wording import MINUS, count_things, format_chance, format_points

MOST_PAIRS = 300  # rows of the table of differences, those with the smallest p-values


def render_page(report: Report, most_questions: int | None = None) -> str:
    """Render the page.

    Args:
        report: The report.
        most_questions: How many questions it shows with their context, at most. None means its own limit.

    Returns:
        HTML, to be written as UTF-8.
    """
    from markupsafe import Markup

    script = _read_resource("page.js")
    sections = []
    browsers: dict[str, Any] = {}
    for number, section in enumerate(report.sections):
        if browser := build_browser_data(section.comparison, most_questions):
            browsers[str(number)] = browser
        of_browser = {"can_browse": bool(browser), "sample": describe_sample(browser) if browser else ""}
        sections.append(_collect_section(report, section) | {"number": number, **of_browser})
    return render_template(
        "mlqa.report",
        "index.html.j2",
        report=report,
        sections=sections,
        words=mark_words(_read_word_tables(report)),
        published=[(reference, build_published_table(reference)) for reference in report.references],
        members=build_table([column for column in MEMBERS if column.heading not in RECORDED], report.members),
        records=build_table(
            [MEMBERS[0], *(column for column in MEMBERS if column.heading in RECORDED)], report.members
        ),
        rehearsed=REHEARSED,
        contamination=CONTAMINATION,
        minus=MINUS,
        list_readings=list_readings,
        format_chance=format_chance,
        format_points=format_points,
        count_things=count_things,
        more_seeds=MORE_SEEDS,
        times_questions=TIMES_QUESTIONS,
        style=Markup(_read_resource("page.css")),
        script=Markup(script),
        policy=build_security_policy(script),
        data=pack_json(browsers),
    )


def _collect_section(report: Report, section: Section) -> dict[str, Any]:
    comparison = section.comparison
    differences = comparison.verdict.differences if comparison.verdict else []
    shown = sorted(differences, key=lambda one: one.p_holm)[:MOST_PAIRS]
    effects = measure_tokenizer_effects(comparison)
    return {
        "comparison": comparison,
        "answer": section.answer,
        "settling": section.settling,
        "facts": section.describe_facts(),
        "language": comparison.treatments[0].first.get_config_value("dataset", "language") or "",
        "picture": draw_picture(comparison, section.answer, report.references),
        "plots": draw_plots(comparison),
        "calibration": build_calibration(comparison),
        "treatments": build_treatment_table(comparison),
        "configurations": build_configuration_table(comparison),
        "scores": build_score_table(comparison),
        "tokenizers": build_tokenizer_table(comparison),
        "effects": effects,
        "effect_table": build_effect_table(effects),
        "correlations": build_correlation_table(effects),
        "pairs": build_pair_table(comparison, shown),
        "race": build_race_table(comparison, comparison.race) if comparison.race else None,
        "method": describe_method(comparison.race.record) if comparison.race else "",
        "hidden_pairs": len(differences) - len(shown),
        "transfer": build_transfer_table(section.transfer) if section.transfer else None,
        "design": section.design,
        "curves": section.curves,
        "endpoints": build_endpoint_table(comparison),
        "cells": _list_cells(section.design),
    }


def _list_cells(design: Design | None) -> list[tuple[str, list[str]]]:
    if design is None:
        return []
    rows = zip(design.factors[0].levels, design.cells, strict=True)
    return [(level, [f"{value:.2f}" for value in values]) for level, values in rows]


def _read_word_tables(report: Report) -> list[dict[str, Any]]:
    """Return the word table of each model, of the first member that recorded one in tokenization.json."""
    rows: dict[str, dict[str, Any]] = {}
    for member in report.members:
        if member.model not in rows and (words := member.read_word_table()):
            rows[member.model] = {"model": member.model, "analysed_words": words}
    return list(rows.values())


def pack_json(content: Any) -> str:
    """Write JSON as gzip in base64, in which no text can end the script element around it.

    Args:
        content: Values that can be written as JSON, without NaN.
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), mtime=0)).decode()


def _read_resource(name: str) -> str:
    return (files("mlqa.report") / "templates" / name).read_text("utf-8")
