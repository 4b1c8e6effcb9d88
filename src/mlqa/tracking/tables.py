"""The tables that a run shows its trackers: its tokenizer's words and figures, and some predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mlqa.display.tokenizer_labels import WORDS, build_word_cells
from mlqa.tracking.protocol import Table

WORD_TABLE, FIGURE_TABLE, PREDICTION_TABLE = "tokenization/words", "tokenization/figures", "predictions"


class ExampleRows(Protocol):
    """What is asked of a split: its ids and questions, and the gold texts of a row."""

    @property
    def ids(self) -> list[str]: ...

    @property
    def questions(self) -> list[str]: ...

    def get_gold_texts(self, row: int) -> list[str]: ...


def build_tokenizer_tables(model: str, figures: Mapping[str, float], words: Sequence[Mapping[str, Any]]) -> list[Table]:
    """One row a word, with a bar chart of tokens a word; one row of figures, with a bar of the model's fertility."""
    numbers = {name: float(value) for name, value in figures.items()}
    return [
        Table(WORD_TABLE, WORDS, [build_word_cells(model, row) for row in words], ("word", "count")),
        Table(FIGURE_TABLE, ["model", *numbers], [[model, *numbers.values()]], ("model", "fertility")),
    ]


def build_prediction_table(predictions: Sequence[str], examples: ExampleRows, most: int) -> Table:
    """The first `most` rows: id, question, golds, prediction."""
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
