"""Tables of an exported model: its graphs beside the model of the run, and what a million questions cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table


def format_score(score: float | None) -> str:
    """Format a score, empty if there is none."""
    return "" if score is None else f"{score:.2f}"


def list_graph_rows(serving: Mapping[str, Any]) -> list[list[str]]:
    """Return a row per graph: name, megabytes, EM, F1, equal answers, logit difference, ms by threads.

    Args:
        serving: The node `serving` of result.json.
    """
    rows = [["mlqa", "", format_score(serving["exact_match"]), format_score(serving["f1"]), "", "", ""]]
    for name, check in serving["checks"].items():
        speeds = [speed for speed in serving["speeds"] if speed["graph"] == name]
        times = [f"{speed['milliseconds']:.1f} ({speed['threads']})" for speed in speeds]
        rows.append(
            [
                f"{name}, refused" if name in serving["refused"] else name,
                f"{serving['megabytes'][name]:.1f}",
                format_score(check["exact_match"]),
                format_score(check["f1"]),
                f"{check['same_answers']}/{check['questions']}",
                f"{check['logit_difference']:.2g}",
                ", ".join(times),
            ]
        )
    return rows


GRAPH_HEADINGS = ("graph", "MB", "EM", "F1", "same answers", "logits ±", "ms (threads)")
COST_HEADINGS = ("instance", "device", "graph", "questions/s", "$/h", "$ a million", "speed by")


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
    rows = [row[:-1] for row in list_cost_rows(serving)]
    return _build("A million questions, on instances that are always busy", COST_HEADINGS[:-1], rows)


def _build(title: str, headings: tuple[str, ...], rows: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        text = heading in ("graph", "instance", "device")
        table.add_column(heading, justify="left" if text else "right")
    for row in rows:
        table.add_row(*row)
    return table
