"""Cut examples into windows: what a model reads, kept as flat integer arrays.

A window is [specials] question [specials] part of the context [specials]. Contexts are tokenized once, however many
questions and windows share them. A window is only a pair of indices into the context's tokens until its batch is made.

Ids, masks, offsets and labels equal those of transformers' question-answering example on the same data
(`tokenizer(question, context, truncation="only_second", stride=...)`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from mlqa.data.examples import Examples
from mlqa.features.template import Reading, Template, make_template
from mlqa.features.token_cache import TokenCache
from mlqa.features.tokens import Tokens, locate_gold_tokens, tokenize, truncate_tokens


@dataclass(frozen=True)
class Windows:
    """All windows of a split.

    Attributes:
        template: What surrounds question and context.
        question: Tokens of each row's question, cut if it would leave too little room for the context.
        context: Tokens of each context.
        row: The example that each window belongs to [windows].
        begin: First context token of each window, as an index into `context.ids` [windows].
        end: Index after its last context token [windows].
        has_answer: Whether each window contains the whole answer, boolean [windows].
        start_positions: First token of the answer, counted from the window's first token, or the position that
            `template` gives "no answer" if the window does not contain the whole answer [windows].
        end_positions: Last token of the answer, likewise [windows].
        max_seq_length: The longest window allowed, in tokens.
        cut_questions: Number of questions that were cut.
    """

    template: Template
    question: Tokens
    context: Tokens
    row: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    has_answer: np.ndarray
    start_positions: np.ndarray
    end_positions: np.ndarray
    max_seq_length: int
    cut_questions: int

    def __len__(self) -> int:
        return len(self.row)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each window, special tokens included [windows]."""
        return np.asarray(self.template.specials + self.question.lengths[self.row] + self.end - self.begin)

    @property
    def context_begin(self) -> np.ndarray:
        """Position of the first context token in each window, padding not counted [windows]."""
        around = len(self.template.before) + len(self.template.between)
        return np.asarray(around + self.question.lengths[self.row])

    def write(self, window: int, ids: np.ndarray, kinds: np.ndarray) -> None:
        """Write the token ids and token_type_ids of a window into arrays of its length."""
        template, row = self.template, self.row[window]
        question = self.question.ids[self.question.first[row] : self.question.first[row + 1]]
        context = self.context.ids[self.begin[window] : self.end[window]]
        np.concatenate([template.before, question, template.between, context, template.after], out=ids)
        if template.has_token_type_ids:
            first, of_question, middle, of_context, last = template.kinds
            parts = [first, np.full(len(question), of_question), middle, np.full(len(context), of_context), last]
            np.concatenate(parts, out=kinds)

    def select(self, windows: np.ndarray) -> Windows:
        """Return the given windows, by number or as a boolean mask. All rows and contexts are kept."""
        arrays = ("row", "begin", "end", "has_answer", "start_positions", "end_positions")
        return replace(self, **{name: getattr(self, name)[windows] for name in arrays})

    def select_rows(self, rows: np.ndarray) -> Windows:
        """Return the windows of the given rows.

        Args:
            rows: Row numbers in ascending order.

        Returns:
            Their windows, with rows renumbered from 0. All contexts are kept.
        """
        number = np.full(len(self.question), -1)
        number[rows] = np.arange(len(rows))
        mine = self.select(number[self.row] >= 0)
        return replace(mine, question=self.question.select(rows), row=number[mine.row])


def make_windows(
    examples: Examples,
    tokenizer: Any,
    max_seq_length: int,
    doc_stride: int,
    cache: TokenCache | None = None,
    reading: Reading | None = None,
) -> Windows:
    """Cut examples into windows.

    A question longer than three quarters of the window is cut. If a long question leaves little room, the overlap is
    reduced so that windows still advance by at least a quarter of the room.

    Args:
        examples: The rows.
        tokenizer: A fast tokenizer of transformers.
        max_seq_length: The longest window, in tokens.
        doc_stride: Context tokens that neighbouring windows share.
        cache: Token cache of the same tokenizer, or None to tokenize without a cache.
        reading: How the model reads windows. Default: as its tokenizer says.

    Returns:
        All windows, in the order of the rows.

    Raises:
        ModelError: If the tokenizer has no character offsets.
    """
    template = make_template(tokenizer, reading)
    room_for_all = max_seq_length - template.specials
    encode = cache.tokenize if cache is not None else partial(tokenize, tokenizer)
    question = encode([text.lstrip() for text in examples.questions])
    question, cut_questions = truncate_tokens(question, room_for_all * 3 // 4)
    context = encode(examples.contexts)

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
    null = template.find_null_positions(template.specials + question.lengths[row] + end - begin)
    return Windows(
        template=template,
        question=question,
        context=context,
        row=row,
        begin=begin,
        end=end,
        has_answer=inside,
        start_positions=np.where(inside, first[row] + shift, null),
        end_positions=np.where(inside, last[row] + shift, null),
        max_seq_length=max_seq_length,
        cut_questions=cut_questions,
    )


def thin_windows_without_answer(windows: Windows, examples: Examples, share: float, seed: int) -> Windows:
    """Return the windows without a share of those that do not contain the answer of their question.

    Every window of a question that has no answer at all stays, and so do those that contain theirs.

    Args:
        windows: Windows of `examples`.
        examples: The rows.
        share: How many of the windows without their answer stay, from 0 to 1. They are drawn.
        seed: The seed of the draw.
    """
    answerable = np.fromiter(map(bool, examples.answers), bool, len(examples))
    drawn = np.random.default_rng((seed, 2)).random(len(windows)) < share
    return windows.select(windows.has_answer | ~answerable[windows.row] | drawn)
