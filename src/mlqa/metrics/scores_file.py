"""scores.jsonl: every question of the scored split with its scores, so that the data set need not be read again.

One JSON object per line, in the order of the split:

set, split             option of the group `dataset`, and e.g. "validation"
id                     as in predictions.json: an id that occurs again gets #2, #3 ...
context                number of the context, the same for the questions that share one
seen                   whether the context is in train, null if that is not known
exact_match, f1        official scores, 0-1. Their means times 100 are the metrics of result.json.
exact_match_language, f1_language   the same by the rules of the language
groups                 {grouping of the breakdown: group}
question, golds        the question and its distinct gold answers, [] if the context does not answer it
answer                 the prediction, null if there is none
probability            that the answer is right, 0-1 (docs/calibration.md). A run adds it, `mlqa score` knows none
context_text           the text of the context, on the first line of each context only
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlqa.errors import DataError
from mlqa.result import write_json_lines

if TYPE_CHECKING:
    from mlqa.data.examples import Examples
    from mlqa.metrics.scoring import QuestionScores

CONTEXT_LIMIT = 2**63  # of int64, in which a comparison holds the numbers of contexts


def build_score_rows(
    set_name: str,
    split: str,
    examples: Examples,
    predictions: Sequence[str | None],
    scores: QuestionScores,
    groups: Mapping[str, Sequence[str]],
    unseen: np.ndarray | None,
) -> Iterator[dict[str, Any]]:
    """Yield the lines of one scored split.

    Args:
        set_name: Option of the group `dataset`.
        split: Name of the split.
        examples: The questions.
        predictions: One answer per question.
        scores: The scores of the predictions.
        groups: The groups from `mlqa.metrics.breakdown.classify_questions`.
        unseen: Boolean [questions], whether the context is not in train. None if that is not known.
    """
    from mlqa.answers.predictions_file import name_rows  # here, because a reader of the file needs none of it

    written: set[int] = set()
    for row, name in enumerate(name_rows(examples.ids)):
        context = int(examples.context_of[row])
        line: dict[str, Any] = {
            "set": set_name,
            "split": split,
            "id": name,
            "context": context,
            "seen": None if unseen is None else not unseen[row],
            "exact_match": int(scores.official.exact_rows[row]),
            "f1": scores.official.f1_rows[row],
            "exact_match_language": int(scores.language.exact_rows[row]),
            "f1_language": scores.language.f1_rows[row],
            "groups": {grouping: of_questions[row] for grouping, of_questions in groups.items()},
            "question": examples.questions[row],
            "golds": list(dict.fromkeys(examples.get_gold_texts(row))),
            "answer": predictions[row],
        }
        if context not in written:
            written.add(context)
            line["context_text"] = examples.contexts[context]
        yield line


def read_score_rows(path: Path, set_name: str, split: str) -> list[dict[str, Any]]:
    """Return the lines of one scored split.

    Raises:
        DataError: The file cannot be read, a line is damaged, or the split is not in the file.
        FileNotFoundError: There is no such file.
    """
    rows, contexts = [], set()
    try:
        with path.open("rb") as file:  # bytes: a text file would also end a line at signs that may stand in a text
            for number, line in enumerate(file, 1):
                row = _parse_row(line)
                if row is not None and (row["set"], row["split"]) != (set_name, split):
                    continue
                if row is None or ("context_text" not in row and row["context"] not in contexts):
                    raise DataError(f"line {number} of its {path.name} is damaged; score the run again")
                rows.append(row)
                contexts.add(row["context"])
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"its {path.name} cannot be read: {error.strerror or error}") from None
    if not rows:
        raise DataError(f"its {path.name} holds no scores of {set_name}, {split}")
    return rows


def replace_score_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the lines of one scored split to scores.jsonl, in place of those that it has of the same split.

    Args:
        path: The file. If there is none, it is created.
        rows: The lines, of one set and split.

    Raises:
        DataError: The file cannot be read, or a line is damaged.
        RunError: It cannot be written.
    """
    kept: list[Mapping[str, Any]] = []
    scored = {(row["set"], row["split"]) for row in rows}
    try:
        for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else (), 1):
            row = _parse_row(line)
            if row is None:
                raise DataError(f"line {number} of {path} is damaged; remove the file, and score the run again")
            if (row["set"], row["split"]) not in scored:
                kept.append(row)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    write_json_lines(path, [*kept, *rows])


def _parse_row(line: bytes) -> dict[str, Any] | None:
    """Return a line's object if it has what a comparison needs, in the right types. Otherwise None."""
    try:
        row = json.loads(line)
        texts = (row["set"], row["split"], row["id"], row["question"], *row["golds"], row.get("context_text", ""))
        scores = (row["exact_match"], row["f1"])
        is_valid = (
            all(isinstance(text, str) for text in (*texts, *row["groups"].values()))
            and all(type(score) in (int, float) and 0 <= score <= 1 for score in scores)  # a bool is also an int
            and isinstance(row["golds"], list)
            and type(row["context"]) is int
            and 0 <= row["context"] < CONTEXT_LIMIT
            and isinstance(row["answer"], str | None)
            and isinstance(row["seen"], bool | None)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return dict(row) if is_valid else None
