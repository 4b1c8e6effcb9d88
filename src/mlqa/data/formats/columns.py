"""The columns of a row of questions, in whatever file it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from mlqa.data.unicode_oddities import escape_oddities
from mlqa.errors import DataError

COLUMNS = ("question", "context", "answers")
ANSWER_COLUMNS = ("answer", "answer_text")  # the text alone, possibly with a column answer_start
OPTIONAL = ("id", "is_impossible", "answer_start", *ANSWER_COLUMNS)  # without an id, the row's position is its id
MOST_NAMES = 12  # an error lists at most this many members of an object

Row = tuple[str, Mapping[str, Any]]  # place in the file, {column: value}


def get_answers(row: Mapping[str, Any]) -> Any:
    """Return the answers of a row: its column `answers`, or one made of the columns with a plain answer."""
    if "answers" in row:
        return row["answers"]
    name = next((name for name in ANSWER_COLUMNS if name in row), None)
    if name is None or row[name] is None or isinstance(row[name], list | Mapping):
        return row.get(name or "")
    return [{"text": row[name], "answer_start": row.get("answer_start")}]


def require_columns(names: Iterable[object], place: str) -> None:
    """Raise DataError if question, context or every column with answers is missing."""
    names = list(names)
    missing = [column for column in COLUMNS[:2] if column not in names]
    if not any(name in names for name in ("answers", *ANSWER_COLUMNS)):
        missing.append("answers")
    if missing:
        raise DataError(explain_missing(missing, names, place))


def explain_missing(missing: list[str], names: Iterable[object], place: str, hint: str = "") -> str:
    """Explain which columns a row or table lacks, which it has, and which are needed."""
    needed = f"needed are id, {', '.join(COLUMNS)}{hint}"
    return f"{place}: no column {', '.join(missing)}; {describe_members(names)}, {needed}"


def describe_members(names: Iterable[object]) -> str:
    """List the members of an object or the columns of a table, for an error about a missing one."""
    names = list(names)
    listed = ", ".join(map(str, islice(names, MOST_NAMES))) + ", ..." * (len(names) > MOST_NAMES)
    return f"it has {escape_oddities(listed)}" if names else "it is empty"
