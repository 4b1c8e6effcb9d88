"""What surrounds question and context in a window: special tokens, token types, padding, the place of "no answer"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlqa.errors import ModelError
from mlqa.features.tokens import prepare_backend

PROBE = "a"


@dataclass(frozen=True)
class Reading:
    """How a model reads windows, beyond what its tokenizer says. `mlqa.models.reading` finds it out by trying.

    Attributes:
        null_last: Whether "no answer" is at the last token. A causal model has read nothing at the first.
        one_width: Whether all windows must be padded to max_seq_length, because the model's logits depend on padding.
        token_types: Whether the model takes token types, None if the tokenizer decides.
    """

    null_last: bool = False
    one_width: bool = False
    token_types: bool | None = None


@dataclass(frozen=True)
class Template:
    """What is put around a pair of question and context.

    Attributes:
        before: Special tokens before the question.
        between: Special tokens between question and context.
        after: Special tokens after the context.
        kinds: token_type_ids of the five parts: before, question, between, context, after.
        cls_index: Position that windows without an answer point to, counted from the window's first token. -1 is the
            last token.
        pad_id: Id of the padding, which is always on the right.
        has_token_type_ids: Whether the model takes token_type_ids.
        one_width: Whether every window is padded to max_seq_length.
    """

    before: np.ndarray
    between: np.ndarray
    after: np.ndarray
    kinds: tuple[np.ndarray, int, np.ndarray, int, np.ndarray]
    cls_index: int
    pad_id: int
    has_token_type_ids: bool
    one_width: bool = False

    @property
    def specials(self) -> int:
        """Number of special tokens per window."""
        return len(self.before) + len(self.between) + len(self.after)

    def find_null_positions(self, lengths: np.ndarray) -> np.ndarray:
        """Return the position that means "no answer" in windows of the given lengths [windows]."""
        return lengths - 1 if self.cls_index < 0 else np.full(len(lengths), self.cls_index)


def make_template(tokenizer: Any, reading: Reading | None = None) -> Template:
    """Derive the special tokens around a pair from one that the tokenizer encodes.

    Args:
        tokenizer: A fast tokenizer of transformers.
        reading: How the model reads. Default: as the tokenizer says.

    Returns:
        The special tokens and the padding.

    Raises:
        ModelError: If the tokenizer has no character offsets, or cannot encode a letter.
    """
    reading = reading or Reading()
    backend = prepare_backend(tokenizer)
    probe = backend.encode(PROBE, PROBE, add_special_tokens=True)
    ids, kinds = np.array(probe.ids, dtype=np.int32), np.array(probe.type_ids, dtype=np.int32)
    sequence = np.array([-1 if part is None else part for part in probe.sequence_ids])
    question, context = _find_span(sequence == 0), _find_span(sequence == 1)
    is_cls = (sequence == -1) & (ids == (-1 if tokenizer.cls_token_id is None else tokenizer.cls_token_id))
    has_token_type_ids = reading.token_types
    if has_token_type_ids is None:
        has_token_type_ids = "token_type_ids" in tokenizer.model_input_names
    elif has_token_type_ids and not kinds[context].any():
        kinds[context.start :] = 1
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
        cls_index=-1 if reading.null_last else _find_cls(is_cls, context),
        pad_id=_choose_padding(tokenizer),
        has_token_type_ids=has_token_type_ids,
        one_width=reading.one_width,
    )


def _find_cls(is_cls: np.ndarray, context: slice) -> int:
    """Return the place of [CLS]: first in BERT, last in XLNet. Without one it is the first token."""
    before = np.flatnonzero(is_cls[: context.start])
    if len(before):
        return int(before[0])
    return -1 if is_cls[-1] else 0


def _choose_padding(tokenizer: Any) -> int:
    """Return the id of the padding. It is masked, so any id does for models that have none (GPT-2, Llama)."""
    candidates = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return int(next(candidate for candidate in candidates if candidate is not None))


def _find_span(mask: np.ndarray) -> slice:
    places = np.flatnonzero(mask)
    if not len(places):
        raise ModelError(f"the tokenizer yields no token for {PROBE!r}, so it cannot encode questions")
    return slice(int(places[0]), int(places[-1]) + 1)
