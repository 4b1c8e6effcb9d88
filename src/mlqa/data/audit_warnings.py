"""What an audit's figures advise, one sentence each, for every run's log and below the tables of `mlqa audit`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def describe_leakage(leakage: dict[str, Any]) -> Iterator[str]:
    """Yield how much of a scored split is in train, and what that means for f1_unseen.

    Args:
        leakage: The figures `leakage` or `test_leakage` of an audit.
    """
    split = get_leaking_split(leakage)
    rows, questions, contexts = leakage[f"{split}_rows"], leakage["questions"], leakage["contexts"]
    advice = "compare models by f1_unseen"
    if contexts["normalized"] == rows:
        advice = "no score on this split shows how a model reads new texts"
    if questions["normalized"]:
        share = format_percent(questions["normalized"], rows)
        yield f"{share} of the {split} questions are in train with their context: {advice}."
    elif contexts["normalized"]:
        share = format_percent(contexts["normalized"], rows)
        yield f"{share} of the {split} questions are asked of a context of train: {advice}."
    if more := contexts["near"] - contexts["normalized"]:
        yield (
            f"f1_unseen leaves out the {contexts['normalized']:,} questions whose context is in train after "
            f"normalization; {more:,} more have a context that is nearly the same as one in train."
        )


def get_leaking_split(leakage: dict[str, Any]) -> str:
    """Return the split that was looked for in train, "validation" or "test"."""
    return "test" if "test_rows" in leakage else "validation"


def format_percent(number: float, of: float) -> str:
    """Format a share, such as "21.7 %"."""
    return f"{100 * number / max(of, 1):.1f} %"
