"""Files to examples: SQuAD 1.1 and 2.0 JSON, JSON lines, CSV and Parquet, told apart by their ending."""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mlqa.data.examples import Examples
from mlqa.data.rows import ExamplesBuilder, is_true
from mlqa.data.squad_stream import describe_members, make_squad_error, make_utf8_error, stream_paragraphs
from mlqa.data.unicode_oddities import escape_oddities
from mlqa.errors import DataError, summarize_error

STREAM_ABOVE = 8 << 20  # bytes of SQuAD JSON beyond which it is read a paragraph at a time
PARQUET_ROWS, PARQUET_BUFFER = 1024, 1 << 20
COLUMNS = ("question", "context", "answers")
OPTIONAL = ("id", "is_impossible")  # without an id the row's position stands in
PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".tgz")


def read_file(path: str | Path, strict: bool = False) -> Examples:
    """One split from one file; what it holds in memory besides the examples does not grow with the file.

    Raises DataError, naming the file and the place, for a missing file, an unknown ending, broken syntax,
    missing columns, an empty split or one without any answerable question; where `strict`, also for an answer
    that has no place in its context.
    """
    path = Path(path).expanduser()
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        give = f"{'unpack it first, and ' * (path.suffix.lower() in PACKED)}give {', '.join(READERS)}"
        raise DataError(f"{path}: cannot read {path.suffix or 'a file without ending'}; {give}")
    builder = ExamplesBuilder(str(path), strict)
    try:
        reader(path, builder)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise make_utf8_error(str(path), error.start) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or summarize_error(error)}") from None
    return builder.build()


def add_rows(builder: ExamplesBuilder, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Adds (place, row) pairs with the columns question, context, answers, and id and is_impossible where there are."""
    for place, row in rows:
        _need_columns(row, f"{builder.source}, {place}")
        builder.add(place, row.get("id"), row["question"], row["context"], row["answers"], row.get("is_impossible"))


def _need_columns(names: Iterable[object], place: str, hint: str = "") -> None:
    names = list(names)
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        needed = f"needed are id, {', '.join(COLUMNS)}{hint}"
        raise DataError(f"{place}: no column {', '.join(missing)}; {describe_members(names)}, {needed}")


def parse_json(text: str, source: str, line: int | None = None) -> Any:
    """The content of a JSON text; `line` is its line in a file of JSON lines. Raises DataError with the place."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if line is None else f"line {line}, column {error.colno}"
        hint = "; if these are JSON lines, name the file .jsonl" if line is None and error.msg == "Extra data" else ""
        raise DataError(f"{source}: broken JSON at {place}: {error.msg}{hint}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: broken JSON: {summarize_error(error)}") from None


def _read_squad_json(path: Path, builder: ExamplesBuilder) -> None:
    paragraphs = stream_paragraphs if path.stat().st_size > STREAM_ABOVE else _load_paragraphs
    for place, paragraph in paragraphs(path):
        context = _require_member(paragraph, "context", f"{path}, {place}", kind=str)
        for number, qa in enumerate(_require_member(paragraph, "qas", f"{path}, {place}")):
            qa_place = f"{place}.qas[{number}]"
            question = _require_member(qa, "question", f"{path}, {qa_place}", kind=str)
            impossible = qa.get("is_impossible")
            if "answers" not in qa and not is_true(impossible):
                hint = "a question without an answer has an empty list"
                raise DataError(f"{path}, {qa_place}: no 'answers' here; {describe_members(qa)}; {hint}")
            builder.add(qa_place, qa.get("id"), question, context, qa.get("answers"), impossible)


def _load_paragraphs(path: Path) -> Iterator[tuple[str, Any]]:
    """What `stream_paragraphs` gives, from the file parsed at once: broken JSON is named by its line and column."""
    for number, article in enumerate(
        _require_member(parse_json(path.read_text("utf-8-sig"), str(path)), "data", str(path))
    ):
        place = f"data[{number}]"
        for index, paragraph in enumerate(_require_member(article, "paragraphs", f"{path}, {place}")):
            yield f"{place}.paragraphs[{index}]", paragraph


def _require_member(node: object, key: str, place: str, kind: type = list) -> Any:
    if not isinstance(node, dict) or key not in node:
        raise make_squad_error(
            place, key, describe_members(node) if isinstance(node, dict) else f"found {type(node).__name__}"
        )
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
        # Strict: a quote that is not closed otherwise swallows the rows up to the next one.
        reader = csv.reader(file, strict=True)
        place = "line 1"
        try:
            header = next(reader, [])
            if header:
                _need_columns(header, f"{path}, {place}", " (a CSV separated by commas)")
            if repeated := [name for name in dict.fromkeys(header) if header.count(name) > 1]:
                raise DataError(f"{path}, {place}: the header names {escape_oddities(repeated[0])} more than once")
            while True:
                place = f"line {reader.line_num + 1}"  # where the row begins: a cell may hold several lines
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
    """An `answers` cell: JSON, or the Python literal that pandas writes for the same mapping."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    raise DataError(f'{place}: \'answers\' must hold {{"text": [...], "answer_start": [...]}}, written as JSON')


def _read_parquet(path: Path, builder: ExamplesBuilder) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        # A buffer, or pyarrow reads a column of a whole row group at once: often that of the whole file.
        with pq.ParquetFile(path, buffer_size=PARQUET_BUFFER) as file:
            names = file.schema_arrow.names
            _need_columns(names, str(path))
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
