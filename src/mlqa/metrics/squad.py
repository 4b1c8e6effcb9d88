"""Compute the SQuAD score: exact match and token F1, equal to the official scripts to the last bit.

Source: Rajpurkar et al. 2016 (SQuAD 1.1) and 2018 (SQuAD 2.0), evaluate-v1.1.py and evaluate-v2.0.py. The two scripts
agree if gold and prediction contain words. They differ if a text is empty, which means that it normalizes to '':

| case                               | "1.1"                         | "2.0"                                 |
|------------------------------------|-------------------------------|---------------------------------------|
| F1 if gold or prediction is empty  | 0, even if both are empty     | 1 if both are empty, else 0           |
| a gold answer that normalizes to ''| compared like any other       | skipped, and if all are, unanswerable |
| a row without gold answers         | no such row, scored as "2.0"  | 1 for an empty prediction, else 0     |

A data set under "1.1" may therefore have unanswerable rows. They are scored as under "2.0".
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mlqa.errors import DataError

Version = Literal["1.1", "2.0"]

_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]+")
_ARTICLES = re.compile(r"\b(?:an?|the)\b")


@dataclass(frozen=True)
class SquadScores:
    """Scores of a set of predictions.

    Attributes:
        exact_match: Mean exact match over the rows, 0-100.
        f1: Mean F1 over the rows, 0-100.
        total: Number of rows.
        exact_rows: Exact match of each row, 0-1, for a bootstrap or a subset [rows].
        f1_rows: F1 of each row, 0-1 [rows].
    """

    exact_match: float
    f1: float
    total: int
    exact_rows: list[float]
    f1_rows: list[float]

    @classmethod
    def summarize_rows(cls, exact_rows: list[float], f1_rows: list[float]) -> SquadScores:
        """Average the scores of the rows.

        They are added one after the other, as the official scripts do under Python up to 3.11. Since 3.12, the builtin
        `sum` compensates for rounding errors and may yield a different last bit.

        Args:
            exact_rows: Exact match of each row, 0-1.
            f1_rows: F1 of each row, 0-1.

        Returns:
            The scores of all rows.

        Raises:
            DataError: If there are no rows.
        """
        if not exact_rows:
            raise DataError("no rows to score: give at least one prediction")
        exact_total = f1_total = 0.0
        for exact, f1 in zip(exact_rows, f1_rows, strict=True):
            exact_total += exact
            f1_total += f1
        total = len(exact_rows)
        return cls(100.0 * exact_total / total, 100.0 * f1_total / total, total, exact_rows, f1_rows)

    def select(self, rows: Iterable[int]) -> SquadScores:
        """Return the scores of the given rows, in the given order, as if only they had been scored."""
        rows = list(rows)
        return self.summarize_rows([self.exact_rows[row] for row in rows], [self.f1_rows[row] for row in rows])


def normalize_answer(text: str) -> str:
    """Lower-case a text, remove ASCII punctuation and English articles, and collapse white space, in this order.

    Punctuation is removed without leaving a space: "T.C." becomes "tc". Articles are removed between Unicode word
    boundaries, so a Turkish "Grenoble’a" loses its dative. This is the official rule, kept for comparison.
    """
    return " ".join(_ARTICLES.sub(" ", _PUNCTUATION.sub("", text.lower())).split())


def score_against_golds(prediction: str, golds: Sequence[str], version: Version = "1.1") -> tuple[float, float]:
    """Score one prediction against its gold answers.

    Args:
        prediction: The predicted text.
        golds: The gold answers, none if the question is unanswerable.
        version: Version of the official script to follow.

    Returns:
        Exact match, and F1 as the harmonic mean of precision and recall over the bags of normalized tokens. Both are
        0-1, and each is the best over the gold answers, chosen independently.
    """
    return _score_normalized(normalize_answer(prediction), [normalize_answer(gold) for gold in golds], version)


def compute_squad_scores(
    predictions: Sequence[str | None],
    golds: Sequence[Sequence[str]],
    version: Version = "1.1",
    normalize: Callable[[str], str] = normalize_answer,
    split: Callable[[str], list[str]] = str.split,
) -> SquadScores:
    """Score predictions against gold answers, row by row.

    Args:
        predictions: Predicted text of each row. A row that was not predicted (None) scores 0, as in the official 1.1
            script, even if no answer would be right.
        golds: Gold answers of each row, none if the question is unanswerable.
        version: Version of the official script to follow.
        normalize: Function from a text to what exact match compares. The score is only official with the default.
        split: Function from a normalized text to the tokens of F1, by default what is between spaces.

    Returns:
        The scores of all rows and of each one.

    Raises:
        DataError: If there are no rows, if the lengths differ, or if the version is unknown.
    """
    if version not in ("1.1", "2.0"):
        raise DataError(f"SQuAD version {version!r} is unknown: choose 1.1 or 2.0")
    if len(predictions) != len(golds):
        raise DataError(f"{len(predictions)} predictions for {len(golds)} rows: give one per row")
    normalize = functools.cache(normalize)  # golds repeat: TQuAD's dev split has each of them three times
    exact_rows: list[float] = []
    f1_rows: list[float] = []
    for prediction, texts in zip(predictions, golds, strict=True):
        exact = f1 = 0.0
        if prediction is not None:
            distinct = [normalize(text) for text in dict.fromkeys(texts)]
            exact, f1 = _score_normalized(normalize(prediction), distinct, version, split)
        exact_rows.append(exact)
        f1_rows.append(f1)
    return SquadScores.summarize_rows(exact_rows, f1_rows)


def _score_normalized(
    prediction: str, golds: list[str], version: Version, split: Callable[[str], list[str]] = str.split
) -> tuple[float, float]:
    """Return (exact match, F1), 0-1, of normalized texts. This implements the table above."""
    if version == "2.0":
        golds = [gold for gold in golds if gold]
    if not golds:
        empty = float(not prediction)
        return empty, empty
    if prediction in golds:
        # No other gold can score higher than an equal one: its F1 is exactly 1.0, except in the empty case of 1.1.
        return 1.0, 1.0 if prediction else 0.0
    tokens = split(prediction)
    return 0.0, max(_compute_token_f1(tokens, split(gold), version) for gold in golds)


def _compute_token_f1(prediction: list[str], gold: list[str], version: Version) -> float:
    """Return the F1 of two bags of tokens. Operations keep the order of the scripts, which determines the last bit."""
    if not prediction or not gold:
        return float(version == "2.0" and prediction == gold)
    common = set(gold).intersection(prediction)
    shared = sum(min(prediction.count(token), gold.count(token)) for token in common)
    if not shared:
        return 0.0
    precision = shared / len(prediction)
    recall = shared / len(gold)
    return 2 * precision * recall / (precision + recall)
