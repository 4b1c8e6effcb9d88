"""The audit of a data set before training: `figures` for every run's record, and examples of each finding.

docs/data.md defines each figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlqa.data.examples import Examples
from mlqa.data.leakage import WAYS, find_leakage
from mlqa.data.load import SPLITS, Splits
from mlqa.data.split_audit import EXAMPLES, EXCERPT, Figures, Findings, Found, audit_split, format_place

LEAKAGE = {"leakage": "validation", "test_leakage": "test"}  # figures, and the split that is looked for in train


@dataclass(frozen=True)
class Audit:
    """The result of an audit, as nested dicts that can be written as JSON.

    Attributes:
        figures: {"train": {...}, "validation": {...}, "leakage": {...}}, numbers only, also "test" and "test_leakage"
            if there is a test split. A split without rows is missing, and so is its leakage.
        examples: {"train": {finding: [{"place", "text"}, ...]}, ...}, at most `EXAMPLES` per finding.
    """

    figures: Figures
    examples: dict[str, Found]


def audit(splits: Splits) -> Audit:
    """Audit a data set as far as no tokenizer is needed.

    The time is about linear in the rows (0.9 s for TQuAD's 9,200).

    Args:
        splits: The data set, of which any split may be empty.
    """
    figures: Figures = {}
    examples: dict[str, Found] = {}
    for name in SPLITS:
        split: Examples = getattr(splits, name)
        if len(split):
            figures[name], examples[name] = audit_split(split)
    for key, name in LEAKAGE.items():
        if {"train", name} <= figures.keys():
            figures[key], examples[key] = _audit_leakage(splits.train, getattr(splits, name), name)
    return Audit(figures, examples)


def _audit_leakage(train: Examples, scored: Examples, name: str) -> tuple[Figures, Found]:
    questions, contexts = find_leakage(scored, train)
    findings = Findings()

    def question(split: Examples, row: int) -> str:
        return split.questions[row]

    def context(split: Examples, row: int) -> str:
        return split.get_context(row)[: EXCERPT // 2]

    for kind, leak, text in (("questions", questions, question), ("contexts", contexts, context)):
        for number, way in enumerate(WAYS):
            for row in np.flatnonzero(leak.way == number)[:EXAMPLES].tolist():
                twin = int(leak.twin[row])
                both = f" ~ {text(train, twin)}" if number else ""
                place = f"{format_place(scored, row)}, train {format_place(train, twin)}"
                findings.add(f"{way}_{kind}", place, text(scored, row) + both)
    figures = {
        f"{name}_rows": len(scored),
        "questions": questions.count_by_way(),
        "contexts": contexts.count_by_way(),
    }
    return figures, findings.examples
