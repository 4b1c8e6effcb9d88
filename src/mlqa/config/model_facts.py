"""What is known of a pre-trained model before it is loaded, without transformers and without the hub.

It comes from config.json, in a folder or in the hub's cache, and from two data files: model_types.yaml has the types of
models that versions of transformers know, hub_models.yaml the types of the models that conf/model/ names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

# Types with a table of positions: the first count from 0, the others from after their padding.
FROM_ZERO = frozenset(
    "albert bart bert big_bird bigbird_pegasus convbert distilbert electra ernie fnet gpt2 gpt_neo gptj led mbart "
    "megatron-bert mobilebert mpt mvp nystromformer opt rembert roc_bert roformer splinter squeezebert yoso".split()
)
FROM_PADDING = frozenset(
    "camembert data2vec-text ibert lilt longformer luke markuplm mpnet roberta roberta-prelayernorm xlm-roberta "
    "xlm-roberta-xl xmod".split()
)
MPNET_PADDING = 1  # whatever its config says


def is_local_folder(pretrained: str) -> bool:
    """Return whether a model name means a folder: it is the name of one, or it is written as a path."""
    return Path(pretrained).expanduser().is_dir() or pretrained.startswith(("/", "./", "../", "~"))


def read_model_config(pretrained: str | None, revision: str | None = None) -> dict[str, Any]:
    """Read the config.json of a pre-trained model.

    Args:
        pretrained: A local folder or a hub name.
        revision: Branch, tag or commit of a hub model.

    Returns:
        Its content. {} if the folder has none, if it cannot be read, or if the hub model is not in the cache.
    """
    if not pretrained:
        return {}
    if is_local_folder(pretrained):
        folder = Path(pretrained).expanduser()
    else:
        folder = _find_cached(pretrained, revision or "main")
    try:
        described = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return described if isinstance(described, dict) else {}


def _find_cached(name: str, revision: str) -> Path:
    """Return the folder in which huggingface_hub keeps a model of the hub, whether it exists or not."""
    home = os.environ.get("HF_HOME", str(Path.home() / ".cache" / "huggingface"))
    repository = Path(os.environ.get("HF_HUB_CACHE", f"{home}/hub"), f"models--{name.replace('/', '--')}")
    try:
        commit = (repository / "refs" / revision).read_text("utf-8").strip()
    except OSError:
        commit = revision
    return repository / "snapshots" / commit


def find_model_type(pretrained: str | None, revision: str | None = None) -> str | None:
    """Return the type of a pre-trained model, None if it is not known before the model is fetched."""
    described = read_model_config(pretrained, revision).get("model_type")
    return str(described) if described else _read_data("hub_models.yaml").get(str(pretrained))


def count_stated_positions(described: Mapping[str, Any]) -> int | None:
    """Return how many tokens a model can read.

    Args:
        described: The content of its config.json.

    Returns:
        None if it has no table of positions, as with relative and rotary ones, or if its type is not known.
    """
    model_type = described.get("model_type")
    names = ("max_encoder_position_embeddings", "max_position_embeddings", "n_positions", "max_seq_len")
    positions = next((described[name] for name in names if isinstance(described.get(name), int)), None)
    if positions is None:
        return None
    if model_type in ("deberta", "deberta-v2"):
        return int(positions) if described.get("position_biased_input", True) else None
    is_absolute = described.get("position_embedding_type", "absolute") == "absolute"
    if model_type in FROM_PADDING or (model_type == "esm" and is_absolute):
        padding = described.get("pad_token_id", 1) if model_type != "mpnet" else MPNET_PADDING
        return int(positions) - int(padding or 0) - 1
    return int(positions) if model_type in FROM_ZERO else None


def explain_unknown_type(model_type: str, transformers: str) -> str | None:
    """Return why a version of transformers cannot load a model that answers questions, None if it can.

    Args:
        model_type: The type of the model.
        transformers: A version, e.g. "4.36.0".

    Returns:
        None as well if the table does not know the type, or no version of the table is near enough to tell.
    """
    table = _read_data("model_types.yaml")
    row = table["types"].get(model_type)
    if row is None:
        return None
    asked = _parse(transformers)
    earlier = [each for each in table["versions"] if _parse(each) < _parse(row["known"])]
    if earlier and asked <= _parse(earlier[-1]):
        return f"transformers {transformers} does not know {model_type} models ({row['known']} does)"
    later = [each for each in table["versions"] if _parse(each) > _parse(row.get("until", table["versions"][-1]))]
    if later and asked >= _parse(later[0]):
        return f"transformers {transformers} no longer knows {model_type} models ({row['until']} does)"
    if row.get("head") == "none":
        return f"a {model_type} model is an encoder-decoder for which transformers has no question-answering class"
    return None


def get_installed_transformers() -> str | None:
    """Return the version of transformers on this machine, without importing it."""
    from importlib import metadata

    try:
        return metadata.version("transformers")
    except metadata.PackageNotFoundError:
        return None


def _parse(text: str) -> tuple[int, int]:
    """Return major and minor version: patch versions add no types of models."""
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


@cache
def _read_data(name: str) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, if there is libyaml
    content: dict[str, Any] = yaml.load(Path(__file__).with_name(name).read_text("utf-8"), loader)
    return content
