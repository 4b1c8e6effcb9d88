"""Score models on the validation split, at any moment of their training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlqa.answers.decoding import decode_best_texts, decode_n_best
from mlqa.answers.forward import predict_spans
from mlqa.batching.sampler import shard_rows
from mlqa.config.schema import Config
from mlqa.data.examples import Examples, find_unseen_rows
from mlqa.data.load import Splits
from mlqa.distributed import broadcast_object, gather_object
from mlqa.environment import get_rank, get_world_size, is_main
from mlqa.features.template import Reading
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.breakdown import Group, break_down_scores, classify_questions
from mlqa.metrics.language_rules import resolve_language_rules, resolve_primary_metric
from mlqa.metrics.no_answer import choose_answer, compute_null_odds, detect_squad_version, find_best_answer
from mlqa.metrics.oracle import find_aligned_answers
from mlqa.metrics.scores_file import build_score_rows
from mlqa.metrics.scoring import score_predictions, score_questions, shuffle_questions


@dataclass(frozen=True)
class Answers:
    """One prediction per row. If the model may give no answer, also the odds of that and the best real answer."""

    predictions: list[str]
    null_odds: list[float] | None
    best_answers: list[str] | None


@dataclass(frozen=True)
class EvaluationResult:
    """The answers of one model to all rows, which only the main process has, and their metrics."""

    predictions: list[str]
    null_odds: list[float] | None
    metrics: dict[str, float]


@dataclass(frozen=True)
class ScoredQuestions:
    """`rows` are the lines of scores.jsonl, `breakdown` the official scores by group."""

    rows: list[dict[str, Any]]
    breakdown: dict[str, dict[str, Group]]


class Evaluation:
    """Score models on `splits.validation`.

    A model may give no answer if it was trained on questions without one. The script is that of SQuAD 2.0 if either
    split holds such questions.
    """

    def __init__(
        self, config: Config, splits: Splits, windows: Windows, autocast: Any, reading: Reading | None = None
    ) -> None:
        """Prepare what does not depend on the model.

        Args:
            config: The run's config.
            splits: Train and validation split.
            windows: Of the validation split.
            autocast: The type of mixed precision (a torch.dtype), None for full precision.
            reading: How the model reads windows, as given to `make_windows`.
        """
        self.examples, self.windows, self.reading = splits.validation, windows, reading
        self.training, self.autocast = config.training, autocast
        self.rules = resolve_language_rules(config.dataset)
        self.primary_metric = resolve_primary_metric(config.dataset)
        self.version = detect_squad_version(splits.train, splits.validation)
        self.unseen = find_unseen_rows(splits.validation, splits.train)
        self.with_null = splits.train.has_unanswerable

    def compute_metrics(self, model: Any) -> dict[str, float]:
        """Return the scores without intervals, for a model in training."""
        answers = self._predict_answers(model, self.examples, self.windows, "Scoring")
        return self._score_answers(answers, intervals=False)

    def evaluate(self, model: Any) -> EvaluationResult:
        """Return the answers and all metrics of a trained model."""
        answers = self._predict_answers(model, self.examples, self.windows, "Scoring")
        metrics = self._score_answers(answers, null_odds=answers.null_odds, best_answers=answers.best_answers)
        return EvaluationResult(answers.predictions, answers.null_odds, metrics)

    def score_questions(self, predictions: list[str], set_name: str, split: str) -> ScoredQuestions:
        """Score each question by itself and each group. May take seconds for Turkish, because its words are analyzed.

        Args:
            predictions: One answer per row.
            set_name: Option of the group `dataset`, for scores.jsonl.
            split: Name of the split, for scores.jsonl.
        """
        on_tokens = find_aligned_answers(self.examples, self.windows.context)
        groups = classify_questions(self.examples, self.rules, on_tokens)
        scores = score_questions(predictions, self.examples, rules=self.rules, version=self.version)
        rows = build_score_rows(set_name, split, self.examples, predictions, scores, groups, self.unseen)
        return ScoredQuestions(list(rows), break_down_scores(scores.official, groups, self.rules))

    def score_shuffled_questions(self, model: Any, tokenizer: Any) -> float:
        """Return the control's F1 (0-100): the score if each question is another one of the same context."""
        shuffled = replace(self.examples, questions=shuffle_questions(self.examples))
        length, stride = self.training.max_seq_length, self.training.doc_stride
        windows = make_windows(shuffled, tokenizer, length, stride, reading=self.reading)
        answers = self._predict_answers(model, shuffled, windows, "Scoring the control")
        return self._score_answers(answers, intervals=False)["f1"]

    def _predict_answers(self, model: Any, examples: Examples, windows: Windows, description: str) -> Answers:
        """Answer this process's own rows. Only the main process returns the answers to all of them."""
        mine = shard_rows(windows, self.training.pad_to_multiple_of, get_rank(), get_world_size())
        if get_world_size() > 1:
            examples, windows = examples.select(mine), windows.select_rows(mine)
        ours = gather_object((mine, self._predict_locally(model, examples, windows, description)))
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *(rows for rows, _ in ours)])
        order = np.argsort(rows).tolist()

        def in_order(name: str) -> list[Any]:
            values = [value for _, answers in ours for value in getattr(answers, name)]
            return [values[place] for place in order]

        predictions = in_order("predictions")
        if not self.with_null:
            return Answers(predictions, None, None)
        return Answers(predictions, in_order("null_odds"), in_order("best_answers"))

    def _predict_locally(self, model: Any, examples: Examples, windows: Windows, description: str) -> Answers:
        spans = predict_spans(model, windows, self.training, self.autocast, description)
        if not self.with_null:
            return Answers(decode_best_texts(spans, windows, examples), None, None)
        n_best = decode_n_best(spans, windows, examples, self.training.n_best_size, with_null=True)
        return Answers(
            [choose_answer(candidates, self.training.null_score_diff_threshold) for candidates in n_best],
            [compute_null_odds(candidates) for candidates in n_best],
            [find_best_answer(candidates) for candidates in n_best],
        )

    def _score_answers(self, answers: Answers, **options: Any) -> dict[str, float]:
        """Score in the main process and return the metrics in every process."""
        rules, unseen, version = self.rules, self.unseen, self.version
        scores: dict[str, float] | None = None
        if is_main():
            scores = score_predictions(
                answers.predictions, self.examples, rules=rules, unseen=unseen, version=version, **options
            )
        scores = broadcast_object(scores)
        assert scores is not None
        return scores
