"""Answer questions with the model of a completed run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.answers.decoding import Candidate, decode_n_best
from mlqa.answers.forward import predict_spans
from mlqa.config.schema import TrainingConfig, select_numbers
from mlqa.data.examples import Examples
from mlqa.data.readers import iter_rows
from mlqa.data.row_values import is_encodable, parse_id
from mlqa.errors import DataError, RunError, summarize_error
from mlqa.features.template import Reading
from mlqa.features.windows import make_windows
from mlqa.metrics.no_answer import put_answer_first
from mlqa.models.loading import load_trained_model
from mlqa.result import FILE, MODEL, read_result
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
        folder = Path(run_dir).expanduser()
        model_folder = folder / MODEL
        if not (model_folder / "config.json").is_file():
            raise RunError(f"{folder}: has no model/; give the directory of a completed run (outputs/<date>/<time>)")
        result = read_result(folder)
        if result["status"] != "completed":
            log.warning("%s: the run is %s, so its model may not be fully trained", folder, result["status"])
        # A model that was trained on unanswerable questions may give no answer.
        self.with_null = result["dataset"].get("train_rows", {}).get("unanswerable", 0) > 0
        self.training = _load_training_config(folder, result.get("training"))
        self.tokenizer: Any = load_pretrained(AutoTokenizer, "tokenizer", str(model_folder), None)
        self.model: Any = load_trained_model(model_folder)
        self.reading = Reading(**result["model"].get("reading", {}))  # as it was trained
        limit_threads(getattr(self.model.config, "hidden_size", None))

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


def _load_training_config(run_dir: Path, recorded: Any) -> TrainingConfig:
    """Return the window and decoding settings of a run.

    Args:
        run_dir: The run's directory.
        recorded: The node `training` of its result.json, None if an earlier version wrote it. It counts if the run has
            no .hydra/config.yaml.

    Raises:
        RunError: Neither file has them. Other windows than the run's would give other answers, without a word.
    """
    training = TrainingConfig(output_dir=str(run_dir), seed=0)
    path = run_dir / ".hydra" / "config.yaml"
    if not recorded and not path.is_file():
        raise RunError(
            f"{run_dir}: neither its {FILE} nor .hydra/config.yaml has the window settings of this run; copy the "
            "folder .hydra from where it was trained"
        )
    try:
        written = OmegaConf.load(path).training if path.is_file() else recorded
        for name, default in select_numbers(training).items():
            if name in written:
                setattr(training, name, type(default)(written[name]))
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError, OSError) as error:
        raise RunError(f"{path}: cannot be read: {summarize_error(error)}") from None
    return training


def load_questions(path: str | Path) -> Examples:
    """Load questions from a file. Gold answers in it are ignored.

    Args:
        path: A file in any form that a data set may have (see docs/data.md). Only context and question are needed.

    Returns:
        Examples without gold answers. A question without an id is named by its number, from 0.

    Raises:
        DataError: If the file cannot be read or an entry is malformed. The message names the file and the entry.
    """
    path = Path(path).expanduser()
    rows = list(iter_rows(path))
    if not rows:
        raise DataError(f'{path}: has no questions; give [{{"context": ..., "question": ...}}, ...]')
    for place, row in rows:
        if not all(isinstance(row.get(key), str) for key in ("context", "question")):
            raise DataError(f"{path}, {place}: needs context and question as text")
    ids = [parse_id(f"{path}, {place}", row.get("id")) for place, row in rows]
    return make_unlabelled_examples(
        [row["question"] for _, row in rows],
        [row["context"] for _, row in rows],
        [str(number) if identifier is None else identifier for number, identifier in enumerate(ids)],
    )


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
