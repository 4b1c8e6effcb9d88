"""A run directory as training leaves it, with the scores of two questions, made without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from mlqa.config.compose import compose_all, initialize_hydra

HISTORY = [
    {"step": 5, "loss": 2.5, "epoch": 0.5},
    {"step": 10, "loss": None, "learning_rate": 1e-4, "epoch": 1.0},
    {"step": 10, "eval_f1": 70.0, "eval_exact_match": 50.0, "epoch": 1.0},
    {"step": 20, "eval_f1": 65.25, "eval_total": 2, "epoch": 2.0},
]
WORD = {
    "word": "kedileri", "tokens": ["kedi", "##leri"], "input_ids": [7, 8], "pieces": ["kedi", "leri"],
    "morphemes": [{"surface": "kedi", "gloss": "cat"}, {"surface": "leri", "gloss": "their"}],
    "met": [4], "missed": [], "inside": [],
}  # fmt: skip
QUESTION = {
    "set": "sample", "split": "validation", "id": "q1", "context": 0, "seen": False, "exact_match": 1, "f1": 1.0,
    "exact_match_language": 1, "f1_language": 1.0, "groups": {"question_type": "who"}, "question": "Kim?",
    "golds": ["Ali", "Ali Bey"], "answer": "Ali", "context_text": "Ali Bey geldi.",
}  # fmt: skip
OTHER = {**QUESTION, "id": "q2", "seen": True, "exact_match": 0, "f1": 0.5, "answer": None, "probability": 0.25}
RESULT: dict[str, Any] = {
    "schema_version": 2, "status": "completed", "label": "tiny_wordpiece", "seed": 42, "config_hash": "0123456789ab",
    "objective": 65.25, "reported_split": "validation",
    "choices": {"model": "tiny_wordpiece", "dataset": "sample", "hardware": "local"},
    "metrics": {"f1": 65.25, "exact_match": 50.0, "total": 2},
    "evaluations": {"xquad_tr": {"exact_match": 40.0, "f1": 55.5, "total": 9, "language": "tr"}},
    "tokenization": {"fertility": 2.0}, "timing": {"train_seconds": 9.0}, "cost": {"usd": 1.5}, "model": {},
    "breakdown": {}, "dataset": {"fingerprint": "ab"}, "versions": {"commit": "abcdef123456-dirty"}, "tracking": {},
    "error": None,
}  # fmt: skip


def record_run(folder: Path, **changes: Any) -> Path:
    """Write the files of a run.

    Args:
        folder: The run's directory.
        **changes: Nodes of result.json.
    """
    (folder / ".hydra").mkdir(parents=True)
    with initialize_hydra():
        (composed,) = compose_all([["experiment=quickstart", "tracking=wandb"]])
    settings = OmegaConf.masked_copy(composed, [key for key in composed if key != "hydra"])
    (folder / ".hydra" / "config.yaml").write_text(OmegaConf.to_yaml(settings), "utf-8")
    lines = [json.dumps(row) + "\n" for row in HISTORY]
    (folder / "history.jsonl").write_text("".join(lines) + '{"step": 2', "utf-8")  # half a line, as a kill leaves it
    (folder / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (QUESTION, OTHER)), "utf-8")
    (folder / "tokenization.json").write_text(json.dumps({"fertility": 2.0, "analysed_words": [WORD]}), "utf-8")
    (folder / "result.json").write_text(json.dumps({**RESULT, **changes}), "utf-8")
    return folder
