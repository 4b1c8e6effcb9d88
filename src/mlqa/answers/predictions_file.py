"""Predictions and null odds from files, whoever wrote them, laid beside the rows of a data set."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mlqa.data.readers import describe_members, parse_json
from mlqa.data.rows import is_encodable
from mlqa.data.unicode_oddities import escape_oddities
from mlqa.errors import DataError, summarize_error

log = logging.getLogger(__name__)
T = TypeVar("T")


def name_rows(ids: Sequence[str]) -> list[str]:
    """A name for each row: its id; one that occurs again is told apart by #2, #3 ..., so that no answer is lost."""
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
    """{name of the row: value}, as predictions.json has its answers; see `row_names`."""
    return dict(zip(name_rows(ids), values, strict=True))


def read_predictions(path: str | Path) -> dict[str, str]:
    """{id: text} from JSON in this form (the official one), from [{"id", "prediction_text"}, ...], or from such entries
    as JSON lines. Ids may be numbers; a list may hold an id again, as in `row_names`.

    Raises DataError, naming the file and the place.
    """
    pairs = _read_entries(Path(path).expanduser(), "prediction_text")
    for place, _, value in pairs:
        if not isinstance(value, str) or not is_encodable(value):
            raise DataError(f"{path}, {place}: the prediction must be text, found {_shorten_repr(value)}")
    return index_by_id([identifier for _, identifier, _ in pairs], [value for _, _, value in pairs])


def read_null_odds(path: str | Path) -> dict[str, float]:
    """{id: odds of no answer}, in the order of the file, from JSON in this form, from [{"id", "null_odds"}, ...], or
    from such entries as JSON lines. Raises DataError, naming the file and the place."""
    pairs = _read_entries(Path(path).expanduser(), "null_odds")
    for place, _, value in pairs:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
            raise DataError(
                f"{path}, {place}: the odds must be a number that a float can hold, found {_shorten_repr(value)}"
            )
    names = name_rows([identifier for _, identifier, _ in pairs])
    return {name: float(odds) for name, (*_, odds) in zip(names, pairs, strict=True)}


def align_predictions(
    found: Mapping[str, str], ids: Sequence[str], source: str, dropped: Collection[str] = ()
) -> list[str | None]:
    """The prediction of each row, None where there is none; what is missing or belongs to no row, nor to one of the
    ids in `dropped`, is told by a warning.

    Raises DataError where not a single prediction belongs to a row.
    """
    names = name_rows(ids)
    predictions = [found.get(name) for name in names]
    missing = [name for name, prediction in zip(names, predictions, strict=True) if prediction is None]
    if len(missing) == len(names):
        raise DataError(
            f"{source}: none of its ids ({len(found)}) is one of the data set's ({len(names)}; "
            f"the first is {names[0]!r}): choose the data set that was predicted"
        )
    if missing:
        first = escape_oddities(missing[0])
        log.warning("%s: rows without a prediction, which score 0: %d; first: %s", source, len(missing), first)
    if unknown := len(found.keys() - set(names) - set(dropped)):
        log.warning("%s: predictions that belong to none of the rows: %d", source, unknown)
    return predictions


def align_null_odds(
    found: Mapping[str, float], ids: Sequence[str], predictions: Sequence[str | None], source: str
) -> tuple[list[float], list[int]]:
    """(odds of each row, the rows in the order of the file). Raises DataError where a predicted row has none."""
    row_of = {name: row for row, name in enumerate(name_rows(ids))}
    lacking = [name for name, row in row_of.items() if predictions[row] is not None and name not in found]
    if lacking:
        raise DataError(f"{source}: predicted rows without odds: {len(lacking)}; first: {escape_oddities(lacking[0])}")
    return [found.get(name, 0.0) for name in row_of], [row_of[name] for name in found if name in row_of]


def _read_entries(path: Path, key: str) -> list[tuple[str, str, Any]]:
    """[(place, id, value), ...] of a file in any of the forms."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder; give the file in it, such as {path / 'predictions.json'}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or summarize_error(error)}") from None
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
            wanted = f'{{id: ...}} or [{{"id": ..., "{key}": ...}}, ...]'
            raise DataError(f"{path}{', ' * bool(place)}{place}: expected {wanted}, found {_shorten_repr(entry)}")
        if {"id", key} <= set(entry):
            pairs.append((place or "the only entry", _parse_id(path, place, entry["id"]), entry[key]))
        elif place:
            raise DataError(f"{path}, {place}: needs id and {key}; {describe_members(entry)}")
        else:
            pairs.extend((f"id {escape_oddities(name)}", name, value) for name, value in entry.items())
    if not pairs:
        raise DataError(f"{path}: holds nothing")
    return pairs


def _parse_id(path: Path, place: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"{path}, {place}: id must be text or a whole number, found {_shorten_repr(value)}")
    return str(value)


def _shorten_repr(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
