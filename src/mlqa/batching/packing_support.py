"""Probe whether a model reads windows that share a row exactly as it reads each window alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import torch

from mlqa.config.schema import Batching
from mlqa.errors import ModelError
from mlqa.models.cpu_functions import CpuFunctions

# As a share of the logits' range. float32 rounding differs by 1e-6 of it, a window that sees its neighbour by 2e-4 or
# more.
TOLERANCE = 2e-5
LENGTHS = (150, 200)  # longer than the sliding window of models with local attention (ModernBERT: 64 tokens each way)


@dataclass(frozen=True)
class Packing:
    """How a model takes packed rows.

    Attributes:
        first_position: Position id of a window's first token.
        mask: Function from segments [rows, width] to the block mask in the form that the model accepts. None if all
            windows of a pass share one row without padding, because `CpuFunctions` separates them.
    """

    first_position: int
    mask: Callable[[torch.Tensor], torch.Tensor] | None


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


MASKS = (make_additive_mask, make_pair_mask)


def choose_batching(
    batching: Batching | None, model: Any, device: torch.device, one_width: bool = False, one_row: bool = False
) -> tuple[Batching, Packing | None]:
    """Choose how batches are made.

    By default, a GPU reads packed rows, because one pass of full rows per step suits it best, and a CPU one row without
    padding, if `one_row`. A model that can read neither reads windows of similar length in a pass.

    Args:
        batching: The user's choice, or None for the default.
        model: The model to train.
        device: Device that the model runs on.
        one_width: Whether the model reads windows of max_seq_length only, so that grouping them saves nothing.
        one_row: Whether it trains within `CpuFunctions`, which let all windows share a row.

    Returns:
        The batching, and how the model takes packed rows if it is `packed`.

    Raises:
        ModelError: If `packed` was asked for and the model cannot read packed rows.
    """
    if batching is Batching.packed:
        return batching, probe_packing(model, (None, *MASKS) if one_row else MASKS)
    if batching is None and (one_row or device.type == "cuda"):
        with suppress(ModelError):
            return Batching.packed, probe_packing(model, (None,) if one_row else MASKS)
    return Batching.padded if one_width else batching or Batching.grouped, None


@torch.no_grad()
def probe_packing(model: Any, masks: Sequence[Callable[[torch.Tensor], torch.Tensor] | None] = MASKS) -> Packing:
    """Find the form in which a model takes packed rows.

    Two sequences of random tokens are read alone and in one row, in float32 on the CPU. The comparison reveals
    convolutions (ConvBERT), positions relative to the row (DeBERTa) and local attention (ModernBERT). It would also
    reveal a change in how transformers interprets a mask. A model that makes a mask of its own for the only row cannot
    read it: such a mask has the size of all pairs of tokens.

    Args:
        model: The model, on the CPU.
        masks: The forms of mask to try. None is none, within `CpuFunctions`.

    Returns:
        The form of mask and the first position id.

    Raises:
        ModelError: If the model mixes neighbouring windows with every form of mask.
    """
    was_training, was_caching = model.training, getattr(model.config, "use_cache", False)
    model.eval()
    if was_caching:
        model.config.use_cache = False  # as in training, where decoders make other masks
    positions = _find_position_embeddings(model)
    first_position = 0 if positions is None or positions.padding_idx is None else positions.padding_idx + 1
    limit = LENGTHS[1] if positions is None else positions.num_embeddings - first_position
    lengths = [min(length, limit) for length in LENGTHS]
    vocabulary = len(model.get_input_embeddings().weight)
    random = torch.Generator().manual_seed(0)
    # Avoid the padding token, one of the first ids, because RoBERTa-type models count positions by it.
    alone = [torch.randint(min(5, vocabulary - 1), vocabulary, (1, length), generator=random) for length in lengths]

    def differs(mask: Callable[[torch.Tensor], torch.Tensor] | None) -> bool:
        # The only row of a step is longer than any table of the model, such as RoBERTa's token types in old versions.
        copies = 1 if mask or positions is None else 1 + positions.num_embeddings // sum(lengths)
        row, widths = torch.cat(alone * copies, dim=1), lengths * copies
        position_ids = torch.cat([first_position + torch.arange(length) for length in widths])[None]
        segments = torch.cat([torch.full((1, length), number) for number, length in enumerate(widths, start=1)], dim=1)
        try:
            expected = torch.cat(
                [_stack_logits(model(ids, attention_mask=torch.ones_like(ids))) for ids in alone] * copies, dim=-1
            )
            given = {"attention_mask": mask(segments)} if mask else {}
            with nullcontext() if mask else CpuFunctions(widths):
                packed = _stack_logits(model(row, position_ids=position_ids, **given))
        except Exception:  # a model may raise anything on a form of mask that it does not support
            return True
        return bool((packed - expected).abs().max() > TOLERANCE * (expected.max() - expected.min()))

    with torch.random.fork_rng(devices=[]):
        packing = next((Packing(first_position, mask) for mask in masks if not differs(mask)), None)
    model.train(was_training)
    if was_caching:
        model.config.use_cache = True
    if packing is None:
        raise ModelError(
            f"training.batching=packed: a {model.config.model_type} model mixes the windows of a packed row; "
            "choose training.batching=grouped"
        )
    return packing


def _find_position_embeddings(model: Any) -> Any:
    """Return the module of position embeddings, if any. RoBERTa-type models count from after its padding entry."""
    named = ((name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Embedding))
    return next((module for name, module in named if name.endswith("position_embeddings")), None)


def _stack_logits(output: Any) -> torch.Tensor:
    return torch.stack([output.start_logits, output.end_logits])
