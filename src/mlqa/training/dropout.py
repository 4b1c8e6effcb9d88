"""Attention and dropout on a CPU: the same distribution, drawn ten times as fast, without matrices of all attention.

An encoder drops heads x width^2 attentions per window and layer. torch draws them one by one, and its fused attention
for CPUs knows no dropout, so it writes each matrix of attention to memory several times. Here a few heads at a time are
computed within the processor's cache, and once more in the backward pass instead of being kept (cf. FlashAttention, Dao
et al. 2022, arXiv 2205.14135). numpy draws four numbers at a time, seeded by one number of torch's, so that seeds and
checkpoints decide the draws as before. On other devices nothing changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

LEVELS = 2**16  # a probability is rounded to a multiple of 1 / LEVELS
BLOCK = 2**18  # attentions per thread that are computed at a time: about the second-level cache of a core


class FastDropout(TorchFunctionMode):
    """Within the block, dropout in modules and in torch's fused attention draws from the faster generator."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call `func`, or what stands for it."""
        options = kwargs or {}
        if func is torch.nn.functional.dropout:
            chosen = _bind(("input", "p", "training", "inplace"), (None, 0.5, True, False), args, options)
            if chosen["training"] and not chosen["inplace"] and _is_drawn(chosen["input"], chosen["p"]):
                return drop(chosen["input"], chosen["p"])
        elif func is torch.nn.functional.scaled_dot_product_attention:
            names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
            chosen = _bind(names, (None, None, None, None, 0.0, False), args, options)
            plain = not chosen["is_causal"] and not chosen.get("enable_gqa")
            if plain and chosen["query"].ndim == 4 and _is_drawn(chosen["query"], chosen["dropout_p"]):
                query, key, value, mask = (chosen[name] for name in names[:4])
                return attend(query, key, value, mask, chosen["dropout_p"], chosen.get("scale"))
        return func(*args, **options)


def _bind(names: tuple[str, ...], defaults: tuple[Any, ...], args: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(names, defaults, strict=True)), **dict(zip(names, args, strict=False)), **options}


def _is_drawn(values: torch.Tensor, p: float) -> bool:
    return values.device.type == "cpu" and values.dtype in (torch.float32, torch.float64) and 0 < p < 1


def drop(values: torch.Tensor, p: float) -> torch.Tensor:
    """Set each value to 0 with probability `p`, and scale the others so that the mean stays.

    Args:
        values: Any tensor on the CPU.
        p: The probability, rounded to a multiple of 1 / LEVELS.
    """
    return values * _draw(np.random.SFC64(_draw_seed()), values[None], p)[0]


def _draw_seed() -> int:
    return int(torch.empty((), dtype=torch.int64).random_())


def _draw(generator: np.random.SFC64, like: torch.Tensor, p: float) -> torch.Tensor:
    """Return 0 with probability p, else the factor that keeps the mean, in the shape and type of a tensor.

    Every row begins with a number of its own, so that the draws do not depend on how rows are cut into blocks.
    """
    rows, count = len(like), like[0].numel()
    raw = generator.random_raw(rows * -(-count // 4)).view(np.int16).reshape(rows, -1)[:, :count]
    bits = torch.from_numpy(raw).reshape(like.shape)
    kept = LEVELS - round(p * LEVELS)
    return (bits < kept - LEVELS // 2).to(like.dtype).mul_(LEVELS / kept)


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    p: float,
    scale: float | None = None,
) -> torch.Tensor:
    """Compute what `scaled_dot_product_attention` computes, with dropout of the attention.

    Args:
        query: [windows, heads, queries, size].
        key: [windows, heads, keys, size].
        value: [windows, heads, keys, size].
        mask: None, what is added to the scores, or whether a query attends to a key. It broadcasts to [windows, heads,
            queries, keys] and takes no gradient. Every query attends to some key.
        p: The probability to drop an attention.
        scale: The factor of the scores. Default: 1 / sqrt(size).

    Returns:
        [windows, heads, queries, size].
    """
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape, dtype=query.dtype).masked_fill_(~mask, torch.finfo(query.dtype).min)
    scaled = query * (scale or query.shape[-1] ** -0.5)
    out: torch.Tensor = _Attention.apply(scaled, key, value, mask, p, _draw_seed())  # type: ignore[no-untyped-call]
    return out


class _Attention(torch.autograd.Function):
    """softmax(query key^T + mask) with dropout, times value. Both passes go through blocks of heads in one order."""

    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any, mask: Any, p: float, seed: int) -> Any:
        query, key, value = (part.contiguous() for part in (query, key, value))
        out = torch.empty((*query.shape[:-1], value.shape[-1]), dtype=query.dtype)
        generator = np.random.SFC64(seed)
        for block in _cut_blocks(query, key):
            attention = _compute_attention(query, key, mask, block)
            attention.mul_(_draw(generator, attention, p))
            torch.bmm(attention, value.flatten(0, 1)[block], out=out.flatten(0, 1)[block])
        ctx.save_for_backward(query, key, value, out, mask)
        ctx.p, ctx.seed = p, seed
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        query, key, value, out, mask = ctx.saved_tensors
        gradient = gradient.contiguous()
        flat = [part.flatten(0, 1) for part in (query, key, value, out, gradient)]
        results = [torch.empty_like(part) for part in (query, key, value)]
        of_query, of_key, of_value = (part.flatten(0, 1) for part in results)
        generator = np.random.SFC64(ctx.seed)
        for block in _cut_blocks(query, key):
            queries, keys, values, outs, grads = (part[block] for part in flat)
            attention = _compute_attention(query, key, mask, block)
            drawn = _draw(generator, attention, ctx.p)
            of_scores = torch.bmm(grads, values.transpose(1, 2)).mul_(drawn)
            torch.bmm(drawn.mul_(attention).transpose(1, 2), grads, out=of_value[block])
            of_scores.sub_((grads * outs).sum(-1, keepdim=True)).mul_(attention)
            torch.bmm(of_scores, keys, out=of_query[block])
            torch.bmm(of_scores.transpose(1, 2), queries, out=of_key[block])
        return (*results, None, None, None)


def _cut_blocks(query: torch.Tensor, key: torch.Tensor) -> list[slice]:
    """Cut the heads of all windows into blocks that fit into the cache."""
    count = query.shape[0] * query.shape[1]
    size = max(1, int(BLOCK * torch.get_num_threads() // (query.shape[2] * key.shape[2])))
    return [slice(begin, min(begin + size, count)) for begin in range(0, count, size)]


def _compute_attention(query: Any, key: Any, mask: Any, block: slice) -> torch.Tensor:
    """Return the attention of a block of heads before dropout [heads of the block, queries, keys]."""
    scores = torch.bmm(query.flatten(0, 1)[block], key.flatten(0, 1)[block].transpose(1, 2))
    if mask is not None:
        heads = torch.arange(block.start, block.stop)
        of_all = mask.expand(*query.shape[:2], *mask.shape[2:])
        scores.add_(of_all[heads // query.shape[1], heads % query.shape[1]])
    return torch.softmax(scores, -1, out=scores)
