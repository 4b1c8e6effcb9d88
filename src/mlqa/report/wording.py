"""Format numbers and names for sentences."""

from __future__ import annotations

from collections.abc import Sequence

from mlqa.report.statistics.contrasts import Difference
from mlqa.report.treatments import Configuration, Runs

MOST_NAMED = 5
MINUS = "−"


def join_names(items: Sequence[Runs], most: int = MOST_NAMED) -> str:
    """Join names, the first `most` in full, e.g. "a, b and 3 more"."""
    return join_texts([one.name for one in items], most)


def join_texts(texts: Sequence[str], most: int = MOST_NAMED) -> str:
    """Join texts, the first `most` in full, e.g. "a, b and 3 more"."""
    shown = list(texts[:most])
    if rest := len(texts) - len(shown):
        shown.append(f"{rest} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def list_first(names: Sequence[str], most: int) -> str:
    """List the first names, and how many more there are, e.g. "a, b and 3 more"."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def count_things(number: int, thing: str) -> str:
    """Return a number with its noun, e.g. "1 seed", "2 seeds"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def format_points(value: float) -> str:
    """Format a number of points with one decimal and a real minus sign, e.g. "−0.9"."""
    return f"{round(value, 1) + 0.0:.1f}".replace("-", MINUS)


def format_interval(low: float, high: float) -> str:
    """Format an interval in words, e.g. "−0.9 to 1.5"."""
    return f"{format_points(low)} to {format_points(high)}"


def format_difference(difference: Difference) -> str:
    """Format a difference with its interval, e.g. "+0.3 (−0.9 to 1.5)"."""
    sign = "+" if round(difference.mean, 1) > 0 else ""
    return f"{sign}{format_points(difference.mean)} ({format_interval(difference.low, difference.high)})"


def format_price(one: Configuration) -> str:
    """Format what a run costs, with ~ if it is an estimate. Return "" if it is unknown."""
    return "" if one.usd is None else f"{'~' if one.usd_is_estimate else ''}{format_usd(one.usd)}"


def format_usd(usd: float) -> str:
    """Format dollars with cents, or with four decimals if they are less than $0.10."""
    return f"${usd:,.{2 if usd >= 0.1 or usd == 0 else 4}f}"


def format_duration(minutes: float) -> str:
    """Format minutes, as hours from 120 on, e.g. "19 minutes", "3.4 hours"."""
    if minutes >= 120:
        return f"{minutes / 60:.1f} hours"
    shown = f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.1f}"
    return f"{shown} {'minute' if shown == '1.0' else 'minutes'}"


def format_run_cost(one: Configuration) -> str:
    """Format price and time of a run, e.g. "$0.41 and 19 minutes a run". Return "" if neither is known."""
    parts = [format_price(one)] if one.usd is not None else []
    parts += [format_duration(one.minutes)] if one.minutes is not None else []
    return f"{' and '.join(parts)} a run" if parts else ""


def format_chance(chance: float) -> str:
    """Format a probability in per cent, never as certain or impossible."""
    return "< 1 %" if chance < 0.01 else "> 99 %" if chance > 0.99 else f"{chance:.0%}".replace("%", " %")


def format_p_value(p: float) -> str:
    """Format a p-value with four decimals, or "< 0.0001"."""
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"
