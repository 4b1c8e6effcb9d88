"""Several processes answer as one: each its own rows, and the main one puts them together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mlqa import evaluation
from mlqa.batching.padded_rows import make_batch
from mlqa.config.compose import compose_config
from mlqa.data.load import load_splits
from mlqa.features.windows import make_windows
from mlqa.models.loading import load_model
from mlqa.tokenization.load import load_tokenizer


@pytest.fixture(scope="module")
def parts() -> tuple[Any, ...]:
    config, _ = compose_config(
        [
            "model=tiny_wordpiece", "dataset=sample", "dataset.sample.train_rows=20",
            "dataset.sample.validation_rows=31",
            "tracking=files", "training.output_dir=unused", "training.max_seq_length=48", "training.doc_stride=8",
            "training.per_device_eval_batch_size=7",
        ]
    )  # fmt: skip
    splits = load_splits(config.dataset)
    tokenizer = load_tokenizer(config.model, [*splits.train.contexts, *splits.train.questions])
    torch.manual_seed(0)
    model = load_model(config.model, tokenizer)[0]
    windows = make_windows(splits.validation, tokenizer, 48, 8)
    assert len(windows) > len(splits.validation), "rows of several windows"
    return config, splits, windows, model


def test_the_windows_of_some_rows(parts: tuple[Any, ...]) -> None:
    windows = parts[2]
    rows = np.array([2, 3, 11, 30])
    some = windows.select_rows(rows)
    wanted = [number for number in range(len(windows)) if windows.row[number] in rows]
    assert rows[some.row].tolist() == windows.row[wanted].tolist()
    found, whole = make_batch(some, range(len(some)), None), make_batch(windows, wanted, None)
    assert all(torch.equal(found[name], whole[name]) for name in whole)


@pytest.mark.slow
@pytest.mark.parametrize("with_null", [False, True])
def test_three_processes_answer_as_one(
    parts: tuple[Any, ...], with_null: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, splits, windows, model = parts
    judge = evaluation.Evaluation(config.training, config.dataset, splits.validation, windows, None, train=splits.train)
    judge.with_null = with_null
    alone = judge._predict_answers(model, judge.examples, windows, "")
    monkeypatch.setattr(evaluation, "get_world_size", lambda: 3)
    sent: list[Any] = []
    for rank in (1, 2, 0):
        monkeypatch.setattr(evaluation, "get_rank", lambda rank=rank: rank)
        monkeypatch.setattr(
            evaluation, "gather_object", lambda value, rank=rank: sent.append(value) or ([] if rank else sent)
        )
        together = judge._predict_answers(model, judge.examples, windows, "")
    assert sorted(np.concatenate([rows for rows, _ in sent]).tolist()) == list(range(31)), "no question twice"
    assert together.predictions == alone.predictions
    assert together.best_answers == alone.best_answers
    assert (together.null_odds is None) is (alone.null_odds is None) is not with_null
    if with_null:
        assert together.null_odds == pytest.approx(alone.null_odds, abs=1e-5)
