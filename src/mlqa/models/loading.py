"""The configured model: pre-trained with a new question-answering head, or a small ConvBERT with random weights."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from mlqa.config.schema import ModelConfig
from mlqa.errors import ModelError, RunError, explain_write_failure
from mlqa.models.embeddings import keep_rows
from mlqa.models.heads import find_model_class
from mlqa.models.layers import cut_layers
from mlqa.models.weights import LoadedWeights, load_weights
from mlqa.tokenization.load import load_pretrained
from mlqa.tokenization.saving import save_tokenizer

log = logging.getLogger(__name__)

INITIALIZER_RANGE = 0.08  # for a model from scratch: large enough for equal tokens to stand out in the attention
WORD_SCALE = 3.0  # its word embeddings start this much larger than those of positions and segments


def load_model(model: ModelConfig, tokenizer: Any) -> tuple[Any, LoadedWeights]:
    """Load or build the model, which gives start and end logits for each position.

    The weights of a new head come from torch's random state.

    Args:
        model: The config of the model.
        tokenizer: Its tokenizer, for the size of the vocabulary.

    Returns:
        A transformers model for question answering, in float32 on the CPU, and what of it was loaded.

    Raises:
        ModelError: The model cannot be loaded or does not fit its tokenizer or config.
        UnreachableError: The model cannot be fetched.
    """
    if model.scratch is not None:
        built = _build_scratch_model(model, tokenizer)
        head = (name for name, _ in built.named_parameters() if not name.startswith(f"{built.base_model_prefix}."))
        return built, LoadedWeights(0, sorted(head))
    pretrained = str(model.pretrained)
    options = {"attn_implementation": model.attn_implementation.value} if model.attn_implementation else {}
    loaded, weights = load_weights(_load_config(model), pretrained, model.revision, **options)
    _check_ids(pretrained, tokenizer, loaded)
    if weights.missing:
        log.info("%d weights loaded, the head is new: %s", weights.loaded, ", ".join(weights.missing))
    else:
        log.info("%d weights loaded, with the head", weights.loaded)
    return loaded.float(), weights


def load_run_model(folder: Path) -> tuple[Any, Any]:
    """Load the tokenizer and the model of a run.

    Args:
        folder: The folder of the model, as `save_model` wrote it.

    Raises:
        ModelError: They are missing or damaged. The message names the folder, which is no setting of the user.
    """
    from transformers import AutoTokenizer

    try:
        return load_pretrained(AutoTokenizer, "tokenizer", str(folder), None), load_trained_model(folder)
    except ModelError as error:
        reason = str(error).replace(f"model.pretrained={folder}", str(folder))
        advice = "; copy the folder again from where the model was trained" if "cannot be loaded" in reason else ""
        raise ModelError(f"{reason}{advice}") from error


def load_trained_model(folder: Path) -> Any:
    """Load a model that `save_model` wrote.

    Raises:
        ModelError: A weight is missing, or the files are damaged.
    """
    config = _read_config(str(folder), None)
    model, weights = load_weights(config, str(folder), None)
    if weights.missing:
        raise ModelError(f"{folder}: lacks {', '.join(weights.missing)}, so it was never trained to answer questions")
    return model


def _check_ids(pretrained: str, tokenizer: Any, model: Any) -> None:
    """Raise ModelError if a token has no row in the word embeddings."""
    rows = model.get_input_embeddings().weight.shape[0]
    highest = max(tokenizer.get_vocab().values())
    if highest >= rows:
        raise ModelError(
            f"model.pretrained={pretrained}: its tokenizer has a token {highest}, but its weights have {rows} rows; "
            "give the tokenizer that belongs to these weights"
        )


def _load_config(model: ModelConfig) -> Any:
    """Load the config of a pre-trained model, with the number of layers that is kept."""
    loaded = _read_config(str(model.pretrained), model.revision)
    if model.num_hidden_layers is not None:
        cut_layers(loaded, model.num_hidden_layers, str(model.pretrained))
    return loaded


def _read_config(pretrained: str, revision: str | None) -> Any:
    from transformers import AutoConfig

    return load_pretrained(AutoConfig, "config.json", pretrained, revision)


def _build_scratch_model(model: ModelConfig, tokenizer: Any) -> Any:
    """Build a ConvBERT (Jiang et al. 2020, arXiv 2008.02496) whose random weights let it learn to read within minutes.

    To answer, a model must find the name from the question in the context and look next to it. A small BERT learns
    neither within minutes. Half of the heads here are convolutions, which see the neighbours of a token from the first
    step. Keys start as copies of the queries under large word embeddings, so that a token attends to equal tokens (cf.
    the mimetic initialization of Trockman & Kolter 2023, arXiv 2305.09828).
    """
    import torch
    from transformers import ConvBertConfig, ConvBertForQuestionAnswering

    scratch = model.scratch
    assert scratch is not None
    built = ConvBertForQuestionAnswering(
        ConvBertConfig(
            vocab_size=len(tokenizer),
            embedding_size=scratch.hidden_size,
            hidden_size=scratch.hidden_size,
            num_hidden_layers=scratch.num_hidden_layers,
            num_attention_heads=scratch.num_attention_heads,
            intermediate_size=scratch.intermediate_size,
            max_position_embeddings=scratch.max_position_embeddings,
            hidden_dropout_prob=scratch.dropout,
            attention_probs_dropout_prob=scratch.dropout,
            initializer_range=INITIALIZER_RANGE,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    with torch.no_grad():
        built.convbert.embeddings.word_embeddings.weight.mul_(WORD_SCALE)
        for layer in built.convbert.encoder.layer:
            layer.attention.self.key.weight.copy_(layer.attention.self.query.weight)
    return built


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the model and its tokenizer to a folder in transformers' format, completely or not at all.

    Raises:
        RunError: The folder cannot be written. transformers may only log such a failure.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        model.save_pretrained(partial)
        save_tokenizer(tokenizer, partial)
        (partial / "config.json").stat()
        folder.mkdir(exist_ok=True)
        for path in partial.iterdir():
            os.replace(path, folder / path.name)
        partial.rmdir()
    except (
        OSError,
        RuntimeError,
        SafetensorError,
    ) as error:  # the type depends on the library that meets it
        shutil.rmtree(partial, ignore_errors=True)
        raise RunError(
            f"{folder}: the model cannot be written: {explain_write_failure(error, folder.parent)}"
        ) from None


def describe_model(config: ModelConfig, model: Any) -> dict[str, Any]:
    """Describe a model for result.json.

    Returns:
        "pretrained", "parameters" and "embedding_parameters". Tied parameters count once.
    """
    return {
        "pretrained": config.pretrained,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "embedding_parameters": model.get_input_embeddings().weight.numel(),
    }


def trim_model(config: ModelConfig, model: Any, kept: np.ndarray) -> dict[str, Any]:
    """Cut the word embeddings of a model to the rows of a trimmed vocabulary.

    Args:
        config: The config of the model.
        model: A transformers model, which is changed in place.
        kept: The former row of each new row [new entries], ascending.

    Returns:
        The description of the trimmed model, with the former number of parameters and of vocabulary entries.

    Raises:
        ModelError: The embeddings do not have a row of `kept`.
    """
    untrimmed = describe_model(config, model)["parameters"]
    rows = keep_rows(model, kept)
    return describe_model(config, model) | {"parameters_untrimmed": untrimmed, "vocab_size_untrimmed": rows}


def compute_embedding_share(config: ModelConfig, tokenizer: Any) -> float:
    """Compute the share of word embeddings in the parameters of a model (Toraman et al. 2022, arXiv 2204.08832).

    The model is built without weights, so only its config is fetched.

    Returns:
        The share, from 0 to 1.

    Raises:
        ModelError: The model has no config, or fewer layers than `num_hidden_layers`.
        UnreachableError: The config cannot be fetched.
    """
    import torch

    with torch.device("meta"):
        if config.scratch is not None:
            model = _build_scratch_model(config, tokenizer)
        else:
            described = _load_config(config)
            if config.trim_vocabulary:
                described.vocab_size = len(tokenizer)
            model = find_model_class(described)(described)
    counts = describe_model(config, model)
    return float(counts["embedding_parameters"] / counts["parameters"])
