"""Directories of completed runs with tiny models of random weights, written without training."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import CONFIG_MAPPING

from mlqa.config.schema import TrainingConfig, select_numbers
from mlqa.data.sample import generate
from mlqa.models.heads import find_model_class
from mlqa.models.loading import save_model
from mlqa.models.reading import probe_reading
from mlqa.result import Result
from mlqa.tokenization.scratch import train_tokenizer

SAMPLE = generate(40, seed=3)
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 140,
    "initializer_range": 0.3,  # so that the logits are far apart
}


@cache
def get_tokenizer(algorithm: str) -> Any:
    return train_tokenizer(SAMPLE.contexts + SAMPLE.questions, algorithm, 320, 128)


def write_run(
    run_dir: Path,
    model_type: str = "bert",
    algorithm: str = "wordpiece",
    unanswerable: int = 0,
    metrics: dict[str, float] | None = None,
    seed: int = 1,
) -> Path:
    """Write model/, result.json and .hydra/config.yaml of a run on the sample, with windows of 64 tokens."""
    tokenizer = get_tokenizer(algorithm)
    described = CONFIG_MAPPING[model_type](
        **SIZES, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, embedding_size=32, n_positions=140
    )
    torch.manual_seed(seed)
    model = find_model_class(described)(described).eval()
    training = TrainingConfig(output_dir=str(run_dir), seed=seed, max_seq_length=64, doc_stride=16, max_answer_length=8)
    (run_dir / ".hydra").mkdir(parents=True)
    save_model(model, tokenizer, run_dir / "model")
    result = Result(
        status="completed",
        label=f"tiny_{model_type}",
        choices={"model": f"tiny_{model_type}", "dataset": "sample", "hardware": "local"},
        seed=seed,
        training=select_numbers(training),
        metrics={"exact_match": 40.0, "f1": 50.0, "total": 100, "total_unseen": 100, **(metrics or {})},
        model={"pretrained": None, "parameters": 1000, "reading": asdict(probe_reading(model, 64))},
        dataset={
            "train_rows": {"rows": 40, "contexts": 7, "unanswerable": unanswerable},
            "validation_rows": {"rows": 20, "contexts": 4},
            "train_examples": 40,
            "eval_examples": 20,
            "fingerprint": "0123456789abcdef",
            "primary_metric": "f1",
        },
        cost={
            "billable_seconds": 7200,
            "instance_type": "ml.g5.xlarge",
            "instance_count": 2,
            "usd": 5.63,
            "usd_per_hour": 1.408,
        },
        versions={"mlqa": "0.1.0", "torch": "2.13.0+cpu", "transformers": "5.24.0"},
    )
    result.write(run_dir)
    config = {
        "model": {"pretrained": None},
        "dataset": {"language": "tr", "sample": {"train_rows": 40, "validation_rows": 20, "seed": 0}},
        "optimizer": {"learning_rate": 1e-3},
        "training": select_numbers(training),
        "seed": seed,
    }
    (run_dir / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    (run_dir / ".hydra" / "overrides.yaml").write_text(json.dumps([f"seed={seed}"]), "utf-8")
    return run_dir
