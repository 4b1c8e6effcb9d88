"""What a reader must know of a treatment before its score means anything."""

from __future__ import annotations

from mlqa.report.comparison import Comparison
from mlqa.report.treatments import Treatment

LOW_CEILING = 90.0  # best F1 that a tokenizer permits: under it, answers are lost however long a model trains
MANY_UNKNOWN = 0.05  # share of unknown tokens

ASKED_PRICE = (
    "The dollars of a model behind an endpoint are those of answering these questions, and come again with each use. "
    "The dollars of the others are those of a training."
)
CONTAMINATION = (
    "Nobody knows whether the training of a model behind an endpoint held these questions and their answers "
    "(contamination). So its score may be remembered, and may be lower on texts that are not public."
)


def list_flags(comparison: Comparison, treatment: Treatment) -> list[str]:
    """Return the flags of a treatment, each a short sentence without its full stop.

    Args:
        comparison: The comparison.
        treatment: One of its treatments.
    """
    flags = []
    if treatment.is_asked:
        flags.append("asked, not trained here: these questions may have been in its training (contamination)")
        if (memory := get_memory(treatment)) is not None:
            flags.append(f"without the context it reaches F1 {memory:.2f}: so much it remembers or guesses")
    control = get_control(treatment)
    if control is not None and control >= find_lower_end(comparison, treatment):
        flags.append(f"not shown to read the question: with swapped questions F1 is {control:.2f}")
    ceiling, best = get_ceiling(treatment), comparison.treatments[0]
    if ceiling is not None and ceiling < best.score and treatment is not best and comparison.metric == "f1":
        flags.append(f"its tokenizer permits F1 {ceiling:.2f} at most, less than {best.name} reaches")
    elif ceiling is not None and ceiling < LOW_CEILING:
        flags.append(f"its tokenizer permits F1 {ceiling:.2f} at most")
    unknown = treatment.compute_mean("tokenization", "unk_rate")
    if unknown is not None and unknown > MANY_UNKNOWN:
        flags.append(f"{unknown:.0%} of its tokens are unknown".replace("%", " %"))
    if chosen := describe_selection(treatment):
        flags.append(f"{chosen} on the questions that are reported, so the score is a little too high")
    return flags


def describe_selection(treatment: Treatment) -> str:
    """Return what was chosen on the split that is reported, e.g. "its checkpoint was chosen". Empty if nothing was."""
    first = treatment.first
    if first.get_text("selection", "split") != (first.get_text("reported_split") or ""):
        return ""
    sweeper = first.get_text("selection", "sweeper")
    if sweeper is None:
        return "its checkpoint was chosen"
    if first.get_text("selection", "keep") == "best":
        return f"its checkpoint was chosen, and the sweeper {sweeper} chose,"
    return f"the sweeper {sweeper} chose"


def list_unfinished(treatment: Treatment) -> list[str]:
    """Return which configurations of a treatment have runs without a score, and why."""
    return [f"{one.name}: {text}" for one in treatment.configurations if (text := one.describe_unfinished())]


def get_control(treatment: Treatment) -> float | None:
    """Return the F1 with questions swapped within their context, None if it was not measured."""
    return treatment.compute_mean("metrics", "f1_shuffled_questions")


def get_memory(treatment: Treatment) -> float | None:
    """Return the F1 of an asked model without the context, None if it was not measured."""
    return treatment.compute_mean("metrics", "f1_without_context")


def get_ceiling(treatment: Treatment) -> float | None:
    """Return the best F1 that the tokenizer permits, None if it was not measured."""
    return treatment.compute_mean("tokenization", "oracle_f1")


def find_lower_end(comparison: Comparison, treatment: Treatment) -> float:
    """Return the lower end of the 95 % interval of the F1, or the F1 itself if there is no interval."""
    index = comparison.find_index(treatment)
    if index is None or comparison.verdict is None or comparison.metric != "f1":
        f1 = treatment.compute_mean("metrics", "f1")
        return treatment.score if f1 is None else f1
    return comparison.verdict.measure_mean(index).low
