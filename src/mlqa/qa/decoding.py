"""Logits to answers: the best spans of every window, merged over the windows of a question.

Order is total, so that equal scores give equal answers on every machine: by score, then start, then end. A span
that stands in two overlapping windows counts once, with its better score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from mlqa.data.examples import Examples
from mlqa.qa.features import Windows

Array = np.ndarray


@dataclass(frozen=True)
class Candidate:
    """One possible answer: `context[start:end] == text`.

    `score` is the sum of a start and an end logit, `probability` its share among the n-best of the question.
    """

    text: str
    start: int
    end: int
    score: float
    probability: float


@dataclass(frozen=True)
class Spans:
    """The best spans of each window: `score`, and `first`, `last` as indices into `windows.context.ids` [windows, n].

    Places without a span have the score -inf. `null_score` [windows] is the score of "no answer".
    """

    score: Array
    first: Array
    last: Array
    null_score: Array


def best_spans(
    start_logits: torch.Tensor,
    end_logits: torch.Tensor,
    windows: Windows,
    chosen: Array,
    width: int,
    n_best_size: int,
    max_answer_length: int,
) -> Spans:
    """The `n_best_size` best spans of each chosen window, from logits [windows, width].

    As in the SQuAD baseline, spans are made of the n best starts and the n best ends inside the context, at most
    `max_answer_length` tokens long.
    """
    left = width - windows.lengths[chosen] if windows.template.pad_left else np.zeros(len(chosen), dtype=np.int64)
    begin = windows.context_begin[chosen] + left
    length = windows.end[chosen] - windows.begin[chosen]
    position = torch.arange(width)[None, :]
    outside = (position < torch.from_numpy(begin)[:, None]) | (position >= torch.from_numpy(begin + length)[:, None])
    starts, ends = start_logits.float().cpu(), end_logits.float().cpu()
    line = torch.arange(len(chosen))
    cls = torch.from_numpy(windows.template.cls_index + left)
    null_score = (starts[line, cls] + ends[line, cls]).numpy()

    count = min(n_best_size, width)
    start_score, start = _best(starts.masked_fill(outside, -torch.inf), count)
    end_score, end = _best(ends.masked_fill(outside, -torch.inf), count)
    reach = end[:, None, :] - start[:, :, None]
    score = start_score[:, :, None] + end_score[:, None, :]
    score = np.where((reach >= 0) & (reach < max_answer_length), score, -np.inf).reshape(len(chosen), -1)
    order = np.argsort(-score, axis=1, kind="stable")[:, :n_best_size]
    shift = (windows.begin[chosen] - begin)[:, None]
    return Spans(
        score=np.take_along_axis(score, order, axis=1),
        first=np.take_along_axis(start, order // count, axis=1) + shift,
        last=np.take_along_axis(end, order % count, axis=1) + shift,
        null_score=null_score,
    )


def _best(logits: torch.Tensor, count: int) -> tuple[Array, Array]:
    """The `count` highest logits a line and their positions, ordered by position; equal logits: the first ones."""
    position = torch.sort(logits, dim=1, descending=True, stable=True).indices[:, :count].sort(dim=1).values
    return logits.gather(1, position).numpy(), position.numpy()


def n_best(
    spans: Spans, windows: Windows, examples: Examples, n_best_size: int, with_null: bool
) -> list[list[Candidate]]:
    """For each row its best candidates, best first; never empty.

    With `with_null`, "no answer" (empty text) competes, scored by its lowest window as in the SQuAD 2.0 baseline.
    """
    row = np.repeat(windows.row, spans.score.shape[1])
    score, first, last = spans.score.ravel(), spans.first.ravel(), spans.last.ravel()
    real = np.isfinite(score)
    row, score, first, last = row[real], score[real], first[real], last[real]
    start, end = windows.context.starts[first], windows.context.ends[last]
    order = np.lexsort((end, start, -score, row))
    bounds = np.searchsorted(row[order], np.arange(len(examples) + 1))
    null = np.full(len(examples), np.inf)
    np.minimum.at(null, windows.row, spans.null_score)

    answers = []
    for number in range(len(examples)):
        chosen = order[bounds[number] : bounds[number + 1]]
        found: dict[tuple[int, int], float] = {}
        context = examples.context(number)
        for index in chosen:
            begin, stop = _trimmed(context, int(start[index]), int(end[index]))
            if begin < stop and (begin, stop) not in found:
                found[begin, stop] = float(score[index])
                if len(found) == n_best_size:
                    break
        candidates = [(context[begin:stop], begin, stop, value) for (begin, stop), value in found.items()]
        if with_null or not candidates:
            candidates.append(("", 0, 0, float(null[number])))
            candidates.sort(key=lambda candidate: -candidate[3])
        answers.append(_with_probabilities(candidates))
    return answers


def _trimmed(context: str, start: int, end: int) -> tuple[int, int]:
    """The span without outer white space: SentencePiece tokens may begin with the space before their word."""
    while start < end and context[start].isspace():
        start += 1
    while start < end and context[end - 1].isspace():
        end -= 1
    return start, end


def _with_probabilities(candidates: list[tuple[str, int, int, float]]) -> list[Candidate]:
    scores = np.array([candidate[3] for candidate in candidates], dtype=np.float64)
    weights = np.exp(scores - scores.max())
    return [
        Candidate(text, start, end, score, float(weight))
        for (text, start, end, score), weight in zip(candidates, weights / weights.sum(), strict=True)
    ]
