"""The validation split with all that scoring a model on it needs: the model may come at any moment of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlqa.answers.forward import answer, answer_texts
from mlqa.batching.sampler import share_of_rows
from mlqa.config.schema import Config
from mlqa.data.examples import Examples, unseen_rows
from mlqa.data.load import Splits
from mlqa.distributed import agreed, collect
from mlqa.environment import is_main, rank, world_size
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.breakdown import Group
from mlqa.metrics.language_rules import rules_of
from mlqa.metrics.no_answer import best_answer, chosen, null_odds, squad_version
from mlqa.metrics.oracle import on_token_boundaries
from mlqa.metrics.scoring import breakdown_of, exchanged_questions, score


@dataclass(frozen=True)
class Answers:
    """A prediction a row; where the model may give no answer also the odds of that and the best answer beside it."""

    predictions: list[str]
    null_odds: list[float] | None
    best_answers: list[str] | None


@dataclass(frozen=True)
class Evaluated:
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
        self.rules = rules_of(config.dataset)
        self.version = squad_version(splits.train, splits.validation)
        self.unseen = unseen_rows(splits.validation, splits.train)
        self.with_null = splits.train.has_unanswerable

    def metrics(self, model: Any) -> dict[str, float]:
        """The scores alone, without intervals: for the way."""
        answers = self._answers(model, self.examples, self.windows, "Scoring")
        return self._scores(answers, intervals=False)

    def evaluate(self, model: Any) -> Evaluated:
        """Everything there is to say: for the end."""
        answers = self._answers(model, self.examples, self.windows, "Scoring")
        metrics = self._scores(answers, null_odds=answers.null_odds, best_answers=answers.best_answers)
        return Evaluated(answers.predictions, answers.null_odds, metrics)

    def breakdown(self, predictions: list[str]) -> dict[str, dict[str, Group]]:
        """Official scores by group; takes seconds for Turkish, whose words are analysed."""
        context = self.windows.context
        on_tokens = on_token_boundaries(self.examples, context.starts, context.ends, context.first)
        return breakdown_of(predictions, self.examples, rules=self.rules, version=self.version, on_tokens=on_tokens)

    def f1_with_exchanged_questions(self, model: Any, tokenizer: Any) -> float:
        """The control: F1 (0-100) where each question is another one's of the same context."""
        shuffled = self.examples.with_questions(exchanged_questions(self.examples))
        windows = make_windows(shuffled, tokenizer, self.training.max_seq_length, self.training.doc_stride)
        answers = self._answers(model, shuffled, windows, "Scoring the control")
        return self._scores(answers, intervals=False)["f1"]

    def _answers(self, model: Any, examples: Examples, windows: Windows, description: str) -> Answers:
        """Each process reads and decodes the windows of its own rows; the main one receives what it has to score."""
        mine = share_of_rows(windows, self.training.pad_to_multiple_of, rank(), world_size())
        if world_size() > 1:
            examples, windows = examples.select(mine), windows.of_rows(mine)
        ours = collect((mine, self._answers_here(model, examples, windows, description)))
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *(rows for rows, _ in ours)])
        order = np.argsort(rows).tolist()

        def in_order(name: str) -> list[Any]:
            values = [value for _, answers in ours for value in getattr(answers, name)]
            return [values[place] for place in order]

        predictions = in_order("predictions")
        if not self.with_null:
            return Answers(predictions, None, None)
        return Answers(predictions, in_order("null_odds"), in_order("best_answers"))

    def _answers_here(self, model: Any, examples: Examples, windows: Windows, description: str) -> Answers:
        training, autocast = self.training, self.autocast
        if not self.with_null:
            texts = answer_texts(model, windows, examples, training, autocast=autocast, description=description)
            return Answers(texts, None, None)
        n_best = answer(model, windows, examples, training, with_null=True, autocast=autocast, description=description)
        return Answers(
            [chosen(candidates, training.null_score_diff_threshold) for candidates in n_best],
            [null_odds(candidates) for candidates in n_best],
            [best_answer(candidates) for candidates in n_best],
        )

    def _scores(self, answers: Answers, **options: Any) -> dict[str, float]:
        """The main process scores and tells the others."""
        rules, unseen, version = self.rules, self.unseen, self.version
        scores: dict[str, float] | None = None
        if is_main():
            scores = score(answers.predictions, self.examples, rules=rules, unseen=unseen, version=version, **options)
        scores = agreed(scores)
        assert scores is not None
        return scores
