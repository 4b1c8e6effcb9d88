"""The validation split with all that scoring a model on it needs: the model may come at any moment of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlqa.answers.forward import answer, answer_texts
from mlqa.batching.sampler import shard_rows
from mlqa.config.schema import Config
from mlqa.data.examples import Examples, find_unseen_rows
from mlqa.data.load import Splits
from mlqa.distributed import broadcast_object, gather_object
from mlqa.environment import get_rank, get_world_size, is_main
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.breakdown import Group
from mlqa.metrics.language_rules import resolve_language_rules
from mlqa.metrics.no_answer import choose_answer, compute_null_odds, detect_squad_version, find_best_answer
from mlqa.metrics.oracle import find_aligned_answers
from mlqa.metrics.scoring import compute_breakdown, score_predictions, shuffle_questions


@dataclass(frozen=True)
class Answers:
    """A prediction a row; where the model may give no answer also the odds of that and the best answer beside it."""

    predictions: list[str]
    null_odds: list[float] | None
    best_answers: list[str] | None


@dataclass(frozen=True)
class EvaluationResult:
    """One model on all rows: what it answered, which the main process alone knows, and the metrics."""

    predictions: list[str]
    null_odds: list[float] | None
    metrics: dict[str, float]


class Evaluation:
    """Scores models on `splits.validation`, whose windows are `windows`.

    A model may give no answer where it was trained on questions without one; SQuAD 2.0 is the script where either
    split holds some. `autocast` is the type of mixed precision (a torch.dtype), None for full.
    """

    def __init__(self, config: Config, splits: Splits, windows: Windows, autocast: Any) -> None:
        self.examples, self.windows = splits.validation, windows
        self.training, self.autocast = config.training, autocast
        self.rules = resolve_language_rules(config.dataset)
        self.version = detect_squad_version(splits.train, splits.validation)
        self.unseen = find_unseen_rows(splits.validation, splits.train)
        self.with_null = splits.train.has_unanswerable

    def compute_metrics(self, model: Any) -> dict[str, float]:
        """The scores alone, without intervals: for the way."""
        answers = self._predict_answers(model, self.examples, self.windows, "Scoring")
        return self._score_answers(answers, intervals=False)

    def evaluate(self, model: Any) -> EvaluationResult:
        """Everything there is to say: for the end."""
        answers = self._predict_answers(model, self.examples, self.windows, "Scoring")
        metrics = self._score_answers(answers, null_odds=answers.null_odds, best_answers=answers.best_answers)
        return EvaluationResult(answers.predictions, answers.null_odds, metrics)

    def break_down(self, predictions: list[str]) -> dict[str, dict[str, Group]]:
        """Official scores by group; takes seconds for Turkish, whose words are analysed."""
        context = self.windows.context
        on_tokens = find_aligned_answers(self.examples, context.starts, context.ends, context.first)
        return compute_breakdown(
            predictions, self.examples, rules=self.rules, version=self.version, on_tokens=on_tokens
        )

    def score_shuffled_questions(self, model: Any, tokenizer: Any) -> float:
        """The control: F1 (0-100) where each question is another one's of the same context."""
        shuffled = self.examples.with_questions(shuffle_questions(self.examples))
        windows = make_windows(shuffled, tokenizer, self.training.max_seq_length, self.training.doc_stride)
        answers = self._predict_answers(model, shuffled, windows, "Scoring the control")
        return self._score_answers(answers, intervals=False)["f1"]

    def _predict_answers(self, model: Any, examples: Examples, windows: Windows, description: str) -> Answers:
        """Each process reads and decodes the windows of its own rows; the main one receives what it has to score."""
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
        training, autocast = self.training, self.autocast
        if not self.with_null:
            texts = answer_texts(model, windows, examples, training, autocast=autocast, description=description)
            return Answers(texts, None, None)
        n_best = answer(model, windows, examples, training, with_null=True, autocast=autocast, description=description)
        return Answers(
            [choose_answer(candidates, training.null_score_diff_threshold) for candidates in n_best],
            [compute_null_odds(candidates) for candidates in n_best],
            [find_best_answer(candidates) for candidates in n_best],
        )

    def _score_answers(self, answers: Answers, **options: Any) -> dict[str, float]:
        """The main process scores and tells the others."""
        rules, unseen, version = self.rules, self.unseen, self.version
        scores: dict[str, float] | None = None
        if is_main():
            scores = score_predictions(
                answers.predictions, self.examples, rules=rules, unseen=unseen, version=version, **options
            )
        scores = broadcast_object(scores)
        assert scores is not None
        return scores
