"""Answers by a model that a run has left behind."""

from __future__ import annotations

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.answers.decoding import Candidate
from mlqa.answers.forward import answer
from mlqa.config.schema import TrainingConfig
from mlqa.data.examples import Examples
from mlqa.data.readers import parse_json
from mlqa.data.rows import is_encodable
from mlqa.errors import DataError, RunError, summarize_error
from mlqa.features.windows import make_windows
from mlqa.metrics.no_answer import put_answer_first
from mlqa.result import MODEL, read_result
from mlqa.tokenization.load import load_pretrained

log = logging.getLogger(__name__)


class Answerer:
    """The model, the tokenizer and the window settings of one run directory, ready to answer."""

    def __init__(self, run_dir: str | Path) -> None:
        """Raises RunError where the directory holds no finished run, ModelError where its model cannot be loaded."""
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        folder = Path(run_dir).expanduser()
        model_folder = folder / MODEL
        if not (model_folder / "config.json").is_file():
            raise RunError(f"{folder}: holds no model/; give the directory of a completed run (outputs/<date>/<time>)")
        result = read_result(folder)
        if result["status"] != "completed":
            log.warning("%s: the run is %s; its model may not have been trained to the end", folder, result["status"])
        # A model that was trained on questions without an answer may give none.
        self.with_null = result["dataset"].get("train_rows", {}).get("unanswerable", 0) > 0
        self.training = _load_training_config(folder)
        self.tokenizer: Any = load_pretrained(AutoTokenizer, "tokenizer", str(model_folder), None)
        self.model: Any = load_pretrained(AutoModelForQuestionAnswering, "weights", str(model_folder), None)

    def answer(self, examples: Examples, top_k: int = 1) -> list[list[Candidate]]:
        """The `top_k` best candidates of every row, best first; `context[start:end]` is a candidate's text."""
        self.training.n_best_size = max(self.training.n_best_size, top_k)
        windows = make_windows(examples, self.tokenizer, self.training.max_seq_length, self.training.doc_stride)
        answers = answer(self.model, windows, examples, self.training, with_null=self.with_null)
        threshold = self.training.null_score_diff_threshold
        return [put_answer_first(found, threshold)[:top_k] for found in answers]


def _load_training_config(run_dir: Path) -> TrainingConfig:
    """The run's own window and decoding settings, from its .hydra/config.yaml; the defaults where it has none."""
    training = TrainingConfig(output_dir=str(run_dir), seed=0)
    path = run_dir / ".hydra" / "config.yaml"
    if not path.is_file():
        return training
    try:
        written = OmegaConf.load(path).training
        for item in fields(TrainingConfig):
            if item.type in ("int", "float") and item.name in written and item.name != "seed":
                setattr(training, item.name, (int if item.type == "int" else float)(written[item.name]))
    except (OmegaConfBaseException, ValueError, AttributeError, OSError) as error:
        raise RunError(f"{path}: cannot be read: {summarize_error(error)}") from None
    return training


def load_questions(path: str | Path) -> Examples:
    """Questions to answer, from a JSON file: [{"context", "question", "id"?}, ...], or SQuAD's own JSON.

    Answers that stand beside them are not looked at. Raises DataError, naming the file and the place.
    """
    path = Path(path).expanduser()
    try:
        content = parse_json(path.read_text("utf-8-sig"), str(path))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {summarize_error(error)}") from None
    if isinstance(content, dict) and "data" in content:
        content = _flatten_squad(content, path)
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list) or not content:
        raise DataError(f'{path}: holds no question; expected [{{"context": ..., "question": ...}}, ...]')
    for number, row in enumerate(content):
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("context", "question")):
            raise DataError(f"{path}, entry {number}: needs context and question as text")
    return make_unlabelled_examples(
        [row["question"] for row in content],
        [row["context"] for row in content],
        [str(row.get("id", number)) for number, row in enumerate(content)],
    )


def _flatten_squad(content: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    try:
        return [
            {"context": paragraph["context"], "question": qa["question"], "id": qa.get("id")}
            for article in content["data"]
            for paragraph in article["paragraphs"]
            for qa in paragraph["qas"]
        ]
    except (KeyError, TypeError):
        raise DataError(f"{path}: not SQuAD's JSON: expected data, paragraphs, context, qas and question") from None


def make_unlabelled_examples(questions: list[str], contexts: list[str], ids: list[str]) -> Examples:
    """Examples without gold answers, one context a question. Raises DataError for empty text or what is no text."""
    for kind, texts in (("question", questions), ("context", contexts)):
        for identifier, text in zip(ids, texts, strict=True):
            if not text.strip():
                raise DataError(f"the {kind} of entry {identifier} is empty; give some text")
            if not is_encodable(text):
                raise DataError(f"the {kind} of entry {identifier} is not UTF-8 text")
    return Examples(ids, questions, contexts, np.arange(len(questions)), [()] * len(questions))
