"""The file in which annotators judge answers, and how it changes a data set.

A CSV in UTF-8 with a byte order mark, so that spreadsheets read its letters. Annotators fill in two columns:

    verdict    right: the answer is also right. gold: `new_gold` is the right answer, in place of the golds.
               unanswerable: the passage has no answer. wrong: the answer is wrong and the golds are right.
    new_gold   the right answer, with the verdict gold. Several are separated by a vertical bar.

A row without a verdict was not judged and changes nothing.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlqa.data.examples import Answer, Examples
from mlqa.data.file_errors import explain_read_errors
from mlqa.errors import DataError, RunError
from mlqa.metrics.error_analysis.grouping import GROUPS

VERDICTS = ("right", "gold", "unanswerable", "wrong")
NEEDED = ("id", "answer", "verdict", "new_gold")
COLUMNS = (
    "id", "group", "question", "answer", "golds", "verdict", "new_gold", "comment", "probability", "f1", "context"
)  # fmt: skip
SEPARATOR = " | "
MOST_PROBLEMS = 5  # that a message lists
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so would be computed by a spreadsheet


@dataclass(frozen=True)
class Judgement:
    """An annotator's verdict on an answer. `texts` are the golds to use: one more if it is right, else all of them."""

    verdict: str
    texts: tuple[str, ...] = ()


def write_annotation_file(path: Path, rows: Iterable[tuple[Mapping[str, Any], str, str]]) -> int:
    """Write answers for annotators.

    Args:
        path: The CSV to write.
        rows: For each answer, its line of scores.jsonl, its group ("" if it is right), and its passage.

    Returns:
        The number of answers.

    Raises:
        RunError: The file cannot be written.
    """
    text, written = io.StringIO(newline=""), 0
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row, group, context in rows:
        probability = row.get("probability")
        cells = (
            row["id"], GROUPS.get(group, group), row["question"], row["answer"] or "", SEPARATOR.join(row["golds"]),
            "", "", "", "" if probability is None else f"{probability:.3f}", f"{row['f1']:.3f}", context,
        )  # fmt: skip
        writer.writerow(_protect(str(cell)) for cell in cells)
        written += 1
    try:
        path.write_text(text.getvalue(), "utf-8-sig", errors="replace", newline="")
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from None
    return written


def read_annotation_file(path: Path) -> dict[str, Judgement]:
    """Read what annotators filled in.

    Args:
        path: A CSV of `write_annotation_file`, saved by any spreadsheet: separated by commas, semicolons or tabs.

    Returns:
        {id: judgement} of the rows that have one.

    Raises:
        DataError: The file cannot be read, or some of its rows cannot be used. The message names the first of them.
    """
    with explain_read_errors(path):
        text = path.read_text("utf-8-sig")
    heading = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    try:
        table = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: is not a CSV: {error}") from None
    if missing := [name for name in NEEDED if not table or name not in table[0]]:
        raise DataError(f"{path}: has no column {', '.join(missing)}; give a file of mlqa errors --csv")
    judgements: dict[str, Judgement] = {}
    problems = []
    for number, cells in enumerate(table, 1):
        try:
            name, judgement = _parse_row({key: value or "" for key, value in cells.items() if isinstance(key, str)})
            if judgement is not None and judgements.setdefault(name, judgement) != judgement:
                raise ValueError("the id was judged before; keep one of the two")
        except ValueError as error:
            problems.append(f"entry {number} (id {cells['id']}): {error}")
    if problems:
        more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        raise DataError(f"{path}, {'; '.join(problems[:MOST_PROBLEMS])}{more}")
    if not judgements:
        raise DataError(f"{path}: has no verdict; fill in the column verdict: {', '.join(VERDICTS)}")
    return judgements


def apply_judgements(
    examples: Examples, names: list[str], judgements: Mapping[str, Judgement], source: str
) -> Examples:
    """Return the examples with the golds that annotators decided on.

    Args:
        examples: The rows.
        names: The name of each row, as in predictions.json.
        judgements: The judgements from `read_annotation_file`.
        source: File name for messages.

    Raises:
        DataError: An id belongs to no row.
    """
    if unknown := [name for name in judgements if name not in set(names)]:
        raise DataError(
            f"{source}: {len(unknown)} of {len(judgements)} judged ids are not in the data set; first: {unknown[0]!r}"
        )
    answers: list[tuple[Answer, ...]] = list(examples.answers)
    unplaced = dict(examples.unplaced)
    for row, name in enumerate(names):
        judgement = judgements.get(name)
        if judgement is None or judgement.verdict == "wrong":
            continue
        kept = unplaced.pop(row, ()) if judgement.verdict == "right" else ()
        unplaced.pop(row, None)
        if judgement.verdict != "right":
            answers[row] = ()
        if judgement.texts:
            unplaced[row] = (*kept, *judgement.texts)
    return replace(examples, answers=answers, unplaced=unplaced)


def count_verdicts(judgements: Mapping[str, Judgement]) -> dict[str, int]:
    """Return how often each verdict was given."""
    counts = Counter(judgement.verdict for judgement in judgements.values())
    return {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]}


def _parse_row(cells: Mapping[str, str]) -> tuple[str, Judgement | None]:
    """Return the id of a row and its judgement. Raise ValueError with what is wrong."""
    name, verdict = _unprotect(cells["id"]), cells["verdict"].strip().lower()
    golds = tuple(text.strip() for text in _unprotect(cells["new_gold"]).split(SEPARATOR.strip()) if text.strip())
    verdict = verdict or ("gold" if golds else "")
    if not verdict:
        return name, None
    if verdict not in VERDICTS:
        raise ValueError(f"the verdict {verdict!r:.30} is unknown; choose {', '.join(VERDICTS)}")
    if golds and verdict != "gold":
        raise ValueError(f"the verdict is {verdict}, but new_gold has a text; choose gold, or remove the text")
    if verdict == "gold" and not golds:
        raise ValueError("the verdict is gold, but new_gold is empty; give the right answer")
    answer = _unprotect(cells["answer"]).strip()
    if verdict == "right" and not answer:
        return name, Judgement("unanswerable")  # that there is no answer is right
    return name, Judgement(verdict, (answer,) if verdict == "right" else golds)


def _protect(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would compute. Source: OWASP, CSV injection."""
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) else cell


def _unprotect(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell
