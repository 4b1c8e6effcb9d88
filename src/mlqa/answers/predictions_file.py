"""Read files of predictions and null odds from any tool, and align them with the rows of a data set."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mlqa.data.file_errors import explain_read_errors
from mlqa.data.formats.columns import describe_members
from mlqa.data.formats.json_files import parse_json
from mlqa.data.row_values import is_encodable, shorten_repr
from mlqa.data.unicode_oddities import escape_oddities
from mlqa.errors import DataError

log = logging.getLogger(__name__)
T = TypeVar("T")
TEXT_KEYS = ("prediction_text", "answers", "answer")  # the member of an entry that has the answer


def name_rows(ids: Sequence[str]) -> list[str]:
    """Return a unique name for each row: its id, with #2, #3 ... appended if the id occurs again."""
    taken, seen, names = set(ids), dict[str, int](), []
    for identifier in ids:
        number = seen.get(identifier, 0) + 1
        name = identifier
        if number > 1:
            while (name := f"{identifier}#{number}") in taken:
                number += 1
            taken.add(name)
        seen[identifier] = number
        names.append(name)
    return names


def index_by_id(ids: Sequence[str], values: Sequence[T]) -> dict[str, T]:
    """Return {name of the row: value}, the form of predictions.json. Names are those of `name_rows`."""
    return dict(zip(name_rows(ids), values, strict=True))


def read_predictions(path: str | Path) -> dict[str, str]:
    """Read predictions from a file.

    Args:
        path: JSON in the official form {id: text} or as [{"id", "prediction_text"}, ...], or such entries as JSON lines
            (.jsonl). Also what `mlqa predict --json` prints ({"id", "answers": [{"text"}, ...]}), the lines of a
            scores.jsonl ({"id", "answer"}), and the n best of run_qa.py ({id: [{"text"}, ...]}). Of several answers the
            first one counts. Ids may be numbers. A list may repeat an id.

    Returns:
        {name: text}, with names as given by `name_rows`.

    Raises:
        DataError: If the file cannot be read or an entry is malformed. The message names the file and the entry.
    """
    pairs = _read_entries(Path(path).expanduser(), *TEXT_KEYS)
    texts = [_get_text(value) for *_, value in pairs]
    for (place, _, _), value in zip(pairs, texts, strict=True):
        if not isinstance(value, str) or not is_encodable(value):
            hint = '; "" is no answer' if value is None else ""
            raise DataError(f"{path}, {place}: the prediction must be text, but is {shorten_repr(value)}{hint}")
    return index_by_id([identifier for _, identifier, _ in pairs], texts)


def _get_text(value: Any) -> Any:
    """Return the best answer's text, which is "" if a model that may give none lists no answer."""
    if isinstance(value, list):
        value = value[0] if value else {"text": ""}
    return value["text"] if isinstance(value, dict) and "text" in value else value


def read_null_odds(path: str | Path) -> dict[str, float]:
    """Read the odds of "no answer" from a file.

    Args:
        path: JSON as {id: odds} or as [{"id", "null_odds"}, ...], or such entries as JSON lines (.jsonl).

    Returns:
        {name: odds} in the order of the file, with names as given by `name_rows`.

    Raises:
        DataError: If the file cannot be read or an entry is malformed. The message names the file and the entry.
    """
    pairs = _read_entries(Path(path).expanduser(), "null_odds")
    for place, _, value in pairs:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
            raise DataError(
                f"{path}, {place}: the odds must be a number in the range of a float, but are {shorten_repr(value)}"
            )
    return index_by_id([identifier for _, identifier, _ in pairs], [float(value) for *_, value in pairs])


def align_predictions(
    texts: Mapping[str, str], ids: Sequence[str], source: str, dropped: Collection[str] = ()
) -> list[str | None]:
    """Return the prediction of each row.

    A warning counts the rows without a prediction, and another one the predictions that belong to no row.

    Args:
        texts: {name: text}, as returned by `read_predictions`.
        ids: Id of each row.
        source: File name for messages.
        dropped: Ids of rows that were dropped when the data set was read. Their predictions cause no warning.

    Returns:
        A text for each row, or None if the row has no prediction.

    Raises:
        DataError: If no prediction belongs to any row.
    """
    names = name_rows(ids)
    predictions = [texts.get(name) for name in names]
    missing = [name for name, prediction in zip(names, predictions, strict=True) if prediction is None]
    if len(missing) == len(names):
        raise DataError(
            f"{source}: none of its ids ({len(texts)}) is in the data set ({len(names)} rows, the first is "
            f"{names[0]!r}): choose the data set that was predicted"
        )
    if missing:
        first = escape_oddities(missing[0])
        log.warning(
            "%s: no prediction for %d of %d rows, which score 0; first: %s", source, len(missing), len(names), first
        )
    if unknown := len(texts.keys() - set(names) - set(dropped)):
        log.warning("%s: %d of %d predictions belong to no row", source, unknown, len(texts))
    return predictions


def align_null_odds(
    odds: Mapping[str, float], ids: Sequence[str], predictions: Sequence[str | None], source: str
) -> tuple[list[float], list[int]]:
    """Return the odds of each row, and the rows in the order of the file.

    Args:
        odds: {name: odds}, as returned by `read_null_odds`.
        ids: Id of each row.
        predictions: Prediction of each row, or None.
        source: File name for messages.

    Returns:
        The odds of each row, 0.0 if it was not predicted, and the row numbers in the order of the file.

    Raises:
        DataError: If a predicted row has no odds.
    """
    row_of = {name: row for row, name in enumerate(name_rows(ids))}
    predicted = [name for name, row in row_of.items() if predictions[row] is not None]
    if lacking := [name for name in predicted if name not in odds]:
        raise DataError(
            f"{source}: no odds for {len(lacking)} of {len(predicted)} predicted rows; "
            f"first: {escape_oddities(lacking[0])}"
        )
    return [odds.get(name, 0.0) for name in row_of], [row_of[name] for name in odds if name in row_of]


def _read_entries(path: Path, *keys: str) -> list[tuple[str, str, Any]]:
    """Return (place for messages, id, value) of each entry of a file in any of the forms.

    Args:
        path: The file.
        keys: The members that may hold the value, in order of preference.
    """
    with explain_read_errors(path):
        text = path.read_text("utf-8-sig")
    if path.suffix.lower() == ".jsonl":
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        parts = [(f"line {number}", parse_json(line, str(path), number)) for number, line in lines]
    else:
        content = parse_json(text, str(path))
        listed = isinstance(content, list)
        parts = [(f"entry {number}", entry) for number, entry in enumerate(content)] if listed else [("", content)]
    pairs: list[tuple[str, str, Any]] = []
    for place, entry in parts:
        if not isinstance(entry, dict):
            form = f'{{id: ...}} or [{{"id": ..., "{keys[0]}": ...}}, ...]'
            raise DataError(f"{path}{', ' * bool(place)}{place}: must be {form}, but is {shorten_repr(entry)}")
        key = next((key for key in keys if key in entry), None)
        if "id" in entry and key is not None:
            pairs.append((place or "the only entry", _parse_id(path, place, entry["id"]), entry[key]))
        elif place:
            raise DataError(f"{path}, {place}: needs id and {keys[0]}; {describe_members(entry)}")
        else:
            pairs.extend((f"id {escape_oddities(name)}", name, value) for name, value in entry.items())
    if not pairs:
        raise DataError(f"{path}: has no entries; give at least one")
    return pairs


def _parse_id(path: Path, place: str, value: object) -> str:
    if isinstance(value, float) and value.is_integer():  # as pandas writes a column of numbers with gaps
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"{path}, {place}: id must be text or a whole number, but is {shorten_repr(value)}")
    return str(value)
