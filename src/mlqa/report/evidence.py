"""The figures behind an advice, as sentences."""

from __future__ import annotations

import math

from mlqa.report.comparison import NEAR, Comparison
from mlqa.report.configurations import Configuration
from mlqa.report.wording import format_significance


def compute_interval_gap(best: Configuration, other: Configuration) -> float:
    """Return by how much the 95 % interval of `best` lies above that of `other`, minus infinity if one is unknown."""
    upper, lower = best.compute_interval("f1"), other.compute_interval("f1")
    return -math.inf if upper is None or lower is None else upper[0] - lower[1]


def is_surely_behind(comparison: Comparison, other: Configuration) -> bool:
    """Return whether a configuration trails the best by more than `NEAR` points on any plausible choice of texts.

    The lower end of the 95 % interval of the difference decides. If the two were not compared question by question,
    the gap between their own intervals does.
    """
    best = comparison.configurations[0]
    difference = comparison.find_difference(best, other)
    return (compute_interval_gap(best, other) if difference is None else difference.low) > NEAR


def describe_difference(comparison: Comparison, best: Configuration, other: Configuration) -> str:
    """Describe by how much `best` is ahead of `other`, with interval, p-value and verdict if they are known."""
    difference = comparison.find_difference(best, other)
    if difference is None:
        disjoint = compute_interval_gap(best, other) > 0
        reason = "intervals do not overlap" if disjoint else "intervals overlap or are unknown"
        return f"{best.name} against {other.name}: {best.f1 - other.f1:+.2f} F1, {reason}."
    return (
        f"{best.name} against {other.name}: {difference.mean:+.2f} F1, 95 % interval "
        f"[{difference.low:+.2f}, {difference.high:+.2f}], "
        f"{format_significance(difference, len(comparison.differences))}."
    )


def describe_seed_spread(comparison: Comparison) -> str:
    """Describe how much F1 varies between seeds, or that there is only one seed."""
    counts = {len(one.seeds) for one in comparison.configurations}
    if counts == {1}:
        return (
            "Each configuration has one seed. The intervals show how much other texts would change F1, not how much "
            "another seed would. With seed=1,2,3 the sweep shows both."
        )
    deviations = [std for one in comparison.configurations if (std := one.compute_std("metrics", "f1")) is not None]
    single = " Some configurations have only one seed." if 1 in counts else ""
    return f"Between the seeds of a configuration, F1 has a standard deviation of up to {max(deviations):.2f}.{single}"


def compare_on_unseen(comparison: Comparison) -> tuple[str | None, Configuration | None]:
    """Compare the scores on contexts that are not in train.

    Returns:
        A sentence about who is ahead there, or None if these scores are unknown or every context is unseen. Then the
        configuration that is ahead there if it is not the best overall, else None.
    """
    scores = ((one, one.compute_mean("metrics", "f1_unseen")) for one in comparison.configurations)
    scored = [(one, f1) for one, f1 in scores if f1 is not None]
    if all(one.compute_mean("metrics", "total_unseen") == one.compute_mean("metrics", "total") for one, _ in scored):
        return None, None
    best = comparison.configurations[0]
    (top, f1), *rest = sorted(scored, key=lambda pair: -pair[1])
    ahead = f"it is also ahead: F1 {f1:.2f}" if top is best else f"{top.name} is ahead: F1 {f1:.2f}"
    sentence = f"On contexts that are not in train, {ahead}"
    if rest:
        second, score = rest[0]
        sentence += f", followed by {second.name} with {score:.2f}"
        difference = comparison.find_difference(top, second, unseen=True)
        if difference is not None:
            sentence += f" ({format_significance(difference, len(comparison.differences))})"
    if top is best:
        return f"{sentence}.", None
    return f"{sentence}. Part of the lead may come from memorized contexts.", top
