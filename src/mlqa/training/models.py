"""The configured model: pre-trained with a fresh question-answering head, or a small ConvBERT of random weights."""

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
from mlqa.tokenization.load import load_pretrained
from mlqa.tokenization.saving import save_tokenizer
from mlqa.training.embeddings import keep_rows

log = logging.getLogger(__name__)

INITIALIZER_RANGE = 0.08  # of a model from scratch: large enough for like tokens to stand out in the attention
WORD_SCALE = 3.0  # how much larger its word embeddings begin than those of positions and segments
HEADS = ("qa_outputs", "classifier", "logits_proj")  # new where a model was not tuned for question answering


def load_model(model: ModelConfig, tokenizer: Any) -> Any:
    """A model with start and end logits for each position, in float32 on the CPU.

    The head's weights come from torch's random state. Raises ModelError or UnreachableError, naming the model.
    """
    from transformers import AutoConfig, AutoModelForQuestionAnswering

    if model.scratch is not None:
        return _build_scratch_model(model, tokenizer)
    pretrained = str(model.pretrained)
    described = load_pretrained(AutoConfig, "config.json", pretrained, model.revision)
    if model.num_hidden_layers is not None:
        layers = getattr(described, "num_hidden_layers", None)
        if layers is None or model.num_hidden_layers > layers:
            raise ModelError(f"model.num_hidden_layers={model.num_hidden_layers}: {pretrained} has {layers} layers")
        described.num_hidden_layers = model.num_hidden_layers
    options = {"attn_implementation": model.attn_implementation.value} if model.attn_implementation else {}
    loaded, report = load_pretrained(
        AutoModelForQuestionAnswering,
        "weights",
        pretrained,
        model.revision,
        config=described,
        output_loading_info=True,
        **options,
    )
    absent = [name for name in report["missing_keys"] if not name.startswith(HEADS)]
    if absent:
        log.warning(
            "%s: %d weights are not in the files and start random, %s first", pretrained, len(absent), absent[0]
        )
    rows = loaded.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        entries = len(tokenizer)
        raise ModelError(f"model.pretrained={pretrained}: its tokenizer has {entries} entries, its weights {rows}")
    return loaded.float()


def _build_scratch_model(model: ModelConfig, tokenizer: Any) -> Any:
    """A ConvBERT (Jiang et al. 2020, arXiv 2008.02496) whose random weights begin where reading can begin.

    To answer, a model has to find the question's name in the context and look beside it. A small BERT learns neither in
    minutes. Here half of the heads are convolutions, which see a token's neighbours from the first step, and keys begin
    as copies of the queries under large word embeddings, so that a token attends to its like (cf. the mimetic
    initialization of Trockman & Kolter 2023, arXiv 2305.09828).
    """
    import torch
    from transformers import ConvBertConfig, ConvBertForQuestionAnswering

    scratch = model.scratch
    assert scratch is not None
    made = ConvBertForQuestionAnswering(
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
        made.convbert.embeddings.word_embeddings.weight.mul_(WORD_SCALE)
        for layer in made.convbert.encoder.layer:
            layer.attention.self.key.weight.copy_(layer.attention.self.query.weight)
    return made


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Writes an ordinary transformers model, no half of one. Raises RunError where it could not, also if transformers
    only logs it."""
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
    except (OSError, RuntimeError, SafetensorError) as error:  # by which library meets the full disk
        shutil.rmtree(partial, ignore_errors=True)
        raise RunError(
            f"{folder}: the model cannot be written: {explain_write_failure(error, folder.parent)}"
        ) from None


def describe_model(config: ModelConfig, model: Any) -> dict[str, Any]:
    """What result.json says of the model; parameters are counted, tied ones once."""
    return {
        "pretrained": config.pretrained,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "embedding_parameters": model.get_input_embeddings().weight.numel(),
    }


def trim_model(config: ModelConfig, model: Any, kept: np.ndarray) -> dict[str, Any]:
    """Cuts a model's word embeddings to the rows `kept` of a trimmed vocabulary; returns its description now, and what
    there was before. Raises ModelError where it has no such row."""
    whole = describe_model(config, model)["parameters"]
    rows = keep_rows(model, kept)
    return describe_model(config, model) | {"parameters_untrimmed": whole, "vocab_size_untrimmed": rows}


def compute_embedding_share(config: ModelConfig, tokenizer: Any) -> float:
    """Share (0-1) of a model's parameters that are word embeddings (Toraman et al. 2022, arXiv 2204.08832).

    Counted on a model without weights: nothing but its config is fetched.

    Raises ModelError where there is no config, UnreachableError where it cannot be fetched.
    """
    import torch
    from transformers import AutoConfig, AutoModelForQuestionAnswering

    with torch.device("meta"):
        if config.scratch is not None:
            model = _build_scratch_model(config, tokenizer)
        else:
            described = load_pretrained(AutoConfig, "config.json", str(config.pretrained), config.revision)
            if config.num_hidden_layers is not None:
                described.num_hidden_layers = config.num_hidden_layers
            if config.trim_vocabulary:
                described.vocab_size = len(tokenizer)
            model = AutoModelForQuestionAnswering.from_config(described)
    found = describe_model(config, model)
    return float(found["embedding_parameters"] / found["parameters"])
