"""Decode as transformers' question-answering example does, to the last bit, in order to compare prediction files.

It differs from `mlqa.answers.decoding` in four ways. The n best starts and ends are drawn from all positions of a
window (question, special tokens and padding included), and those outside the context are only dropped afterwards. A
span of two windows counts twice. Outer white space stays. Spans of equal score keep the order in which the example
meets them.

One difference from the example remains: in decomposed Unicode, a token keeps the combining mark of its last letter,
which the example loses.

Source: postprocess_qa_predictions of examples/pytorch/question-answering/utils_qa.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlqa.answers.decoding import find_top_k
from mlqa.answers.predictions_file import index_by_id
from mlqa.data.examples import Examples
from mlqa.features.windows import Windows

Array = np.ndarray


@dataclass(frozen=True)
class RunQaFiles:
    """The contents of the example's files.

    Attributes:
        predictions: predictions.json.
        n_best: nbest_predictions.json.
        null_odds: null_odds.json, or None if "no answer" does not compete.
    """

    predictions: dict[str, str]
    n_best: dict[str, list[dict[str, Any]]]
    null_odds: dict[str, float] | None


def decode_as_run_qa(
    start_logits: Array,
    end_logits: Array,
    windows: Windows,
    examples: Examples,
    *,
    n_best_size: int = 20,
    max_answer_length: int = 30,
    with_null: bool = False,
    null_score_diff_threshold: float = 0.0,
) -> RunQaFiles:
    """Return what run_qa.py writes for these logits.

    If starts or ends of a window have equal logits, the example takes them as numpy's unstable sort left them. Here the
    later position comes first.

    Args:
        start_logits: float32 [windows, max_seq_length].
        end_logits: float32 [windows, max_seq_length].
        windows: All windows of the split.
        examples: The rows that the windows were made of.
        n_best_size: Number of answers to keep per row.
        max_answer_length: The longest answer to consider, in tokens.
        with_null: run_qa's version_2_with_negative: whether "no answer" competes.
        null_score_diff_threshold: Null odds above this mean "no answer".
    """
    window, start, end, score = _select_spans(start_logits, end_logits, windows, n_best_size, max_answer_length)
    bounds = np.searchsorted(windows.row[window], np.arange(len(examples) + 1)).tolist()
    shift = windows.begin - windows.context_begin
    begin = windows.context.starts[start + shift[window]].tolist()
    stop = windows.context.ends[end + shift[window]].tolist()
    starts, ends = start_logits[window, start].tolist(), end_logits[window, end].tolist()
    nulls = _select_null_logits(start_logits[:, 0], end_logits[:, 0], windows, len(examples)) if with_null else None

    predictions, n_best, null_odds = [], [], []
    for row in range(len(examples)):
        context, places = examples.get_context(row), range(bounds[row], bounds[row + 1])
        entries = [_make_entry(starts[place], ends[place], context[begin[place] : stop[place]]) for place in places]
        scores = score[bounds[row] : bounds[row + 1]]
        if nulls is not None:
            scores = _insert_null(entries, scores, nulls[row], n_best_size)
        if not entries or (len(entries) == 1 and not entries[0]["text"]):
            entries.insert(0, _make_entry(0.0, 0.0, "empty"))
            scores = np.array([0.0, *scores])
        weights = np.exp(scores - scores.max())
        for entry, probability in zip(entries, (weights / weights.sum()).tolist(), strict=True):
            entry["probability"] = probability
        n_best.append(entries)
        answer = next(entry for entry in entries if entry["text"]) if with_null else entries[0]
        if nulls is not None:
            first, last = nulls[row]
            odds = first + last - np.float32(answer["start_logit"]) - np.float32(answer["end_logit"])
            null_odds.append(float(odds))
        predictions.append("" if with_null and null_odds[-1] > null_score_diff_threshold else answer["text"])
    ids = examples.ids
    return RunQaFiles(
        index_by_id(ids, predictions), index_by_id(ids, n_best), index_by_id(ids, null_odds) if with_null else None
    )


def _select_spans(
    start_logits: Array, end_logits: Array, windows: Windows, n_best_size: int, max_answer_length: int
) -> tuple[Array, Array, Array, Array]:
    """Return (window, first position, last position, score) [spans] of each row's spans, rows in order, best first."""
    # Reversed, so that the last of equal values wins.
    width = start_logits.shape[1]
    start, end = (width - 1 - find_top_k(logits[:, ::-1], n_best_size) for logits in (start_logits, end_logits))
    line = np.arange(len(windows))[:, None]
    score = start_logits[line, start][:, :, None] + end_logits[line, end][:, None, :]
    reach = end[:, None, :] - start[:, :, None]
    begin = windows.context_begin[:, None]
    stop = begin + (windows.end - windows.begin)[:, None]
    inside = ((start >= begin) & (start < stop))[:, :, None] & ((end >= begin) & (end < stop))[:, None, :]
    window, column = np.nonzero((inside & (reach >= 0) & (reach < max_answer_length)).reshape(len(windows), -1))
    first, last = start[window, column // start.shape[1]], end[window, column % end.shape[1]]
    score = score.reshape(len(windows), -1)[window, column]
    row = windows.row[window]
    order = np.lexsort((-score, row))  # stable: equal scores keep the order of windows, starts and ends
    place = np.arange(len(row)) - np.searchsorted(row, row)
    order = order[place < n_best_size]
    return window[order], first[order], last[order], score[order]


def _make_entry(start_logit: float, end_logit: float, text: str) -> dict[str, Any]:
    return {"start_logit": start_logit, "end_logit": end_logit, "text": text}


def _select_null_logits(starts: Array, ends: Array, windows: Windows, rows: int) -> list[tuple[np.float32, np.float32]]:
    """Return the logits of the first position for each row, from the window in which their sum is lowest."""
    order = np.lexsort((starts + ends, windows.row))
    lowest = order[np.searchsorted(windows.row, np.arange(rows))]
    return list(zip(starts[lowest], ends[lowest], strict=True))


def _insert_null(
    entries: list[dict[str, Any]], scores: Array, null: tuple[np.float32, np.float32], n_best_size: int
) -> Array:
    """Insert "no answer" among the entries, at the end if it is not one of the best. Return all scores."""
    score = null[0] + null[1]
    place = min(int((scores >= score).sum()), n_best_size)
    del entries[max(place, n_best_size - 1) :]
    entries.insert(place, _make_entry(float(null[0]), float(null[1]), ""))
    return np.insert(scores[: len(entries) - 1], place, score)
