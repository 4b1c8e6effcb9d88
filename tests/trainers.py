"""Trainers on a few generated windows. Only the process that runs such tests imports transformers' Trainer: seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mlqa.config.compose import compose_config
from mlqa.config.schema import Batching, Config
from mlqa.data.sample import generate
from mlqa.features.windows import Windows, make_windows
from mlqa.models.loading import load_model
from mlqa.tokenization.load import load_tokenizer
from mlqa.training.checkpoints import Checkpoints

if TYPE_CHECKING:
    from mlqa.training.trainer import QuestionAnsweringTrainer

SAMPLE = generate(24, seed=3)


def configured(tmp_path: Path, *overrides: str) -> Config:
    config = compose_config(["model=tiny_wordpiece", "dataset=sample", "tracking=files", *overrides])[0]
    config.training.output_dir = str(tmp_path)
    return config


def trainer_of(
    tmp_path: Path, *overrides: str, model: Any = None, batching: str = "grouped"
) -> tuple[QuestionAnsweringTrainer, Windows]:
    """A trainer of the configured model or of the given one, which may be packed where the configured one may not."""
    from mlqa.training.arguments import build_training_arguments
    from mlqa.training.trainer import QuestionAnsweringTrainer

    config = configured(tmp_path, *overrides)
    config.training.batching = Batching[batching]
    tokenizer = load_tokenizer(config.model, SAMPLE.contexts + SAMPLE.questions)
    windows = make_windows(SAMPLE, tokenizer, config.training.max_seq_length, config.training.doc_stride)
    torch.manual_seed(0)
    model = model or load_model(config.model, tokenizer)[0]
    checkpoints = Checkpoints(tmp_path, "0" * 16)
    return QuestionAnsweringTrainer(
        config, build_training_arguments(config), model, windows, dict, [], checkpoints
    ), windows


def small(kind: str) -> Any:
    """A small model without dropout, e.g. of kind Bert: the convolutions of mlqa's own see the padding beside them."""
    import transformers

    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    without = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    described = getattr(transformers, f"{kind}Config")(
        vocab_size=1600, initializer_range=0.2, max_position_embeddings=514, **shape, **without
    )
    return getattr(transformers, f"{kind}ForQuestionAnswering")(described)
