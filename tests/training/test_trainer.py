"""Test what mlqa replaces in the Trainer: the loss, the parameter groups, the arguments."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from trainers import configured, small, trainer_of

from mlqa.batching.forward_passes import estimate_pass_overhead
from mlqa.batching.padded_rows import make_batch
from mlqa.config.schema import Attention, ModelConfig, Precision
from mlqa.errors import RunError
from mlqa.models.loading import load_model
from mlqa.training.arguments import build_training_arguments, resolve_precision
from mlqa.training.compilation import allow_shapes
from mlqa.training.memory import try_largest_windows
from mlqa.training.optimizer import build_layerwise_groups

pytestmark = pytest.mark.legacy


def test_the_loss_does_not_depend_on_padding(tmp_path: Path) -> None:
    trainer, windows = trainer_of(tmp_path, model=small("Bert"))
    losses, peer = [], []
    for multiple in (1, 64, None):
        batch = make_batch(windows, range(8), multiple)
        with torch.no_grad():
            peer.append(float(trainer.model(**batch).loss))
            losses.append(float(trainer.compute_loss(trainer.model, batch)))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5) == pytest.approx(losses[2], abs=1e-5)
    # The loss of transformers grows with the padding. Without padding it is the same.
    assert peer[2] > losses[2] + 0.1


def test_the_loss_without_padding_is_transformers_own(tmp_path: Path) -> None:
    trainer, windows = trainer_of(tmp_path, model=small("Bert"))
    batch = make_batch(windows, [0], 1)
    with torch.no_grad():
        peer = float(trainer.model(**batch).loss)
        assert float(trainer.compute_loss(trainer.model, batch)) == pytest.approx(peer, abs=1e-6)


@pytest.mark.slow
def test_accumulated_gradients_equal_those_of_one_batch(tmp_path: Path) -> None:
    """Test that two accumulated half batches move the weights as the whole batch does."""
    moved = []
    for batch_size, accumulation in ((24, 1), (12, 2)):
        trainer, _ = trainer_of(
            tmp_path,
            f"training.per_device_train_batch_size={batch_size}",
            f"training.gradient_accumulation_steps={accumulation}",
            "training.max_steps=1",
            "training.max_seq_length=256",
            "training.doc_stride=64",
            "optimizer.learning_rate=1e-3",
            "optimizer.lr_scheduler_type=constant",
            batching="padded",
        )
        assert len(trainer.train_dataset) == 24
        trainer.train()
        moved.append(torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()]))
    # Adam divides by the size of the gradient and so amplifies the noise of tiny ones: compare the direction.
    assert torch.nn.functional.cosine_similarity(moved[0], moved[1], dim=0) > 0.9999
    assert (moved[0] - moved[1]).abs().mean() < 1e-5


@pytest.mark.slow
def test_padded_batches_are_as_wide_as_max_seq_length(tmp_path: Path) -> None:
    widths = {}
    for batching in ("padded", "grouped"):
        trainer, _ = trainer_of(tmp_path, "training.pad_to_multiple_of=64", batching=batching)
        shares = list(trainer.get_train_dataloader())
        widths[batching] = {inputs["input_ids"].shape[1] for share in shares for inputs in share["passes"]}
    assert widths["padded"] == {384}
    assert max(widths["grouped"]) < 384
    assert all(width % 64 == 0 for width in widths["grouped"])


@pytest.mark.parametrize(("capability", "expected"), [((7, 0), 1413), ((7, 5), 706), ((8, 0), 3532), ((9, 0), 3532)])
def test_fewer_passes_pay_on_a_gpu_and_with_a_small_model(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: int
) -> None:
    """Test against values by hand.

    They are 5 ms of 60 GFLOP/s, 1.5 ms of 40, 20 and 100 TFLOP/s over 72 x hidden_size^2 operations per position.
    """
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    base, tiny = _describe_model(768, 1), _describe_model(128, 1)
    # 7 positions: at least as many as a matrix needs.
    assert estimate_pass_overhead(base, torch.device("cpu"), 16) == 16
    assert estimate_pass_overhead(tiny, torch.device("cpu"), 8) == pytest.approx(254.3, abs=0.1)
    assert estimate_pass_overhead(base, torch.device("cuda"), 16) == pytest.approx(expected, abs=1)
    assert estimate_pass_overhead(base, torch.device("cuda"), 128) == pytest.approx(8 * expected, abs=8)


def test_fewer_passes_pay_with_a_large_vocabulary() -> None:
    """Test against values by hand: 5 ms and a layer's share of 3.5 ns per embedding, at 60 GFLOP/s."""
    xlmr, small, trimmed = _describe_model(768, 250_002), _describe_model(384, 250_037), _describe_model(384, 22_656)
    assert estimate_pass_overhead(xlmr, torch.device("cpu"), 16) == pytest.approx(86.2, abs=0.1)
    assert estimate_pass_overhead(small, torch.device("cpu"), 16) == pytest.approx(186.5, abs=0.1)
    assert estimate_pass_overhead(trimmed, torch.device("cpu"), 16) == pytest.approx(42.6, abs=0.1)


def _describe_model(hidden: int, vocabulary: int) -> SimpleNamespace:
    """Return what is read of a model of 12 layers."""
    embeddings = SimpleNamespace(weight=torch.empty(vocabulary, hidden, device="meta"), embedding_dim=hidden)
    config = SimpleNamespace(hidden_size=hidden, num_hidden_layers=12)
    return SimpleNamespace(config=config, get_input_embeddings=lambda: embeddings)


def test_layerwise_groups() -> None:
    """Test against rates by hand for two layers: head 1, layer 1 at 0.5, layer 0 at 0.25, embeddings at 0.125."""
    from transformers import BertConfig, BertForQuestionAnswering

    shape = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    model = BertForQuestionAnswering(BertConfig(vocab_size=10, **shape))
    groups = build_layerwise_groups(model, learning_rate=1.0, decay=0.5, weight_decay=0.01)
    rates: dict[str, tuple[float, float]] = {}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for group in groups:
        for parameter in group["params"]:
            rates[names.pop(id(parameter))] = (group["lr"], group["weight_decay"])
    assert not names, "every parameter is in exactly one group"
    assert rates["qa_outputs.weight"] == (1.0, 0.01)
    assert rates["qa_outputs.bias"] == (1.0, 0.0)
    assert rates["bert.encoder.layer.1.attention.self.query.weight"] == (0.5, 0.01)
    assert rates["bert.encoder.layer.0.output.LayerNorm.weight"] == (0.25, 0.0)
    assert rates["bert.embeddings.word_embeddings.weight"] == (0.125, 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "adamw_llrd", "adafactor"])
def test_every_optimizer_learns(tmp_path: Path, optimizer: str) -> None:
    trainer, _ = trainer_of(
        tmp_path, f"optimizer={optimizer}", "optimizer.learning_rate=1e-3", "training.max_steps=30",
        "training.per_device_train_batch_size=24", "training.logging_steps=10",
    )  # fmt: skip
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert losses[-1] < losses[0] - 0.3


def test_arguments_carry_the_configs_values(tmp_path: Path) -> None:
    config = configured(
        tmp_path, "optimizer=adafactor", "optimizer.warmup_ratio=0.25", "training.gradient_accumulation_steps=3",
        "training.eval_strategy=epoch", "seed=11", "optimizer.lr_scheduler_type=cosine",
    )  # fmt: skip
    arguments: Any = build_training_arguments(config)
    assert arguments.seed == 11
    assert arguments.gradient_accumulation_steps == 3
    assert arguments.get_warmup_steps(100) == 25
    assert str(getattr(arguments, "eval_strategy", None) or arguments.evaluation_strategy).endswith("EPOCH")
    assert "adafactor" in str(arguments.optim).lower()
    assert "cosine" in str(arguments.lr_scheduler_type).lower()
    assert Path(arguments.output_dir).parent == tmp_path


@pytest.mark.parametrize(
    ("overrides", "capability", "expected"),
    [
        ([], None, Precision.fp32),
        ([], (7, 0), Precision.fp16),  # V100
        ([], (8, 6), Precision.bf16),  # A10G
        (["hardware.precision=bf16"], None, Precision.bf16),
        (["training.bf16=true"], None, Precision.bf16),
        (["training.bf16=false"], (8, 6), Precision.fp32),
        (["hardware.precision=fp32"], (8, 6), Precision.fp32),
    ],
)
def test_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], capability: Any, expected: Precision
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert resolve_precision(configured(tmp_path, *overrides)) is expected


class Device:
    """A model on a device with memory for `room` windows."""

    def __init__(self, model: Any, room: int) -> None:
        self.model, self.room, self.read, self.sizes = model, room, model.forward, []
        model.forward = self

    def __call__(self, **inputs: Any) -> Any:
        self.sizes.append(len(inputs["input_ids"]))
        if self.sizes[-1] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.read(**inputs)


@pytest.mark.slow
def test_a_step_that_does_not_fit_is_read_in_parts(tmp_path: Path) -> None:
    """Test that training with memory for three of ten windows equals training with memory for all."""
    losses = []
    for room in (10, 3):
        device = Device(small("Bert"), room)
        trainer, _ = trainer_of(
            tmp_path, "training.per_device_train_batch_size=10", "training.auto_find_batch_size=true",
            "training.max_seq_length=256", "training.doc_stride=64", "training.logging_steps=1",
            "training.num_train_epochs=2", "optimizer.learning_rate=1e-3", model=device.model,
        )  # fmt: skip
        trainer.fit(None)
        losses.append([row["loss"] for row in trainer.state.log_history if "loss" in row])
        assert trainer.state.global_step == 6
    assert losses[1] == pytest.approx(losses[0], abs=2e-4)  # logged with four digits
    assert device.sizes[:3] == [10, 5, 3], "halved until it fits"
    assert max(device.sizes[3:]) == 3


def test_not_even_one_window_fits(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not even one window fits"):
        trainer_of(tmp_path, "training.auto_find_batch_size=true", model=Device(small("Bert"), room=0).model)


def test_the_search_for_room_leaves_no_trace(tmp_path: Path) -> None:
    """Test that random states, gradients and modes stay as they are."""
    model = small("Bert").eval()
    before = torch.get_rng_state()

    def loss(windows: int) -> Any:
        return model(torch.ones(windows, 8, dtype=torch.long)).start_logits.sum() * torch.rand(())

    try_largest_windows(model, loss, 2, None)
    assert torch.equal(torch.get_rng_state(), before)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.slow
def test_every_width_has_a_graph() -> None:
    """Test torch.compile on nine widths. By default it keeps eight graphs, and then runs uncompiled."""
    from torch._dynamo.testing import CompileCounter

    counter = CompileCounter()
    allow_shapes()
    double = torch.compile(lambda tensor: tensor * 2, backend=counter, dynamic=False)
    for width in range(64, 640, 64):
        assert double(torch.ones(2, width)).shape == (2, width)
    assert counter.frame_count == 9


@pytest.mark.slow
def test_batches_made_by_other_processes(tmp_path: Path) -> None:
    """Test that the batches and their order are the same in every epoch."""
    read = []
    for workers in (0, 2):
        trainer, _ = trainer_of(tmp_path, f"training.dataloader_num_workers={workers}")
        loader = trainer.get_train_dataloader()
        epochs = []
        for epoch in range(2):
            trainer.batches.set_epoch(epoch)
            epochs.append([[inputs["input_ids"].tolist() for inputs in share["passes"]] for share in loader])
        read.append(epochs)
    assert read[0] == read[1]
    assert read[0][0] != read[0][1]


def test_adamw_is_fused_where_torch_can(tmp_path: Path) -> None:
    assert str(build_training_arguments(configured(tmp_path)).optim).endswith(("FUSED", "fused"))
    assert str(build_training_arguments(configured(tmp_path, "optimizer.fused=false")).optim).endswith(
        ("TORCH", "torch")
    )


def test_attention_is_as_configured(tmp_path: Path) -> None:
    small("Bert").save_pretrained(tmp_path)
    tokenizer = SimpleNamespace(get_vocab=lambda: {"a": 1599})  # only its highest id is used
    eager = load_model(ModelConfig(str(tmp_path), attn_implementation=Attention.eager), tokenizer)[0]
    assert eager.config._attn_implementation == "eager"


@pytest.mark.slow
@pytest.mark.parametrize("batching", ["grouped", "packed"])
def test_a_few_graphs_serve_every_shape(batching: str, tmp_path: Path) -> None:
    """Widths and numbers of windows vary from pass to pass. Dynamo must see that they do, and not compile for each."""
    counters = torch._dynamo.utils.counters
    torch._dynamo.reset()
    counters.clear()
    model = torch.compile(small("Bert"), backend="eager")
    trainer, _ = trainer_of(tmp_path, "training.torch_compile=true", model=small("Bert"), batching=batching)
    shapes = set()
    for count in (6, 3, 1, 5, 2):
        for longest in range(80, 128, 8):
            part = trainer.train_dataset.read(np.arange(count), longest)
            shapes.add(tuple(part["input_ids"].shape))
            inputs = {name: part[name] for name in ("input_ids", "token_type_ids", "position_ids") if name in part}
            mask = part["attention_mask"] if trainer.packing is None else trainer.packing.mask(part["segments"])
            model(**inputs, attention_mask=mask)
    assert len(shapes) >= (30 if batching == "grouped" else 3)
    assert 0 < counters["stats"]["unique_graphs"] <= 8
    torch._dynamo.reset()
