"""The score tables that a run and `mlqa score` print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from mlqa.environment import get_console
from mlqa.metrics.groups import GROUPINGS
from mlqa.result import Result

# label, suffix of the metrics' names, key of the number of questions
SCORES = (
    ("all questions", "", "total"),
    ("  by the language's rules", "_language", "total"),
    ("context not in train", "_unseen", "total_unseen"),
    ("  by the language's rules", "_language_unseen", "total_unseen"),
)
ANSWERS = {"with an answer": "HasAns", "without an answer": "NoAns"}


def print_summary(result: Result, run_dir: Path) -> None:
    """Print the closing table of a run: scores, price, duration and where the files are.

    Args:
        result: Content of result.json.
        run_dir: The run's directory.
    """
    metrics, timing, cost = result.metrics, result.timing, result.cost
    table = build_score_table(metrics, " ".join({**result.choices, "model": result.label}.values()))
    others = {"validation split": result.validation, **result.evaluations}
    for name, scores in others.items():
        if scores:
            table.add_row(name, *(_format_score(scores, key) for key in ("exact_match", "f1")), str(scores["total"]))
    if "f1_shuffled_questions" in metrics:
        table.add_row("control: questions swapped", "", f"{metrics['f1_shuffled_questions']:.2f}", "")
    if "f1_without_context" in metrics:
        cells = (f"{metrics[f'{name}_without_context']:.2f}" for name in ("exact_match", "f1"))
        table.add_row("control: without the context", *cells, "")
    if tokenization := result.tokenization:
        oracle = (tokenization["oracle_exact_match"], tokenization["oracle_f1"])
        table.add_row("best this tokenizer permits", *(f"{cell:.2f}" for cell in oracle), "")
    get_console().print(table)
    if result.endpoint:
        get_console().print(describe_asking(result.endpoint), highlight=False)
    minutes = timing["total_seconds"] / 60
    usd = "" if not cost["usd"] or result.endpoint else f", ${cost['usd']:.2f}"
    get_console().print(f"{minutes:.1f} minutes{usd}; everything is in {run_dir}", highlight=False, soft_wrap=True)


def describe_asking(endpoint: Mapping[str, Any]) -> str:
    """Describe what the answers of an endpoint took, e.g. "3 of 30 answers are not in their context; ...".

    Args:
        endpoint: The node `endpoint` of result.json.
    """
    parts = [f"{endpoint['alignment']['unaligned']} of {endpoint['questions']} answers are not in their context"]
    if none := endpoint["alignment"].get("no answer"):
        parts.append(f"{none} give none")
    if endpoint["refused"]:
        parts.append(f"{endpoint['refused']} refused")
    if endpoint["kept"]:
        parts.append(f"{endpoint['kept']} from the cache")
    if None not in (endpoint["input_tokens"], endpoint["output_tokens"]):
        parts.append(f"{endpoint['input_tokens']:,} tokens in, {endpoint['output_tokens']:,} out")
    if endpoint["usd"] is not None:
        is_counted = None not in (endpoint["input_tokens"], endpoint["output_tokens"])
        price = f"{'' if is_counted else 'about '}${endpoint['usd']:.4f}"
        controls = endpoint.get("usd_controls")
        price += f" for the answers, ${controls:.4f} for the controls" if controls else ""
        parts.append(f"{price}, of which this run paid ${endpoint['usd_paid']:.4f}")
    if seconds := endpoint["seconds_per_answer"]:
        parts.append(f"{seconds['median']:.2f} s per answer (95 %: {seconds['p95']:.2f} s)")
    return "; ".join(parts)


def build_score_table(metrics: Mapping[str, float], title: str) -> Table:
    """Build a table of exact match and F1, with their 95 % intervals if there are any.

    Args:
        metrics: Scores as in result.json, in per cent.
        title: Shown above the table.

    Returns:
        A table that fits in 80 columns.
    """
    table = _create_table(title, "")
    for label, suffix, total in SCORES:
        if f"f1{suffix}" in metrics:
            cells = (_format_score(metrics, f"{name}{suffix}") for name in ("exact_match", "f1"))
            table.add_row(label, *cells, str(metrics[total]))
    for label, name in ANSWERS.items():
        if f"{name}_total" in metrics:
            cells = (f"{metrics[f'{name}_{score}']:.2f}" for score in ("exact", "f1"))
            table.add_row(label, *cells, str(metrics[f"{name}_total"]))
    if "best_f1" in metrics:
        best = ((metrics[f"best_{name}"], metrics[f"best_{name}_thresh"]) for name in ("exact", "f1"))
        table.add_row("best no-answer threshold", *(f"{score:.2f} at {threshold:.4g}" for score, threshold in best), "")
    return table


def build_breakdown_table(breakdown: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """Build a table of official exact match and F1 by group.

    Args:
        breakdown: {grouping: {group: {"exact_match", "f1", "total"}}} of `mlqa.metrics.breakdown.break_down_scores`.

    Returns:
        A table with one section per grouping.
    """
    table = _create_table("official scores by group", "group")
    for grouping, groups in breakdown.items():
        table.add_section()
        table.add_row(Text(GROUPINGS[grouping].label, style="italic"), "", "", "")
        for name, group in groups.items():
            cells = (f"{group[score]:.2f}" for score in ("exact_match", "f1"))
            table.add_row(Text(f"  {name.replace('_', ' ')}"), *cells, str(group["total"]))
    return table


def _create_table(title: str, heading: str) -> Table:
    """Create a table without a frame, so that two scores with intervals fit in 80 columns."""
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column(heading)
    for name in ("exact match", "F1", "questions"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _format_score(metrics: Mapping[str, float], name: str) -> str:
    shown = f"{metrics[name]:.2f}"
    if f"{name}_ci_low" in metrics:
        low, high = (f"{metrics[f'{name}_ci_{side}']:.1f}".replace("100.0", "100") for side in ("low", "high"))
        shown += f" \\[{low}, {high}]"
    return shown
