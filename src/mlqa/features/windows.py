"""Examples to windows: what a model reads, kept as flat integer arrays.

A window is [specials] question [specials] a stretch of the context [specials]. Contexts are tokenised once,
however many questions and windows share them, and a window is only two indices into the context's tokens until
its batch is made. Ids, masks, offsets and labels are those that transformers' question-answering example makes
of the same data (`tokenizer(question, context, truncation="only_second", stride=...)`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from mlqa.data.examples import Examples
from mlqa.errors import ModelError
from mlqa.features.token_cache import TokenCache
from mlqa.features.tokens import Tokens, locate_gold_tokens, prepare_backend, tokenize, truncate_tokens

PROBE = "a"


@dataclass(frozen=True)
class Template:
    """What the tokenizer puts before, between and after a pair; `kinds` are the token_type_ids of the five parts."""

    before: np.ndarray
    between: np.ndarray
    after: np.ndarray
    kinds: tuple[np.ndarray, int, np.ndarray, int, np.ndarray]
    cls_index: int  # where windows without an answer point, counted from the window's first token
    pad_id: int
    pad_left: bool
    has_token_type_ids: bool

    @property
    def specials(self) -> int:
        return len(self.before) + len(self.between) + len(self.after)


@dataclass(frozen=True)
class Windows:
    """All windows of a split.

    `row`, `begin`, `end` [windows]: the example, and its context's tokens begin ... end - 1 as indices into
    `context.ids`. `start_positions`, `end_positions` [windows]: the answer's first and last token, counted from
    the window's first token; `template.cls_index` where the window does not hold the answer whole.
    """

    template: Template
    question: Tokens  # one entry a row, cut where it would leave no room for the context
    context: Tokens  # one entry a context
    row: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    start_positions: np.ndarray
    end_positions: np.ndarray
    max_seq_length: int
    cut_questions: int

    def __len__(self) -> int:
        return len(self.row)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each window, specials included [windows]."""
        return np.asarray(self.template.specials + self.question.lengths[self.row] + self.end - self.begin)

    @property
    def context_begin(self) -> np.ndarray:
        """Position of the first context token in each window, padding not counted [windows]."""
        around = len(self.template.before) + len(self.template.between)
        return np.asarray(around + self.question.lengths[self.row])

    def write(self, window: int, ids: np.ndarray, kinds: np.ndarray) -> None:
        """Writes a window's token ids and token_type_ids into arrays of its length."""
        template, row = self.template, self.row[window]
        question = self.question.ids[self.question.first[row] : self.question.first[row + 1]]
        context = self.context.ids[self.begin[window] : self.end[window]]
        np.concatenate([template.before, question, template.between, context, template.after], out=ids)
        if template.has_token_type_ids:
            first, of_question, middle, of_context, last = template.kinds
            parts = [first, np.full(len(question), of_question), middle, np.full(len(context), of_context), last]
            np.concatenate(parts, out=kinds)

    def select_rows(self, rows: np.ndarray) -> Windows:
        """The windows of the given rows (rising), which are numbered anew; contexts stay as they are."""
        number = np.full(len(self.question), -1)
        number[rows] = np.arange(len(rows))
        mine = np.flatnonzero(number[self.row] >= 0)
        return replace(
            self,
            question=self.question.select(rows),
            row=number[self.row[mine]],
            begin=self.begin[mine],
            end=self.end[mine],
            start_positions=self.start_positions[mine],
            end_positions=self.end_positions[mine],
        )

    @property
    def has_answer(self) -> np.ndarray:
        """Whether the window holds the whole answer, boolean [windows]."""
        return np.asarray(self.end_positions >= self.context_begin)


def make_windows(
    examples: Examples, tokenizer: Any, max_seq_length: int, doc_stride: int, cache: TokenCache | None = None
) -> Windows:
    """Windows of at most `max_seq_length` tokens, neighbours sharing `doc_stride` context tokens.

    A question longer than three quarters of the window is cut, and the stride is shortened where a long question
    leaves too little room to advance by at least a quarter of it. `cache` is that of the tokenizer, None to keep
    nothing. Raises ModelError for a tokenizer that gives no character offsets or has no padding token.
    """
    template = make_template(tokenizer)
    room_for_all = max_seq_length - template.specials
    of = cache.tokenize if cache is not None else partial(tokenize, tokenizer)
    question, cut_questions = truncate_tokens(of([text.lstrip() for text in examples.questions]), room_for_all * 3 // 4)
    context = of(examples.contexts)

    room = room_for_all - question.lengths
    step = np.maximum(room - doc_stride, np.maximum(1, room // 4))
    context_length = context.lengths[examples.context_of]
    overflow = np.maximum(0, context_length - room)
    count = 1 + -(-overflow // step)
    row = np.repeat(np.arange(len(examples)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    begin = context.first[examples.context_of][row] + number * step[row]
    end = np.minimum(begin + room[row], context.first[examples.context_of + 1][row])

    first, last = locate_gold_tokens(examples, context)
    inside = (first[row] >= begin) & (last[row] < end) & (first[row] <= last[row])
    shift = len(template.before) + question.lengths[row] + len(template.between) - begin
    return Windows(
        template=template,
        question=question,
        context=context,
        row=row,
        begin=begin,
        end=end,
        start_positions=np.where(inside, first[row] + shift, template.cls_index),
        end_positions=np.where(inside, last[row] + shift, template.cls_index),
        max_seq_length=max_seq_length,
        cut_questions=cut_questions,
    )


def make_template(tokenizer: Any) -> Template:
    """What surrounds a pair, read off a pair that the tokenizer itself has put together."""
    backend = prepare_backend(tokenizer)
    if tokenizer.pad_token_id is None:
        raise ModelError(f"{type(tokenizer).__name__}: has no padding token; choose a model that has one")
    probe = backend.encode(PROBE, PROBE, add_special_tokens=True)
    ids, kinds = np.array(probe.ids, dtype=np.int32), np.array(probe.type_ids, dtype=np.int32)
    sequence = np.array([-1 if part is None else part for part in probe.sequence_ids])
    (question,), (context,) = _find_span(sequence == 0), _find_span(sequence == 1)
    specials = np.flatnonzero(sequence == -1)
    cls = [int(place) for place in specials if ids[place] == tokenizer.cls_token_id and place < context.start]
    return Template(
        before=ids[: question.start],
        between=ids[question.stop : context.start],
        after=ids[context.stop :],
        kinds=(
            kinds[: question.start],
            int(kinds[question.start]),
            kinds[question.stop : context.start],
            int(kinds[context.start]),
            kinds[context.stop :],
        ),
        # Where [CLS] stands first, as in BERT, it is 0; XLNet puts it last, where it moves with the window's
        # length, so its windows without an answer point at their first token instead.
        cls_index=cls[0] if cls else 0,
        pad_id=int(tokenizer.pad_token_id),
        pad_left=tokenizer.padding_side == "left",
        has_token_type_ids="token_type_ids" in tokenizer.model_input_names,
    )


def _find_span(mask: np.ndarray) -> tuple[slice, ...]:
    where = np.flatnonzero(mask)
    if not len(where):
        raise ModelError(f"the tokenizer makes no token of {PROBE!r}; it cannot encode questions")
    return (slice(int(where[0]), int(where[-1]) + 1),)
