"""Tables of an exported model: its graphs beside the model of the run, and what a million questions cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table


def format_score(score: float | None) -> str:
    """Format a score, empty if there is none."""
    return "" if score is None else f"{score:.2f}"


def list_graph_rows(serving: Mapping[str, Any]) -> list[list[str]]:
    """Return a row per graph: name, megabytes, EM, F1, equal answers, logit difference, ms with one thread and with all.

    Args:
        serving: The node `serving` of result.json.
    """
    rows = [["mlqa", "", format_score(serving["exact_match"]), format_score(serving["f1"]), "", "", "", ""]]
    for name, check in serving["checks"].items():
        speeds = [speed for speed in serving["speeds"] if speed["graph"] == name]
        times = [f"{speed['milliseconds']:.1f} ({speed['threads']})" for speed in speeds]
        rows.append(
            [
                f"{name}, refused" if name in serving["refused"] else name,
                f"{serving['megabytes'][name]:.1f}",
                format_score(check["exact_match"]),
                format_score(check["f1"]),
                f"{check['same_answers']} of {check['questions']}",
                f"{check['logit_difference']:.2g}",
                ", ".join(times),
                ", ".join(f"{speed['questions_per_second']:.1f}" for speed in speeds),
            ]
        )
    return rows


GRAPH_HEADINGS = ("graph", "MB", "EM", "F1", "same answers", "logits differ by", "ms (threads)", "questions/s")
COST_HEADINGS = ("instance", "device", "graph", "questions/s", "$/h", "$ per million", "speed by")


def list_cost_rows(serving: Mapping[str, Any]) -> list[list[str]]:
    """Return a row per instance: its type, device, graph, questions per second, price, and dollars per million."""
    return [
        [
            cost["where"],
            cost["device"],
            cost["graph"],
            f"{cost['questions_per_second']:.0f}" + ("" if cost["is_measured"] else "*"),
            f"{cost['usd_per_hour']:g}",
            f"{cost['usd_per_million']:.2f}" + ("" if cost["is_measured"] else "*"),
            cost["basis"],
        ]
        for cost in serving["costs"]
    ]


def build_graph_table(serving: Mapping[str, Any]) -> Table:
    """Build the table of graphs.

    Args:
        serving: The node `serving` of result.json.
    """
    questions = next(iter(serving["checks"].values()))["questions"]
    title = f"ONNX, opset {serving['opset']}, on {questions} questions of {serving['questions']}"
    return _build(title, GRAPH_HEADINGS, list_graph_rows(serving))


def build_cost_table(serving: Mapping[str, Any]) -> Table:
    """Build the table of prices.

    Args:
        serving: The node `serving` of result.json.
    """
    return _build("Dollars per million questions, instances always busy", COST_HEADINGS, list_cost_rows(serving))


def _build(title: str, headings: tuple[str, ...], rows: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(headings):
        text = heading in ("graph", "instance", "device", "speed by")
        table.add_column(heading, justify="left" if text else "right", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    return table
