"""Values of a row, in any of the forms in which data sets write them: ids, texts, answers and their offsets.

Each function takes the row's place in its source, for messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Number
from typing import Any

from mlqa.errors import DataError

NO_PLACE = -1  # the answer_start of an answer of which only the text is given


def parse_id(place: str, value: object) -> str | None:
    """Return an id as text, or None: in a column with gaps pandas turns 1 into 1.0, and a missing id into NaN."""
    if isinstance(value, float):
        value = int(value) if value.is_integer() else value if value == value else None
    return None if value is None or value == "" else check_text(place, "id", str(value))


def check_text(place: str, what: str, value: object) -> str:
    """Return a value that is text and can be encoded.

    Raises:
        DataError: If it is not.
    """
    if not isinstance(value, str):
        raise DataError(f"{place}: {what} must be text, found {shorten_repr(value)}")
    if not is_encodable(value):
        raise DataError(f"{place}: {what} has half of a surrogate pair, which is not valid text")
    return value


def parse_answers(place: str, answers: object) -> list[tuple[str, int]]:
    """Return [(text, start), ...] of the golds of a row.

    Args:
        place: The place of the row, for messages.
        answers: {"text": [...], "answer_start": [...]}, [{"text", "answer_start"}, ...], [text, ...] or None. Without
            an answer_start, or if it is null, the start is `NO_PLACE`. A text that is null is an empty one.

    Raises:
        DataError: If the answers have another form.
    """
    if answers is None:
        return []
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(answers, Mapping):
        if "text" not in answers:
            raise DataError(f"{place}: 'answers' needs text and answer_start, found {sorted(map(str, answers))}")
        texts = _coerce_to_list(place, "text", answers["text"])
        starts = _coerce_to_list(place, "answer_start", answers.get("answer_start")) or [None] * len(texts)
        if len(texts) != len(starts):
            raise DataError(f"{place}: {len(texts)} answer texts but {len(starts)} answer_start")
        pairs = zip(texts, starts, strict=True)
    elif isinstance(answers, list | tuple):
        pairs = [_split_answer(place, answer) for answer in answers]
    else:
        raise DataError(f"{place}: 'answers' must be a list or a mapping, found {shorten_repr(answers)}")
    return [("" if text is None else check_text(place, "answer", text), _parse_start(place, at)) for text, at in pairs]


def _split_answer(place: str, answer: object) -> tuple[Any, Any]:
    if answer is None or isinstance(answer, str):
        return answer, None
    if not isinstance(answer, Mapping) or "text" not in answer:
        raise DataError(f"{place}: each answer needs text and answer_start")
    return answer["text"], answer.get("answer_start")


def _coerce_to_list(place: str, key: str, value: object) -> list[Any]:
    """Return a list, because some data sets write a single answer without the list around it."""
    if value is None:
        return []
    if isinstance(value, str | Number):
        return [value]
    if not isinstance(value, list | tuple):
        raise DataError(f"{place}: {key} of 'answers' must be a list, found {shorten_repr(value)}")
    return list(value)


def _parse_start(place: str, start: object) -> int:
    if start is None or start == "" or start != start:  # pandas writes NaN for null
        return NO_PLACE
    try:
        if isinstance(start, bool) or (isinstance(start, str) and "_" in start):
            raise ValueError
        offset = int(float(start)) if isinstance(start, str) and start.endswith(".0") else int(start)  # type: ignore[call-overload]
        if not isinstance(start, str) and offset != start:  # pandas writes 7 as 7.0 in a column with gaps
            raise ValueError
        return offset
    except (TypeError, ValueError, OverflowError):
        found = f"found {shorten_repr(start)}"
        raise DataError(f"{place}: answer_start must be a whole number of characters, {found}") from None


def is_encodable(value: str) -> bool:
    """Return whether a string can be written as UTF-8. JSON may have half of a surrogate pair, and a shell any byte."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_true(value: object) -> bool:
    """Return whether a member such as is_impossible is true or 1, possibly as text, as tables write it."""
    return str(value).strip().lower() in ("true", "1", "1.0")


def shorten_repr(value: object) -> str:
    """Return the repr of a value, at most 60 characters of it, for messages."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:39]}...{text[-18:]}"  # the fault is often at an end
