"""What a card warns of: the groups of questions that a model answers worst, leaks, a weak control."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mlqa.data.audit_warnings import describe_leakage
from mlqa.metrics.groups import GROUPINGS, UNKNOWN

FEWEST = 20  # questions of a group that says something
MOST_GROUPS = 6
STANDARD_ERRORS = 2.0  # by which a group must be worse than the whole


def list_weak_groups(result: Mapping[str, Any]) -> list[str]:
    """Return the known groups of questions whose F1 is lower than the whole's by more than chance, the worst first.

    The chance is that of as many questions drawn from the whole, with the spread that a score between 0 and 100 has at
    most.

    Args:
        result: The content of result.json.

    Returns:
        A line each, at most `MOST_GROUPS`.
    """
    whole = (result.get("metrics") or {}).get("f1")
    if whole is None:
        return []
    found = []
    for grouping, groups in (result.get("breakdown") or {}).items():
        label = GROUPINGS[grouping].label if grouping in GROUPINGS else grouping
        for name, group in groups.items():
            if name == UNKNOWN:  # it is no property of a question
                continue
            total, f1 = group["total"], group["f1"]
            error = math.sqrt(max(whole * (100 - whole), 0.0) / total)
            if total >= FEWEST and whole - f1 > STANDARD_ERRORS * error:
                found.append((f1, f"{label} “{name.replace('_', ' ')}”: F1 {f1:.2f} on {total} questions"))
    return [line for _, line in sorted(found)[:MOST_GROUPS]]


def list_cautions(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reader must know before the scores mean anything, a sentence each.

    Args:
        result: The content of result.json.
    """
    metrics = result.get("metrics") or {}
    leakage = ((result.get("dataset") or {}).get("audit") or {}).get("leakage")
    if leakage:
        lines = list(describe_leakage(leakage))
        yield from lines or ["No question and no context of the evaluation was found in the training data."]
    control = metrics.get("f1_shuffled_questions")
    if control is not None:
        yield (
            f"With the questions of each context swapped, F1 is {control:.2f} instead of {metrics['f1']:.2f}: what "
            "is left is what the model guesses without reading the question."
        )
    ceiling = (result.get("tokenization") or {}).get("oracle_f1")
    if ceiling is not None:
        yield f"The tokenizer permits an F1 of {ceiling:.2f} at most on these questions."
    selection = result.get("selection") or {}
    if selection.get("split") == result.get("reported_split") and selection:
        yield "The checkpoint was chosen on the questions that are reported, so the scores are a little too high."
