"""Compute the best score that a tokenizer permits: a model answers with whole tokens, but a gold answer may end in one.

The best answer has at most max_answer_length tokens, as a model's has.

A model cannot return 'botanikçi' in 'botanikçilerin' if the text is tokenized as botanik ##çilerin. How often this
happens, and what the best choice of tokens would score, is an upper bound for every model that uses the tokenizer. A
model can only exceed it by luck, if the gold's text occurs elsewhere in the context on token boundaries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlqa.data.examples import Answer, Examples
from mlqa.errors import DataError
from mlqa.features.tokens import Tokens
from mlqa.metrics.squad import Version, score_against_golds
from mlqa.tokenization.morphemes import divide

_SPACES = np.array([code for code in range(0x3001) if chr(code).isspace()], dtype=np.uint32)


def compute_oracle_scores(
    examples: Examples, context: Tokens, version: Version = "1.1", max_answer_length: int | None = None
) -> dict[str, float]:
    """Compute the scores that the tokens of the contexts permit.

    Args:
        examples: The rows.
        context: Tokens of `examples.contexts`.
        version: Version of the SQuAD script to score by.
        max_answer_length: The longest answer that decoding returns, in tokens. None means any length.

    Returns:
        The figures of `summarize_oracle_scores`.

    Raises:
        DataError: If there are no rows.
    """
    columns = score_oracle_rows(examples, context, version, max_answer_length)
    figures = summarize_oracle_scores({name: column.sum() for name, column in columns.items()})
    return {name: float(value) for name, value in figures.items()}


def score_oracle_rows(
    examples: Examples, context: Tokens, version: Version = "1.1", max_answer_length: int | None = None
) -> dict[str, np.ndarray]:
    """Score each row with the best span that the tokens permit.

    If a gold is not a span of whole tokens itself, spans around it are tried. They begin with the token that covers its
    first character, with the first token inside it, or with the first token inside it that also begins a word. (F1
    counts white-space words, and dropping a damaged word may score better than keeping a piece of it.) They end
    likewise. Of a gold of more than `max_answer_length` tokens every part of so many is tried. Exact match and F1 are
    maximized independently. Text is cut out by offsets and stripped, as in decoding.

    Args:
        examples: The rows.
        context: Tokens of `examples.contexts`.
        version: Version of the SQuAD script to score by.
        max_answer_length: As in `compute_oracle_scores`.

    Returns:
        {name: float [rows]}: `exact` and `f1` (0-1), the number of gold answers (`golds`), and how many of them begin
        at the start of a token and end at the end of one (`aligned`). `rows` is 1.

    Raises:
        DataError: If there are no rows.
    """
    if not len(examples):
        raise DataError("no rows to score: give at least one")
    tokens = _ContextTokens(examples.contexts, context)
    limit = max_answer_length or len(tokens.text) + 1
    scored = []
    for row in range(len(examples)):
        answers = examples.answers[row]
        texts = list(dict.fromkeys(examples.get_gold_texts(row)))
        spans: set[str] = set()
        aligned = 0
        for answer in dict.fromkeys(answers):
            is_span, candidates = tokens.find_spans_around(int(examples.context_of[row]), answer, limit)
            aligned += is_span * answers.count(answer)
            spans |= candidates
        # A model can always return the empty answer, and nothing else if no token touches the gold.
        scores = [score_against_golds(span, texts, version) for span in spans or {""}]
        exact, f1 = (max(column) for column in zip(*scores, strict=True))
        scored.append((exact, f1, len(answers), aligned, 1))
    names = ("exact", "f1", "golds", "aligned", "rows")
    return dict(zip(names, np.array(scored, dtype=np.float64).T, strict=True))


def summarize_oracle_scores(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Compute figures from sums over rows, which may be arrays of draws.

    Returns:
        boundary_recall: Share (0-1) of the gold answers that begin at the start of a token and end at the end of one,
            without the outer white space of tokens. It is 1 if no row has an answer.
        oracle_exact_match, oracle_f1: Mean over the rows of the best score over golds and spans, 0-100. An unanswerable
            row counts in full, because a model can always return the empty answer.
    """
    return {
        "boundary_recall": divide(sums["aligned"], sums["golds"], 1.0),
        "oracle_exact_match": 100.0 * sums["exact"] / sums["rows"],
        "oracle_f1": 100.0 * sums["f1"] / sums["rows"],
    }


def find_aligned_answers(examples: Examples, context: Tokens) -> np.ndarray:
    """Find the rows whose first gold answer is a span of whole tokens, as counted by boundary_recall.

    Args:
        examples: The rows.
        context: Tokens of `examples.contexts`.

    Returns:
        Boolean [rows], False if a row has no answer.
    """
    tokens = _ContextTokens(examples.contexts, context)
    return np.array(
        [
            bool(answers) and tokens.find_spans_around(int(examples.context_of[row]), answers[0])[0]
            for row, answers in enumerate(examples.answers)
        ],
        dtype=bool,
    )


class _ContextTokens:
    """Concatenation of all contexts, with token offsets into it that exclude outer white space."""

    def __init__(self, contexts: list[str], tokens: Tokens) -> None:
        self.text = "".join(contexts)
        lengths = np.fromiter(map(len, contexts), dtype=np.int64, count=len(contexts))
        begin = np.concatenate([[0], np.cumsum(lengths)])
        shift = np.repeat(begin[:-1], tokens.lengths)
        solid = ~np.isin(np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), dtype="<u4"), _SPACES)
        trimmed_starts, trimmed_ends = _trim(solid, tokens.starts + shift, tokens.ends + shift)
        # A token of white space only (a lone ▁) or of no characters (special tokens) cannot bound an answer.
        kept = trimmed_starts < trimmed_ends
        self.starts, self.ends = trimmed_starts[kept], trimmed_ends[kept]
        self.number = np.flatnonzero(kept)  # of each token among all, as decoding counts them
        self.begin = begin
        # Words begin after and end before white space. Contexts are joined without any, but a token at a joint is the
        # first or last one inside a gold anyway and is tried as such.
        self.word_firsts = np.flatnonzero(np.append(True, ~solid)[self.starts])
        self.word_lasts = np.flatnonzero(np.append(~solid, True)[self.ends])
        self.start_set = set(self.starts.tolist())
        self.end_set = set(self.ends.tolist())

    def find_spans_around(self, context: int, answer: Answer, limit: int | None = None) -> tuple[bool, set[str]]:
        """Return whether the answer is a span of whole tokens, and the texts of the spans to try for it.

        A span has at most `limit` tokens.
        """
        start = int(self.begin[context]) + answer.start
        end = start + len(answer.text)
        is_span = start in self.start_set and end in self.end_set
        # The first token that reaches past the gold's start, and the first token and word inside the gold. Of several
        # tokens with one start, as the bytes of a letter, the last one makes the shortest span.
        covering = int(np.searchsorted(self.ends, start, side="right"))
        inside = int(np.searchsorted(self.starts, start))
        firsts = {place for place in (covering, inside) if place < len(self.starts)}
        firsts |= set(self.word_firsts[np.searchsorted(self.word_firsts, inside) :][:1].tolist())
        # The last token that begins before the gold's end, and the last token and word inside the gold.
        covered = int(np.searchsorted(self.starts, end)) - 1
        within = int(np.searchsorted(self.ends, end, side="right")) - 1
        lasts = {place for place in (covered, within) if place >= 0}
        lasts |= set(self.word_lasts[: np.searchsorted(self.word_lasts, within, side="right")][-1:].tolist())
        if is_span:
            firsts, lasts = {inside}, {within}
        # No start is before this context and no end is after it, so every pair in order is inside.
        spans = {(first, last) for first in firsts for last in lasts if self.starts[first] < self.ends[last]}
        if limit is not None and any(self._count_tokens(*span) > limit for span in spans):
            spans = {span for span in spans if self._count_tokens(*span) <= limit}
            spans |= self._list_parts(min(firsts), max(lasts), limit)
        return is_span, {self.text[self.starts[first] : self.ends[last]].strip() for first, last in spans}

    def _count_tokens(self, first: int, last: int) -> int:
        """Return how many tokens the shortest span with this text has."""
        first = int(np.searchsorted(self.starts, self.starts[first], side="right")) - 1
        last = int(np.searchsorted(self.ends, self.ends[last]))
        return int(self.number[max(first, last)] - self.number[min(first, last)]) + 1

    def _list_parts(self, first: int, last: int, limit: int) -> set[tuple[int, int]]:
        """Return the longest spans of at most `limit` tokens from each token on, and those that end with a word."""
        spans = set()
        for begin in range(first, last + 1):
            end = begin
            while end < last and self._count_tokens(begin, end + 1) <= limit:
                end += 1
            spans.add((begin, end))
            word = self.word_lasts[: np.searchsorted(self.word_lasts, end, side="right")][-1:]
            spans |= {(begin, int(place)) for place in word if place >= begin}
        return spans


def _trim(solid: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move offsets inwards past white space, the characters that are not `solid` (boolean [characters]).

    A token of white space only ends before it starts.
    """
    position = np.arange(len(solid), dtype=np.int64)
    following = np.where(solid, position, len(solid))
    following = np.append(np.minimum.accumulate(following[::-1])[::-1], len(solid))
    preceding = np.concatenate([[0], np.maximum.accumulate(np.where(solid, position + 1, 0))])
    return following[starts], preceding[ends]
