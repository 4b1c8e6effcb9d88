"""Files to examples: SQuAD 1.1 and 2.0 JSON, JSON lines, CSV and Parquet, told apart by their suffix."""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from mlqa.data.examples import Examples
from mlqa.data.rows import ExamplesBuilder, is_true
from mlqa.data.unicode_oddities import escape_oddities
from mlqa.errors import DataError, summarize_error

PARQUET_ROWS, PARQUET_BUFFER = 1024, 1 << 20
COLUMNS = ("question", "context", "answers")
OPTIONAL = ("id", "is_impossible")  # without an id, the row's position is its id
LISTS = ("data", "paragraphs", "qas")  # the lists of SQuAD's JSON
PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".tgz")
MOST_NAMES = 12  # an error lists at most this many members of an object


def read_file(path: str | Path, strict: bool = False) -> Examples:
    """Read one split from one file.

    Args:
        path: A file in one of the forms that docs/data.md describes.
        strict: Whether an answer that is not in its context is an error.

    Raises:
        DataError: If the file is missing, has an unknown suffix, broken syntax, missing columns or no answerable
            question, or breaks `strict`. The message names the file and the place.
    """
    path = Path(path).expanduser()
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        give = f"{'unpack it first, and ' * (path.suffix.lower() in PACKED)}give {', '.join(READERS)}"
        raise DataError(f"{path}: cannot read {path.suffix or 'a file without a suffix'}; {give}")
    builder = ExamplesBuilder(str(path), strict)
    with explain_read_errors(path):
        reader(path, builder)
    return builder.build()


@contextmanager
def explain_read_errors(path: Path) -> Iterator[None]:
    """Raise DataError if the file that is read meanwhile is missing, is a folder, cannot be read or is not UTF-8."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 at byte {_find_undecodable_byte(path)}; save it as UTF-8") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder; give a file in it") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or summarize_error(error)}") from None


def add_rows(builder: ExamplesBuilder, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Add rows to a builder.

    Args:
        builder: Where they go.
        rows: (place, row) pairs. A row has the columns question, context and answers, and possibly id and
            is_impossible.

    Raises:
        DataError: If a column is missing, or a value has the wrong type.
    """
    for place, row in rows:
        _require_columns(row, f"{builder.source}, {place}")
        builder.add(place, row.get("id"), row["question"], row["context"], row["answers"], row.get("is_impossible"))


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
        place = f"line {error.lineno}, column {error.colno}" if line is None else f"line {line}, column {error.colno}"
        hint = "; if these are JSON lines, name the file .jsonl" if line is None and error.msg == "Extra data" else ""
        raise DataError(f"{source}: broken JSON at {place}: {error.msg}{hint}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: broken JSON: {summarize_error(error)}") from None


def describe_members(names: Iterable[object]) -> str:
    """List the members of an object or the columns of a table, for an error about a missing one."""
    names = list(names)
    listed = ", ".join(map(str, islice(names, MOST_NAMES))) + ", ..." * (len(names) > MOST_NAMES)
    return f"it has {escape_oddities(listed)}" if names else "it is empty"


def _find_undecodable_byte(path: Path) -> int:
    """Return the offset of the first byte that is not UTF-8: a decoder of blocks counts from the block's start."""
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _require_columns(names: Iterable[object], place: str, hint: str = "") -> None:
    names = list(names)
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        needed = f"needed are id, {', '.join(COLUMNS)}{hint}"
        raise DataError(f"{place}: no column {', '.join(missing)}; {describe_members(names)}, {needed}")


def _read_squad_json(path: Path, builder: ExamplesBuilder) -> None:
    content = parse_json(path.read_text("utf-8-sig"), str(path), object_pairs_hook=_build_object)
    for number, article in enumerate(_require_member(content, "data", str(path))):
        place = f"data[{number}]"
        for index, paragraph in enumerate(_require_member(article, "paragraphs", f"{path}, {place}")):
            _add_paragraph(builder, f"{place}.paragraphs[{index}]", paragraph)


def _build_object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a list of SQuAD's that appears twice, because the second one would silently replace the first."""
    node = dict(members)
    if len(node) < len(members):
        names = [name for name, _ in members]
        if repeated := next((name for name in LISTS if names.count(name) > 1), None):
            raise ValueError(f"{repeated!r} appears twice in the same object")
    return node


def _add_paragraph(builder: ExamplesBuilder, place: str, paragraph: object) -> None:
    context = _require_member(paragraph, "context", f"{builder.source}, {place}", kind=str)
    for number, qa in enumerate(_require_member(paragraph, "qas", f"{builder.source}, {place}")):
        qa_place = f"{place}.qas[{number}]"
        question = _require_member(qa, "question", f"{builder.source}, {qa_place}", kind=str)
        impossible = qa.get("is_impossible")
        if "answers" not in qa and not is_true(impossible):
            hint = "a question without an answer has an empty list"
            raise DataError(f"{builder.source}, {qa_place}: no 'answers' here; {describe_members(qa)}; {hint}")
        builder.add(qa_place, qa.get("id"), question, context, qa.get("answers"), impossible)


def _require_member(node: object, key: str, place: str, kind: type = list) -> Any:
    if not isinstance(node, dict) or key not in node:
        found = describe_members(node) if isinstance(node, dict) else f"found {type(node).__name__}"
        hint = "; rows with question, context and answers are read from JSON lines, a .jsonl" if key == "data" else ""
        raise DataError(f"{place}: no {key!r} here, so this is not SQuAD's JSON; {found}{hint}")
    if not isinstance(node[key], kind):
        raise DataError(f"{place}: {key!r} must be {'a list' if kind is list else 'text'}")
    return node[key]


def _read_json_lines(path: Path, builder: ExamplesBuilder) -> None:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            row = parse_json(line, str(path), number)
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number}: expected an object with id, question, context, answers")
            add_rows(builder, [(f"line {number}", row)])


def _read_csv(path: Path, builder: ExamplesBuilder) -> None:
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        # Strict, because an unclosed quote otherwise swallows all rows up to the next one.
        reader = csv.reader(file, strict=True)
        place = "line 1"
        try:
            header = next(reader, [])
            if header:
                _require_columns(header, f"{path}, {place}", " (a CSV separated by commas)")
            if repeated := [name for name in dict.fromkeys(header) if header.count(name) > 1]:
                raise DataError(f"{path}, {place}: the header names {escape_oddities(repeated[0])} more than once")
            while True:
                place = f"line {reader.line_num + 1}"  # the row's first line, because a cell may have several lines
                cells = next(reader)
                if len(cells) > len(header):
                    raise DataError(f"{path}, {place}: {len(cells)} cells, but the header has {len(header)}")
                if cells:
                    row: dict[str, Any] = dict(zip_longest(header, cells))
                    row["answers"] = _parse_answers_cell(row["answers"], f"{path}, {place}") if row["answers"] else None
                    add_rows(builder, [(place, row)])
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{path}, in the row that begins at {place}: broken CSV: {error}") from None


def _parse_answers_cell(text: str, place: str) -> Any:
    """Parse an `answers` cell: JSON, or the Python literal that pandas writes for the same mapping."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    raise DataError(f'{place}: \'answers\' must hold {{"text": [...], "answer_start": [...]}}, written as JSON')


def _read_parquet(path: Path, builder: ExamplesBuilder) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        # Without a buffer pyarrow reads a column of a whole row group at once, which is often the whole file.
        with pq.ParquetFile(path, buffer_size=PARQUET_BUFFER) as file:
            names = file.schema_arrow.names
            _require_columns(names, str(path))
            columns = [name for name in (*OPTIONAL, *COLUMNS) if name in names]
            for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=columns):
                rows = batch.to_pylist()
                add_rows(builder, ((f"row {number + index}", row) for index, row in enumerate(rows)))
                number += len(rows)
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 in one of the {PARQUET_ROWS} rows from row {number} on") from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise DataError(
            f"{path}: not a Parquet file, or a broken one: {escape_oddities(summarize_error(error))}"
        ) from None


READERS: dict[str, Callable[[Path, ExamplesBuilder], None]] = {
    ".json": _read_squad_json,
    ".jsonl": _read_json_lines,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
