"""Format the figures of configurations for sentences."""

from __future__ import annotations

from collections.abc import Sequence

from mlqa.report.configurations import Configuration
from mlqa.report.significance import Difference

MOST_NAMED = 5


def format_scores(one: Configuration) -> str:
    """Format F1 with its interval, and the standard deviation if there are several seeds.

    Returns:
        E.g. "F1 75.63 [73.6, 77.6], deviation over 3 seeds 0.41".
    """
    interval = one.compute_interval("f1")
    shown = f"F1 {one.f1:.2f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")
    deviation = one.compute_std("metrics", "f1")
    return shown + (f", deviation over {len(one.seeds)} seeds {deviation:.2f}" if deviation is not None else "")


def join_names(configurations: Sequence[Configuration]) -> str:
    """Join the names of configurations, the first `MOST_NAMED` in full, e.g. "a, b and 3 more"."""
    names = [one.name for one in configurations[:MOST_NAMED]]
    rest = len(configurations) - len(names)
    if rest:
        names.append(f"{rest} more")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def list_first(names: Sequence[str], most: int) -> str:
    """List the first names, and how many more there are, e.g. "a, b and 3 more"."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def format_price(one: Configuration) -> str:
    """Format what a run costs, with ~ if it is an estimate. Return "" if it is unknown."""
    return "" if one.usd is None else f"{'~' if one.usd_is_estimate else ''}{format_usd(one.usd)}"


def format_usd(usd: float) -> str:
    """Format dollars with cents, or with four decimals if they are less than $0.10."""
    return f"${usd:.{2 if usd >= 0.1 or usd == 0 else 4}f}"


def format_significance(difference: Difference, pairs: int) -> str:
    """Format the corrected p-value and the verdict, e.g. "p = 0.012 after correction for 3 pairs: significant"."""
    p = "p < 0.001" if difference.p_holm < 0.001 else f"p = {difference.p_holm:.3f}"
    correction = f" after correction for {pairs} pairs" if pairs > 1 else ""
    return f"{p}{correction}: {format_verdict(difference)}"


def format_verdict(difference: Difference) -> str:
    """Return "significant" or "not significant", by the corrected p-value."""
    return "significant" if difference.is_significant else "not significant"
