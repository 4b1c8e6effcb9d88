"""Compute the best score that a tokenizer permits: a model answers with whole tokens, but a gold answer may end in one.

A model cannot return 'botanikçi' in 'botanikçilerin' if the text is tokenized as botanik ##çilerin. How often this
happens, and what the best choice of tokens would score, is an upper bound for every model that uses the tokenizer. A
model can only exceed it by luck, if the gold's text occurs elsewhere in the context on token boundaries.
"""

from __future__ import annotations

import numpy as np

from mlqa.data.examples import Answer, Examples
from mlqa.errors import DataError
from mlqa.features.tokens import Tokens
from mlqa.metrics.squad import Version, score_against_golds

_SPACES = np.array([code for code in range(0x3001) if chr(code).isspace()], dtype=np.uint32)


def compute_oracle_scores(examples: Examples, context: Tokens, version: Version = "1.1") -> dict[str, float]:
    """Compute the scores that the tokens of the contexts permit.

    If a gold is not a span of whole tokens itself, spans around it are tried. They begin with the token that covers its
    first character, with the first token inside it, or with the first token inside it that also begins a word. (F1
    counts white-space words, and dropping a damaged word may score better than keeping a piece of it.) They end
    likewise. Exact match and F1 are maximized independently. Text is cut out by offsets and stripped, as in decoding.

    Args:
        examples: The rows.
        context: Tokens of `examples.contexts`.
        version: Version of the SQuAD script to score by.

    Returns:
        boundary_recall: Share (0-1) of the gold answers that begin at the start of a token and end at the end of one,
            without the outer white space of tokens. It is 1 if no row has an answer.
        oracle_exact_match, oracle_f1: Mean over the rows of the best score over golds and spans, 0-100. An unanswerable
            row counts in full, because a model can always return the empty answer.

    Raises:
        DataError: If there are no rows.
    """
    if not len(examples):
        raise DataError("no rows to score: give at least one")
    tokens = _ContextTokens(examples.contexts, context)
    aligned = golds = 0
    exact_total = f1_total = 0.0
    for row in range(len(examples)):
        answers = examples.answers[row]
        texts = list(dict.fromkeys(examples.get_gold_texts(row)))
        spans: set[str] = set()
        for answer in dict.fromkeys(answers):
            is_span, candidates = tokens.find_spans_around(int(examples.context_of[row]), answer)
            aligned += is_span * answers.count(answer)
            spans |= candidates
        golds += len(answers)
        # A model can always return the empty answer, and nothing else if no token touches the gold.
        scores = [score_against_golds(span, texts, version) for span in spans or {""}]
        exact_total += max(exact for exact, _ in scores)
        f1_total += max(f1 for _, f1 in scores)
    return {
        "boundary_recall": aligned / golds if golds else 1.0,
        "oracle_exact_match": 100.0 * exact_total / len(examples),
        "oracle_f1": 100.0 * f1_total / len(examples),
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
        self.begin = begin
        # Words begin after and end before white space. Contexts are joined without any, but a token at a joint is the
        # first or last one inside a gold anyway and is tried as such.
        self.word_starts = self.starts[np.append(True, ~solid)[self.starts]]
        self.word_ends = self.ends[np.append(~solid, True)[self.ends]]
        self.start_set = set(self.starts.tolist())
        self.end_set = set(self.ends.tolist())

    def find_spans_around(self, context: int, answer: Answer) -> tuple[bool, set[str]]:
        """Return whether the answer is a span of whole tokens, and the texts of the spans to try for it."""
        start = int(self.begin[context]) + answer.start
        end = start + len(answer.text)
        if start in self.start_set and end in self.end_set:
            return True, {self.text[start:end].strip()}
        # Starts of the first token that reaches past the gold's start, and of the first token and word inside the gold.
        firsts = [
            *self.starts[np.searchsorted(self.ends, start, side="right") :][:1],
            *self.starts[np.searchsorted(self.starts, start) :][:1],
            *self.word_starts[np.searchsorted(self.word_starts, start) :][:1],
        ]
        # Ends of the last token that begins before the gold's end, and of the last token and word inside the gold.
        lasts = [
            *self.ends[: np.searchsorted(self.starts, end)][-1:],
            *self.ends[: np.searchsorted(self.ends, end, side="right")][-1:],
            *self.word_ends[: np.searchsorted(self.word_ends, end, side="right")][-1:],
        ]
        # No start is before this context and no end is after it, so every pair in order is inside.
        return False, {self.text[s:e].strip() for s in firsts for e in lasts if s < e}


def _trim(solid: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move offsets inwards past white space, the characters that are not `solid` (boolean [characters]).

    A token of white space only ends before it starts.
    """
    position = np.arange(len(solid), dtype=np.int64)
    following = np.where(solid, position, len(solid))
    following = np.append(np.minimum.accumulate(following[::-1])[::-1], len(solid))
    preceding = np.concatenate([[0], np.maximum.accumulate(np.where(solid, position + 1, 0))])
    return following[starts], preceding[ends]
