"""Test that a model has every weight of its checkpoint, or is refused by a line that names what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from mlqa.config.schema import ModelConfig
from mlqa.errors import ModelError
from mlqa.models.loading import load_model, load_trained_model

pytestmark = pytest.mark.legacy

SHAPE = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
IDS = torch.arange(3, 23).reshape(2, 10)
TOKENIZER = SimpleNamespace(get_vocab=lambda: {"a": 59})
HEAD = ["qa_outputs.bias", "qa_outputs.weight"]


def load(folder: Path, **options: Any) -> Any:
    return load_model(ModelConfig(pretrained=str(folder), **options), TOKENIZER)


def write(kind: str, name: str, folder: Path, **options: Any) -> Any:
    """Write a model of random weights and return it."""
    torch.manual_seed(1)
    config = getattr(transformers, f"{kind}Config")(**SHAPE, **options)
    model = getattr(transformers, f"{kind}For{name}")(config).eval()
    model.save_pretrained(folder)
    return model


def rename(folder: Path, change: Any) -> None:
    weights = {change(name): value.clone() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("kind", ["Llama", "Qwen2", "Qwen3", "SmolLM3", "Ministral", "Nemotron", "Arcee", "SeedOss"])
def test_decoders_keep_every_weight_of_their_checkpoint(kind: str, tmp_path: Path) -> None:
    """transformers#30381: their question-answering classes look for transformer.*, the checkpoints hold model.*"""
    if not hasattr(transformers, f"{kind}ForCausalLM"):
        pytest.skip(f"this transformers has no {kind}")
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "num_key_value_heads": 2, "head_dim": 8}
    write(kind, "CausalLM", tmp_path, **ids)
    model, weights = load(tmp_path)
    files = load_file(tmp_path / "model.safetensors")
    encoder = {f"model.{name}": value for name, value in model.base_model.state_dict().items()}
    assert set(encoder) == {name for name in files if name.startswith("model.")}
    assert all(torch.equal(value, files[name]) for name, value in encoder.items())
    assert weights.to_dict() == {"loaded": len(encoder), "missing": HEAD, "head": "new"}
    with torch.no_grad():
        hidden = transformers.AutoModel.from_pretrained(tmp_path)(input_ids=IDS).last_hidden_state
        expected = hidden @ model.qa_outputs.weight.T + model.qa_outputs.bias
        output = model.eval()(input_ids=IDS)
    assert torch.allclose(output.start_logits, expected[..., 0], atol=1e-6)
    assert torch.allclose(output.end_logits, expected[..., 1], atol=1e-6)
    assert model.qa_outputs.weight.std() > 0

    model.save_pretrained(tmp_path / "tuned")
    tuned, kept = load(tmp_path / "tuned")
    assert kept.to_dict() == {"loaded": len(encoder) + 2, "missing": [], "head": "kept"}
    with torch.no_grad():
        assert torch.equal(tuned.eval()(input_ids=IDS).start_logits, output.start_logits)


def test_the_head_is_new_or_kept(tmp_path: Path) -> None:
    write("Bert", "MaskedLM", tmp_path / "pretrained")
    model, weights = load(tmp_path / "pretrained")
    assert weights.to_dict() == {"loaded": len(list(model.parameters())) - 2, "missing": HEAD, "head": "new"}
    write("Bert", "QuestionAnswering", tmp_path / "tuned")
    model, weights = load(tmp_path / "tuned")
    assert weights.to_dict() == {"loaded": len(list(model.parameters())), "missing": [], "head": "kept"}


def test_a_head_of_another_size_is_new(tmp_path: Path) -> None:
    write("Bert", "QuestionAnswering", tmp_path)
    files = load_file(tmp_path / "model.safetensors")
    files["qa_outputs.weight"], files["qa_outputs.bias"] = torch.zeros(5, 16), torch.zeros(5)
    save_file(files, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert load(tmp_path)[1].missing == HEAD


def test_a_prefix_is_named(tmp_path: Path) -> None:
    write("Bert", "MaskedLM", tmp_path)
    rename(tmp_path, lambda name: f"module.{name}")
    with pytest.raises(ModelError, match=r"names of its weights begin with 'module\.', which a bert model does not"):
        load(tmp_path)


def test_a_wrong_architecture_is_named(tmp_path: Path) -> None:
    write("Electra", "MaskedLM", tmp_path, embedding_size=16)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "roberta"}), "utf-8")
    with pytest.raises(ModelError, match="37 of 37 weights of a roberta model are not in its files, which hold elect"):
        load(tmp_path)


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    write("Bert", "MaskedLM", tmp_path)
    lost = "bert.encoder.layer.1.output.dense.weight"
    files = load_file(tmp_path / "model.safetensors")
    save_file({n: v.clone() for n, v in files.items() if n != lost}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=rf"1 of 37 weights of a bert model are not in its files.*: {lost}; give"):
        load(tmp_path)


def test_weights_of_another_shape_are_named(tmp_path: Path) -> None:
    write("Bert", "MaskedLM", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, "intermediate_size": 32}), "utf-8")
    with pytest.raises(ModelError, match=r"is 24 in its files, but config\.json describes 32"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_pointer_of_git_lfs_is_named(name: str, tmp_path: Path) -> None:
    write("Bert", "MaskedLM", tmp_path)
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 437955512\n")
    with pytest.raises(ModelError, match=f"{name} is a pointer of Git LFS, not the file itself; run git lfs pull"):
        load(tmp_path)


def test_a_token_beyond_the_embeddings_is_refused(tmp_path: Path) -> None:
    write("Bert", "MaskedLM", tmp_path)
    sparse = SimpleNamespace(get_vocab=lambda: {"a": 0, "b": 60})  # two entries, but an id of 60
    with pytest.raises(ModelError, match="its tokenizer has a token 60, but its weights have 60 rows"):
        load_model(ModelConfig(pretrained=str(tmp_path)), sparse)


def test_a_trained_model_must_have_its_head(tmp_path: Path) -> None:
    write("Bert", "MaskedLM", tmp_path)
    with pytest.raises(ModelError, match=r"lacks qa_outputs\.bias, qa_outputs\.weight"):
        load_trained_model(tmp_path)


CUT = {
    "ModernBert": {"global_attn_every_n_layers": 2},
    "Longformer": {"attention_window": [8, 8]},
    "GPTNeo": {"attention_types": [[["global", "local"], 1]], "num_layers": 2, "num_heads": 2},
    "SmolLM3": {"num_key_value_heads": 2},
    "Qwen2": {"num_key_value_heads": 2},
}


@pytest.mark.parametrize("kind", CUT)
def test_cut_layers_can_be_saved_and_loaded(kind: str, tmp_path: Path) -> None:
    """Lists with an entry per layer are cut with the layers, or the run dies when it writes its model."""
    name = "CausalLM" if kind in ("GPTNeo", "SmolLM3", "Qwen2") else "MaskedLM"
    if not hasattr(transformers, f"{kind}Config"):
        pytest.skip(f"this transformers has no {kind}")
    write(kind, name, tmp_path, **CUT[kind], pad_token_id=0, bos_token_id=1, eos_token_id=2)
    model, weights = load(tmp_path, num_hidden_layers=1)
    _, all_weights = load(tmp_path)
    assert weights.missing == all_weights.missing and weights.loaded < all_weights.loaded
    model.save_pretrained(tmp_path / "cut")
    again = load_trained_model(tmp_path / "cut")
    assert again.config.num_hidden_layers == 1
    with torch.no_grad():
        ids = IDS.clone()
        if kind == "Longformer":  # it wants three separators
            ids[:, 1:4] = model.config.sep_token_id
        assert torch.equal(again.eval()(input_ids=ids).start_logits, model.eval()(input_ids=ids).start_logits)


def test_more_layers_than_there_are_are_refused(tmp_path: Path) -> None:
    write("Bert", "MaskedLM", tmp_path)
    with pytest.raises(ModelError, match=r"num_hidden_layers=3: .* has 2 layers; choose no more"):
        load(tmp_path, num_hidden_layers=3)
