"""What is known of a model before it is loaded, against transformers itself and the files of the hub's cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from mlqa.config import model_facts
from mlqa.config.compose import compose_config, find_conf_dir
from mlqa.config.machine import find_image_problems
from mlqa.config.model_facts import count_stated_positions, explain_unknown_type, find_model_type, read_model_config
from mlqa.errors import ConfigError

NO_HEAD = "model is an encoder-decoder for which transformers has no question-answering class"
TABLE = yaml.safe_load(Path(model_facts.__file__).with_name("model_types.yaml").read_text("utf-8"))


@pytest.mark.legacy
def test_the_table_is_what_the_installed_transformers_knows() -> None:
    import transformers
    from transformers.models.auto import modeling_auto as auto

    version = transformers.__version__
    if ".".join(version.split(".")[:2]) not in TABLE["versions"]:
        pytest.skip(f"the table does not have transformers {version}")
    unknown = {each for each in TABLE["types"] if "know" in str(explain_unknown_type(each, version))}
    assert set(TABLE["types"]) - unknown == set(TABLE["types"]) & set(auto.MODEL_MAPPING_NAMES)
    known = set(TABLE["types"]) - unknown
    heads = {each for each, row in TABLE["types"].items() if row.get("head", "none") != "none"}
    assert set(auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES) & known <= heads


@pytest.mark.parametrize(
    ("model_type", "version", "told"),
    [
        ("modernbert", "4.36.2", "transformers 4.36.2 does not know modernbert models (4.49 does)"),
        ("modernbert", "4.40.1", None),  # between 4.36 and 4.49, the table cannot tell: it was 4.48
        ("modernbert", "4.49.0", None),  # without a question-answering class, so mlqa's own head
        ("eurobert", "4.56.2", "transformers 4.56.2 does not know eurobert models (5.3 does)"),
        ("eurobert", "6.0.0", None),
        ("nezha", "4.56.2", None),
        ("nezha", "5.3.0", "transformers 5.3.0 no longer knows nezha models (4.56 does)"),
        (
            "marian",
            "5.3.0",
            "a marian model is an encoder-decoder for which transformers has no question-answering class",
        ),
        ("bart", "4.36.0", None),
        ("not-invented-yet", "4.36.0", None),
    ],
)
def test_whether_a_version_can_load_a_type(model_type: str, version: str, told: str | None) -> None:
    assert explain_unknown_type(model_type, version) == told


def test_the_type_of_every_option_is_known_beforehand() -> None:
    for file in (find_conf_dir() / "model").glob("*.yaml"):
        pretrained = OmegaConf.load(file).get("pretrained") if file.stem != "pretrained" else None
        assert pretrained is None or find_model_type(pretrained) in TABLE["types"], file.name


def test_a_model_in_the_hubs_cache_is_read_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache's layout is huggingface_hub's own, written by it elsewhere: refs/<branch> names a snapshot."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    model = tmp_path / "hub" / "models--owner--name"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("0123abcd")
    (model / "snapshots" / "0123abcd").mkdir(parents=True)
    (model / "snapshots" / "0123abcd" / "config.json").write_text(json.dumps({"model_type": "luke"}))
    assert find_model_type("owner/name") == find_model_type("owner/name", "0123abcd") == "luke"
    assert read_model_config("owner/other") == {} and find_model_type("owner/other") is None


@pytest.mark.parametrize(
    ("described", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "longformer", "max_position_embeddings": 4098, "pad_token_id": 1}, 4096),
        ({"model_type": "gpt2", "n_positions": 1024, "n_ctx": 1024}, 1024),
        ({"model_type": "deberta-v2", "max_position_embeddings": 512, "position_biased_input": False}, None),
        ({"model_type": "llama", "max_position_embeddings": 2048}, None),  # rotary
        ({"model_type": "t5", "n_positions": 512}, None),  # relative
        (
            {"model_type": "led", "max_encoder_position_embeddings": 16384, "max_decoder_position_embeddings": 1024},
            16384,
        ),
        ({"model_type": "xlnet"}, None),
    ],
)
def test_positions_as_published_configs_state_them(described: dict[str, Any], positions: int | None) -> None:
    assert count_stated_positions(described) == positions


def test_a_machine_whose_transformers_does_not_know_the_model_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlqa.config.machine.get_installed_transformers", lambda: "4.36.2")
    with pytest.raises(ConfigError, match=r"EuroBERT-210m: transformers 4\.36\.2 does not know eurobert models"):
        compose_config(["model=eurobert"])
    config, _ = compose_config(["model=eurobert", "hardware=g5"])  # there the launcher asks for the image
    assert find_image_problems(config, {"transformers": "5.3.0", "torch": "2.9.0"}) == []
    assert find_image_problems(config, {"transformers": "4.36.0"}) == [
        "model.pretrained=EuroBERT/EuroBERT-210m: transformers 4.36.0 does not know eurobert models (5.3 does)"
    ]
    assert find_image_problems(config, {}) == []
    assert find_image_problems(compose_config(["model=tiny_char"])[0], {"transformers": "4.36.0"}) == []
