"""Whether a model reads packed rows as it reads each window alone, found out by trying."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from mlqa.config.schema import Batching
from mlqa.errors import ModelError

TOLERANCE = (
    2e-5  # of the logits' range; float32 differs by 1e-6 of it, a window that sees its neighbour by 2e-4 or more
)
LENGTHS = (150, 200)  # beyond the sliding windows of models that attend locally (ModernBERT: 64 tokens either way)


@dataclass(frozen=True)
class Packing:
    """How a model takes packed rows: the position of a window's first token, and the form of its block mask."""

    first_position: int
    mask: Callable[[torch.Tensor], torch.Tensor]


def make_additive_mask(segments: torch.Tensor) -> torch.Tensor:
    """[rows, 1, width, width] from segments [rows, width]: 0 where two tokens may see each other, else hugely negative.

    Padding sees padding: a token that saw nothing would be NaN.
    """
    apart = segments[:, :, None] != segments[:, None, :]
    mask = torch.zeros(apart.shape, dtype=torch.float32, device=segments.device)
    return mask.masked_fill_(apart, torch.finfo(torch.float32).min)[:, None]


def make_pair_mask(segments: torch.Tensor) -> torch.Tensor:
    """[rows, width, width] of 1 and 0, which transformers took before 4.53."""
    return (segments[:, :, None] == segments[:, None, :]).long()


def choose_batching(wanted: Batching | None, model: Any, device: torch.device) -> tuple[Batching, Packing | None]:
    """The way to make batches and, where rows are packed, how the model takes them. Raises ModelError as `packing_of`.

    Where nothing is wanted, a GPU reads packed rows: one pass a step, of full rows. A CPU starts passes for little, and
    reads short windows by themselves, which also attend to less.
    """
    if wanted is Batching.packed:
        return wanted, probe_packing(model)
    if wanted is None and device.type == "cuda":
        with suppress(ModelError):
            return Batching.packed, probe_packing(model)
    return wanted or Batching.grouped, None


@torch.no_grad()
def probe_packing(model: Any) -> Packing:
    """How the model takes packed rows. Raises ModelError for one that mixes neighbouring windows in every form.

    Two stretches of random tokens are read alone and in one row, in float32 on the CPU: convolutions (ConvBERT),
    positions relative to the row (DeBERTa) and local attention (ModernBERT) show, and so would a change in how
    transformers understands a mask.
    """
    was_training = model.training
    model.eval()
    positions = _find_position_embeddings(model)
    first_position = 0 if positions is None or positions.padding_idx is None else positions.padding_idx + 1
    limit = LENGTHS[1] if positions is None else positions.num_embeddings - first_position
    lengths = [min(length, limit) for length in LENGTHS]
    vocabulary = model.get_input_embeddings().num_embeddings
    random = torch.Generator().manual_seed(0)
    # No padding token may be among them, by which RoBERTa-type models count positions; it is one of the first.
    alone = [torch.randint(min(5, vocabulary - 1), vocabulary, (1, length), generator=random) for length in lengths]
    row = torch.cat(alone, dim=1)
    position_ids = torch.cat([first_position + torch.arange(length) for length in lengths])[None]
    segments = torch.cat([torch.full((1, length), number) for number, length in enumerate(lengths, start=1)], dim=1)

    def differs(mask: Callable[[torch.Tensor], torch.Tensor]) -> bool:
        try:
            wanted = torch.cat(
                [_stack_logits(model(ids, attention_mask=torch.ones_like(ids))) for ids in alone], dim=-1
            )
            found = _stack_logits(model(row, attention_mask=mask(segments), position_ids=position_ids))
        except Exception:  # whatever a model says to a form of mask that it does not take
            return True
        return bool((found - wanted).abs().max() > TOLERANCE * (wanted.max() - wanted.min()))

    chosen = next((mask for mask in (make_additive_mask, make_pair_mask) if not differs(mask)), None)
    model.train(was_training)
    if chosen is None:
        raise ModelError(
            f"training.batching=packed: a {model.config.model_type} model reads packed windows otherwise than each "
            "alone; choose training.batching=grouped"
        )
    return Packing(first_position, chosen)


def _find_position_embeddings(model: Any) -> Any:
    """RoBERTa-type models tell themselves by a padding entry among the positions, behind which they begin to count."""
    named = ((name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Embedding))
    return next((module for name, module in named if name.endswith("position_embeddings")), None)


def _stack_logits(output: Any) -> torch.Tensor:
    return torch.stack([output.start_logits, output.end_logits])
