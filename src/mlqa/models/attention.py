"""Attention with dropout on a CPU, without passes over matrices of all attention and without padding.

An encoder drops heads x width^2 attentions per window and layer. torch's fused attention for CPUs knows no dropout, so
it writes each matrix of attention to memory several times, for padding as well. Here a few heads at a time are computed
within the processor's cache, and windows that share a row one by one, so that none of its positions is padding. One
matrix is kept for the backward pass: the attention, with a minus where it was dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from mlqa.models.dropout import compute_scale, draw_kept, draw_seed

BLOCK = 2**20  # attentions per thread that are computed at a time: 4 MB, a core's share of the last-level cache


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    p: float,
    scale: float | None = None,
    lengths: list[int] | None = None,
) -> torch.Tensor:
    """Compute what `scaled_dot_product_attention` computes, with dropout of the attention.

    Args:
        query: [rows, heads, queries, size]. Half precision is computed in float32.
        key: [rows, heads, keys, size].
        value: [rows, heads, keys, size of the output].
        mask: None, what is added to the scores, or whether a query attends to a key. It has four dimensions, broadcasts
            to [rows, heads, queries, keys] and takes no gradient. Every query attends to some key.
        p: The probability to drop an attention.
        scale: The factor of the scores. Default: 1 / sqrt(size).
        lengths: Tokens of the windows in the only row, each of which attends to itself. Then there is no mask. If None,
            a row is a window.

    Returns:
        [rows, heads, queries, size of the output], in the type of `value`.
    """
    if mask is not None and mask.dtype == torch.bool:
        lowest = torch.finfo(torch.float32).min
        mask = torch.zeros(mask.shape, dtype=torch.float32).masked_fill_(~mask, lowest)
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    out: torch.Tensor = _Attention.apply(query, key, value, mask, p, factor, lengths, draw_seed())  # type: ignore[no-untyped-call]
    return out


class _Attention(torch.autograd.Function):
    """softmax(scale query key^T + mask) with dropout, times value. Both passes go through the blocks in one order."""

    @staticmethod
    def forward(
        ctx: Any, query: Any, key: Any, value: Any, mask: Any, p: float, scale: float, lengths: Any, seed: int
    ) -> Any:
        out = _make_empty((*query.shape[:3], value.shape[-1]), value.dtype, lengths)
        generator = np.random.SFC64(seed)
        signed = []
        for of_query, of_key, of_value, of_out, masks in _cut(lengths, mask, query, key, value, out):
            attention = _multiply(of_query, of_key.transpose(1, 2), scale)
            if masks is not None:
                attention.add_(masks)
            torch.softmax(attention, -1, out=attention)
            kept = draw_kept(generator, attention, p)
            signed.append(attention.mul_(kept.mul_(2).sub_(1)))
            dropped = torch.clamp(attention, min=0, out=kept)
            of_out.copy_(_multiply(dropped, of_value, compute_scale(p)))
        ctx.save_for_backward(query, key, value, *signed)
        ctx.given = p, scale, lengths
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        query, key, value, *signed = ctx.saved_tensors
        p, scale, lengths = ctx.given
        results = [_make_empty(part.shape, part.dtype, lengths) for part in (query, key, value)]
        blocks = _cut(lengths, None, query, key, value, gradient, *results)
        for block, attention in zip(blocks, signed, strict=True):
            of_query, of_key, of_value, of_out, to_query, to_key, to_value, _ = block
            dropped = torch.clamp(attention, min=0)
            to_value.copy_(_multiply(dropped.transpose(1, 2), of_out, compute_scale(p)))
            scores = _multiply(of_out, of_value.transpose(1, 2), compute_scale(p)).mul_(dropped)
            scores.addcmul_(torch.abs(attention, out=dropped), scores.sum(-1, keepdim=True), value=-1)
            to_query.copy_(_multiply(scores, of_key, scale))
            to_key.copy_(_multiply(scores.transpose(1, 2), of_query, scale))
        return (*results, None, None, None, None, None)


def _make_empty(shape: tuple[int, ...], dtype: torch.dtype, lengths: list[int] | None) -> torch.Tensor:
    """Return [rows, heads, tokens, size]. The only row is laid out as the model reads it next, token by token."""
    rows, heads, tokens, size = shape
    if lengths is None:
        return torch.empty(shape, dtype=dtype)
    return torch.empty(rows, tokens, heads, size, dtype=dtype).transpose(1, 2)


def _cut(lengths: list[int] | None, mask: torch.Tensor | None, *parts: torch.Tensor) -> Iterator[Any]:
    """Cut the heads of all rows, or of each window of the only row, into blocks that fit into the cache.

    Yields:
        The parts [heads of the block, tokens, size], and what is added to the scores, if anything. They are views, but
        for inputs that had to be copied.
    """
    rows, heads = parts[0].shape[:2]
    if lengths is None:
        windows = [[part.flatten(0, 1) for part in parts]]
    else:
        cut = (part.squeeze(0).split_with_sizes(lengths, dim=1) for part in parts)
        windows = [list(window) for window in zip(*cut, strict=True)]
    for window in windows:
        count, area = len(window[0]), window[0].shape[1] * window[1].shape[1]
        blocks = min(count, math.ceil(count * area / (BLOCK * torch.get_num_threads())))
        size = math.ceil(count / blocks)
        for begin in range(0, count, size):
            block = slice(begin, begin + size)
            masks = None
            if mask is not None:
                chosen = torch.arange(begin, min(begin + size, count))
                masks = mask.expand(rows, heads, *mask.shape[2:])[chosen // heads, chosen % heads]
            yield *(part[block] for part in window), masks


def _multiply(first: torch.Tensor, second: torch.Tensor, scale: float) -> torch.Tensor:
    """Return the scaled products of matrices, in float32 if they are in half precision."""
    dtype = _widen(first.dtype)
    out = torch.empty(len(first), first.shape[1], second.shape[2], dtype=dtype)
    return torch.baddbmm(out, first.to(dtype), second.to(dtype), beta=0, alpha=scale, out=out)


def _widen(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
