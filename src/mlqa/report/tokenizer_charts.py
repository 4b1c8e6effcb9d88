"""Figures that compare tokenizers with F1."""

from __future__ import annotations

from mlqa.report.chart import MOST_SHOWN, Chart, escape_label, make_axes, make_model_traces, make_trace
from mlqa.report.comparison import Comparison


def plot_fertility(comparison: Comparison) -> Chart | None:
    """Plot F1 against tokens per word. Return None if no fertility is known."""
    data = make_model_traces(
        comparison.configurations,
        lambda one: one.compute_mean("tokenization", "fertility"),
        ", %{x:.3f} tokens per word",
    )
    if not data:
        return None
    note = "Fewer tokens per word leave room for longer contexts. Fertility does not show whether words are split well."
    return Chart("fertility", "F1 against fertility", note, data, make_axes("fertility, tokens per word", "F1"))


def plot_oracle_f1(comparison: Comparison) -> Chart | None:
    """Plot the best F1 that each tokenizer permits next to the best F1 reached with it.

    Returns:
        None if no oracle F1 is known. At most `MOST_SHOWN` models are shown, those of the best F1.
    """
    best: dict[str, tuple[float, float]] = {}
    for one in comparison.configurations:  # best first
        permitted = one.compute_mean("tokenization", "oracle_f1")
        if permitted is not None and len(best) < MOST_SHOWN:
            best.setdefault(escape_label(one.model, 40), (one.f1, permitted))
    if not best:
        return None
    data = [
        make_trace(name, best, scores, f"%{{x}}<br>{name} %{{y:.2f}}", type="bar")
        for name, scores in zip(
            ("reached", "best this tokenizer permits"), zip(*best.values(), strict=True), strict=True
        )
    ]
    layout = {"yaxis": {"title": {"text": "F1"}}, "xaxis": {"type": "category"}, "barmode": "group"}
    note = "An answer that begins or ends inside a token cannot be given. The oracle gives the nearest answer that can."
    return Chart("oracle", "F1 that a tokenizer permits and F1 reached", note, data, layout)
