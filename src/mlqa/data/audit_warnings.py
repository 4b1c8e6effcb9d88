"""What an audit's figures ask one to do, a sentence each: for every run's log, and under the tables of `mlqa audit`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def describe_leakage(leakage: dict[str, Any]) -> Iterator[str]:
    """How much of validation stands in train, and what f1_unseen makes of it."""
    rows, questions, contexts = leakage["validation_rows"], leakage["questions"], leakage["contexts"]
    advice = "compare models by f1_unseen"
    if contexts["normalized"] == rows:
        advice = "no score of this split says how a model reads new texts"
    if questions["normalized"]:
        share = format_percent(questions["normalized"], rows)
        yield f"{share} of the validation questions stand in train with their context: {advice}."
    elif contexts["normalized"]:
        share = format_percent(contexts["normalized"], rows)
        yield f"{share} of the validation questions are asked of a context of train: {advice}."
    if more := contexts["near"] - contexts["normalized"]:
        yield (
            f"f1_unseen leaves out the {contexts['normalized']:,} questions whose context is the same after "
            f"normalising; {more:,} more have a context that is nearly one of train."
        )


def format_percent(number: float, of: float) -> str:
    """E.g. "21.7 %"."""
    return f"{100 * number / max(of, 1):.1f} %"
