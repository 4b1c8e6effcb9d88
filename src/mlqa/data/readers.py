"""Files to rows to examples: SQuAD JSON, rows as JSON, JSON lines, CSV, TSV and Parquet, told apart by their suffix."""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from mlqa.data.examples import Examples
from mlqa.data.row_values import is_true
from mlqa.data.rows import ExamplesBuilder
from mlqa.data.unicode_oddities import escape_oddities
from mlqa.errors import DataError, summarize_error

PARQUET_ROWS, PARQUET_BUFFER = 1024, 1 << 20
COLUMNS = ("question", "context", "answers")
ANSWER_COLUMNS = ("answer", "answer_text")  # the text alone, possibly with a column answer_start
OPTIONAL = ("id", "is_impossible", "answer_start", *ANSWER_COLUMNS)  # without an id, the row's position is its id
LISTS = ("data", "paragraphs", "qas")  # the lists of SQuAD's JSON
PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".tgz")
LFS_POINTER = b"version https://git-lfs"  # how a pointer begins
MOST_NAMES = 12  # an error lists at most this many members of an object

Row = tuple[str, Mapping[str, Any]]  # place in the file, {column: value}


def read_file(path: str | Path, strict: bool = False, keep_unplaced: bool = False, first_row: int = 0) -> Examples:
    """Read one split from one file.

    Args:
        path: A file in one of the forms that docs/data.md describes.
        strict: Whether an answer that is not in its context is an error.
        keep_unplaced: Whether to keep rows that can be scored but not trained on (see `ExamplesBuilder`).
        first_row: The position of its first row, which is the id of a row without one.

    Raises:
        DataError: If the file is missing, has an unknown suffix, broken syntax, missing columns or no answerable
            question, or breaks `strict`. The message names the file and the place.
    """
    builder = ExamplesBuilder(str(path := Path(path).expanduser()), strict, keep_unplaced, first_row)
    add_rows(builder, iter_rows(path))
    return builder.build()


def read_files(paths: Sequence[str], strict: bool = False, keep_unplaced: bool = False) -> Examples:
    """Read one split from several files, as if it were one file.

    Each file has its own rule of counting offsets, and rows without an id are numbered through.

    Args:
        paths: Files in the forms that docs/data.md describes.
        strict: As for `read_file`.
        keep_unplaced: As for `read_file`.

    Raises:
        DataError: As for `read_file`.
    """
    parts: list[Examples] = []
    for path in paths:
        first_row = sum(part.counts["rows"] for part in parts)
        part = read_file(path, strict, keep_unplaced, first_row)
        if len(paths) > 1:  # the audit shows the places of all files together
            name = Path(path).name
            notes = {
                kind: [replace(note, place=f"{name}, {note.place}") for note in found]
                for kind, found in part.notes.items()
            }
            part = replace(part, notes=notes)
        parts.append(part)
    return Examples.join(parts)


def iter_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file of questions, as they are in the file.

    Args:
        path: A file in one of the forms that docs/data.md describes.

    Raises:
        DataError: If the file is missing, has an unknown suffix or broken syntax. The message names the place.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        give = f"{'unpack it first, and ' * (path.suffix.lower() in PACKED)}give {', '.join(READERS)}"
        raise DataError(f"{path}: cannot read {path.suffix or 'a file without a suffix'}; {give}")
    with explain_read_errors(path):
        yield from reader(path)


@contextmanager
def explain_read_errors(path: Path) -> Iterator[None]:
    """Raise DataError if the file that is read meanwhile is missing, a folder, a pointer, unreadable or not UTF-8."""
    try:
        if path.is_file() and is_lfs_pointer(path):  # a pipe can be read only once
            raise DataError(f"{path}: is a pointer of Git LFS, not the file itself; run git lfs pull in its folder")
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 at byte {_find_undecodable_byte(path)}; save it as UTF-8") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder; give a file in it") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or summarize_error(error)}") from None


def is_lfs_pointer(path: Path) -> bool:
    """Return whether a file stands for a larger one, as a clone without Git LFS leaves it."""
    with path.open("rb") as file:
        return file.read(len(LFS_POINTER)) == LFS_POINTER


def add_rows(builder: ExamplesBuilder, rows: Iterable[Row]) -> None:
    """Add rows to a builder.

    Args:
        builder: Where they go.
        rows: (place, row) pairs. A row has the columns question, context and answers (or answer, or answer_text), and
            possibly id and is_impossible.

    Raises:
        DataError: If a column is missing, or a value has the wrong type.
    """
    for place, row in rows:
        impossible = row.get("is_impossible")
        missing = [column for column in COLUMNS if column not in row]
        if missing == ["answers"] and (is_true(impossible) or any(name in row for name in ANSWER_COLUMNS)):
            missing = []
        if missing:
            raise DataError(_explain_missing(missing, row, f"{builder.source}, {place}"))
        builder.add(place, row.get("id"), row["question"], row["context"], get_answers(row), impossible)


def get_answers(row: Mapping[str, Any]) -> Any:
    """Return the answers of a row: its column `answers`, or one made of the columns with a plain answer."""
    if "answers" in row:
        return row["answers"]
    name = next((name for name in ANSWER_COLUMNS if name in row), None)
    if name is None or row[name] is None or isinstance(row[name], list | Mapping):
        return row.get(name or "")
    return [{"text": row[name], "answer_start": row.get("answer_start")}]


def _explain_missing(missing: list[str], names: Iterable[object], place: str, hint: str = "") -> str:
    needed = f"needed are id, {', '.join(COLUMNS)}{hint}"
    return f"{place}: no column {', '.join(missing)}; {describe_members(names)}, {needed}"


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
    missing = [column for column in COLUMNS[:2] if column not in names]
    if not any(name in names for name in ("answers", *ANSWER_COLUMNS)):
        missing.append("answers")
    if missing:
        raise DataError(_explain_missing(missing, names, place, hint))


def _read_json(path: Path) -> Iterator[Row]:
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


def _read_json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            row = parse_json(line, str(path), number)
            if not isinstance(row, dict):
                hint = "; if the whole file is one list, name it .json" if isinstance(row, list) else ""
                raise DataError(f"{path}, line {number}: expected an object with id, question, context, answers{hint}")
            yield f"line {number}", row


def _read_table(path: Path, delimiter: str, name: str) -> Iterator[Row]:
    """Yield the rows of a CSV or TSV. Empty cells of answers and of their starts are None."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        # Strict, because an unclosed quote otherwise swallows all rows up to the next one.
        reader = csv.reader(file, strict=True, delimiter=delimiter)
        place = "line 1"
        try:
            header = next(reader, [])
            if "question" not in header or "context" not in header:
                missing = [column for column in COLUMNS if column not in header]
                raise DataError(_explain_missing(missing, header, f"{path}, {place}", f" ({name})"))
            if repeated := [name for name in dict.fromkeys(header) if header.count(name) > 1]:
                raise DataError(f"{path}, {place}: the header names {escape_oddities(repeated[0])} more than once")
            while True:
                place = f"line {reader.line_num + 1}"  # the row's first line, because a cell may have several lines
                cells = next(reader)
                if len(cells) > len(header):
                    raise DataError(f"{path}, {place}: {len(cells)} cells, but the header has {len(header)}")
                if cells:
                    row: dict[str, Any] = dict(zip_longest(header, cells))
                    if row.get("answers"):
                        row["answers"] = _parse_answers_cell(row["answers"], f"{path}, {place}")
                    row |= {key: row[key] or None for key in ("answers", "answer_start", *ANSWER_COLUMNS) if key in row}
                    yield place, row
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{path}, in the row that begins at {place}: broken {name.split()[1]}: {error}") from None


def _parse_answers_cell(text: str, place: str) -> Any:
    """Parse an `answers` cell: JSON, or the Python literal that pandas writes for the same mapping."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    hint = "; a column with the text alone is called answer"
    raise DataError(f'{place}: \'answers\' must hold {{"text": [...], "answer_start": [...]}}, written as JSON{hint}')


def _read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        # Without a buffer pyarrow reads a column of a whole row group at once, which is often the whole file.
        with pq.ParquetFile(path, buffer_size=PARQUET_BUFFER) as file:
            names = file.schema_arrow.names
            columns = [name for name in (*OPTIONAL, *COLUMNS) if name in names]
            if len(columns) < len(names) and not {"question", "context"} <= set(names):
                _require_columns(names, str(path))
            for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=columns):
                rows = batch.to_pylist()
                yield from ((f"row {number + index}", row) for index, row in enumerate(rows))
                number += len(rows)
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 in one of the {PARQUET_ROWS} rows from row {number} on") from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise DataError(
            f"{path}: not a Parquet file, or a broken one: {escape_oddities(summarize_error(error))}"
        ) from None


READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".csv": partial(_read_table, delimiter=",", name="a CSV separated by commas"),
    ".tsv": partial(_read_table, delimiter="\t", name="a TSV separated by tabs"),
    ".parquet": _read_parquet,
}
