"""Questions without gold answers, from a file or from memory, as a split that a model can answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mlqa.data.examples import Examples
from mlqa.data.readers import iter_rows
from mlqa.data.row_values import is_encodable, parse_id
from mlqa.data.unicode_oddities import is_visible
from mlqa.errors import DataError


def load_questions(path: str | Path) -> Examples:
    """Load questions from a file. Gold answers in it are ignored.

    Args:
        path: A file in any form that a data set may have (see docs/data.md). Only context and question are needed.

    Returns:
        Examples without gold answers. A question without an id is named by its number, from 0.

    Raises:
        DataError: If the file cannot be read or an entry is malformed. The message names the file and the entry.
    """
    path = Path(path).expanduser()
    rows = list(iter_rows(path))
    if not rows:
        raise DataError(f'{path}: has no questions; give [{{"context": ..., "question": ...}}, ...]')
    for place, row in rows:
        if not all(isinstance(row.get(key), str) for key in ("context", "question")):
            raise DataError(f"{path}, {place}: needs context and question as text")
    ids = [parse_id(f"{path}, {place}", row.get("id")) for place, row in rows]
    return make_unlabelled_examples(
        [row["question"] for _, row in rows],
        [row["context"] for _, row in rows],
        [str(number) if identifier is None else identifier for number, identifier in enumerate(ids)],
    )


def make_unlabelled_examples(
    questions: list[str], contexts: list[str], ids: list[str], names: Mapping[str, str] | None = None
) -> Examples:
    """Make examples without gold answers.

    Args:
        questions: The questions.
        contexts: The context of each question.
        ids: The id of each question.
        names: What an error calls the "question" and the "context". Default: by the id of the entry.

    Returns:
        The examples. Questions share the contexts that are equal.

    Raises:
        DataError: If a text has no visible character or cannot be encoded as UTF-8.
    """
    for kind, texts in (("question", questions), ("context", contexts)):
        for identifier, text in zip(ids, texts, strict=True):
            name = f"the {kind} of entry {identifier}" if names is None else names[kind]
            if not is_encodable(text):
                raise DataError(f"{name} is not valid UTF-8; remove the invalid characters")
            if not is_visible(text):
                raise DataError(f"{name} is empty; give some text")
    numbers: dict[str, int] = {}
    context_of = [numbers.setdefault(context, len(numbers)) for context in contexts]
    return Examples(ids, questions, list(numbers), np.array(context_of, dtype=np.int64), [()] * len(questions))
