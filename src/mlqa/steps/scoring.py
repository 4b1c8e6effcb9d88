"""Score the trained model on each split and each further data set, and write scores and answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.config.schema import Config, is_trained
from mlqa.data.further_sets import FurtherSet
from mlqa.data.load import Splits
from mlqa.environment import get_model_dir, is_main
from mlqa.evaluation import Evaluation, EvaluationResult
from mlqa.features.template import Reading
from mlqa.features.windows import Windows
from mlqa.models.answering import read_answering
from mlqa.result import NULL_ODDS, PREDICTIONS, SCORES, Result, write_json, write_json_lines
from mlqa.run_directory import try_write
from mlqa.steps.loading import cut_split
from mlqa.training.arguments import get_autocast_dtype

if TYPE_CHECKING:
    from mlqa.metrics.calibration.calibrate import Outcomes
    from mlqa.metrics.calibration.stored import Calibration

log = logging.getLogger(__name__)


def prepare_evaluations(
    config: Config, splits: Splits, windows: Mapping[str, Windows], tokenizer: Any, reading: Reading
) -> tuple[dict[str, Evaluation], Callable[[FurtherSet], Evaluation]]:
    """Prepare the evaluation of each split.

    Args:
        config: The run's config.
        splits: The data.
        windows: The windows of each split that has rows, and of train.
        tokenizer: The tokenizer that they were cut with.
        reading: How the model reads them.

    Returns:
        The evaluation of each split but train, by its name, and what prepares that of a further data set.
    """
    evaluate = partial(
        Evaluation,
        config.training,
        autocast=get_autocast_dtype(config),
        reading=reading,
        train=splits.train,
        with_null=None if is_trained(config.training) else read_answering(config.model.pretrained).get("may_give_none"),
    )
    evaluations = {
        name: evaluate(config.dataset, splits.get(name), windows[name]) for name in windows if name != "train"
    }

    def evaluate_set(one: FurtherSet) -> Evaluation:
        return evaluate(one.dataset, one.examples, cut_split(config, one.examples, tokenizer, reading))

    return evaluations, evaluate_set


def score_splits(
    config: Config,
    result: Result,
    evaluations: dict[str, Evaluation],
    model: Any,
    tokenizer: Any,
    unwritten: list[str],
) -> list[dict[str, Any]]:
    """Score the model on each split. Record the metrics and the objective in `result`, and write scores and answers.

    Returns:
        The lines of scores.jsonl, those of the reported split last. Only the main process has them.
    """
    from mlqa.metrics.calibration.calibrate import Outcomes

    rows: list[dict[str, Any]] = []
    outcomes: dict[str, Outcomes] = {}
    run_dir = Path(config.training.output_dir)
    for name, evaluation in evaluations.items():
        log.info("scoring %d questions of the %s split", len(evaluation.examples), name)
        evaluated = evaluation.evaluate(model)
        if name != result.reported_split:
            result.validation = evaluated.metrics
        else:
            result.metrics = evaluated.metrics
            if config.training.shuffled_questions_control:
                result.metrics["f1_shuffled_questions"] = evaluation.score_shuffled_questions(model, tokenizer)
        if is_main():
            scored = evaluation.score_questions(evaluated.predictions, result.dataset["set"], name)
            rows += scored.rows
            metric = evaluation.primary_metric
            outcomes[name] = Outcomes.collect(name, scored.rows, evaluated.candidates, metric)
            if name == result.reported_split:
                result.breakdown = scored.breakdown
                _write_answers(unwritten, evaluated, evaluation.examples.ids, run_dir)
    result.objective = (result.validation or result.metrics)[evaluations[result.reported_split].primary_metric]
    if is_main():
        calibration = _calibrate(config, result, outcomes, rows)
        if get_model_dir(run_dir).is_dir():  # else the model could not be written
            try_write(unwritten, calibration.write, get_model_dir(run_dir))
        try_write(unwritten, write_json_lines, run_dir / SCORES, rows)
    return rows


def score_further_sets(
    result: Result,
    sets: list[FurtherSet],
    evaluate: Callable[[FurtherSet], Evaluation],
    model: Any,
    rows: list[dict[str, Any]],
    run_dir: Path,
    unwritten: list[str],
) -> None:
    """Score the model on `evaluation.sets`, and write scores.jsonl again with their questions."""
    for one in sets:
        log.info("scoring %d questions of %s", len(one.examples), one.name)
        scores = evaluate(one).score_set(one, model)
        if scores is not None:
            result.evaluations[one.name] = scores.record
            rows += scores.rows
    if sets and is_main():
        try_write(unwritten, write_json_lines, run_dir / SCORES, rows)


def _calibrate(
    config: Config, result: Result, outcomes: dict[str, Outcomes], rows: list[dict[str, Any]]
) -> Calibration:
    """Record in `result` how sure the model may be, and in each row of scores.jsonl the probability of its answer.

    Args:
        config: The run's config.
        result: Receives the figures.
        outcomes: The outcomes on each split that was scored. The validation split chooses if there is one.
        rows: The lines of these splits, in their order.
    """
    from mlqa.metrics.calibration.calibrate import calibrate, describe_calibration
    from mlqa.metrics.calibration.temperature import compute_confidence

    reported = outcomes[result.reported_split]
    chosen_on = outcomes.get("validation", reported)
    metric, metrics = result.dataset["primary_metric"], result.validation or result.metrics
    null_threshold = metrics.get("best_f1_thresh")  # SQuAD 2.0's own procedure
    stored, result.calibration = calibrate(chosen_on, reported, metric, config.calibration.risk, null_threshold)
    log.info("%s", describe_calibration(stored, result.calibration))
    probabilities = [compute_confidence(each.candidates, stored.temperature).tolist() for each in outcomes.values()]
    for row, probability in zip(rows, chain.from_iterable(probabilities), strict=True):
        row["probability"] = round(probability, 6)
    return stored


def _write_answers(unwritten: list[str], evaluated: EvaluationResult, ids: list[str], run_dir: Path) -> None:
    from mlqa.answers.predictions_file import index_by_id

    try_write(unwritten, write_json, run_dir / PREDICTIONS, index_by_id(ids, evaluated.predictions))
    if evaluated.null_odds is not None:
        try_write(unwritten, write_json, run_dir / NULL_ODDS, index_by_id(ids, evaluated.null_odds))
