"""The tables that a run logs: the words and figures of its tokenizer, and some predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mlqa.display.tokenizer_labels import WORDS, build_word_cells
from mlqa.tracking.protocol import Table

WORD_TABLE, FIGURE_TABLE, PREDICTION_TABLE = "tokenization/words", "tokenization/figures", "predictions"


class ExampleRows(Protocol):
    """The parts of a split that the table of predictions shows."""

    @property
    def ids(self) -> list[str]:
        """The id of each row."""

    @property
    def questions(self) -> list[str]:
        """The question of each row."""

    def get_gold_texts(self, row: int) -> list[str]:
        """Return the gold answers of a row."""


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


def build_prediction_table(predictions: Sequence[str], examples: ExampleRows, most: int) -> Table:
    """Build the table of predictions: id, question, distinct gold answers, prediction.

    Args:
        predictions: One per row of `examples`.
        examples: The split that was predicted.
        most: Number of rows to show, from the first on.
    """
    rows = [
        [
            examples.ids[row],
            examples.questions[row],
            " | ".join(dict.fromkeys(examples.get_gold_texts(row))),
            predictions[row],
        ]
        for row in range(min(most, len(predictions)))
    ]
    return Table(PREDICTION_TABLE, ("id", "question", "gold", "prediction"), rows)
