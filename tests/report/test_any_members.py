"""Whatever a sweep's directory holds, there is a report, and it says no more than is known."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import answers, config, questions, result, some, write_manifest, write_member

from mlqa.report.content import make_report
from mlqa.report.page import render_page
from mlqa.report.tables import render_csv, render_markdown

pytestmark = pytest.mark.slow

KINDS = (
    "answered", "no scores", "other answers", "scores are torn", "scores are a folder", "version 1", "failed",
    "failed without a reason", "stopped", "no directory", "empty directory", "torn", "a list", "bytes", "old schema",
    "newer schema", "no metrics", "metrics are text", "nan", "huge number", "no status", "result is a folder",
    "no config", "config is a list", "huge context",
)  # fmt: skip
# Of these, a score is known.
HAVE_ANSWERS = (
    "answered", "other answers", "scores are torn", "scores are a folder", "no config", "config is a list",
    "huge context",
)  # fmt: skip
SCORED = {*HAVE_ANSWERS, "no scores", "version 1"}


def write_kind(folder: Path, kind: str, number: int) -> None:
    model, asked = ("berturk", "mbert", "xlmr")[number % 3], questions()
    content: Any = result(model, "p3", f1=50.0 + number, seed=number)
    given_answers = answers(asked, some(0.5, number)) if kind in HAVE_ANSWERS else None
    if kind == "no directory":
        return
    if kind == "empty directory":
        folder.mkdir(parents=True)
        return
    changes: dict[str, dict[str, Any]] = {
        "failed": {"status": "failed", "error": "CUDA out of\nmemory"},
        "failed without a reason": {"status": "failed", "error": None},
        "stopped": {"status": "stopped", "error": "stopped by Ctrl-C", "metrics": {}},
        "old schema": {"schema_version": 0},
        "newer schema": {"schema_version": 3},
        "version 1": {"schema_version": 1},
        "no metrics": {"metrics": {}},
        "metrics are text": {"metrics": {"f1": "75.6"}, "cost": "much", "timing": [1], "choices": 3, "versions": []},
        "nan": {"metrics": {"f1": float("nan")}},
        "huge number": {"metrics": {"f1": 10**400}},
        "no status": {"status": None},
    }
    content |= changes.get(kind, {})
    if kind == "torn":
        content = json.dumps(content)[:100]
    if kind == "a list":
        content = "[1, 2]"
    write_member(folder, content, settings=config(seed=number), given=given_answers)
    if kind == "other answers":
        rows = (folder / "scores.jsonl").read_text("utf-8").splitlines()
        (folder / "scores.jsonl").write_text("\n".join(rows[1:]), "utf-8")
    if kind == "scores are torn":
        scores = (folder / "scores.jsonl").read_text("utf-8")
        (folder / "scores.jsonl").write_text(scores[: len(scores) // 2], "utf-8")
    if kind == "huge context":
        scores = (folder / "scores.jsonl").read_text("utf-8")
        (folder / "scores.jsonl").write_text(scores.replace('"context": 0,', f'"context": {10**30},'), "utf-8")
    if kind == "scores are a folder":
        (folder / "scores.jsonl").unlink()
        (folder / "scores.jsonl").mkdir()
    if kind == "result is a folder":
        (folder / "result.json").unlink()
        (folder / "result.json").mkdir()
    if kind == "no config":
        (folder / ".hydra" / "config.yaml").unlink()
    if kind == "config is a list":
        (folder / ".hydra" / "config.yaml").write_text("- a\n- b: [", "utf-8")
    if kind == "bytes":
        (folder / "result.json").write_bytes(b"\xff\xfe\x00{")
    (folder / "history.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": NaN}\n[]\n{"st', "utf-8")
    torn = {"words": 3, "analysed_words": [{"word": 3}, 5, {"word": "a", "pieces": ["a"]}]}
    (folder / "tokenization.json").write_text(json.dumps(torn), "utf-8")


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6), st.booleans())
def test_any_mix_of_members_yields_an_honest_report(kinds: list[str], has_torn_manifest: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sweep = Path(folder) / "sweep"
        for number, kind in enumerate(kinds):
            write_kind(sweep / str(number), kind, number)
        events: list[dict[str, Any]] = [
            {"event": "planned", "member": number, "overrides": [f"number={number}"]} for number in range(len(kinds))
        ]
        write_manifest(sweep, events)
        if has_torn_manifest:
            with (sweep / "members.jsonl").open("a", encoding="utf-8") as file:
                file.write('{"event": "ended", "member": "x"}\n[]\n{"event": "fin')
        report = make_report([sweep])
        html, text, table = (
            render_page(report),
            render_markdown(report),
            list(csv.DictReader(render_csv(report).splitlines())),
        )

    assert [row["member"] for row in table] == [str(number) for number in range(len(kinds))]
    compared = {run.name for one in report.comparisons for run_of in one.configurations for run in run_of.runs}
    assert compared == {str(number) for number, kind in enumerate(kinds) if kind in SCORED}
    assert {member.name for member in report.not_completed} == {row["member"] for row in table} - compared
    for member in report.not_completed:
        assert member.reason and " ".join(member.reason.split()) == member.reason
        assert member.status != "completed" and f"sweep/{member.name} |" in text
    assert report.format_status_counts() in html and report.format_status_counts() in text
    for row, kind in zip(table, kinds, strict=True):
        assert (row["status"] == "completed") == (kind in SCORED)
        if kind not in SCORED and kind not in ("failed", "failed without a reason"):
            assert row["f1"] == ""
    assert "nan" not in [cell.lower() for row in table for cell in row.values()]
    assert not any(item.is_supported for advice in report.advice for item in advice) or len(compared) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_alone(kind: str, tmp_path: Path) -> None:
    write_kind(tmp_path / "s" / "0", kind, 0)
    write_manifest(tmp_path / "s", [{"event": "planned", "member": 0, "overrides": []}])
    report = make_report([tmp_path / "s"])
    assert render_page(report) and len(report.members) == 1
    assert report.members[0].is_compared == (kind in SCORED)


def test_what_the_launcher_says_of_members_without_a_result(tmp_path: Path) -> None:
    planned = {"event": "planned", "overrides": ["model=mbert"]}
    no_capacity = {"event": "finished", "status": "failed", "reason": "no capacity", "return_value": None}
    submitting = {"event": "submitting", "job_name": "job-1"}
    events = {
        0: [planned],
        1: [planned, submitting],
        2: [planned, submitting, {"event": "ended", "job_status": "Stopped", "usd": 0.1}],
        3: [planned, submitting, no_capacity],
        4: [planned, submitting, {"event": "refused"}],
    }
    lines = [{**event, "member": number} for number, of_member in events.items() for event in of_member]
    write_manifest(tmp_path / "s", lines)
    told = {member.name: (member.status, member.reason) for member in make_report([tmp_path / "s"]).members}
    assert told == {
        "0": ("missing", "planned, never started"),
        "1": ("missing", "job job-1 was submitted, no end is recorded"),
        "2": ("missing", "job job-1 ended as Stopped, its output was not fetched"),
        "3": ("failed", "no capacity"),
        "4": ("missing", "planned, never started"),
    }


HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>`|\"&=1+1"


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    for number in range(2):
        content = result(f"{HOSTILE}{number}", HOSTILE, f1=70.0 + number)
        write_member(tmp_path / "s" / str(number), content, settings=config(), overrides=[f"model={HOSTILE}"])
    failed = result(f"={HOSTILE}", status="failed", error=HOSTILE)
    write_member(tmp_path / "s" / "2", failed, settings=config())
    report = make_report([tmp_path / "s"])
    html, text, table = render_page(report), render_markdown(report), render_csv(report)
    assert html.count("<script") == 3 and html.count("</script") == 3
    assert "window.hacked=1</script>" not in html and "<img" not in html.partition("plotly.js v")[0]
    assert "<script" not in text.replace("\\<script", "")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "hacked" in line]
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| configuration")}
    assert rows and {line.replace("\\|", "").count("|") for line in rows} <= widths | {5}
    assert [row["model"] for row in csv.DictReader(table.splitlines())][2].startswith("'=")
