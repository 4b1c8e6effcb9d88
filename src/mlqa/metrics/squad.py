"""The SQuAD score: exact match and token F1, equal to the official scripts to the last bit.

Source: Rajpurkar et al. 2016 (SQuAD 1.1) and 2018 (SQuAD 2.0), evaluate-v1.1.py and evaluate-v2.0.py. The two
agree where gold and prediction hold words. They differ where nothing is left after normalisation:

| case                                 | "1.1"                        | "2.0"                               |
|--------------------------------------|------------------------------|-------------------------------------|
| F1 where gold or prediction is empty | 0, also where both are empty | 1 where both are empty, else 0      |
| a gold answer that normalises to ''  | compared like any other      | skipped; all skipped = unanswerable |
| a row without gold answers           | no such row; scored as "2.0" | 1 for an empty prediction, else 0   |

So "1.1" may hold unanswerable rows, and their score is that of "2.0". Empty means: normalises to ''.
"""

from __future__ import annotations

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
    """Scores of one set of predictions.

    `exact_match` and `f1` are means on the 0-100 scale over `total` rows; `exact_rows` and `f1_rows` hold
    each row's own score (0-1) in the order of the rows, for a bootstrap or a subset.
    """

    exact_match: float
    f1: float
    total: int
    exact_rows: list[float]
    f1_rows: list[float]

    @classmethod
    def summarize_rows(cls, exact_rows: list[float], f1_rows: list[float]) -> SquadScores:
        """The scores of these rows, added up row after row as the official scripts do under Python up to 3.11: the
        builtin `sum` compensates rounding errors since 3.12 and may give another last bit.

        Raises DataError for no rows.
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
        """The scores of the given rows alone, in the given order; equal to scoring nothing but them."""
        rows = list(rows)
        return self.summarize_rows([self.exact_rows[row] for row in rows], [self.f1_rows[row] for row in rows])


def normalize_answer(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, white space folded, in this order.

    Punctuation goes without leaving a space ("T.C." is "tc"); articles go where Unicode word boundaries
    surround them, so a Turkish "Grenoble’a" loses its dative: the official rule, kept for comparison.
    """
    return " ".join(_ARTICLES.sub(" ", _PUNCTUATION.sub("", text.lower())).split())


def compute_exact_match(prediction: str, gold: str) -> float:
    """1.0 where both texts normalise to the same string, else 0.0."""
    return float(normalize_answer(prediction) == normalize_answer(gold))


def compute_f1(prediction: str, gold: str, version: Version = "1.1") -> float:
    """Harmonic mean (0-1) of precision and recall over the bags of normalised, space-separated tokens."""
    return _compute_token_f1(normalize_answer(prediction).split(), normalize_answer(gold).split(), version)


def score_against_golds(prediction: str, golds: Sequence[str], version: Version = "1.1") -> tuple[float, float]:
    """(exact match, F1) of one row, 0-1: each the best over its gold answers, chosen independently."""
    return _score_normalized(normalize_answer(prediction), [normalize_answer(gold) for gold in golds], version)


def compute_squad_scores(
    predictions: Sequence[str | None],
    golds: Sequence[Sequence[str]],
    version: Version = "1.1",
    normalize: Callable[[str], str] = normalize_answer,
) -> SquadScores:
    """Score predictions[row] against golds[row] (no gold: unanswerable); rows are known by position alone.

    None is a row that was not predicted: it scores 0, as in the official 1.1 script, also where no answer is right.
    `normalize` maps a text to space-separated tokens; any but the default is no longer the official score.
    Raises DataError for no rows, for sequences of different lengths and for an unknown version.
    """
    if version not in ("1.1", "2.0"):
        raise DataError(f"SQuAD version {version!r} is unknown: choose 1.1 or 2.0")
    if len(predictions) != len(golds):
        raise DataError(f"{len(predictions)} predictions for {len(golds)} rows: give one a row")
    seen: dict[str, str] = {}  # golds repeat: TQuAD's dev split holds each of them three times

    def normalized(text: str) -> str:
        known = seen.get(text)
        if known is None:
            known = seen[text] = normalize(text)
        return known

    exact_rows: list[float] = []
    f1_rows: list[float] = []
    for prediction, texts in zip(predictions, golds, strict=True):
        exact = f1 = 0.0
        if prediction is not None:
            distinct = [normalized(text) for text in dict.fromkeys(texts)]
            exact, f1 = _score_normalized(normalized(prediction), distinct, version)
        exact_rows.append(exact)
        f1_rows.append(f1)
    return SquadScores.summarize_rows(exact_rows, f1_rows)


def _score_normalized(prediction: str, golds: list[str], version: Version) -> tuple[float, float]:
    """(exact match, F1), 0-1, of normalised texts; this is where the table above is decided."""
    if version == "2.0":
        golds = [gold for gold in golds if gold]
    if not golds:
        empty = float(not prediction)
        return empty, empty
    if prediction in golds:
        # No other gold can give more than an equal one: its F1 is 1.0 exactly, save in 1.1's empty case.
        return 1.0, 1.0 if prediction else 0.0
    tokens = prediction.split()
    return 0.0, max(_compute_token_f1(tokens, gold.split(), version) for gold in golds)


def _compute_token_f1(prediction: list[str], gold: list[str], version: Version) -> float:
    """F1 of two bags of tokens. The order of the operations is that of the scripts: it sets the last bit."""
    if not prediction or not gold:
        return float(version == "2.0" and prediction == gold)
    left: dict[str, int] = {}
    for token in gold:
        left[token] = left.get(token, 0) + 1
    shared = 0
    for token in prediction:
        count = left.get(token, 0)
        if count:
            left[token] = count - 1
            shared += 1
    if not shared:
        return 0.0
    precision = shared / len(prediction)
    recall = shared / len(gold)
    return 2 * precision * recall / (precision + recall)
