"""Answer questions with the model of a completed run."""

from __future__ import annotations

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.answers.decoding import Candidate, decode_n_best
from mlqa.answers.forward import predict_spans
from mlqa.config.schema import TrainingConfig
from mlqa.data.examples import Examples
from mlqa.data.readers import explain_read_errors, parse_json
from mlqa.data.rows import is_encodable
from mlqa.errors import DataError, RunError, summarize_error
from mlqa.features.template import Reading
from mlqa.features.windows import make_windows
from mlqa.metrics.no_answer import put_answer_first
from mlqa.models.loading import load_trained_model
from mlqa.result import MODEL, read_result
from mlqa.threads import limit_threads
from mlqa.tokenization.load import load_pretrained

log = logging.getLogger(__name__)


class Answerer:
    """Model, tokenizer and window settings of a run directory, ready to answer."""

    def __init__(self, run_dir: str | Path) -> None:
        """Load the model of a run.

        Args:
            run_dir: Directory of a completed run.

        Raises:
            RunError: If the directory has no finished run.
            ModelError: If its model cannot be loaded.
        """
        from transformers import AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        limit_threads()
        folder = Path(run_dir).expanduser()
        model_folder = folder / MODEL
        if not (model_folder / "config.json").is_file():
            raise RunError(f"{folder}: has no model/; give the directory of a completed run (outputs/<date>/<time>)")
        result = read_result(folder)
        if result["status"] != "completed":
            log.warning("%s: the run is %s, so its model may not be fully trained", folder, result["status"])
        # A model that was trained on unanswerable questions may give no answer.
        self.with_null = result["dataset"].get("train_rows", {}).get("unanswerable", 0) > 0
        self.training = _load_training_config(folder)
        self.tokenizer: Any = load_pretrained(AutoTokenizer, "tokenizer", str(model_folder), None)
        self.model: Any = load_trained_model(model_folder)
        self.reading = Reading(**result["model"].get("reading", {}))  # as it was trained

    def answer(self, examples: Examples, top_k: int = 1) -> list[list[Candidate]]:
        """Answer questions.

        Args:
            examples: The questions and their contexts.
            top_k: Number of candidates to return per question.

        Returns:
            For each row its candidates, best first. A candidate's text is `context[start:end]`.
        """
        self.training.n_best_size = max(self.training.n_best_size, top_k)
        length, stride = self.training.max_seq_length, self.training.doc_stride
        windows = make_windows(examples, self.tokenizer, length, stride, reading=self.reading)
        spans = predict_spans(self.model, windows, self.training)
        answers = decode_n_best(spans, windows, examples, self.training.n_best_size, self.with_null)
        threshold = self.training.null_score_diff_threshold
        return [put_answer_first(candidates, threshold)[:top_k] for candidates in answers]


def _load_training_config(run_dir: Path) -> TrainingConfig:
    """Return the window and decoding settings in the run's .hydra/config.yaml, or the defaults if it has none."""
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
    """Load questions from a file. Gold answers in it are ignored.

    Args:
        path: JSON as [{"context", "question", "id"?}, ...] or in the form of SQuAD.

    Returns:
        Examples without gold answers. A question without an id is named by its number, from 0.

    Raises:
        DataError: If the file cannot be read or an entry is malformed. The message names the file and the entry.
    """
    path = Path(path).expanduser()
    with explain_read_errors(path):
        content = parse_json(path.read_text("utf-8-sig"), str(path))
    if isinstance(content, dict) and "data" in content:
        content = _flatten_squad(content, path)
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list) or not content:
        raise DataError(f'{path}: has no questions; give [{{"context": ..., "question": ...}}, ...]')
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
        raise DataError(
            f"{path}: not in the form of SQuAD; it needs data, paragraphs, context, qas and question"
        ) from None


def make_unlabelled_examples(questions: list[str], contexts: list[str], ids: list[str]) -> Examples:
    """Make examples without gold answers.

    Args:
        questions: The questions.
        contexts: The context of each question.
        ids: The id of each question.

    Returns:
        The examples, with one context per question.

    Raises:
        DataError: If a text is empty or cannot be encoded as UTF-8.
    """
    for kind, texts in (("question", questions), ("context", contexts)):
        for identifier, text in zip(ids, texts, strict=True):
            if not text.strip():
                raise DataError(f"the {kind} of entry {identifier} is empty; give some text")
            if not is_encodable(text):
                raise DataError(f"the {kind} of entry {identifier} is not valid UTF-8; remove the invalid characters")
    return Examples(ids, questions, contexts, np.arange(len(questions)), [()] * len(questions))
