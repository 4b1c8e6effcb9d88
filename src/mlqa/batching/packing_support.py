"""Probe whether a model reads packed rows exactly as it reads each window alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from mlqa.config.schema import Batching
from mlqa.errors import ModelError

# As a share of the logits' range. float32 rounding differs by 1e-6 of it, a window that sees its neighbour by 2e-4 or
# more.
TOLERANCE = 2e-5
LENGTHS = (150, 200)  # longer than the sliding window of models with local attention (ModernBERT: 64 tokens each way)


@dataclass(frozen=True)
class Packing:
    """How a model takes packed rows.

    Attributes:
        first_position: Position id of a window's first token.
        mask: Function from segments [rows, width] to the block mask in the form that the model accepts.
    """

    first_position: int
    mask: Callable[[torch.Tensor], torch.Tensor]


def make_additive_mask(segments: torch.Tensor) -> torch.Tensor:
    """Build a float block mask: 0 if two tokens share a window, else the lowest float32.

    Padding attends to padding, because a token that attends to nothing would yield NaN.

    Args:
        segments: Window number of each token [rows, width].

    Returns:
        The mask [rows, 1, width, width].
    """
    apart = segments[:, :, None] != segments[:, None, :]
    mask = torch.zeros(apart.shape, dtype=torch.float32, device=segments.device)
    return mask.masked_fill_(apart, torch.finfo(torch.float32).min)[:, None]


def make_pair_mask(segments: torch.Tensor) -> torch.Tensor:
    """Build an integer block mask [rows, width, width] of ones and zeros, as transformers before 4.53 accepts it."""
    return (segments[:, :, None] == segments[:, None, :]).long()


def choose_batching(
    batching: Batching | None, model: Any, device: torch.device, one_width: bool = False
) -> tuple[Batching, Packing | None]:
    """Choose how batches are made.

    By default, a GPU reads packed rows, because one pass of full rows per step suits it best. A CPU starts a pass at
    little cost, and short windows in passes of their own also attend to fewer positions.

    Args:
        batching: The user's choice, or None for the default.
        model: The model to train.
        device: Device that the model runs on.
        one_width: Whether the model reads windows of max_seq_length only, so that grouping them saves nothing.

    Returns:
        The batching, and how the model takes packed rows if it is `packed`.

    Raises:
        ModelError: If `packed` was asked for and the model cannot read packed rows.
    """
    if batching is Batching.packed:
        return batching, probe_packing(model)
    if batching is None and device.type == "cuda":
        with suppress(ModelError):
            return Batching.packed, probe_packing(model)
    return Batching.padded if one_width else batching or Batching.grouped, None


@torch.no_grad()
def probe_packing(model: Any) -> Packing:
    """Find the form in which a model takes packed rows.

    Two sequences of random tokens are read alone and in one row, in float32 on the CPU. The comparison reveals
    convolutions (ConvBERT), positions relative to the row (DeBERTa) and local attention (ModernBERT). It would also
    reveal a change in how transformers interprets a mask.

    Args:
        model: The model, on the CPU.

    Returns:
        The form of mask and the first position id.

    Raises:
        ModelError: If the model mixes neighbouring windows with every form of mask.
    """
    was_training = model.training
    model.eval()
    positions = _find_position_embeddings(model)
    first_position = 0 if positions is None or positions.padding_idx is None else positions.padding_idx + 1
    limit = LENGTHS[1] if positions is None else positions.num_embeddings - first_position
    lengths = [min(length, limit) for length in LENGTHS]
    vocabulary = len(model.get_input_embeddings().weight)
    random = torch.Generator().manual_seed(0)
    # Avoid the padding token, one of the first ids, because RoBERTa-type models count positions by it.
    alone = [torch.randint(min(5, vocabulary - 1), vocabulary, (1, length), generator=random) for length in lengths]
    row = torch.cat(alone, dim=1)
    position_ids = torch.cat([first_position + torch.arange(length) for length in lengths])[None]
    segments = torch.cat([torch.full((1, length), number) for number, length in enumerate(lengths, start=1)], dim=1)

    def differs(mask: Callable[[torch.Tensor], torch.Tensor]) -> bool:
        try:
            expected = torch.cat(
                [_stack_logits(model(ids, attention_mask=torch.ones_like(ids))) for ids in alone], dim=-1
            )
            packed = _stack_logits(model(row, attention_mask=mask(segments), position_ids=position_ids))
        except Exception:  # a model may raise anything on a form of mask that it does not support
            return True
        return bool((packed - expected).abs().max() > TOLERANCE * (expected.max() - expected.min()))

    chosen = next((mask for mask in (make_additive_mask, make_pair_mask) if not differs(mask)), None)
    model.train(was_training)
    if chosen is None:
        raise ModelError(
            f"training.batching=packed: a {model.config.model_type} model mixes the windows of a packed row; "
            "choose training.batching=grouped"
        )
    return Packing(first_position, chosen)


def _find_position_embeddings(model: Any) -> Any:
    """Return the module of position embeddings, if any. RoBERTa-type models count from after its padding entry."""
    named = ((name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Embedding))
    return next((module for name, module in named if name.endswith("position_embeddings")), None)


def _stack_logits(output: Any) -> torch.Tensor:
    return torch.stack([output.start_logits, output.end_logits])
