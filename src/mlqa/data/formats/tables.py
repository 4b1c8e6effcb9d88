"""Rows of tables: CSV, TSV and Parquet."""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mlqa.data.formats.columns import ANSWER_COLUMNS, COLUMNS, OPTIONAL, Row, explain_missing, require_columns
from mlqa.data.unicode_oddities import escape_oddities
from mlqa.errors import DataError, summarize_error

PARQUET_ROWS, PARQUET_BUFFER = 1024, 1 << 20


def read_table(path: Path, delimiter: str, name: str) -> Iterator[Row]:
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
                raise DataError(explain_missing(missing, header, f"{path}, {place}", f" ({name})"))
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


def read_parquet(path: Path) -> Iterator[Row]:
    """Yield the rows of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        # Without a buffer pyarrow reads a column of a whole row group at once, which is often the whole file.
        with pq.ParquetFile(path, buffer_size=PARQUET_BUFFER) as file:
            names = file.schema_arrow.names
            columns = [name for name in (*OPTIONAL, *COLUMNS) if name in names]
            if len(columns) < len(names) and not {"question", "context"} <= set(names):
                require_columns(names, str(path))
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


def _parse_answers_cell(text: str, place: str) -> Any:
    """Parse an `answers` cell: JSON, or the Python literal that pandas writes for the same mapping."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    hint = "; a column with the text alone is called answer"
    raise DataError(f'{place}: \'answers\' must hold {{"text": [...], "answer_start": [...]}}, written as JSON{hint}')
