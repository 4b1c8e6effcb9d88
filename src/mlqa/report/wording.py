"""How the figures of configurations are written in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from mlqa.report.configurations import Configuration

MOST_NAMED = 5


def format_scores(one: Configuration) -> str:
    """F1 with its interval, and the deviation over seeds where there are several."""
    interval = one.compute_interval("f1")
    shown = f"F1 {one.f1:.2f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")
    deviation = one.compute_std("metrics", "f1")
    return shown + (f", deviation over {len(one.seeds)} seeds {deviation:.2f}" if deviation is not None else "")


def join_names(configurations: Sequence[Configuration]) -> str:
    """Their names, the first MOST_NAMED of them."""
    names = [one.name for one in configurations[:MOST_NAMED]]
    rest = len(configurations) - len(names)
    if rest:
        names.append(f"{rest} more")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def format_f1_gap(best: Configuration, other: Configuration) -> str:
    """By how much `other` scored less."""
    return f"{best.f1 - other.f1:.2f} points less" if best.f1 != other.f1 else "the same"


def format_price(one: Configuration) -> str:
    """What a run costs, with ~ before an estimate; "" where that is not known."""
    return "" if one.usd is None else f"{'~' if one.usd_is_estimate else ''}{format_usd(one.usd)}"


def format_usd(usd: float) -> str:
    """Dollars with cents, or more digits where there are few of those."""
    return f"${usd:.{2 if usd >= 0.1 or usd == 0 else 4}f}"


def format_minutes(one: Configuration) -> str:
    """Of a run; "?" where no time is known."""
    return "?" if one.minutes is None else f"{one.minutes:.1f}"


def format_p_value(p: float) -> str:
    """To stand after "p"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
