"""The tables that a run logs: the words and figures of its tokenizer, and some predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlqa.display.tokenizer_labels import WORDS, build_word_cells
from mlqa.tracking.protocol import Table

WORD_TABLE, FIGURE_TABLE, PREDICTION_TABLE = "tokenization/words", "tokenization/figures", "predictions"


def build_tokenizer_tables(model: str, figures: Mapping[str, float], words: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Build the table of words and the table of figures of a run's tokenizer.

    Args:
        model: Name of the model.
        figures: Figures of tokenization.json.
        words: Word rows of tokenization.json.

    Returns:
        A table with one row per word and a bar chart of its tokens, and a table with one row of figures and a bar of
        the fertility.
    """
    numbers = {name: float(value) for name, value in figures.items()}
    return [
        Table(WORD_TABLE, WORDS, [build_word_cells(model, row) for row in words], ("word", "count")),
        Table(FIGURE_TABLE, ["model", *numbers], [[model, *numbers.values()]], ("model", "fertility")),
    ]


def build_prediction_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Build the table of predictions: id, question, distinct gold answers, prediction.

    Args:
        rows: Lines of scores.jsonl, one per question to show.
    """
    cells = [[row["id"], row["question"], " | ".join(row["golds"]), row["answer"]] for row in rows]
    return Table(PREDICTION_TABLE, ("id", "question", "gold", "prediction"), cells)
