"""One run, from a checked config to its result: the place that reads like the story."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mlqa.config.schema import Config, config_hash
from mlqa.config.validation import is_local_folder
from mlqa.data.audit import audit
from mlqa.data.audit_warnings import leakage_warnings
from mlqa.data.examples import Examples
from mlqa.data.load import Splits, load_splits
from mlqa.distributed import agreed, cause_of, gather, part, sigterm_raises, uninterrupted
from mlqa.environment import cache_dir, is_main, model_dir, offline_if_hub_unreachable
from mlqa.errors import ConfigError, MlqaError, RunError, first_line, stopped_by
from mlqa.result import (
    NULL_ODDS,
    PREDICTIONS,
    TOKENIZATION,
    Result,
    cost_of,
    versions,
    write_json,
)
from mlqa.run_directory import attempt, checkpoints_of, claim, leave
from mlqa.tracking.identity import identity_of_run
from mlqa.tracking.tables import prediction_table, tokenizer_tables
from mlqa.tracking.trackers import Trackers, open_trackers
from mlqa.training.checkpoints import Checkpoint, Checkpoints

if TYPE_CHECKING:
    from mlqa.features.windows import Windows
    from mlqa.metrics.squad import Version
    from mlqa.training.trainer import QuestionAnsweringTrainer

log = logging.getLogger(__name__)


def run(config: Config, choices: dict[str, str]) -> Result:
    """Fine-tunes and scores; leaves result.json in the run directory in every ending.

    Raises MlqaError for what the user can mend; KeyboardInterrupt passes after the result says "stopped".
    """
    run_dir = Path(config.training.output_dir)
    result = Result(
        choices=choices,
        seed=config.seed,
        config_hash=config_hash(config),
        versions=versions(),
        timing={},
        cost=cost_of(0, config.hardware.usd_per_hour),
        error="it has not ended: it is running, or was killed",
    )
    try:
        earlier = claim(config, result) if is_main() else None
    except MlqaError as refusal:
        log.error("error: %s", refusal)
        raise
    if earlier is not None:
        return earlier
    trackers = open_trackers(config.tracking, identity_of_run(config, choices, run_dir)) if is_main() else Trackers([])
    result.tracking = trackers.places()
    began = time.monotonic()
    try:
        with sigterm_raises():
            _train_and_score(config, result, trackers, run_dir)
        result.status, result.error = "completed", None
    except BaseException as raised:
        error = cause_of(raised)
        if isinstance(error, KeyboardInterrupt):
            result.status, result.error = "stopped", stopped_by(error)
        else:
            result.error = " | ".join(error.problems) if isinstance(error, ConfigError) else first_line(error)
            log.error("error: %s", result.error)
        raise error from (None if error is raised else raised)
    finally:
        try:
            with uninterrupted():
                result.timing["total_seconds"] = round(time.monotonic() - began, 3)
                result.cost = cost_of(result.timing["total_seconds"], config.hardware.usd_per_hour)
                leave(result, Path(config.training.output_dir))
        finally:
            trackers.finish(asdict(result))
    part()
    return result


def _train_and_score(config: Config, result: Result, trackers: Trackers, run_dir: Path) -> None:
    splits = _read(config, result)

    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # else each process warns that all weights were used
    from transformers import set_seed
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    from mlqa.answers.predictions_file import by_id
    from mlqa.evaluation import Evaluation
    from mlqa.features.token_cache import TokenCache
    from mlqa.features.windows import make_windows
    from mlqa.tokenization.load import load_tokenizer
    from mlqa.tokenization.trimming import trim_vocabulary
    from mlqa.tokenizer_analysis import analyse_tokenizer
    from mlqa.training.arguments import autocast_type, training_arguments
    from mlqa.training.models import describe, load_model, save, trim_model
    from mlqa.training.progress import ProgressAndHistory
    from mlqa.training.trainer import QuestionAnsweringTrainer

    disable_progress_bar()  # transformers' own bars and reports, for reading and writing weights
    set_verbosity_error()
    training = config.training
    arguments = training_arguments(config)  # where several processes train, they meet here
    config.training.output_dir = agreed(str(run_dir))
    run_dir = Path(config.training.output_dir)
    with _timed(result, "features_seconds"):
        log.info("tokenising %d + %d questions", len(splits.train), len(splits.validation))
        tokenizer, kept = load_tokenizer(config.model, _texts(splits.train)), None
        if config.model.trim_vocabulary:
            tokenizer, kept = trim_vocabulary(tokenizer, _texts(splits.train))
        cache = TokenCache(cache_dir() / "tokens", tokenizer)
        train = make_windows(splits.train, tokenizer, training.max_seq_length, training.doc_stride, cache)
        validation = make_windows(splits.validation, tokenizer, training.max_seq_length, training.doc_stride, cache)
    evaluation = Evaluation(config, splits, validation, autocast_type(config))
    if is_main():
        _record_data(result, splits, train, validation, evaluation.version, training.max_answer_length)
        analysis = analyse_tokenizer(tokenizer, config, splits, train, validation)
        result.tokenization = analysis.figures

    set_seed(config.seed)
    model = load_model(config.model, tokenizer)
    result.model = describe(config.model, model)
    if kept is not None:
        result.model |= trim_model(config.model, model, kept)
    if is_main():
        result.tokenization["embedding_share"] = result.model["embedding_parameters"] / result.model["parameters"]
        write_json(run_dir / TOKENIZATION, analysis.as_dict())
        for table in tokenizer_tables(result.choices.get("model", "model"), result.tokenization, analysis.words):
            trackers.table(table)
    checkpoints = checkpoints_of(result, run_dir)
    trainer = QuestionAnsweringTrainer(
        config,
        arguments,
        model,
        train,
        lambda: evaluation.metrics(model),
        [ProgressAndHistory(trackers)],
        checkpoints,
    )
    checkpoint = _to_go_on_from(checkpoints)
    trackers.start(checkpoint.history if checkpoint else None)
    if training.num_train_epochs > 0 or training.max_steps > 0:
        _train(trainer, checkpoint, result)
    unwritten: list[str] = []
    if is_main():
        attempt(unwritten, save, model, tokenizer, model_dir(run_dir))
    model.to(trainer.args.device)
    log.info("scoring %d questions", len(splits.validation))
    with _timed(result, "eval_seconds"):
        evaluated = evaluation.evaluate(model)
    result.metrics = evaluated.metrics
    if training.shuffled_questions_control:
        result.metrics["f1_shuffled_questions"] = evaluation.f1_with_exchanged_questions(model, tokenizer)
    result.objective = result.metrics["f1"]
    if is_main():
        trackers.log({f"eval_{name}": value for name, value in result.metrics.items()}, trainer.state.global_step)
        result.breakdown = evaluation.breakdown(evaluated.predictions)
        ids = splits.validation.ids
        attempt(unwritten, write_json, run_dir / PREDICTIONS, by_id(ids, evaluated.predictions))
        trackers.table(prediction_table(evaluated.predictions, splits.validation, config.tracking.predictions))
        if evaluated.null_odds is not None:
            attempt(unwritten, write_json, run_dir / NULL_ODDS, by_id(ids, evaluated.null_odds))
    if unwritten:
        raise RunError("; ".join(unwritten))


def _read(config: Config, result: Result) -> Splits:
    """Both splits and their audit: what is wrong with the data is said before anything heavy is imported."""
    if config.dataset.hub is not None or not is_local_folder(config.model.pretrained or "."):
        offline_if_hub_unreachable()
    log.info("reading the data set")
    splits = load_splits(config.dataset)
    result.dataset["fingerprint"] = splits.fingerprint()
    if is_main():
        result.dataset["audit"] = figures = audit(splits).figures
        for line in leakage_warnings(figures["leakage"]):
            log.warning("%s", line)
    return splits


def _record_data(
    result: Result, splits: Splits, train: Windows, validation: Windows, version: Version, max_answer_length: int
) -> None:
    from mlqa.features.window_statistics import window_figures

    result.dataset |= {
        "train_examples": len(splits.train),
        "eval_examples": len(splits.validation),
        "windows": len(train),
        "windows_without_answer": int((~train.has_answer).sum()),
        "cut_questions": train.cut_questions + validation.cut_questions,
        "train_rows": splits.train.counts,
        "validation_rows": splits.validation.counts,
        "squad_version": version,
    }
    result.dataset["audit"]["tokenizer"] = {
        "train": window_figures(train, splits.train, max_answer_length),
        "validation": window_figures(validation, splits.validation, max_answer_length),
    }


def _to_go_on_from(checkpoints: Checkpoints) -> Checkpoint | None:
    """The newest checkpoint of this run that every machine holds."""
    checkpoint: Checkpoint | None = agreed(checkpoints.latest() if is_main() else None)
    if checkpoint is not None and not all(gather(checkpoints.holds(checkpoint.step))):
        log.warning("%s is not on every machine: skipped", checkpoint.path)
        return None
    return checkpoint


def _train(trainer: QuestionAnsweringTrainer, checkpoint: Checkpoint | None, result: Result) -> None:
    """Trains to the end, from the checkpoint where there is one, and says which."""
    windows = len(trainer.train_dataset)
    if checkpoint is None:
        log.info("training on %d windows, %s", windows, trainer.batching.value)
    elif checkpoint.is_final:
        log.info("all %d steps were trained before: scoring %s", checkpoint.max_steps, checkpoint.path)
    else:
        log.info("going on after step %d of %d: %s", checkpoint.step, checkpoint.max_steps, checkpoint.path)
    with _timed(result, "train_seconds"):
        trainer.fit(checkpoint)
    if checkpoint is not None:
        result.timing["resumed_after_step"] = checkpoint.step
    seen = windows * trainer.state.epoch * (1 - (checkpoint.step if checkpoint else 0) / trainer.state.global_step)
    result.timing["train_samples_per_second"] = round(seen / max(result.timing["train_seconds"], 1e-3), 3)


def _texts(examples: Examples) -> Iterator[str]:
    yield from examples.contexts
    yield from examples.questions


@contextmanager
def _timed(result: Result, name: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        result.timing[name] = round(time.monotonic() - began, 3)
