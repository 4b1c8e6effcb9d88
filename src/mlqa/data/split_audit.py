"""The figures of one split for the audit, and examples of each finding. docs/data.md defines each figure."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from mlqa.data.answer_boundaries import has_end_inside_word, has_start_inside_word, is_before_apostrophe_suffix
from mlqa.data.examples import Answer, Examples
from mlqa.data.scripts import insert_spaces
from mlqa.data.unicode_oddities import Oddities, name_character

PERCENTILES = (5, 25, 50, 75, 95, 99)
EXAMPLES = 5  # examples kept of each finding: the rest is only counted
EXCERPT = 160
# incidents of reading that are shown with examples
NOTES = (
    "dropped", "short_of_a_gold", "offsets_by_rule", "respelt_answers", "repaired_offsets", "stripped_answers",
    "duplicate_ids",
)  # fmt: skip

Figures = dict[str, Any]
Found = dict[str, list[dict[str, str]]]  # finding -> [{"place", "text"}, ...]


def audit_split(examples: Examples) -> tuple[Figures, Found]:
    """Compute the figures of a split, and collect at most `EXAMPLES` examples of each finding.

    Args:
        examples: The split, with at least one row.
    """
    findings = Findings()
    for kind in NOTES:
        for note in examples.notes.get(kind, ())[:EXAMPLES]:
            findings.add(kind, note.place, note.text)
    figures = {
        "rows": _count_rows(examples),
        "offsets": _count_offsets(examples),
        "duplicates": _find_duplicates(examples, findings),
        "boundaries": _check_boundaries(examples, findings),
        "unicode": _check_unicode(examples, findings),
        "lengths": _measure_lengths(examples),
    }
    return figures, findings.examples


class Findings:
    """The first examples of each finding."""

    def __init__(self) -> None:
        self.examples: Found = {}

    def add(self, kind: str, place: str, text: str) -> None:
        """Keep an example if its finding has fewer than `EXAMPLES`."""
        known = self.examples.setdefault(kind, [])
        if len(known) < EXAMPLES:
            known.append({"place": place, "text": text if len(text) <= EXCERPT else text[: EXCERPT - 3] + "..."})


def format_place(examples: Examples, row: int) -> str:
    """Return what names a row in a finding."""
    return f"row {row} (id {examples.ids[row]})"


def _count_rows(examples: Examples) -> Figures:
    """Count the rows read, and those left after dropping and after max_train_samples or max_eval_samples."""
    read = examples.counts.get("rows", len(examples))
    dropped = examples.counts.get("dropped", 0)
    return {
        "read": read,
        "dropped": dropped,
        "short_of_a_gold": examples.counts.get("short_of_a_gold", 0),
        "kept": read - dropped,
        "audited": len(examples),
        "contexts": len(examples.contexts),
        "unanswerable": sum(not examples.is_answerable(row) for row in range(len(examples))),
        "duplicate_ids": examples.counts.get("duplicate_ids", 0),
    }


def _count_offsets(examples: Examples) -> Figures:
    """Count the golds as read, with each (text, start) of a row once."""
    counts = examples.counts
    golds = counts.get("answers", sum(len(set(answers)) for answers in examples.answers))
    found = {
        "repaired": counts.get("repaired_offsets", 0),
        "by_rule": counts.get("offsets_by_rule", 0),
        "respelt": counts.get("respelt_answers", 0),
        "unlocated": counts.get("unlocated_answers", 0),
    }
    return {
        "golds": golds,
        "right": golds - sum(found.values()),
        **found,
        "stripped": counts.get("stripped_answers", 0),
    }


def _find_duplicates(examples: Examples, findings: Findings) -> Figures:
    """Count rows whose context and question are the same, and groups of them whose answers have different texts."""
    groups: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    for row, context in enumerate(examples.context_of.tolist()):
        groups[context, examples.questions[row]].append(row)
    repeated = [rows for rows in groups.values() if len(rows) > 1]
    conflicting = 0
    for rows in repeated:
        texts = {row: frozenset(answer.text for answer in examples.answers[row]) for row in rows}
        shown = " | ".join(dict.fromkeys(" / ".join(sorted(golds)) or "(no answer)" for golds in texts.values()))
        place = ", ".join(format_place(examples, row) for row in rows[:3])
        if len(set(texts.values())) > 1:
            conflicting += 1
            findings.add("conflicting", place, f"{examples.questions[rows[0]]} -> {shown}")
        else:
            findings.add("duplicates", place, examples.questions[rows[0]])
    return {
        "rows": sum(len(rows) - 1 for rows in repeated),
        "groups": len(repeated),
        "conflicting_groups": conflicting,
    }


def _check_boundaries(examples: Examples, findings: Findings) -> Figures:
    """Count the golds of the audited rows by their boundaries, with each (text, start) of a row once."""
    tests: dict[str, Callable[[str, Answer], bool]] = {
        "begin_inside_word": has_start_inside_word,
        "end_inside_word": has_end_inside_word,
        "before_apostrophe_suffix": is_before_apostrophe_suffix,
    }
    counts = dict.fromkeys(("golds", "inside_word", *tests), 0)
    for row, answers in enumerate(examples.answers):
        context = examples.get_context(row)
        for answer in dict.fromkeys(answers):
            true = [name for name, test in tests.items() if test(context, answer)]
            counts["golds"] += 1
            counts["inside_word"] += "begin_inside_word" in true or "end_inside_word" in true
            for name in true:
                counts[name] += 1
                before, after = context[max(0, answer.start - 12) : answer.start], context[answer.end : answer.end + 12]
                findings.add(name, format_place(examples, row), f"{before}[{answer.text}]{after}")
    return counts


def _check_unicode(examples: Examples, findings: Findings) -> Figures:
    """Count oddities in the distinct contexts and all questions. Answers are in contexts, and not counted again."""
    oddities = Oddities()
    _, some_row = np.unique(examples.context_of, return_index=True)
    not_nfc = {
        "contexts": oddities.scan_texts(
            examples.contexts, lambda number: f"{format_place(examples, some_row[number])}, context"
        ),
        "questions": oddities.scan_texts(examples.questions, lambda row: f"{format_place(examples, row)}, question"),
    }
    golds = (set(answers) for answers in examples.answers)
    not_nfc["answers"] = sum(not unicodedata.is_normalized("NFC", answer.text) for texts in golds for answer in texts)
    for place, text in oddities.not_nfc:
        findings.add("not_nfc", place, text)
    for character, places in oddities.examples.items():
        for place, text in places:
            findings.add(name_character(character), place, text)
    apostrophes = {name_character(character): count for character, count in oddities.apostrophes.most_common()}
    return {
        "not_nfc": not_nfc,
        **oddities.count_by_kind(),
        "apostrophes": apostrophes,
        "mixed_apostrophes": len(apostrophes) > 1,
    }


def _measure_lengths(examples: Examples) -> dict[str, dict[str, float]]:
    """Compute percentiles over distinct contexts, all questions, and golds, with each (text, start) of a row once."""
    golds = (answer.text for answers in examples.answers for answer in dict.fromkeys(answers))
    return {
        "context_characters": _compute_percentiles(map(len, examples.contexts)),
        "context_words": _compute_percentiles(len(insert_spaces(context).split()) for context in examples.contexts),
        "question_characters": _compute_percentiles(map(len, examples.questions)),
        "answer_characters": _compute_percentiles(map(len, golds)),
    }


def _compute_percentiles(numbers: Iterable[int]) -> dict[str, float]:
    """Compute percentiles by linear interpolation (numpy's default), or {} if there are no numbers."""
    values = np.fromiter(numbers, dtype=np.int64)
    if not len(values):
        return {}
    percentiles = np.percentile(values, PERCENTILES)
    return {
        **{f"p{share}": round(float(value), 1) for share, value in zip(PERCENTILES, percentiles, strict=True)},
        "max": int(values.max()),
    }
