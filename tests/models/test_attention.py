"""The faster attention and dropout are the same ones: their formula, distribution, gradients and seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from trainers import small

from mlqa.models import attention as of_attention
from mlqa.models.attention import attend
from mlqa.models.cpu_functions import CpuFunctions
from mlqa.models.dropout import drop

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
    monkeypatch.setattr(of_attention, "BLOCK", block / torch.get_num_threads())  # attentions
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


@pytest.mark.parametrize("block", [1, 130, 2**18], ids=["a head", "two heads", "all"])
def test_windows_of_one_row_are_those_alone(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention and gradients are those of the formula for each window, with the draws that follow in one sequence."""
    monkeypatch.setattr(of_attention, "BLOCK", block / torch.get_num_threads())
    lengths = [7, 1, 10]
    inputs = draw_inputs(1, 3, sum(lengths), sum(lengths))
    torch.manual_seed(7)
    out = attend(*inputs, None, P, scale=0.3, lengths=lengths)
    torch.manual_seed(7)
    generator = np.random.SFC64(int(torch.empty((), dtype=torch.int64).random_()))
    expected = []
    for query, key, value in zip(*(part.split(lengths, dim=2) for part in inputs), strict=True):
        attention = (0.3 * query @ key.transpose(-2, -1)).softmax(-1)
        area = attention[0, 0].numel()
        raw = generator.random_raw(3 * -(-area // 4)).view(np.uint16).reshape(3, -1)[:, :area].astype(np.int64)
        kept = ((raw ^ 0x8000) < 2**16 * (1 - P)).reshape(attention.shape) / (1 - P)
        expected.append((attention * torch.from_numpy(kept)) @ value)
    torch.testing.assert_close(out, torch.cat(expected, dim=2))
    weights = torch.randn(out.shape, dtype=torch.float64)
    found = torch.autograd.grad((out * weights).sum(), inputs)
    torch.testing.assert_close(found, torch.autograd.grad((torch.cat(expected, dim=2) * weights).sum(), inputs))


def test_a_row_with_a_mask_is_refused() -> None:
    """A mask of all pairs of tokens would be large, and what it separates is not known."""
    query, key, value = draw_inputs(1)
    with CpuFunctions([3, 5]), pytest.raises(ValueError, match="the row takes no mask"):
        torch.nn.functional.scaled_dot_product_attention(query, key, value, torch.ones(8, 8, dtype=torch.bool))


def draw_special(name: str) -> tuple[list[torch.Tensor], dict[str, Any]]:
    """Return what torch's attention accepts and mlqa's does not."""
    query, key, value = (part.detach() for part in draw_inputs(2, 4))
    options: dict[str, Any] = {"dropout_p": P}
    if name == "causal":
        options["is_causal"] = True
    elif name == "grouped queries":
        key, value, options["enable_gqa"] = key[:, :2], value[:, :2], True
    elif name == "one head of keys":
        key, value = key[:, :1], value[:, :1]
    elif name == "mask of two dimensions":
        options["attn_mask"] = torch.randn(8, 8, dtype=torch.float64)
    elif name == "mask with a gradient":  # T5's positions
        options["attn_mask"] = torch.randn(1, 4, 8, 8, dtype=torch.float64, requires_grad=True)
    elif name == "three dimensions":
        query, key, value = query[0], key[0], value[0]
    elif name == "fp16":
        query, key, value = query.half(), key.half(), value.half()
    else:
        options["dropout_p"] = {"all is kept": 1e-6, "all is dropped": 1 - 1e-6}[name]
    return [query, key, value], options


@pytest.mark.parametrize(
    "name",
    [
        "causal", "grouped queries", "one head of keys", "mask of two dimensions", "mask with a gradient",
        "three dimensions", "fp16", "all is kept", "all is dropped",
    ],
)  # fmt: skip
def test_torch_computes_what_mlqa_cannot(name: str) -> None:
    results = []
    parts, options = draw_special(name)
    for mode in (True, False):
        torch.manual_seed(3)
        with CpuFunctions() if mode else torch.enable_grad():
            results.append(torch.nn.functional.scaled_dot_product_attention(*parts, **options))
    assert torch.equal(*results)
    if name == "mask with a gradient":
        assert torch.autograd.grad(results[0].sum(), options["attn_mask"])[0].abs().sum() > 0


@pytest.mark.parametrize("options", [{"training": False}, {"inplace": True}, {"p": 1e-6}, {"p": 1.0}])
def test_torch_drops_what_mlqa_does_not(options: dict[str, Any]) -> None:
    results = []
    for mode in (True, False):
        torch.manual_seed(3)
        values = torch.ones(40)
        with CpuFunctions() if mode else torch.enable_grad():
            results.append(torch.nn.functional.dropout(values, **options))
        assert results[-1] is values or not options.get("inplace")
    assert torch.equal(*results)


def test_sizes_and_heads_may_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another size of values and a mask per head. If nothing is dropped, torch gives the same."""
    monkeypatch.setattr(of_attention, "draw_kept", lambda generator, like, p: torch.ones_like(like))
    monkeypatch.setattr(of_attention, "compute_scale", lambda p: 1.0)
    generator = torch.Generator().manual_seed(5)
    shapes = [(2, 3, 6, 4), (2, 3, 9, 4), (2, 3, 9, 7), (2, 3, 6, 9)]
    *inputs, mask = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    inputs = [part.requires_grad_() for part in inputs]
    results = []
    for mode in (True, False):
        with CpuFunctions() if mode else torch.enable_grad():
            out = torch.nn.functional.scaled_dot_product_attention(
                *inputs, attn_mask=mask, dropout_p=P if mode else 0.0, scale=0.7
            )
        results.append([out, *torch.autograd.grad(out.square().sum(), inputs)])
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("rows", ["one row", "rows"])
@pytest.mark.parametrize("size", [1.0, 4.0], ids=["small scores", "large scores"])
def test_bf16_is_as_exact_as_torchs(size: float, rows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against float64 on the same rounded inputs, with nothing dropped. torch computes dropout in float32."""
    monkeypatch.setattr(of_attention, "draw_kept", lambda generator, like, p: torch.ones_like(like))
    monkeypatch.setattr(of_attention, "compute_scale", lambda p: 1.0)
    generator = torch.Generator().manual_seed(5)
    rounded = [torch.randn(1, 2, 60, 32, generator=generator).mul(size).bfloat16() for _ in range(2)]
    rounded.append(torch.randn(1, 2, 60, 32, generator=generator).bfloat16())
    lengths = [40, 20] if rows == "one row" else None
    results = {}
    for name in ("exact", "torch", "ours"):
        inputs = [(part.double() if name == "exact" else part).detach().requires_grad_() for part in rounded]
        kernel = torch.nn.attention.SDPBackend.MATH
        with CpuFunctions(lengths), torch.nn.attention.sdpa_kernel(kernel):
            out = torch.nn.functional.scaled_dot_product_attention(*inputs, dropout_p=P if name == "ours" else 0.0)
        assert out.dtype == inputs[0].dtype
        results[name] = [out, *torch.autograd.grad(out.square().sum(), inputs)]
    for wanted, of_torch, ours in zip(results["exact"], results["torch"], results["ours"], strict=True):
        error, error_of_torch = ((part - wanted).norm() / wanted.norm() for part in (ours, of_torch))
        assert error < 1.3 * error_of_torch + 1e-4


def test_types_may_differ_under_autocast() -> None:
    """Rotary positions give float32 queries and keys beside bfloat16 values."""
    query, key, value = (part.detach().float() for part in draw_inputs(1))
    with torch.autocast("cpu", torch.bfloat16), CpuFunctions([3, 5]):
        out = torch.nn.functional.scaled_dot_product_attention(query, key, value.bfloat16(), dropout_p=P)
    assert out.dtype == torch.bfloat16 and out.isfinite().all()


@pytest.mark.parametrize("dropout", [0.0, P])
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}], ids=["plain", "causal", "scale"])
def test_torchs_own_attention_is_cut_alike(dropout: float, options: dict[str, Any]) -> None:
    """What mlqa does not compute itself, for example in fp16, is still computed for each window alone."""
    query, key, value = (part.detach().half() for part in draw_inputs(1))
    attend_plainly = torch.nn.functional.scaled_dot_product_attention
    torch.manual_seed(3)
    with CpuFunctions([3, 5]):
        found = attend_plainly(query, key, value, dropout_p=dropout, **options)
    torch.manual_seed(3)
    parts = [part.split([3, 5], dim=2) for part in (query, key, value)]
    expected = [attend_plainly(*window, dropout_p=dropout, **options) for window in zip(*parts, strict=True)]
    assert torch.equal(found, torch.cat(expected, dim=2))


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
    with CpuFunctions() if mode else torch.enable_grad():
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
