"""Test the heads that transformers lacks: they read the encoder's output, and come back with and without mlqa."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

from mlqa.errors import ModelError
from mlqa.models.heads import find_model_class
from mlqa.models.loading import load_trained_model
from mlqa.models.weights import load_weights

pytestmark = pytest.mark.legacy

SHAPE = {
    "vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
    "intermediate_size": 24, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
IDS = torch.arange(3, 23).reshape(2, 10)
HEADLESS = {
    "eurobert": "MaskedLM",
    "nomic_bert": "MaskedLM",
    "gemma": "CausalLM",
    "phi3": "CausalLM",
    "esm": "MaskedLM",
}


def make_pretrained(model_type: str, kind: str, folder: Path) -> Any:
    """Write a model of random weights as its authors publish it: with the head of its pre-training."""
    if model_type not in transformers.CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {model_type}")
    torch.manual_seed(0)
    auto = getattr(transformers, f"AutoModelFor{kind}")
    model = auto.from_config(transformers.CONFIG_MAPPING[model_type](**SHAPE)).eval()
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("model_type", HEADLESS)
def test_a_head_reads_what_the_pretrained_model_gives(model_type: str, tmp_path: Path) -> None:
    published = make_pretrained(model_type, HEADLESS[model_type], tmp_path)
    model, weights = load_weights(transformers.AutoConfig.from_pretrained(tmp_path), str(tmp_path), None)
    assert weights.missing == ["qa_outputs.bias", "qa_outputs.weight"]  # all else is pre-trained
    with torch.no_grad():
        output = model.eval()(input_ids=IDS)
        read = published.base_model(input_ids=IDS).last_hidden_state @ model.qa_outputs.weight.T + model.qa_outputs.bias
    assert torch.allclose(output.start_logits, read[..., 0], atol=1e-6)
    assert torch.allclose(output.end_logits, read[..., 1], atol=1e-6)


@pytest.mark.parametrize("model_type", HEADLESS)
def test_a_head_learns_and_comes_back_with_and_without_mlqa(model_type: str, tmp_path: Path) -> None:
    make_pretrained(model_type, HEADLESS[model_type], tmp_path / "pretrained")
    model, _ = load_weights(
        transformers.AutoConfig.from_pretrained(tmp_path / "pretrained"), str(tmp_path / "pretrained"), None
    )
    output = model(input_ids=IDS)
    (output.start_logits[:, 0] - output.end_logits[:, -1]).sum().backward()
    learns = [name for name, parameter in model.named_parameters() if parameter.grad is not None]
    assert len(learns) > len(list(model.parameters())) - 3  # ESM has a head for contacts that nothing reads
    model.save_pretrained(tmp_path / "model")
    with torch.no_grad():
        expected = model.eval()(input_ids=IDS)
        again = load_trained_model(tmp_path / "model").eval()(input_ids=IDS)
        assert torch.equal(again.start_logits, expected.start_logits)
        # The lines of docs/models.md.
        encoder = transformers.AutoModel.from_pretrained(tmp_path / "model")
        head = load_file(tmp_path / "model" / "model.safetensors")
        hidden = encoder(input_ids=IDS).last_hidden_state
        start_logits, end_logits = (hidden @ head["qa_outputs.weight"].T + head["qa_outputs.bias"]).unbind(-1)
    assert torch.allclose(start_logits, expected.start_logits, atol=1e-6)
    assert torch.allclose(end_logits, expected.end_logits, atol=1e-6)


def test_transformers_own_head_is_used_where_there_is_one() -> None:
    bert = transformers.BertConfig(**{name: SHAPE[name] for name in ("vocab_size", "hidden_size")})
    assert find_model_class(bert) is transformers.BertForQuestionAnswering


@pytest.mark.parametrize(
    ("model_type", "message"),
    [
        ("pegasus", "a pegasus model is an encoder-decoder for which transformers has no question-answering class"),
        ("vit", "a vit model does not read text alone"),
        ("whisper", "a whisper model is an encoder-decoder"),
        ("gemma3", "a gemma3 model does not read text alone"),
    ],
)
def test_a_model_that_cannot_answer_is_refused(model_type: str, message: str) -> None:
    if model_type not in transformers.CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {model_type}")
    with pytest.raises(ModelError, match=message):
        find_model_class(transformers.CONFIG_MAPPING[model_type]())
