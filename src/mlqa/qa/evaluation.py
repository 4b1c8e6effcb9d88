"""The validation split with all that scoring a model on it needs: the model may come at any moment of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlqa.config import Config
from mlqa.data.examples import Examples, unseen_rows
from mlqa.data.load import Splits
from mlqa.qa.answering import answer, answer_texts
from mlqa.qa.breakdown import Group
from mlqa.qa.decoding import Candidate
from mlqa.qa.features import Windows, make_windows
from mlqa.qa.language import rules_of
from mlqa.qa.no_answer import best_answer, chosen, null_odds, squad_version
from mlqa.qa.oracle import on_token_boundaries
from mlqa.qa.scoring import breakdown_of, exchanged_questions, score


@dataclass(frozen=True)
class Evaluated:
    """One model on all rows: a prediction a row, the odds of no answer where it may give none, and the metrics."""

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
        predictions, _ = self._answers(model, self.examples, self.windows, "Scoring")
        return self._scores(predictions, intervals=False)

    def evaluate(self, model: Any) -> Evaluated:
        """Everything there is to say: for the end."""
        predictions, n_best = self._answers(model, self.examples, self.windows, "Scoring")
        odds = [null_odds(candidates) for candidates in n_best] if n_best else None
        best = [best_answer(candidates) for candidates in n_best] if n_best else None
        metrics = self._scores(predictions, null_odds=odds, best_answers=best)
        return Evaluated(predictions, odds, metrics)

    def breakdown(self, predictions: list[str]) -> dict[str, dict[str, Group]]:
        """Official scores by group; takes seconds for Turkish, whose words are analysed."""
        context = self.windows.context
        on_tokens = on_token_boundaries(self.examples, context.starts, context.ends, context.first)
        return breakdown_of(predictions, self.examples, rules=self.rules, version=self.version, on_tokens=on_tokens)

    def f1_with_exchanged_questions(self, model: Any, tokenizer: Any) -> float:
        """The control: F1 (0-100) where each question is another one's of the same context."""
        shuffled = self.examples.with_questions(exchanged_questions(self.examples))
        windows = make_windows(shuffled, tokenizer, self.training.max_seq_length, self.training.doc_stride)
        predictions, _ = self._answers(model, shuffled, windows, "Scoring the control")
        return self._scores(predictions, intervals=False)["f1"]

    def _answers(
        self, model: Any, examples: Examples, windows: Windows, description: str
    ) -> tuple[list[str], list[list[Candidate]] | None]:
        """A prediction a row, and the n-best candidates of every row where the model may give no answer."""
        training, autocast = self.training, self.autocast
        if not self.with_null:
            return answer_texts(model, windows, examples, training, autocast=autocast, description=description), None
        n_best = answer(model, windows, examples, training, with_null=True, autocast=autocast, description=description)
        return [chosen(candidates, training.null_score_diff_threshold) for candidates in n_best], n_best

    def _scores(self, predictions: list[str], **options: Any) -> dict[str, float]:
        return score(predictions, self.examples, rules=self.rules, unseen=self.unseen, version=self.version, **options)
