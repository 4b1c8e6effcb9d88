"""Test that a model with a trimmed vocabulary gives the same answers and losses, and is saved in ordinary files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from mlqa.config.compose import compose_config
from mlqa.data.questions import make_unlabelled_examples
from mlqa.data.sample import generate
from mlqa.errors import ConfigError, ModelError
from mlqa.experiment import run
from mlqa.inference import Predictor
from mlqa.models.answering import ANSWERING
from mlqa.models.embeddings import keep_rows
from mlqa.result import CALIBRATION, MODEL
from mlqa.tokenization.scratch import train_tokenizer

pytestmark = pytest.mark.legacy

SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
KEPT = np.array([0, 1, 2, 3, 7, 11, 12, 40, 58, 59])


@pytest.mark.parametrize("kind", ["Bert", "XLMRoberta", "Electra", "DistilBert", "DebertaV2"])
def test_a_cut_model_gives_the_logits_that_the_whole_one_gave(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    names = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24} if kind == "DistilBert" else SHAPE
    shape = {**names, "vocab_size": 60, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 59}
    model = getattr(transformers, f"{kind}ForQuestionAnswering")(getattr(transformers, f"{kind}Config")(**shape)).eval()
    ids = torch.randint(2, len(KEPT), (3, 12), generator=torch.Generator().manual_seed(1))
    ids[0, 8:] = 1  # RoBERTa-type models number positions from the padding index
    old, mask = torch.from_numpy(KEPT)[ids], (ids != 1).long()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    with torch.no_grad():
        whole = model(input_ids=old, attention_mask=mask)
        rows = keep_rows(model, KEPT)
        cut = model(input_ids=ids, attention_mask=mask)
    assert torch.equal(cut.start_logits, whole.start_logits) and torch.equal(cut.end_logits, whole.end_logits)
    width = model.get_input_embeddings().weight.shape[1]
    assert rows == 60 and parameters - sum(p.numel() for p in model.parameters()) == 50 * width
    described = model.config
    assert (described.vocab_size, described.pad_token_id, described.bos_token_id) == (10, 1, 0)
    assert described.eos_token_id == 9
    # All rows get a gradient except the row of the padding.
    model(input_ids=ids, start_positions=ids[:, 0], end_positions=ids[:, 0]).loss.backward()
    moved = model.get_input_embeddings().weight.grad.abs().sum(1) > 0
    assert moved.tolist() == [index in set(ids.flatten().tolist()) - {1} for index in range(10)]

    model.save_pretrained(tmp_path)
    loaded = transformers.AutoModelForQuestionAnswering.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(loaded(input_ids=ids, attention_mask=mask).start_logits, whole.start_logits)


def test_shared_weights_stay_shared() -> None:
    shape = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 60}
    model = transformers.T5ForQuestionAnswering(transformers.T5Config(**shape))
    keep_rows(model, KEPT)
    weights = {id(module.embed_tokens.weight) for module in (model.encoder, model.decoder)}
    assert weights == {id(model.shared.weight)} and model.shared.weight.shape == (10, 16)


def test_a_row_that_is_not_there_is_refused() -> None:
    model = transformers.BertForQuestionAnswering(transformers.BertConfig(vocab_size=50, **SHAPE))
    with pytest.raises(ModelError, match="a token 59, but its weights have 50 rows"):
        keep_rows(model, KEPT)


def test_a_vocabulary_from_scratch_is_not_trimmed() -> None:
    with pytest.raises(ConfigError, match=r"has nothing to trim; set model\.scratch\.vocab_size"):
        compose_config(["model=tiny_wordpiece", "dataset=sample", "model.trim_vocabulary=true"])


OVERRIDES = [
    "experiment=quickstart",
    "dataset.sample.train_rows=60",
    "dataset.sample.validation_rows=12",
    "training.num_train_epochs=1",
    "training.logging_steps=1",
    "training.per_device_train_batch_size=8",
    "model=xlmr",
]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a BERT with dropout, whose vocabulary has more than the sample needs."""
    folder = tmp_path_factory.mktemp("pretrained")
    sample = generate(100, 0)
    letters = "абвгдежзиклмнопрстуфхцчшыэюя"
    other = [" ".join(first + second + third for third in letters) for first in letters for second in "аеиоу"]
    tokenizer = train_tokenizer([*sample.contexts, *other], "unigram", 700, 128)
    torch.manual_seed(0)
    shape = {
        **SHAPE,
        "vocab_size": len(tokenizer) + 5,
        "pad_token_id": 0,
    }  # more rows than entries, as vocabularies are padded for GPUs
    transformers.BertForQuestionAnswering(transformers.BertConfig(**shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def run_here(folder: Path, *overrides: str) -> tuple[dict[str, Any], list[float]]:
    config, choices = compose_config([*OVERRIDES, *overrides])
    config.training.output_dir = str(folder)
    run(config, choices)
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text("utf-8").splitlines()]
    losses = [row["loss"] for row in history if "loss" in row]
    return json.loads((folder / "result.json").read_text("utf-8")), losses


@pytest.mark.slow
def test_a_trimmed_run_trains_as_the_whole_one(pretrained: Path, tmp_path: Path) -> None:
    chosen = f"model.pretrained={pretrained}"
    whole, losses = run_here(tmp_path / "whole", chosen)
    trimmed, trimmed_losses = run_here(tmp_path / "trimmed", chosen, "model.trim_vocabulary=true")
    assert len(losses) > 5 and trimmed_losses == pytest.approx(losses, abs=1e-5)
    assert trimmed["config_hash"] != whole["config_hash"]
    assert "vocab_size_untrimmed" not in whole["model"]
    figures = trimmed["model"]
    rows = trimmed["tokenization"]["vocab_size"]
    assert rows < whole["tokenization"]["vocab_size"] - 200
    assert figures["embedding_parameters"] == rows * 16
    assert figures["parameters_untrimmed"] == whole["model"]["parameters"]
    assert figures["vocab_size_untrimmed"] * 16 == whole["model"]["embedding_parameters"]
    assert figures["parameters_untrimmed"] - figures["parameters"] == (figures["vocab_size_untrimmed"] - rows) * 16

    folder = tmp_path / "trimmed" / MODEL
    names = {path.name for path in folder.iterdir()} - {"special_tokens_map.json"}
    of_mlqa = {ANSWERING, CALIBRATION}
    assert names - of_mlqa == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder)
    assert len(tokenizer) == rows == model.config.vocab_size == len(model.get_input_embeddings().weight)
    validation = generate(12, 0, split="validation")
    questions = make_unlabelled_examples(
        validation.questions, [validation.get_context(row) for row in range(12)], validation.ids
    )
    answered = [prediction.text for prediction in Predictor.from_run(tmp_path / "trimmed").answer(questions)]
    assert answered == list(json.loads((tmp_path / "trimmed" / "predictions.json").read_text("utf-8")).values())
