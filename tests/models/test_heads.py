"""Test the heads that transformers lacks: they load pre-trained weights under a new head, train, and come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from mlqa.models.heads import HEADS, load_auto_class

SHAPE = {
    "vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
    "intermediate_size": 24, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
IDS = torch.arange(3, 23).reshape(2, 10)


def make_pretrained(model_type: str, folder: Path) -> Any:
    """Write a model of random weights as its authors publish it: with the head of masked language modelling."""
    if model_type not in transformers.CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {model_type}")
    torch.manual_seed(0)
    model = transformers.AutoModelForMaskedLM.from_config(transformers.CONFIG_MAPPING[model_type](**SHAPE)).eval()
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("model_type", HEADS)
def test_a_head_reads_what_the_pretrained_model_gives(model_type: str, tmp_path: Path) -> None:
    published = make_pretrained(model_type, tmp_path)
    model, report = load_auto_class().from_pretrained(tmp_path, output_loading_info=True)
    assert set(report["missing_keys"]) == {"qa_outputs.weight", "qa_outputs.bias"}  # all else is pre-trained
    with torch.no_grad():
        output = model.eval()(input_ids=IDS)
        read = published.base_model(input_ids=IDS).last_hidden_state @ model.qa_outputs.weight.T + model.qa_outputs.bias
    assert torch.allclose(output.start_logits, read[..., 0], atol=1e-6)
    assert torch.allclose(output.end_logits, read[..., 1], atol=1e-6)


@pytest.mark.parametrize("model_type", HEADS)
def test_a_head_learns_and_comes_back(model_type: str, tmp_path: Path) -> None:
    make_pretrained(model_type, tmp_path / "pretrained")
    model = load_auto_class().from_pretrained(tmp_path / "pretrained")
    model(input_ids=IDS, start_positions=IDS[:, 0] % 10, end_positions=IDS[:, 0] % 10).loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.save_pretrained(tmp_path / "model")
    again = load_auto_class().from_pretrained(tmp_path / "model")
    with torch.no_grad():
        assert torch.equal(again.eval()(input_ids=IDS).start_logits, model.eval()(input_ids=IDS).start_logits)
