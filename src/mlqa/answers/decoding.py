"""Logits to answers: the best spans of every window, merged over the windows of a question.

Order is total, so that equal scores give equal answers on every machine: by score, then start, then end. A span
that stands in two overlapping windows counts once, with its better score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from mlqa.data.examples import Examples
from mlqa.features.windows import Windows

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


def select_best_spans(
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
    stop = begin + windows.end[chosen] - windows.begin[chosen]
    position = np.arange(width)
    outside = (position < begin[:, None]) | (position >= stop[:, None])
    starts, ends = start_logits.float().cpu().numpy(), end_logits.float().cpu().numpy()
    line, cls = np.arange(len(chosen)), windows.template.cls_index + left
    null_score = starts[line, cls] + ends[line, cls]

    starts, ends = np.where(outside, -np.inf, starts), np.where(outside, -np.inf, ends)
    start, end = np.sort(find_top_k(starts, n_best_size)), np.sort(find_top_k(ends, n_best_size))
    reach = end[:, None, :] - start[:, :, None]
    score = np.take_along_axis(starts, start, 1)[:, :, None] + np.take_along_axis(ends, end, 1)[:, None, :]
    score = np.where((reach >= 0) & (reach < max_answer_length), score, -np.inf).reshape(len(chosen), -1)
    order = find_top_k(score, n_best_size)
    shift = (windows.begin[chosen] - begin)[:, None]
    return Spans(
        score=np.take_along_axis(score, order, axis=1),
        first=np.take_along_axis(start, order // start.shape[1], axis=1) + shift,
        last=np.take_along_axis(end, order % start.shape[1], axis=1) + shift,
        null_score=null_score,
    )


def find_top_k(values: Array, count: int, last_of_equal: bool = False) -> Array:
    """The columns of the `count` highest values a line, highest first, and of equal values those that come first, or
    last. Values [lines, columns] are taken as float32, columns are fewer than 2**31."""
    width = values.shape[1]
    count = min(count, width)
    # Integers in the order of the floats (of which -0.0 and 0.0 are one), each with its column: nothing is equal then.
    bits = (np.asarray(values, dtype=np.float32) + np.float32(0)).view(np.int32)
    keys = np.where(bits >= 0, bits, bits ^ 0x7FFFFFFF).astype(np.int64) << 32
    keys |= np.arange(width) if last_of_equal else np.arange(width)[::-1]
    top = np.sort(np.partition(keys, width - count)[:, width - count :])[:, ::-1] & 0x7FFFFFFF
    return np.asarray(top if last_of_equal else width - 1 - top)


def decode_best_texts(spans: Spans, windows: Windows, examples: Examples) -> list[str]:
    """For each row the text of the first candidate of `n_best`, "no answer" aside, at a tenth of its time."""
    window, column = np.nonzero(np.isfinite(spans.score) & (spans.score == spans.score[:, :1]))
    row, score = windows.row[window], spans.score[window, column]
    start, end = windows.context.starts[spans.first[window, column]], windows.context.ends[spans.last[window, column]]
    order = np.lexsort((end, start, -score, row))
    best = order[np.flatnonzero(np.diff(row[order], prepend=-1))]
    texts = [""] * len(examples)
    for number, begin, stop in zip(row[best].tolist(), start[best].tolist(), end[best].tolist(), strict=True):
        texts[number] = examples.get_context(number)[begin:stop].strip()
    if "" in texts:  # the best span may be white space, a token of its own in some vocabularies
        candidates = decode_n_best(spans, windows, examples, 1, with_null=False)
        texts = [text or candidates[number][0].text for number, text in enumerate(texts)]
    return texts


def decode_n_best(
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
        context = examples.get_context(number)
        for index in chosen:
            begin, stop = _trim_whitespace(context, int(start[index]), int(end[index]))
            if begin < stop and (begin, stop) not in found:
                found[begin, stop] = float(score[index])
                if len(found) == n_best_size:
                    break
        candidates = [(context[begin:stop], begin, stop, value) for (begin, stop), value in found.items()]
        if with_null or not candidates:
            candidates.append(("", 0, 0, float(null[number])))
            candidates.sort(key=lambda candidate: -candidate[3])
        answers.append(_add_probabilities(candidates))
    return answers


def _trim_whitespace(context: str, start: int, end: int) -> tuple[int, int]:
    """The span without outer white space: SentencePiece tokens may begin with the space before their word."""
    while start < end and context[start].isspace():
        start += 1
    while start < end and context[end - 1].isspace():
        end -= 1
    return start, end


def _add_probabilities(candidates: list[tuple[str, int, int, float]]) -> list[Candidate]:
    scores = np.array([candidate[3] for candidate in candidates], dtype=np.float64)
    weights = np.exp(scores - scores.max())
    return [
        Candidate(text, start, end, score, float(weight))
        for (text, start, end, score), weight in zip(candidates, weights / weights.sum(), strict=True)
    ]
