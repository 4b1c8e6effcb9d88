"""The faster dropout is the same dropout: its distribution, its gradients, its seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from trainers import small

from mlqa.training import dropout
from mlqa.training.dropout import FastDropout, attend, drop

P = 0.25


def draw_inputs(windows: int = 2, heads: int = 3, queries: int = 8, keys: int = 8) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = [(windows, heads, queries, 4), (windows, heads, keys, 4), (windows, heads, keys, 4)]
    return [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]


def read_draws(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    """What numpy draws, as factors: the other way to read the same bits."""
    raw = np.random.SFC64(seed).random_raw(int(np.prod(shape)) // 4).view(np.uint16).astype(np.int64)
    kept = (raw ^ 0x8000) < 2**16 * (1 - P)
    return torch.from_numpy(kept.reshape(shape) / (1 - P))


@pytest.mark.parametrize("block", [1, 130, 2**18], ids=["a head", "two heads", "all"])
@pytest.mark.parametrize("mask", ["none", "added", "boolean", "packed"])
def test_attention_and_gradients_are_those_of_the_formula(
    block: int, mask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropout, "BLOCK", block / torch.get_num_threads())  # attentions
    inputs = draw_inputs()
    allowed = torch.ones(2, 1, 8, 8, dtype=torch.bool)
    if mask == "packed":
        allowed[:, :, :3, 3:] = allowed[:, :, 3:, :3] = False
    elif mask != "none":
        allowed = allowed[:, :, :1].clone()
        allowed[1, :, :, 5:] = False
    added = torch.zeros(allowed.shape, dtype=torch.float64).masked_fill_(~allowed, torch.finfo(torch.float64).min)
    given = {"none": None, "boolean": allowed}.get(mask, added)
    torch.manual_seed(7)
    out = attend(*inputs, given, P)
    torch.manual_seed(7)
    seed = int(torch.empty((), dtype=torch.int64).random_())
    query, key, value = inputs
    attention = (query @ key.transpose(-2, -1) / 2 + added).softmax(-1)
    expected = (attention * read_draws(seed, tuple(attention.shape))) @ value
    torch.testing.assert_close(out, expected)
    weights = torch.randn(out.shape, dtype=torch.float64)
    found = torch.autograd.grad((out * weights).sum(), inputs)
    torch.testing.assert_close(found, torch.autograd.grad((expected * weights).sum(), inputs))


def test_the_share_that_is_dropped_and_the_mean() -> None:
    torch.manual_seed(0)
    values = drop(torch.ones(1000, 999), P)
    assert values.unique().tolist() == [0.0, pytest.approx(1 / (1 - P))]
    deviation = (P * (1 - P) / values.numel()) ** 0.5
    assert (values == 0).double().mean().item() == pytest.approx(P, abs=4 * deviation)
    assert values.double().mean().item() == pytest.approx(1, abs=4 * deviation / (1 - P))
    rows = (values == 0).double()
    assert abs(torch.corrcoef(rows[:2])[0, 1]) < 0.15  # neighbours are drawn independently


def test_torchs_seed_decides() -> None:
    query, key, value = draw_inputs()
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append((drop(torch.ones(64), P), attend(query, key, value, None, P)))
    assert all(torch.equal(*pair) for pair in zip(results[0], results[1], strict=True))
    assert not any(torch.equal(*pair) for pair in zip(results[0], results[2], strict=True))


def take_gradients(model: Any, mode: bool, seed: int = 3) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    ids = torch.arange(5, 45).reshape(2, 20)
    padding = torch.ones_like(ids)
    padding[1, 15:] = 0
    with FastDropout() if mode else torch.enable_grad():
        output = model(ids, attention_mask=padding)
    (output.start_logits.sum() + output.end_logits.square().sum()).backward()
    gradients = [part.grad.clone() for part in model.parameters()]
    model.zero_grad()
    return gradients


@pytest.mark.parametrize("kind", ["Bert", "XLMRoberta", "ConvBert"])
def test_without_dropout_nothing_changes(kind: str) -> None:
    model = small(kind)
    for plain, fast in zip(take_gradients(model, False), take_gradients(model, True), strict=True):
        assert torch.equal(plain, fast)


@pytest.mark.slow
def test_the_mean_gradient_is_torchs() -> None:
    """Averaged over many draws, both give the same gradient: their difference is a few standard errors at most."""
    model = small("Bert").train()
    model.config.attention_probs_dropout_prob = 0.2
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.2
    sums = []
    for mode in (False, True):
        draws = torch.stack([take_gradients(model, mode, seed)[-2].flatten() for seed in range(150)])
        sums.append((draws.mean(0), draws.var(0) / len(draws)))
    (plain, of_plain), (fast, of_fast) = sums
    assert not torch.equal(plain, fast)
    z = (plain - fast) / (of_plain + of_fast).sqrt()
    assert z.abs().max() < 4.5 and z.square().mean() == pytest.approx(1, abs=0.6)
