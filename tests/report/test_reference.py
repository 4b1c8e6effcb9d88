"""Published results beside one's own: which are shown, what is said of them, and files of the user's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made import config, result, write_member

from mlqa.config.compose import compose_config
from mlqa.config.schema import REFERENCES
from mlqa.errors import ConfigError
from mlqa.report.content import make_report
from mlqa.report.drawings import draw_picture
from mlqa.report.page import render_page
from mlqa.report.reference import load_references
from mlqa.report.tables import render_markdown

OWN = """\
title: our earlier model
source: https://example.org/report.pdf
data: TQuAD dev, 892 questions
dataset: tquad
questions: 892
seeds: 3
leak: 260 of them
rows:
- {checkpoint: our model, exact_match: 58.0, f1: 77.0, f1_sd: 0.5}
- {model: berturk, checkpoint: BERTurk, f1: 76.2, seeds: 5}
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two runs on 60 generated questions, which nothing published is on."""
    for number, model in enumerate(("berturk", "mbert")):
        write_member(tmp_path / "s" / str(number), result(model, f1=70.0 + number), settings=config())
    return tmp_path / "s"


@pytest.mark.parametrize("name", REFERENCES)
def test_each_says_where_it_is_from_and_whether_it_leaks(name: str, sweep: Path) -> None:
    (reference,) = load_references(name)
    assert reference.source.startswith("https://") and reference.leak and reference.questions and reference.rows
    report = make_report([sweep], name)
    page, text = render_page(report), render_markdown(report)
    for part in (reference.title, reference.data, reference.leak):
        assert part in page.replace("&#39;", "'") and part in text.replace("\\", "")
    assert "answered other questions, so these figures do not compare with them" in " ".join(page.split())
    for row in reference.rows:
        assert row.f1 is None or f"{row.f1:.2f}" in text


def test_the_original_experiment_has_its_prices(sweep: Path) -> None:
    """1,487, 1,809 and 619 s: the dollars that it gives."""
    text = render_markdown(make_report([sweep], "blog"))
    for row in (
        "77.14 | 1 | p3 | 24.8 | 1.58 | 3.825",
        "76.60 | 1 | g4dn | 30.1 | 0.37 | 0.736",
        "10.3 | 9.68 | 28.152",
    ):
        assert row in text, text


def test_deviations_and_seeds_are_shown(sweep: Path) -> None:
    text = render_markdown(make_report([sweep], "turkish"))
    assert "| ConvBERTurk mC4, uncased | convberturk_mc4 | 61.28 ± 1.27 | 78.63 ± 0.96 | 5 |" in text.replace("\\", "")
    unknown = next(line for line in text.splitlines() if "all other Turkish sets" in line)
    assert "80.42 |  |" in unknown and "AybarsManav" in unknown  # a row with a source of its own, seeds not given


def test_what_is_on_the_same_data_is_shown_unasked(tmp_path: Path) -> None:
    choices = result()["choices"] | {"dataset": "tquad"}
    for number, f1 in enumerate((70.0, 75.0)):
        content = result(f"m{number}", f1=f1, choices=choices)
        content["metrics"]["total"] = 892
        write_member(tmp_path / "s" / str(number), content, settings=config(rows=892))
    report = make_report([tmp_path / "s"])
    assert [one.title for one in report.references] == ["the original experiment", "published Turkish scores"]
    section = report.sections[0]
    drawn = draw_picture(section.comparison, section.answer, report.references).rows
    assert {row.kind for row in drawn} == {"alone", "published"}
    assert any("78.63, published" in row.text for row in drawn)
    published = [row.name for row in drawn if row.kind == "published"]
    assert published[:3] == ["xlmr, published", "berturk, published", "mbert, published"], "XLM-R is on three machines"
    assert len(published) == len(set(published))
    assert "do not compare" not in render_page(report)


def test_without_a_reference_nothing_is_published(sweep: Path) -> None:
    assert make_report([sweep]).references == []
    assert "Published" not in render_markdown(make_report([sweep]))


def test_published_rows_also_stand_if_no_member_has_a_score(tmp_path: Path) -> None:
    failed = result(status="failed", error="no memory", metrics={})
    write_member(tmp_path / "s/0", failed, settings=config())
    report = make_report([tmp_path / "s"], "blog")
    html = render_page(report)
    for text in (html, render_markdown(report)):
        assert "77.14" in text and "28.152" in text and "no memory" in text
    assert 'href="#published"' in html and html.count('id="published"') == 1
    assert "other questions" not in html and "No answer" in html


def test_a_file_of_ones_own(sweep: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, "utf-8")
    text = render_markdown(make_report([sweep], str(tmp_path / "own.yaml"))).replace("\\", "")
    assert "## Published: our earlier model" in text and "Leak: 260 of them." in text
    assert re.search(r"\| our model \| +\| 58\.00 \| 77\.00 ± 0\.50 \| 3 \|", text)
    assert re.search(r"\| BERTurk \| berturk \| +\| 76\.20 \| 5 \|", text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "is not a mapping"),
        ("title: x\nsource: y\ndata: z", "rows must be given"),
        ("title: x\nsource: y\ndata: z\nrows: [{f1: 3}]", "needs a model or a checkpoint"),
        ("title: x\nsource: y\ndata: z\nrows: [{model: m, f1: much}]", "f1 must be a number"),
        ("title: x\nsource: y\ndata: z\nyear: 3\nrows: [{model: m}]", "unknown keys: year"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(text: str, message: str, sweep: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        make_report([sweep], str(tmp_path / "own.yaml"))
    assert "\n" not in str(caught.value)


def test_an_unknown_reference_is_refused(sweep: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such reference; choose one of blog, turkish, xquad_tr"):
        make_report([sweep], "nothing")


def test_a_sweep_that_named_a_missing_file_still_has_its_report(tmp_path: Path) -> None:
    settings = config() | {"report": {"reference": "gone.yaml"}}
    write_member(tmp_path / "s/0", result(f1=70), settings=settings)
    report = make_report([tmp_path / "s"])
    assert report.references == [] and "gone.yaml: there is no such reference" in report.list_problems()[0]
    named = config() | {"report": {"reference": "blog"}}
    write_member(tmp_path / "t/0", result(f1=70), settings=named)
    assert [one.title for one in make_report([tmp_path / "t"]).references] == ["the original experiment"]


def test_the_command_line_refuses_a_name_before_anything_starts() -> None:
    settings, _ = compose_config(["dataset=sample", "model=tiny_char", "report.reference=mine/own.yaml"])
    assert settings.report.reference == "mine/own.yaml"
    with pytest.raises(ConfigError) as caught:
        compose_config(["dataset=sample", "model=tiny_char", "report.reference=blgo"])
    assert str(caught.value) == (
        "report.reference=blgo: choose one of blog, turkish, xquad_tr, or give the path of a YAML file"
    )
