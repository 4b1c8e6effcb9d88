"""The best score a tokenizer permits: a model answers with whole tokens, a gold answer may end inside one.

'botanikçi' in 'botanikçilerin' cannot be returned where the text is tokenized as botanik ##çilerin. How often
that happens, and what the best choice of tokens would score, bounds every model that uses the tokenizer
(but for luck: the gold's text may stand elsewhere in the context, on boundaries of its own).
"""

from __future__ import annotations

import numpy as np

from mlqa.data.examples import Answer, Examples
from mlqa.errors import DataError
from mlqa.metrics.squad import Version, score_against_golds

_SPACES = np.array([code for code in range(0x3001) if chr(code).isspace()], dtype=np.uint32)


def compute_oracle_scores(
    examples: Examples,
    token_starts: np.ndarray,
    token_ends: np.ndarray,
    first_token: np.ndarray,
    version: Version = "1.1",
) -> dict[str, float]:
    """What the tokens of the contexts allow, over all rows of `examples`.

    token_starts, token_ends: [tokens] integers, character offsets into the token's own context, where they
    never fall; first_token: [contexts + 1], the tokens of context c are first_token[c]:first_token[c + 1].

    boundary_recall     share (0-1) of the gold answers that begin where a token begins and end where a token
                        ends, outer white space of tokens aside; 1 where no row has an answer
    oracle_exact_match  0-100, mean over rows of the best score over golds and token spans around them, under
    oracle_f1           the SQuAD `version` given; an unanswerable row counts 1, for the empty answer is free

    Where the gold is no token span itself, those tried begin with the token that covers its first character,
    with the first token inside it, or with the first inside that also begins a word (F1 counts white-space
    words, and leaving a spoiled one out may beat keeping a piece of it); they end likewise. EM and F1 take
    their best independently. Text is taken by offsets and stripped, as decoding does.
    Raises DataError for no rows, or for arrays that do not fit the contexts.
    """
    if not len(examples):
        raise DataError("no rows: there is no oracle score of nothing")
    tokens = _ContextTokens(examples.contexts, token_starts, token_ends, first_token)
    found = golds = 0
    exact_total = f1_total = 0.0
    for row in range(len(examples)):
        answers = examples.answers[row]
        texts = list(dict.fromkeys(examples.get_gold_texts(row)))
        spans: set[str] = set()
        for answer in dict.fromkeys(answers):
            aligned, candidates = tokens.find_spans_around(int(examples.context_of[row]), answer)
            found += aligned * answers.count(answer)
            spans |= candidates
        golds += len(answers)
        # An empty answer is always open to a model, and all there is where no token touches the gold.
        scores = [score_against_golds(span, texts, version) for span in spans or {""}]
        exact_total += max(exact for exact, _ in scores)
        f1_total += max(f1 for _, f1 in scores)
    return {
        "boundary_recall": found / golds if golds else 1.0,
        "oracle_exact_match": 100.0 * exact_total / len(examples),
        "oracle_f1": 100.0 * f1_total / len(examples),
    }


def find_aligned_answers(
    examples: Examples, token_starts: np.ndarray, token_ends: np.ndarray, first_token: np.ndarray
) -> np.ndarray:
    """Boolean [rows]: the first gold answer begins where a token begins and ends where one ends, as boundary_recall
    counts it; False where there is none. Arguments and errors as of `oracle_scores`."""
    tokens = _ContextTokens(examples.contexts, token_starts, token_ends, first_token)
    return np.array(
        [
            bool(answers) and tokens.find_spans_around(int(examples.context_of[row]), answers[0])[0]
            for row, answers in enumerate(examples.answers)
        ],
        dtype=bool,
    )


class _ContextTokens:
    """All contexts laid end to end, with the tokens' offsets trimmed of white space and moved alongside."""

    def __init__(
        self, contexts: list[str], token_starts: np.ndarray, token_ends: np.ndarray, first_token: np.ndarray
    ) -> None:
        self.text = "".join(contexts)
        lengths = np.fromiter(map(len, contexts), dtype=np.int64, count=len(contexts))
        begin = np.concatenate([[0], np.cumsum(lengths)])
        starts, ends = _validate_offsets(lengths, token_starts, token_ends, first_token)
        shift = np.repeat(begin[:-1], np.diff(first_token))
        solid = ~np.isin(np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), dtype="<u4"), _SPACES)
        trimmed_starts, trimmed_ends = _trim(solid, starts + shift, ends + shift)
        # A token of white space alone (a lone ▁) or without extent (special tokens) bounds no answer.
        kept = trimmed_starts < trimmed_ends
        self.starts, self.ends = trimmed_starts[kept], trimmed_ends[kept]
        self.begin = begin
        # Words begin after and end before white space. Also at the seams of contexts, but a token there is
        # the first or the last inside a gold anyway, and tried as such.
        self.word_starts = self.starts[np.append(True, ~solid)[self.starts]]
        self.word_ends = self.ends[np.append(~solid, True)[self.ends]]
        self.start_set = set(self.starts.tolist())
        self.end_set = set(self.ends.tolist())

    def find_spans_around(self, context: int, answer: Answer) -> tuple[bool, set[str]]:
        """(Is the answer a token span itself, texts of the spans tried for it)."""
        start = int(self.begin[context]) + answer.start
        end = start + len(answer.text)
        if start in self.start_set and end in self.end_set:
            return True, {self.text[start:end].strip()}
        # Starts: of the first token that reaches past the gold's start; of the first tokens that begin in it.
        firsts = [
            *self.starts[np.searchsorted(self.ends, start, side="right") :][:1],
            *self.starts[np.searchsorted(self.starts, start) :][:1],
            *self.word_starts[np.searchsorted(self.word_starts, start) :][:1],
        ]
        # Ends, mirrored: of the last token that begins before the gold's end; of the last that end in it.
        lasts = [
            *self.ends[: np.searchsorted(self.starts, end)][-1:],
            *self.ends[: np.searchsorted(self.ends, end, side="right")][-1:],
            *self.word_ends[: np.searchsorted(self.word_ends, end, side="right")][-1:],
        ]
        # No first token lies before this context, no last one behind it: an ordered pair is inside.
        return False, {self.text[s:e].strip() for s in firsts for e in lasts if s < e}


def _validate_offsets(
    lengths: np.ndarray, token_starts: np.ndarray, token_ends: np.ndarray, first_token: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets as int64, if they fit the contexts; searching them needs order, and slicing needs bounds."""
    if len(first_token) != len(lengths) + 1 or first_token[0] != 0 or (np.diff(first_token) < 0).any():
        raise DataError(f"first_token must hold {len(lengths) + 1} indices from 0, rising: one a context, one end")
    if not len(token_starts) == len(token_ends) == int(first_token[-1]):
        raise DataError(
            f"{len(token_starts)} token starts and {len(token_ends)} ends for {int(first_token[-1])} tokens"
        )
    starts, ends = token_starts.astype(np.int64), token_ends.astype(np.int64)
    limit = np.repeat(lengths, np.diff(first_token))
    if (starts < 0).any() or (starts > ends).any() or (ends > limit).any():
        raise DataError("token offsets reach outside their context: pass offsets into the context's own text")
    # A fall is allowed only where the next context begins.
    within = np.ones(max(len(starts) - 1, 0), dtype=bool)
    seams = first_token[1:-1]
    within[seams[(seams > 0) & (seams < len(starts))] - 1] = False
    if ((np.diff(starts) < 0) & within).any() or ((np.diff(ends) < 0) & within).any():
        raise DataError("token offsets fall within a context: pass tokens in text order, without specials")
    return starts, ends


def _trim(solid: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The offsets moved inwards past white space (characters that are not `solid`, boolean [characters]); a
    token that holds nothing else ends before it starts."""
    position = np.arange(len(solid), dtype=np.int64)
    following = np.where(solid, position, len(solid))
    following = np.append(np.minimum.accumulate(following[::-1])[::-1], len(solid))
    preceding = np.concatenate([[0], np.maximum.accumulate(np.where(solid, position + 1, 0))])
    return following[starts], preceding[ends]
