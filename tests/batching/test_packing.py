"""Test packed rows: the same windows, the same gradients, and no model that would mix them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trainers import small, trainer_of

from mlqa.batching.forward_passes import cut_by_length
from mlqa.batching.packed_rows import fill_rows, make_packed_batch
from mlqa.batching.packing_support import choose_batching, make_additive_mask, probe_packing
from mlqa.batching.padded_rows import make_batch
from mlqa.config.schema import Batching
from mlqa.errors import ModelError

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


def test_the_mask_by_hand() -> None:
    seen = make_additive_mask(torch.tensor([[1, 1, 2, 0]]))[0, 0] == 0
    assert seen.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Bert", "Roberta", "XLMRoberta", "Electra"])
def test_gradients_are_those_of_each_window_alone(tmp_path: Path, kind: str) -> None:
    """Loss and every gradient equal those of windows read one by one without padding, to 1e-5."""
    chosen = list(range(10))
    trainer, windows = trainer_of(tmp_path, *LENGTH, model=small(kind), batching="packed")
    assert trainer.packing is not None
    model = trainer.model.train()
    packed = make_packed_batch(windows, chosen, 64, trainer.packing.first_position)
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


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_half_precision_reads_packed_rows(tmp_path: Path, precision: torch.dtype) -> None:
    """In half precision, the lowest float32 of the mask is minus infinity, and no row may consist of it."""
    packed, windows = trainer_of(tmp_path, *LENGTH, model=small("Bert"), batching="packed")
    alone, _ = trainer_of(tmp_path, *LENGTH, model=packed.model)
    with torch.no_grad(), torch.autocast("cpu", precision):
        found = packed.compute_loss(packed.model, make_packed_batch(windows, range(10), 64, 0))
        wanted = alone.compute_loss(packed.model, make_batch(windows, range(10), 64))
    assert float(found) == pytest.approx(float(wanted), rel=0.02)


def test_a_gpu_reads_packed_rows_if_the_model_can() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    bert, convolutions = small("Bert"), small("ConvBert")
    assert choose_batching(None, bert, gpu)[0] is Batching.packed
    assert choose_batching(None, convolutions, gpu) == (Batching.grouped, None)
    assert choose_batching(None, bert, cpu) == (Batching.grouped, None)
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
