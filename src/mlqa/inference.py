"""Answer questions with the model of a completed run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from mlqa.answers.decoding import Candidate, decode_n_best
from mlqa.answers.forward import predict_spans
from mlqa.config.recorded import read_training_config
from mlqa.config.schema import TrainingConfig
from mlqa.data.examples import Examples
from mlqa.data.questions import make_unlabelled_examples
from mlqa.errors import ConfigError, RunError, describe_status
from mlqa.features.template import Reading
from mlqa.features.tokens import tokenize
from mlqa.features.windows import make_windows
from mlqa.metrics.calibration.stored import Calibration, read_calibration
from mlqa.metrics.no_answer import put_answer_first
from mlqa.models.loading import load_run_model
from mlqa.result import ENDPOINT_ANSWERS, MODEL, read_result
from mlqa.threads import limit_threads

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prediction:
    """What a model says to a question.

    Attributes:
        answers: The candidates, the answer first. A text is `context[start:end]`, or "" for "no answer".
        is_sure: Whether the answer's probability reaches the threshold for the stated risk. None if the model has no
            calibration.json.
    """

    answers: list[Candidate]
    is_sure: bool | None

    @property
    def text(self) -> str:
        """The answer, "" if the context does not answer the question."""
        return self.answers[0].text

    @property
    def probability(self) -> float:
        """The probability that the answer is right, 0-1."""
        return self.answers[0].probability

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as `mlqa predict --json` prints it."""
        return {"answers": [asdict(candidate) for candidate in self.answers], "sure": self.is_sure}


class Predictor:
    """The model of a run, ready to answer.

    Any number of threads may share one. They take turns, because a forward pass uses all cores or the whole GPU anyway.
    Many questions in one call are read in batches, which is several times faster than one call each.

    Attributes:
        calibration: What turns scores into probabilities, None if the run wrote no calibration.json. Then the
            temperature is 1, and the probabilities are usually too high.
        risk: The mean loss to accept of the answers that count as sure, 0-1.
        threshold: The lowest probability to be sure of, None if no answer is that sure.
        tokenizer: The tokenizer of transformers.
        training: The window and decoding settings of the run.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        training: TrainingConfig,
        *,
        reading: Reading | None = None,
        with_null: bool = False,
        calibration: Calibration | None = None,
        risk: float | None = None,
    ) -> None:
        """Wrap a model. Most callers want `from_run`.

        Args:
            model: A transformers model for question answering, on the device it is to run on.
            tokenizer: Its fast tokenizer.
            training: Window and decoding settings.
            reading: How the model reads windows.
            with_null: Whether the model may give no answer.
            calibration: What turns scores into probabilities.
            risk: As in `from_run`.
        """
        self.model, self.tokenizer, self.training = model, tokenizer, training
        self.reading, self.with_null, self.calibration = reading, with_null, calibration
        self.risk = calibration.risk if calibration and risk is None else risk
        self.threshold = calibration.find_threshold(risk) if calibration else None
        self._lock = threading.Lock()

    @classmethod
    def from_run(
        cls,
        path: str | Path,
        *,
        device: str | None = None,
        risk: float | None = None,
        null_threshold: float | Literal["tuned"] | None = None,
    ) -> Predictor:
        """Load the model of a run.

        Args:
            path: Directory of a completed run.
            device: A device of torch, such as "cuda" or "cpu". Default: the GPU if there is one.
            risk: The mean loss to accept of the answers that count as sure, 0-1. Default: calibration.risk of the run.
            null_threshold: SQuAD 2.0: no answer if its score exceeds that of the best answer by more than this.
                "tuned" is the one that SQuAD 2.0's procedure chose on the validation split. Default: as the run was
                scored.

        Raises:
            RunError: If the directory has no finished run, or what a file of it holds cannot be used.
            ModelError: If its model cannot be loaded.
            ConfigError: If the run does not have what an argument asks for.
        """
        import torch
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        folder = Path(path).expanduser()
        model_folder = find_model(folder)
        result = read_result(folder)
        if result["status"] != "completed":
            ended = describe_status(result["status"])
            log.warning("%s: the run %s, so its model may not be fully trained", folder, ended)
        calibration = read_calibration(model_folder)
        if calibration is None and risk is not None:
            raise ConfigError(f"{folder}: its model has no calibration.json, which a risk needs; train it again")
        # A model that was trained on unanswerable questions may give no answer.
        with_null = result["dataset"].get("train_rows", {}).get("unanswerable", 0) > 0
        training = read_training_config(folder, result.get("training"))
        if null_threshold is not None:
            training.null_score_diff_threshold = _choose_null_threshold(folder, null_threshold, calibration, with_null)
        tokenizer, model = load_run_model(model_folder)
        limit_threads(getattr(model.config, "hidden_size", None))
        return cls(
            model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval(),
            tokenizer,
            training,
            reading=Reading(**result["model"].get("reading", {})),  # as it was trained
            with_null=with_null,
            calibration=calibration,
            risk=risk,
        )

    def predict(self, question: str, context: str, top_k: int = 1) -> Prediction:
        """Answer one question.

        Args:
            question: The question.
            context: The text that may hold the answer.
            top_k: Number of candidates to return, the answer included.

        Raises:
            DataError: If a text is empty or cannot be encoded as UTF-8.
            ConfigError: If `top_k` is out of range.
        """
        return self.predict_all([(question, context)], top_k)[0]

    def predict_all(self, questions: Sequence[tuple[str, str]], top_k: int = 1) -> list[Prediction]:
        """Answer many questions in batches.

        Args:
            questions: Pairs of a question and its context.
            top_k: Number of candidates to return for each, the answer included.

        Raises:
            DataError: If a text is empty or cannot be encoded as UTF-8. The message has its number, from 0.
            ConfigError: If `top_k` is out of range.
        """
        ids = [str(number) for number in range(len(questions))]
        asked, contexts = [question for question, _ in questions], [context for _, context in questions]
        return self.answer(make_unlabelled_examples(asked, contexts, ids), top_k)

    def answer(self, examples: Examples, top_k: int = 1) -> list[Prediction]:
        """Answer the questions of a split.

        Args:
            examples: The questions and their contexts. Those that share a context are the fastest.
            top_k: Number of candidates to return for each, the answer included.

        Raises:
            ConfigError: If `top_k` is below 1, or above the candidates that the run's settings keep.
        """
        most = self.training.n_best_size
        if not 1 <= top_k <= most:
            raise ConfigError(f"--top-k={top_k}: choose 1 ... {most}, the candidates that the run keeps (n_best_size)")
        if not len(examples):
            return []
        length, stride = self.training.max_seq_length, self.training.doc_stride
        temperature = self.calibration.temperature if self.calibration else 1.0
        with self._lock:  # neither tokenizers nor progress bars may be used by two threads at once
            windows = make_windows(examples, self.tokenizer, length, stride, reading=self.reading)
            spans = predict_spans(self.model, windows, self.training)
        n_best = decode_n_best(spans, windows, examples, most, self.with_null, temperature)
        threshold = self.training.null_score_diff_threshold
        return [self._judge(put_answer_first(candidates, threshold)[:top_k]) for candidates in n_best]

    def locate_tokens(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of a text begins and ends, in characters."""
        with self._lock:
            tokens = tokenize(self.tokenizer, [text])
        return list(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True))

    def _judge(self, answers: list[Candidate]) -> Prediction:
        if self.calibration is None:
            return Prediction(answers, None)
        return Prediction(answers, self.threshold is not None and answers[0].probability >= self.threshold)


def find_model(run_dir: Path) -> Path:
    """Return the folder of a run's model.

    Raises:
        RunError: The directory has none.
    """
    if (run_dir / MODEL / "config.json").is_file():
        return run_dir / MODEL
    if (run_dir / ENDPOINT_ANSWERS).is_file():
        raise RunError(f"{run_dir}: its model was asked at an endpoint and is not here; ask it by model=llm")
    raise RunError(f"{run_dir}: has no model/; give the directory of a completed run (outputs/<date>/<time>)")


def _choose_null_threshold(
    folder: Path, wanted: float | Literal["tuned"], calibration: Calibration | None, with_null: bool
) -> float:
    if not with_null:
        raise ConfigError(f"{folder}: was trained without unanswerable questions, so it has no threshold for no answer")
    if wanted != "tuned":
        return wanted
    if calibration is None or calibration.null_threshold is None:
        raise ConfigError(f"{folder}: has no tuned threshold in its calibration.json; give a number")
    return calibration.null_threshold
