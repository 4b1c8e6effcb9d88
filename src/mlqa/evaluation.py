"""Score models on the validation split, at any moment of their training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlqa.answers.decoding import decode_best_texts, decode_n_best
from mlqa.answers.forward import predict_spans
from mlqa.batching.sampler import shard_rows
from mlqa.config.schema import DatasetConfig, TrainingConfig
from mlqa.data.examples import Examples, find_unseen_rows
from mlqa.data.further_sets import FurtherSet
from mlqa.distributed import broadcast_object, gather_object
from mlqa.environment import get_rank, get_world_size, is_main
from mlqa.features.template import Reading
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.breakdown import Group, break_down_scores, classify_questions
from mlqa.metrics.gold_tokens import classify_golds
from mlqa.metrics.language_rules import resolve_language_rules, resolve_primary_metric
from mlqa.metrics.no_answer import compute_null_odds, detect_squad_version, find_best_answer, put_answer_first
from mlqa.metrics.oracle import find_aligned_answers
from mlqa.metrics.scores_file import build_score_rows
from mlqa.metrics.scoring import score_predictions, score_questions, shuffle_questions
from mlqa.metrics.set_scores import SetScores
from mlqa.metrics.squad import Version
from mlqa.tokenization.corpus_statistics import WHITESPACE_WORD, count_words
from mlqa.tokenization.readings import Lexicon


@dataclass(frozen=True)
class Answers:
    """One prediction per row. If the model may give no answer, also the odds of that and the best real answer.

    `candidates` are the scores of each row's candidates, that of the prediction first, if they were asked for.
    """

    predictions: list[str]
    null_odds: list[float] | None = None
    best_answers: list[str] | None = None
    candidates: list[list[float]] | None = None


@dataclass(frozen=True)
class EvaluationResult:
    """The answers of one model to all rows, which only the main process has, and their metrics.

    `candidates` are the scores of each row's candidates, that of the prediction first.
    """

    predictions: list[str]
    null_odds: list[float] | None
    candidates: list[list[float]]
    metrics: dict[str, float]


@dataclass(frozen=True)
class ScoredQuestions:
    """`rows` are the lines of scores.jsonl, `breakdown` the official scores by group."""

    rows: list[dict[str, Any]]
    breakdown: dict[str, dict[str, Group]]


class Evaluation:
    """Score models on the questions of one split.

    A model may give no answer if it was trained on questions without one. The script is that of SQuAD 2.0 if the split
    or train holds such questions.
    """

    def __init__(
        self,
        training: TrainingConfig,
        dataset: DatasetConfig,
        examples: Examples,
        windows: Windows,
        autocast: Any,
        reading: Reading | None = None,
        *,
        train: Examples | None = None,
        with_null: bool | None = None,
    ) -> None:
        """Prepare what does not depend on the model.

        Args:
            training: How windows are cut and answers decoded.
            dataset: The config of the data set that is scored on.
            examples: The questions to score on.
            windows: The windows of these questions.
            autocast: The type of mixed precision (a torch.dtype), None for full precision.
            reading: How the model reads windows, as given to `make_windows`.
            train: What the model was trained on. None: unknown, so that no score tells unseen contexts apart.
            with_null: Whether the model may give no answer. None: if `train` has questions without one, or the scored
                questions do if there is no train split.
        """
        self.examples, self.windows, self.reading = examples, windows, reading
        self.training, self.autocast = training, autocast
        self.rules = resolve_language_rules(dataset)
        self.primary_metric = resolve_primary_metric(dataset)
        if train is not None and not len(train):
            train = None
        self.with_null = (examples if train is None else train).has_unanswerable if with_null is None else with_null
        self.version: Version = "2.0" if self.with_null else detect_squad_version(examples)
        self.unseen = None if train is None else find_unseen_rows(examples, train)
        self.train_contexts = [] if train is None else train.contexts

    def compute_metrics(self, model: Any) -> dict[str, float]:
        """Return the scores without intervals, for a model in training."""
        answers = self._predict_answers(model, self.examples, self.windows, "Scoring")
        return self._score_answers(answers, intervals=False)

    def evaluate(self, model: Any) -> EvaluationResult:
        """Return the answers and all metrics of a trained model."""
        answers = self._predict_answers(model, self.examples, self.windows, "Scoring", with_candidates=True)
        metrics = self._score_answers(answers, null_odds=answers.null_odds, best_answers=answers.best_answers)
        assert answers.candidates is not None
        return EvaluationResult(answers.predictions, answers.null_odds, answers.candidates, metrics)

    def score_questions(self, predictions: list[str], set_name: str, split: str) -> ScoredQuestions:
        """Score each question by itself and each group. May take seconds for Turkish, because its words are analyzed.

        Args:
            predictions: One answer per row.
            set_name: Option of the group `dataset`, for scores.jsonl.
            split: Name of the split, for scores.jsonl.
        """
        on_tokens = find_aligned_answers(self.examples, self.windows.context)
        groups = classify_questions(self.examples, self.rules, on_tokens)
        groups |= classify_golds(
            self.examples,
            self.windows.context,
            Lexicon(self.rules.language),
            count_words(self.train_contexts, WHITESPACE_WORD),
        )
        scores = score_questions(predictions, self.examples, rules=self.rules, version=self.version)
        rows = build_score_rows(set_name, split, self.examples, predictions, scores, groups, self.unseen)
        return ScoredQuestions(list(rows), break_down_scores(scores.official, groups, self.rules))

    def score_set(self, further: FurtherSet, model: Any) -> SetScores | None:
        """Score a model on a further data set, whose questions this evaluation has.

        Returns:
            The scores, None on every process but the main one.
        """
        evaluated = self.evaluate(model)
        if not is_main():
            return None
        record = {
            **evaluated.metrics,
            "language": further.dataset.language,
            "split": further.split,
            "fingerprint": further.examples.compute_fingerprint(),
        }
        return SetScores(record, self.score_questions(evaluated.predictions, further.name, further.split).rows)

    def score_shuffled_questions(self, model: Any, tokenizer: Any) -> float:
        """Return the control's F1 (0-100): the score if each question is another one of the same context."""
        shuffled = replace(self.examples, questions=shuffle_questions(self.examples))
        length, stride = self.training.max_seq_length, self.training.doc_stride
        windows = make_windows(shuffled, tokenizer, length, stride, reading=self.reading)
        answers = self._predict_answers(model, shuffled, windows, "Scoring the control")
        return self._score_answers(answers, intervals=False)["f1"]

    def _predict_answers(
        self, model: Any, examples: Examples, windows: Windows, description: str, with_candidates: bool = False
    ) -> Answers:
        """Answer this process's own rows. Only the main process returns the answers to all of them."""
        mine = shard_rows(windows, self.training.pad_to_multiple_of, get_rank(), get_world_size())
        if get_world_size() > 1:
            examples, windows = examples.select(mine), windows.select_rows(mine)
        ours = gather_object((mine, self._predict_locally(model, examples, windows, description, with_candidates)))
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *(rows for rows, _ in ours)])
        order = np.argsort(rows).tolist()

        def in_order(name: str) -> list[Any]:
            values = [value for _, answers in ours for value in getattr(answers, name)]
            return [values[place] for place in order]

        known = ("predictions", *(("null_odds", "best_answers") if self.with_null else ()))
        return Answers(**{name: in_order(name) for name in (*known, *(("candidates",) if with_candidates else ()))})

    def _predict_locally(
        self, model: Any, examples: Examples, windows: Windows, description: str, with_candidates: bool
    ) -> Answers:
        spans = predict_spans(model, windows, self.training, self.autocast, description)
        if not self.with_null and not with_candidates:
            return Answers(decode_best_texts(spans, windows, examples))
        threshold = self.training.null_score_diff_threshold
        n_best = decode_n_best(spans, windows, examples, self.training.n_best_size, self.with_null)
        ranked = [put_answer_first(candidates, threshold) for candidates in n_best]
        scores = [[candidate.score for candidate in candidates] for candidates in ranked] if with_candidates else None
        predictions = [candidates[0].text for candidates in ranked]
        if not self.with_null:
            return Answers(predictions, candidates=scores)
        return Answers(
            predictions,
            [compute_null_odds(candidates) for candidates in n_best],
            [find_best_answer(candidates) for candidates in n_best],
            scores,
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
