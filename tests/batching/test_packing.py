"""Test packed rows: the same windows, the same gradients, and no model that would mix them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trainers import small, trainer_of

from mlqa.batching.forward_passes import cut_by_length
from mlqa.batching.packed_rows import fill_rows, make_packed_batch
from mlqa.batching.packing_support import MASKS, choose_batching, make_additive_mask, probe_packing
from mlqa.batching.padded_rows import make_batch
from mlqa.config.schema import Batching
from mlqa.errors import ModelError
from mlqa.models import attention

if TYPE_CHECKING:
    from mlqa.training.trainer import QuestionAnsweringTrainer

LENGTH = ("training.max_seq_length=256", "training.doc_stride=64")


@given(lengths=st.lists(st.integers(1, 384), min_size=1, max_size=40), width=st.sampled_from([384, 512]))
def test_every_window_has_a_place(lengths: list[int], width: int) -> None:
    rows = fill_rows(np.array(lengths), width)
    assert sorted(number for row in rows for number in row) == list(range(len(lengths)))
    filled = [sum(lengths[number] for number in row) for row in rows]
    assert max(filled) <= width
    # First fit only opens a row if no earlier one has room, so no two rows could be one.
    assert all(one + other > width for place, one in enumerate(filled) for other in filled[place + 1 :])


def test_rows_by_hand() -> None:
    assert fill_rows(np.array([3, 6, 4, 5, 2]), 10) == [[1, 2], [3, 0, 4]]


def test_a_packed_window_is_the_window(tmp_path: Path) -> None:
    _, windows = trainer_of(tmp_path, *LENGTH)
    chosen = np.array([5, 0, 11, 3, 7, 2])
    packed = make_packed_batch(windows, chosen, multiple=32, first_position=2)
    rows, width = packed["input_ids"].shape
    assert width <= 256 and width % 32 == 0 and rows < len(chosen)
    flat = {name: packed[name].flatten() for name in ("input_ids", "token_type_ids", "position_ids", "segments")}
    for line, window in enumerate(chosen):
        alone = make_batch(windows, [window], 1)
        length = alone["input_ids"].shape[1]
        begin = int(packed["window_begins"][line])
        place = slice(begin, begin + length)
        assert begin // width == (begin + length - 1) // width, "in one row"
        assert packed["window_lengths"][line] == length
        for name in ("input_ids", "token_type_ids"):
            assert flat[name][place].tolist() == alone[name][0].tolist()
        assert flat["position_ids"][place].tolist() == list(range(2, 2 + length))
        assert len(set(flat["segments"][place].tolist())) == 1
        assert packed["start_positions"][line] == alone["start_positions"][0]
        assert packed["end_positions"][line] == alone["end_positions"][0]
    real = packed["segments"] > 0
    assert int(real.sum()) == windows.lengths[chosen].sum()
    assert (packed["input_ids"][~real] == windows.template.pad_id).all()


def test_one_row_has_no_padding(tmp_path: Path) -> None:
    _, windows = trainer_of(tmp_path, *LENGTH)
    chosen = np.array([5, 0, 11])
    packed = make_packed_batch(windows, chosen, multiple=32, first_position=2, one_row=True)
    lengths = windows.lengths[chosen].tolist()
    alone = [make_batch(windows, [window], 1)["input_ids"][0].tolist() for window in chosen]
    assert packed["input_ids"].tolist() == [[*alone[0], *alone[1], *alone[2]]]
    assert packed["position_ids"].tolist() == [[2 + place for length in lengths for place in range(length)]]
    assert packed["window_begins"].tolist() == [0, lengths[0], lengths[0] + lengths[1]]
    assert packed["window_lengths"].tolist() == lengths


def test_the_mask_by_hand() -> None:
    seen = make_additive_mask(torch.tensor([[1, 1, 2, 0]]))[0, 0] == 0
    assert seen.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def pack(trainer: QuestionAnsweringTrainer, one_row: bool) -> None:
    """Let a trainer read packed rows in one of the two ways: without padding in one row, or in rows as on a GPU."""
    packing = probe_packing(trainer.model, (None,) if one_row else MASKS)
    trainer.packing = trainer.train_dataset.packing = packing  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("one_row", [True, False], ids=["one row", "rows"])
@pytest.mark.parametrize("kind", ["Bert", "Roberta", "XLMRoberta", "Electra"])
def test_gradients_are_those_of_each_window_alone(tmp_path: Path, kind: str, one_row: bool) -> None:
    """Loss and every gradient equal those of windows read one by one without padding, to 1e-5."""
    chosen = list(range(10))
    trainer, windows = trainer_of(tmp_path, *LENGTH, model=small(kind), batching="packed")
    pack(trainer, one_row)
    model = trainer.model.train()
    packed = trainer.train_dataset.read(np.array(chosen))
    assert (len(packed["input_ids"]) == 1) == one_row
    alone = [make_batch(windows, [window], 1) for window in chosen]
    if kind in ("Roberta", "XLMRoberta"):  # they have one token type
        for batch in (packed, *alone):
            batch.pop("token_type_ids")
    loss = trainer.compute_loss(model, packed)
    loss.backward()
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    losses = []
    for batch in alone:
        losses.append(model(**batch).loss)  # transformers' own loss, which is the same without padding
        (losses[-1] / len(chosen)).backward()
    assert loss.item() == pytest.approx(sum(losses).item() / len(chosen), abs=1e-5)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.slow
def test_every_batching_trains_alike(tmp_path: Path) -> None:
    """Steps have the same windows, so all losses are the same."""
    losses = {}
    for batching in Batching:
        trainer, _ = trainer_of(
            tmp_path, *LENGTH, "training.per_device_train_batch_size=5",
            "training.gradient_accumulation_steps=2", "training.num_train_epochs=2", "training.logging_steps=1",
            "optimizer.learning_rate=1e-3", model=small("Bert"), batching=batching.value,
        )  # fmt: skip
        if batching is Batching.grouped:
            # With the estimated overhead, so small a model would read each share in one pass.
            trainer.batches.cut = partial(cut_by_length, multiple=8, overhead=0)
            passes = [len(share["passes"]) for share in trainer.get_train_dataloader()]
            assert min(passes) > 1
        trainer.train()
        losses[batching] = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    padded = losses[Batching.padded]
    assert len(padded) == 6
    assert padded[-1] < padded[0] - 0.1
    for batching in (Batching.grouped, Batching.packed):
        assert losses[batching] == pytest.approx(padded, abs=2e-4)  # logged with four digits


@pytest.mark.parametrize("one_row", [True, False], ids=["one row", "rows"])
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_half_precision_reads_packed_rows(tmp_path: Path, precision: torch.dtype, one_row: bool) -> None:
    """In half precision, the lowest float32 of the mask is minus infinity, and no row may consist of it."""
    packed, windows = trainer_of(tmp_path, *LENGTH, model=small("Bert"), batching="packed")
    alone, _ = trainer_of(tmp_path, *LENGTH, model=packed.model)
    pack(packed, one_row)
    with torch.no_grad(), torch.autocast("cpu", precision):
        found = packed.compute_loss(packed.model, packed.train_dataset.read(np.arange(10)))
        wanted = alone.compute_loss(packed.model, make_batch(windows, range(10), 64))
    assert float(found) == pytest.approx(float(wanted), rel=0.02)


def test_who_reads_packed_rows() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    bert, convolutions = small("Bert"), small("ConvBert")
    assert choose_batching(None, bert, gpu)[0] is Batching.packed
    assert choose_batching(None, convolutions, gpu) == (Batching.grouped, None)
    for batching in (None, Batching.packed):
        chosen, packing = choose_batching(batching, bert, cpu, one_row=True)
        assert chosen is Batching.packed and packing is not None and packing.mask is None, batching
    assert choose_batching(None, convolutions, cpu, one_row=True) == (Batching.grouped, None)
    assert choose_batching(None, bert, cpu) == (Batching.grouped, None)  # compiled, for example
    eager = small("Bert")
    eager.set_attn_implementation("eager")  # computes attention itself, so rows need a mask
    assert choose_batching(None, eager, cpu, one_row=True) == (Batching.grouped, None)
    packing = choose_batching(Batching.packed, eager, cpu, one_row=True)[1]
    assert packing is not None and packing.mask is not None
    assert choose_batching(Batching.padded, bert, gpu) == (Batching.padded, None)
    with pytest.raises(ModelError, match="a convbert model"):
        choose_batching(Batching.packed, convolutions, gpu)


def test_a_model_that_mixes_neighbours_is_refused(tmp_path: Path) -> None:
    trainer, _ = trainer_of(tmp_path)
    with pytest.raises(ModelError, match="a convbert model mixes the windows of a packed row"):
        probe_packing(trainer.model)


def test_a_model_that_attends_locally_is_refused() -> None:
    """A block mask replaces ModernBERT's sliding window, which short probes would not reveal."""
    transformers = pytest.importorskip("transformers", minversion="4.48")
    shape = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
    model = transformers.ModernBertForQuestionAnswering(
        transformers.ModernBertConfig(vocab_size=300, **shape, **special)
    )
    with pytest.raises(ModelError, match="a modernbert model"):
        probe_packing(model)
    with pytest.raises(ModelError, match="a modernbert model"):  # its own mask would have the size of all pairs
        probe_packing(model, (None,))


@pytest.mark.parametrize("option", ["torch_compile", "gradient_checkpointing"])
def test_what_is_computed_elsewhere_takes_rows_with_a_mask(tmp_path: Path, option: str) -> None:
    """A backward pass that computes layers again, or a compiled one, does not see the functions for one row."""
    trainer, _ = trainer_of(tmp_path, f"training.{option}=true", model=small("Bert"), batching="packed")
    assert trainer.packing is not None and trainer.packing.mask is not None
    assert trainer.is_plain


def test_the_probe_leaves_no_trace() -> None:
    """A model in training mode, with dropout, keeps its mode, its cache and the random state."""
    model = small("Bert").train()
    model.config.use_cache = True
    model.bert.embeddings.dropout.p = 0.5
    before = torch.get_rng_state()
    assert probe_packing(model, (None,)).mask is None
    assert model.training and model.bert.embeddings.dropout.training and model.config.use_cache is True
    assert torch.equal(torch.get_rng_state(), before)


def test_a_table_that_ends_before_the_row_is_noticed() -> None:
    """transformers before 4.57 cuts RoBERTa's token types from a table as long as a window, and a step is longer."""
    model = small("XLMRoberta")
    plain = model.roberta.embeddings.forward

    def forward(input_ids: torch.Tensor, **options: torch.Tensor) -> torch.Tensor:
        length = input_ids.shape[1]
        torch.zeros(1, 514)[:, :length].expand(1, length)
        return plain(input_ids, **options)

    model.roberta.embeddings.forward = forward
    with pytest.raises(ModelError):
        probe_packing(model, (None,))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Bert", "XLMRoberta", "Electra"])
def test_one_row_trains_as_windows_alone_with_dropout(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In training mode, by mlqa's attention. The draws keep everything, so that both are exact."""
    draws = []
    monkeypatch.setattr(attention, "draw_kept", lambda generator, like, p: draws.append(p) or torch.ones_like(like))
    monkeypatch.setattr(attention, "compute_scale", lambda p: 1.0)
    trainer, _ = trainer_of(tmp_path, *LENGTH, model=small(kind), batching="packed")
    model = trainer.model.train()
    for layer in model.modules():
        if hasattr(layer, "dropout") and isinstance(getattr(layer, "query", None), torch.nn.Linear):
            layer.dropout.p = 0.1
    pack(trainer, True)
    chosen = np.arange(10)
    gradients = []
    for parts in ([chosen], [chosen[place : place + 1] for place in range(10)]):
        model.zero_grad()
        for part in parts:
            (trainer.compute_loss(model, trainer.train_dataset.read(part)) * len(part)).backward()
        gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters()})
    assert set(draws) == {0.1} and len(draws) == 2 * 2 * len(chosen)  # layers, ways
    for name, found in gradients[0].items():
        torch.testing.assert_close(found, gradients[1][name], atol=1e-4, rtol=1e-4, msg=name)
