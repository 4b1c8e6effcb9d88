"""Rows of JSON: SQuAD's articles and paragraphs, a list of rows, and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlqa.data.formats.columns import Row, describe_members
from mlqa.errors import DataError, summarize_error

LISTS = ("data", "paragraphs", "qas")  # the lists of SQuAD's JSON


def read_json(path: Path) -> Iterator[Row]:
    """Yield the rows of SQuAD's JSON, of a list of rows, or of a list of rows under "data" as run_qa.py takes it."""
    content = parse_json(path.read_text("utf-8-sig"), str(path), object_pairs_hook=_build_object)
    listed = isinstance(content, list)
    if isinstance(content, dict) and "data" not in content and ("paragraphs" in content or "question" in content):
        content, listed = [content], True  # a single article or row
    for number, item in enumerate(content if listed else _require_member(content, "data", str(path))):
        place = f"{'entry ' if listed else 'data['}{number}{']' * (not listed)}"
        if isinstance(item, dict) and "question" in item and "paragraphs" not in item:
            yield place, item
            continue
        for index, paragraph in enumerate(_require_member(item, "paragraphs", f"{path}, {place}")):
            yield from _iter_paragraph(str(path), f"{place}.paragraphs[{index}]", paragraph)


def read_json_lines(path: Path) -> Iterator[Row]:
    """Yield the rows of JSON lines. Empty lines are skipped."""
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            row = parse_json(line, str(path), number)
            if not isinstance(row, dict):
                hint = "; if the whole file is one list, name it .json" if isinstance(row, list) else ""
                raise DataError(f"{path}, line {number}: expected an object with id, question, context, answers{hint}")
            yield f"line {number}", row


def parse_json(text: str, source: str, line: int | None = None, **options: Any) -> Any:
    """Parse a JSON text.

    Args:
        text: The text.
        source: The file, for messages.
        line: The text's line if it is one of a file of JSON lines.
        **options: Further arguments of `json.loads`.

    Raises:
        DataError: If the JSON is broken. The message names the place.
    """
    try:
        return json.loads(text, **options)
    except json.JSONDecodeError as error:
        if line is None and not text[: error.pos].strip():  # nothing was parsed
            found = "is not JSON" if text.strip() else "is empty"
            raise DataError(f"{source}: {found}; give JSON, or give the file the suffix of its format") from None
        place = f"line {error.lineno}, column {error.colno}" if line is None else f"line {line}, column {error.colno}"
        hint = "; if these are JSON lines, name the file .jsonl" if line is None and error.msg == "Extra data" else ""
        raise DataError(f"{source}: broken JSON at {place}: {error.msg}{hint}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: broken JSON: {summarize_error(error)}") from None


def _build_object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a list of SQuAD's that appears twice, because the second one would silently replace the first."""
    node = dict(members)
    if len(node) < len(members):
        names = [name for name, _ in members]
        if repeated := next((name for name in LISTS if names.count(name) > 1), None):
            raise ValueError(f"{repeated!r} appears twice in the same object")
    return node


def _iter_paragraph(source: str, place: str, paragraph: object) -> Iterator[Row]:
    context = _require_member(paragraph, "context", f"{source}, {place}", kind=str)
    for number, qa in enumerate(_require_member(paragraph, "qas", f"{source}, {place}")):
        qa_place = f"{place}.qas[{number}]"
        _require_member(qa, "question", f"{source}, {qa_place}", kind=str)
        yield qa_place, {**qa, "context": context}


def _require_member(node: object, key: str, place: str, kind: type = list) -> Any:
    if not isinstance(node, dict) or key not in node:
        found = describe_members(node) if isinstance(node, dict) else f"found {type(node).__name__}"
        raise DataError(
            f"{place}: no {key!r} here, so this is neither SQuAD's JSON nor a list of rows with question, context and "
            f"answers; {found}"
        )
    if not isinstance(node[key], kind):
        raise DataError(f"{place}: {key!r} must be {'a list' if kind is list else 'text'}")
    return node[key]
