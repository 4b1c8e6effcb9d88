"""Test that answers do not depend on which windows share a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlqa.answers import forward
from mlqa.answers.decoding import decode_best_texts
from mlqa.answers.forward import predict_spans
from mlqa.config.compose import compose_config
from mlqa.data.sample import generate
from mlqa.features.windows import make_windows
from mlqa.models.loading import load_model
from mlqa.tokenization.scratch import train_tokenizer


def test_sorted_by_length_or_not_the_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    config, _ = compose_config(["model=tiny_wordpiece", "model.scratch.num_hidden_layers=1"])
    training = config.training
    training.max_seq_length, training.doc_stride, training.per_device_eval_batch_size = 48, 12, 7
    examples = generate(12, seed=4)
    tokenizer = train_tokenizer([*examples.contexts, *examples.questions], "wordpiece", 300, 512)
    windows = make_windows(examples, tokenizer, 48, 12)
    torch.manual_seed(0)
    model = load_model(config.model, tokenizer)[0]
    found = decode_best_texts(predict_spans(model, windows, training), windows, examples)
    assert len(set(windows.lengths.tolist())) > 3 and len(windows) > len(examples)

    in_order = [np.array([window]) for window in range(len(windows))]
    monkeypatch.setattr(forward, "bucket_by_length", lambda *_: in_order)
    training.pad_to_multiple_of = 1
    assert decode_best_texts(predict_spans(model, windows, training), windows, examples) == found
