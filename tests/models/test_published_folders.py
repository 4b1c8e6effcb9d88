"""Runs from folders as authors publish them: a vocabulary of SentencePiece alone, a decoder's own names of weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

from mlqa.config.compose import compose_config
from mlqa.data.questions import make_unlabelled_examples
from mlqa.data.sample import generate
from mlqa.experiment import run
from mlqa.inference import Predictor
from mlqa.tokenization.scratch import train_tokenizer

pytestmark = pytest.mark.slow
SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SAMPLE = generate(60, seed=1)
TEXTS = SAMPLE.contexts + SAMPLE.questions
OVERRIDES = ["experiment=quickstart", "model=pretrained", "dataset.sample.train_rows=12", "training.max_steps=1"]
OVERRIDES += ["dataset.sample.validation_rows=4", "training.max_seq_length=96", "training.doc_stride=32"]
OVERRIDES += ["optimizer.learning_rate=1e-12", "training.per_device_train_batch_size=4", "tracking=files"]
OVERRIDES += ["training.shuffled_questions_control=false"]  # a rate of 1e-12 leaves every weight as it was loaded


def run_folder(pretrained: Path, out: Path) -> dict[str, Any]:
    config, choices = compose_config([*OVERRIDES, f"model.pretrained={pretrained}"])
    config.training.output_dir = str(out)
    run(config, choices)
    result: dict[str, Any] = json.loads((out / "result.json").read_text("utf-8"))
    return result


def assert_same_weights(published: Path, trained: Path, prefix: str, prefix_of_run: str) -> int:
    """Compare every tensor of the plain model, by its names in both files."""
    ours = load_file(trained / "model.safetensors")
    theirs = {name.removeprefix(prefix): value for name, value in load_file(published / "model.safetensors").items()}
    names = [name.removeprefix(prefix_of_run) for name in ours if name.startswith(prefix_of_run)]
    for name in names:
        assert torch.allclose(ours[prefix_of_run + name], theirs[name], rtol=0, atol=1e-7), name
    return len(names)


def test_a_vocabulary_of_sentencepiece_alone(tmp_path: Path) -> None:
    """Published DeBERTa-v3 and mDeBERTa-v3 have spm.model and no tokenizer.json."""
    sentencepiece = pytest.importorskip("sentencepiece")
    published = tmp_path / "published"
    published.mkdir()
    (tmp_path / "text").write_text("\n".join(TEXTS), "utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"), model_prefix=str(published / "spm"), vocab_size=300, pad_id=0, bos_id=1, eos_id=2,
        unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]", minloglevel=2,
        hard_vocab_limit=False,
    )  # fmt: skip
    (published / "spm.vocab").unlink()
    torch.manual_seed(0)
    relative = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}
    config = transformers.DebertaV2Config(vocab_size=310, pad_token_id=0, type_vocab_size=0, **relative, **SHAPE)
    transformers.DebertaV2ForMaskedLM(config).save_pretrained(published)
    assert {path.name for path in published.iterdir()} <= {"spm.model", "config.json", "model.safetensors"} | {
        "generation_config.json"
    }
    result = run_folder(published, tmp_path / "run")
    assert result["status"] == "completed" and result["label"] == "/".join(published.parts[-2:])
    weights = assert_same_weights(published, tmp_path / "run" / "model", "deberta.", "deberta.")
    head = ["qa_outputs.bias", "qa_outputs.weight"]
    assert result["weights"] == {"loaded": weights, "missing": head, "head": "new"}
    text = SAMPLE.get_context(0)
    asked = make_unlabelled_examples([SAMPLE.questions[0]], [text], ["0"])
    found = Predictor.from_run(tmp_path / "run").answer(asked)[0]
    assert found.text in text


def test_a_tiny_qwen_as_it_is_shipped(tmp_path: Path) -> None:
    """Its weights are model.*, transformers' class with a head wants transformer.*, and it has no padding token."""
    if not hasattr(transformers, "Qwen3ForCausalLM"):
        pytest.skip("this transformers has no Qwen3")
    published = tmp_path / "published"
    torch.manual_seed(0)
    ids = {"pad_token_id": None, "bos_token_id": 1, "eos_token_id": 2, "num_key_value_heads": 2, "head_dim": 8}
    config = transformers.Qwen3Config(vocab_size=400, **ids, **SHAPE)
    transformers.Qwen3ForCausalLM(config).save_pretrained(published)
    tokenizer = train_tokenizer(TEXTS, "wordpiece", 400, 512)
    tokenizer.save_pretrained(published)
    settings = json.loads((published / "tokenizer_config.json").read_text("utf-8"))
    settings.pop("pad_token")
    (published / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    result = run_folder(published, tmp_path / "run")
    assert result["status"] == "completed" and result["model"]["reading"]["null_last"]
    weights = assert_same_weights(published, tmp_path / "run" / "model", "model.", "transformer.")
    assert result["weights"]["loaded"] == weights == 24 and result["weights"]["head"] == "new"
