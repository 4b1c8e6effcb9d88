"""The tables and the page that a run logs: words and figures of its tokenizer, predictions, scores on each set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlqa.display.tokenizer_labels import WORDS, build_word_cells
from mlqa.display.tokenizer_page import render_tokenizer_page
from mlqa.tracking.protocol import Cell, Page, Table

WORD_TABLE, FIGURE_TABLE, WORD_PAGE = "tokenization/words", "tokenization/figures", "tokenization/page"
PREDICTION_TABLE, EVALUATION_TABLE = "predictions", "evaluations"
PREDICTION_COLUMNS = (
    "set", "split", "id", "question", "gold", "prediction", "exact_match", "f1", "probability", "seen",
)  # fmt: skip
EVALUATION_NUMBERS = ("exact_match", "f1", "total")


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


def build_word_page(model: str, words: Sequence[Mapping[str, Any]]) -> Page:
    """Build the page on which the colours of each word's tokens show how they fit its morphemes.

    Args:
        model: Name of the model.
        words: Word rows of tokenization.json.
    """
    row = {"model": model, "analysed_words": list(words)}
    return Page(WORD_PAGE, render_tokenizer_page([row], f"Words in tokens of {model}"))


def build_prediction_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Build the table of predictions: question, distinct gold answers, prediction, its scores and its groups.

    Args:
        rows: Lines of scores.jsonl, one per question to show.

    Returns:
        A row per question. Official scores are 0-100, the probability is null if the run did not record one. There is
        a column for each grouping of the breakdown.
    """
    rows = list(rows)
    groupings = list(dict.fromkeys(grouping for row in rows for grouping in row.get("groups", {})))
    cells: list[list[Cell]] = [
        [
            *(row[name] for name in ("set", "split", "id", "question")),
            " | ".join(row["golds"]),
            row["answer"],
            100.0 * row["exact_match"],
            100.0 * row["f1"],
            row.get("probability"),
            row["seen"],
            *(row.get("groups", {}).get(grouping, "") for grouping in groupings),
        ]
        for row in rows
    ]
    return Table(PREDICTION_TABLE, (*PREDICTION_COLUMNS, *groupings), cells)


def build_evaluation_table(result: Mapping[str, Any]) -> Table:
    """Build the table of the sets that a model was scored on, the reported one first.

    Args:
        result: Content of result.json.

    Returns:
        No rows if there are no scores.
    """
    metrics, chosen = result.get("metrics") or {}, result.get("choices", {}).get("dataset", "dataset")
    rows: list[list[Cell]] = []
    if "f1" in metrics:
        split = result.get("reported_split", "validation")
        rows.append([chosen, split, None, *(_get_number(metrics, name) for name in EVALUATION_NUMBERS)])
    if validation := result.get("validation"):
        rows.append([chosen, "validation", None, *(_get_number(validation, name) for name in EVALUATION_NUMBERS)])
    for name, scores in (result.get("evaluations") or {}).items():
        numbers = (_get_number(scores, number) for number in EVALUATION_NUMBERS)
        rows.append([name, scores.get("split"), scores.get("language"), *numbers])
    return Table(EVALUATION_TABLE, ("set", "split", "language", *EVALUATION_NUMBERS), rows)


def _get_number(scores: Mapping[str, Any], name: str) -> float | None:
    value = scores.get(name)
    return None if value is None else float(value)
