"""The steps of a run that asks an endpoint: ask, align, score, write. It needs no torch and no tokenizer."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlqa.answers.predictions_file import name_rows
from mlqa.config.schema import Config
from mlqa.data.examples import Examples, find_unseen_rows
from mlqa.data.load import Splits
from mlqa.errors import RunError
from mlqa.llm.figures import build_answer_lines, describe_answers, warn_of_losses
from mlqa.llm.questioner import Answered, Questioner
from mlqa.metrics.breakdown import break_down_scores, classify_questions
from mlqa.metrics.language_rules import resolve_primary_metric
from mlqa.metrics.scores_file import build_score_rows
from mlqa.metrics.scoring import score_predictions, score_questions, shuffle_questions
from mlqa.result import ENDPOINT_ANSWERS, PREDICTIONS, SCORES, Result, write_json, write_json_lines
from mlqa.run_directory import try_write
from mlqa.tracking.tables import build_prediction_table
from mlqa.tracking.trackers import Trackers

log = logging.getLogger(__name__)


def ask_and_score(config: Config, splits: Splits, result: Result, trackers: Trackers) -> None:
    """Ask the questions of the reported split, score the answers officially, and write the files of the run.

    Args:
        config: The checked config. `model.endpoint` is set.
        splits: The data.
        result: Receives the figures, also those of a run that fails.
        trackers: Receive the scores and a table of answers.

    Raises:
        MlqaError: The endpoint does not answer, the budget is spent, or a file cannot be written.
    """
    questioner = Questioner(config, splits)
    result.reported_split = result.objective_split = splits.reported_split  # nothing is chosen by the scores
    result.dataset |= {
        "train_examples": len(splits.train),
        "eval_examples": len(splits.reported),
        "train_rows": splits.train.counts,
        f"{splits.reported_split}_rows": splits.reported.counts,
        "squad_version": questioner.version,
        "primary_metric": resolve_primary_metric(config.dataset),
    }
    trackers.start(None)
    began = time.monotonic()
    try:
        answered = questioner.answer(splits.reported)
        result.endpoint = describe_answers(questioner, answered)
        warn_of_losses(result.endpoint, answered, questioner.endpoint.max_tokens)
        rows = _score_answers(questioner, splits, answered, result)
        unwritten = _write_files(Path(config.training.output_dir), rows, splits.reported, answered)
        _ask_controls(questioner, splits.reported, config, result)  # last: scores are there if the budget ends here
    finally:
        result.timing["eval_seconds"] = round(time.monotonic() - began, 3)
        if questioner.spending.has_price:
            result.endpoint["usd_paid"] = round(questioner.spending.paid_usd, 6)
    trackers.log({f"eval_{name}": value for name, value in result.metrics.items()}, 0)
    trackers.log_table(build_prediction_table(rows[: config.tracking.predictions]))
    if unwritten:
        raise RunError("; ".join(unwritten))


def _score_answers(questioner: Questioner, splits: Splits, answered: Answered, result: Result) -> list[dict[str, Any]]:
    """Record the scores in `result` and return the lines of scores.jsonl."""
    examples, rules, version = splits.reported, questioner.rules, questioner.version
    unseen = find_unseen_rows(examples, splits.train)
    predictions = answered.predictions
    result.metrics |= score_predictions(predictions, examples, rules=rules, unseen=unseen, version=version)
    result.objective = result.metrics[result.dataset["primary_metric"]]
    scores = score_questions(predictions, examples, rules=rules, version=version)
    groups = classify_questions(examples, rules)
    result.breakdown = break_down_scores(scores.official, groups, rules)
    set_name = result.dataset["set"]
    return list(build_score_rows(set_name, result.reported_split, examples, predictions, scores, groups, unseen))


def _write_files(run_dir: Path, rows: list[dict[str, Any]], examples: Examples, answered: Answered) -> list[str]:
    """Write the files of the run, and return why some could not be written.

    A question that was refused is not in predictions.json, because "" there means "no answer".
    """
    pairs = zip(name_rows(examples.ids), answered.predictions, strict=True)
    predictions = {name: text for name, text in pairs if text is not None}
    unwritten: list[str] = []
    try_write(unwritten, write_json_lines, run_dir / SCORES, rows)
    try_write(unwritten, write_json, run_dir / PREDICTIONS, predictions)
    try_write(unwritten, write_json_lines, run_dir / ENDPOINT_ANSWERS, build_answer_lines(examples, answered))
    return unwritten


def _ask_controls(questioner: Questioner, examples: Examples, config: Config, result: Result) -> None:
    """Record what the model reaches with other questions of the same contexts, and without the contexts.

    The first should be far lower, because a model must read the question. The second is what the model remembers or
    guesses: nobody knows what its training held, but this much of the score needs no text.
    """

    def score(answered: Answered, asked: Examples) -> dict[str, float]:
        options: dict[str, Any] = {"rules": questioner.rules, "version": questioner.version, "intervals": False}
        return score_predictions(answered.predictions, asked, **options)

    if config.training.shuffled_questions_control:
        log.info("asking the control: questions swapped within their context")
        shuffled = replace(examples, questions=shuffle_questions(examples))
        answered = questioner.answer(shuffled)
        result.endpoint["usd_controls"] += answered.usd or 0.0
        result.metrics["f1_shuffled_questions"] = score(answered, shuffled)["f1"]
    if questioner.endpoint.without_context:
        log.info("asking the control: without the context")
        answered = questioner.answer(examples, from_memory=True)
        result.endpoint["usd_controls"] += answered.usd or 0.0
        metrics = score(answered, examples)
        result.metrics |= {f"{name}_without_context": metrics[name] for name in ("exact_match", "f1")}
