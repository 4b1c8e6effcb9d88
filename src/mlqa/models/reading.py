"""Find out by trying how a model reads a window: towards which side, at which widths, with which token types."""

from __future__ import annotations

from typing import Any

import torch

from mlqa.errors import ModelError, summarize_error
from mlqa.features.template import Reading
from mlqa.models.heads import list_forward_inputs

SHORT, PADDED = 12, 40  # tokens of the probe, and its width with padding: short enough for any local attention
# As a share of the logits' range. float32 rounding differs by 2e-6 of it, the mildest model that sees its padding
# (ConvBERT) by 3e-3.
TOLERANCE = 2e-5
# Names of the tables of positions.
TABLES = ("position_embeddings", "wpe", "embed_positions", "position_embedding", "pos_embeddings")
# Pre-trained with token types 0 and 1 (XLNet and Funnel: 2 for [CLS]), though the tokenizers of transformers 5 do not
# ask for them. Those of transformers 4 do.
SEGMENTED = {"albert", "rembert", "xlnet", "funnel", "nystromformer", "yoso", "splinter"}


@torch.no_grad()
def probe_reading(model: Any, max_seq_length: int) -> Reading:
    """Find out how a model reads its windows.

    Args:
        model: The model, in float32 on the CPU. Its state and the random states stay as they are.
        max_seq_length: The longest window, in tokens.

    Returns:
        How it reads, which its windows must respect.

    Raises:
        ModelError: The model cannot read windows of `max_seq_length` tokens, or its weights are damaged.
    """
    _check_positions(model, max_seq_length)
    was_training = model.training
    model.eval()
    with torch.random.fork_rng(devices=[]):
        one_width = _depends_on_width(model, max_seq_length)
        width = max_seq_length if one_width else SHORT
        ids = _draw_ids(model, width)
        other = ids.clone()
        other[0, -1] = ids[0, 0]
        logits = _read(model, ids)
        causal = bool((logits[..., 0] == _read(model, other)[..., 0]).all())
    if not bool(logits.isfinite().all()):
        raise ModelError(
            f"model.pretrained={model.config.name_or_path}: its logits are not finite before any training, so its "
            "weights are damaged; give other weights"
        )
    model.train(was_training)
    return Reading(null_last=causal, one_width=one_width, token_types=_find_token_types(model))


def _find_token_types(model: Any) -> bool | None:
    """Return whether the model takes token types: None if its tokenizer decides."""
    takes = "token_type_ids" in list_forward_inputs(model)
    if not takes or getattr(model.config, "type_vocab_size", 2) < 2:
        return False
    return True if model.config.model_type in SEGMENTED else None


def _check_positions(model: Any, max_seq_length: int) -> None:
    limit = count_positions(model)
    if limit is not None and max_seq_length > limit:
        raise ModelError(
            f"training.max_seq_length={max_seq_length}: the model has {limit} positions; choose "
            f"training.max_seq_length={limit} or less"
        )


def count_positions(model: Any) -> int | None:
    """Return how many tokens a model's table of positions has room for, None if it has no table."""
    for name, module in model.named_modules():
        parent, _, place = name.rpartition(".")
        if place not in TABLES or not hasattr(module, "weight"):
            continue
        padding = getattr(module, "padding_idx", None)
        if padding is not None:  # RoBERTa-type models count from after their padding
            return len(module.weight) - int(padding) - 1
        numbered = getattr(model.get_submodule(parent), "position_ids", None)  # Nyströmformer's begin at 2
        offset = int(getattr(module, "offset", 0))  # 2 in BART and OPT
        return len(module.weight) - offset if numbered is None else int(numbered.shape[-1])
    for module in model.modules():
        table = getattr(module, "embed_positions", None)
        if isinstance(table, torch.Tensor):  # GPT-J's: a buffer, in transformers 4.36 no more than an attribute
            return len(table)
    return getattr(model.config, "max_seq_len", None)  # MPT


def _draw_ids(model: Any, width: int) -> torch.Tensor:
    vocabulary = len(model.get_input_embeddings().weight)
    generator = torch.Generator().manual_seed(0)
    # Avoid the first ids, because RoBERTa-type models count positions by the padding.
    ids = torch.randint(min(5, vocabulary - 1), vocabulary, (1, width), generator=generator)
    separator = getattr(model.config, "sep_token_id", None)
    if separator is not None and separator < vocabulary:  # Longformer demands the three that it is pre-trained with
        ids[ids == separator] = vocabulary - 1 if separator != vocabulary - 1 else vocabulary - 2
        ids[0, 1:4] = separator
    return ids


def _depends_on_width(model: Any, max_seq_length: int) -> bool:
    """Return whether padding changes the logits of a window, or only max_seq_length tokens can be read."""
    short = min(SHORT, max_seq_length // 2)
    ids = _draw_ids(model, short)
    try:
        _check_training(model, ids)
        alone = _read(model, ids)
        mask = torch.zeros(1, min(PADDED, max_seq_length), dtype=torch.long)
        mask[0, :short] = 1
        padded = torch.full_like(mask, find_padding_id(model.config))
        padded[0, :short] = ids
        with_padding = _read(model, padded, mask)[..., :short]
    except Exception:  # a model may raise anything on a width that it does not support
        try:
            _check_training(model, _draw_ids(model, max_seq_length))
        except Exception as error:
            raise ModelError(
                f"a {model.config.model_type} model cannot read a window of {max_seq_length} tokens: "
                f"{summarize_error(error)}; choose another model or training.max_seq_length"
            ) from error
        return True
    return bool((with_padding - alone).abs().max() > TOLERANCE * (alone.max() - alone.min()))


def _check_training(model: Any, ids: torch.Tensor) -> None:
    """Read the ids in training mode: Reformer accepts fewer widths there."""
    model.train()
    try:
        _read(model, ids)
    finally:
        model.eval()


def find_padding_id(config: Any) -> int:
    """Return the id to pad with: the config's, or 0, because padding is masked."""
    return int(getattr(config, "pad_token_id", None) or 0)


def _read(model: Any, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    output = model(ids, attention_mask=torch.ones_like(ids) if mask is None else mask)
    return torch.stack([output.start_logits, output.end_logits])
