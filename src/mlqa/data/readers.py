"""Files to rows to examples. The suffix of a file's name tells its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mlqa.data.examples import Examples
from mlqa.data.file_errors import explain_read_errors
from mlqa.data.formats.columns import ANSWER_COLUMNS, COLUMNS, Row, explain_missing, get_answers
from mlqa.data.formats.json_files import read_json, read_json_lines
from mlqa.data.formats.tables import read_parquet, read_table
from mlqa.data.row_values import is_true
from mlqa.data.rows import ExamplesBuilder
from mlqa.errors import DataError

PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".tgz")
READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".json": read_json,
    ".jsonl": read_json_lines,
    ".csv": partial(read_table, delimiter=",", name="a CSV separated by commas"),
    ".tsv": partial(read_table, delimiter="\t", name="a TSV separated by tabs"),
    ".parquet": read_parquet,
}


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
        strict: As in `read_file`.
        keep_unplaced: As in `read_file`.

    Raises:
        DataError: As in `read_file`.
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


def add_rows(builder: ExamplesBuilder, rows: Iterable[Row]) -> None:
    """Add rows to a builder.

    Args:
        builder: The builder that takes them.
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
            raise DataError(explain_missing(missing, row, f"{builder.source}, {place}"))
        builder.add(place, row.get("id"), row["question"], row["context"], get_answers(row), impossible)
