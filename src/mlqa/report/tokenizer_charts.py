"""Figures of tokenizers beside F1."""

from __future__ import annotations

from mlqa.report.chart import MOST_SHOWN, Chart, escape_label, group_configurations, make_scatter_trace
from mlqa.report.comparison import Comparison


def plot_fertility(comparison: Comparison) -> Chart | None:
    """F1 against tokens a word."""
    known = [one for one in comparison.configurations if one.compute_mean("tokenization", "fertility") is not None]
    if not known:
        return None
    data = [
        make_scatter_trace(
            number,
            name,
            group,
            [one.compute_mean("tokenization", "fertility") or 0.0 for one in group],
            [one.f1 for one in group],
            "%{x:.3f} tokens a word",
        )
        for number, (name, group) in enumerate(group_configurations(known, lambda one: one.model).items())
    ]
    layout = {"xaxis": {"title": {"text": "fertility, tokens a word"}}, "yaxis": {"title": {"text": "F1"}}}
    note = "Fewer tokens a word leave room for longer contexts; whether cuts fall where they should, it does not say."
    return Chart("fertility", "F1 against fertility", note, data, layout)


def plot_oracle_f1(comparison: Comparison) -> Chart | None:
    """The best F1 that each tokenizer permits, and the best that was reached with it."""
    best: dict[str, tuple[float, float]] = {}
    for one in comparison.configurations:  # best first
        permitted = one.compute_mean("tokenization", "oracle_f1")
        if permitted is not None and len(best) < MOST_SHOWN:
            best.setdefault(one.model, (permitted, one.f1))
    if not best:
        return None
    names = [escape_label(model, 40) for model in best]
    data = [
        {
            "type": "bar",
            "name": name,
            "x": names,
            "y": [pair[place] for pair in best.values()],
            "hovertemplate": f"%{{x}}<br>{name} %{{y:.2f}}<extra></extra>",
        }
        for place, name in ((1, "reached"), (0, "best this tokenizer permits"))
    ]
    layout = {"yaxis": {"title": {"text": "F1"}}, "xaxis": {"type": "category"}, "barmode": "group"}
    note = "An answer that begins or ends inside a token cannot be given: the oracle gives the nearest that can."
    return Chart("oracle", "The best a tokenizer permits, and what was reached", note, data, layout)
