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

from mlqa.config.compose import resolve_model_label
from mlqa.config.identity import compute_config_hash
from mlqa.config.schema import Config
from mlqa.config.validation import is_local_folder
from mlqa.data.audit import audit
from mlqa.data.audit_warnings import describe_leakage
from mlqa.data.examples import Examples
from mlqa.data.load import Splits, load_splits
from mlqa.distributed import (
    all_gather_object,
    broadcast_object,
    destroy_process_group,
    find_root_cause,
    ignore_interrupts,
    raise_on_sigterm,
)
from mlqa.environment import get_cache_dir, get_model_dir, go_offline_if_unreachable, is_main
from mlqa.errors import ConfigError, MlqaError, RunError, describe_interruption, summarize_error
from mlqa.result import (
    NULL_ODDS,
    PREDICTIONS,
    SCORES,
    TOKENIZATION,
    Result,
    collect_versions,
    compute_run_cost,
    write_json,
    write_json_lines,
)
from mlqa.run_directory import claim, finalize_run, open_checkpoints, try_write
from mlqa.tracking.identity import build_run_identity
from mlqa.tracking.tables import build_prediction_table, build_tokenizer_tables
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
        label=resolve_model_label(config.model, choices),
        choices=choices,
        seed=config.seed,
        config_hash=compute_config_hash(config),
        versions=collect_versions(),
        timing={},
        cost=compute_run_cost(0, config.hardware.usd_per_hour),
        error="it has not ended: it is running, or was killed",
    )
    try:
        earlier = claim(config, result) if is_main() else None
    except MlqaError as refusal:
        log.error("error: %s", refusal)
        raise
    if earlier is not None:
        return earlier
    trackers = (
        open_trackers(config.tracking, build_run_identity(config, choices, run_dir)) if is_main() else Trackers([])
    )
    result.tracking = trackers.collect_places()
    began = time.monotonic()
    try:
        with raise_on_sigterm():
            _train_and_score(config, result, trackers, run_dir)
        result.status, result.error = "completed", None
    except BaseException as raised:
        error = find_root_cause(raised)
        if isinstance(error, KeyboardInterrupt):
            result.status, result.error = "stopped", describe_interruption(error)
        else:
            result.error = " | ".join(error.problems) if isinstance(error, ConfigError) else summarize_error(error)
            log.error("error: %s", result.error)
        raise error from (None if error is raised else raised)
    finally:
        try:
            with ignore_interrupts():
                result.timing["total_seconds"] = round(time.monotonic() - began, 3)
                result.cost = compute_run_cost(result.timing["total_seconds"], config.hardware.usd_per_hour)
                finalize_run(result, Path(config.training.output_dir))
        finally:
            trackers.finish(asdict(result))
    destroy_process_group()
    return result


def _train_and_score(config: Config, result: Result, trackers: Trackers, run_dir: Path) -> None:
    splits = _load_and_audit(config, result)

    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # else each process warns that all weights were used
    from transformers import set_seed
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    from mlqa.answers.predictions_file import index_by_id
    from mlqa.evaluation import Evaluation
    from mlqa.features.token_cache import TokenCache
    from mlqa.features.windows import make_windows
    from mlqa.metrics.tokenizer_analysis import analyse_tokenizer
    from mlqa.tokenization.load import load_tokenizer
    from mlqa.tokenization.trimming import trim_vocabulary
    from mlqa.training.arguments import build_training_arguments, get_autocast_dtype
    from mlqa.training.models import describe_model, load_model, save_model, trim_model
    from mlqa.training.progress import ProgressAndHistory
    from mlqa.training.trainer import QuestionAnsweringTrainer

    disable_progress_bar()  # transformers' own bars and reports, for reading and writing weights
    set_verbosity_error()
    training = config.training
    arguments = build_training_arguments(config)  # where several processes train, they meet here
    config.training.output_dir = broadcast_object(str(run_dir))
    run_dir = Path(config.training.output_dir)
    with _time_stage(result, "features_seconds"):
        log.info("tokenising %d + %d questions", len(splits.train), len(splits.validation))
        tokenizer, kept = load_tokenizer(config.model, _iter_texts(splits.train)), None
        if config.model.trim_vocabulary:
            tokenizer, kept = trim_vocabulary(tokenizer, _iter_texts(splits.train))
        cache = TokenCache(get_cache_dir() / "tokens", tokenizer)
        train = make_windows(splits.train, tokenizer, training.max_seq_length, training.doc_stride, cache)
        validation = make_windows(splits.validation, tokenizer, training.max_seq_length, training.doc_stride, cache)
    evaluation = Evaluation(config, splits, validation, get_autocast_dtype(config))
    if is_main():
        _record_data(result, splits, train, validation, evaluation.version, training.max_answer_length)
        analysis = analyse_tokenizer(tokenizer, config, splits, train, validation)
        result.tokenization = analysis.figures

    set_seed(config.seed)
    model = load_model(config.model, tokenizer)
    result.model = describe_model(config.model, model)
    if kept is not None:
        result.model |= trim_model(config.model, model, kept)
    if is_main():
        result.tokenization["embedding_share"] = result.model["embedding_parameters"] / result.model["parameters"]
        write_json(run_dir / TOKENIZATION, analysis.to_dict())
        for table in build_tokenizer_tables(result.label, result.tokenization, analysis.words):
            trackers.log_table(table)
    checkpoints = open_checkpoints(result, run_dir)
    trainer = QuestionAnsweringTrainer(
        config,
        arguments,
        model,
        train,
        lambda: evaluation.compute_metrics(model),
        [ProgressAndHistory(trackers)],
        checkpoints,
    )
    checkpoint = _find_resumable_checkpoint(checkpoints)
    trackers.start(checkpoint.history if checkpoint else None)
    if training.num_train_epochs > 0 or training.max_steps > 0:
        _train(trainer, checkpoint, result)
    unwritten: list[str] = []
    if is_main():
        try_write(unwritten, save_model, model, tokenizer, get_model_dir(run_dir))
    model.to(trainer.args.device)
    log.info("scoring %d questions", len(splits.validation))
    with _time_stage(result, "eval_seconds"):
        evaluated = evaluation.evaluate(model)
    result.metrics = evaluated.metrics
    if training.shuffled_questions_control:
        result.metrics["f1_shuffled_questions"] = evaluation.score_shuffled_questions(model, tokenizer)
    result.objective = result.metrics["f1"]
    if is_main():
        trackers.log({f"eval_{name}": value for name, value in result.metrics.items()}, trainer.state.global_step)
        set_name = result.choices.get("dataset", "dataset")
        scored = evaluation.score_questions(evaluated.predictions, set_name, result.reported_split)
        result.breakdown = scored.breakdown
        ids = splits.validation.ids
        try_write(unwritten, write_json, run_dir / PREDICTIONS, index_by_id(ids, evaluated.predictions))
        rows = list(scored.rows)
        try_write(unwritten, write_json_lines, run_dir / SCORES, rows)
        trackers.log_table(build_prediction_table(rows[: config.tracking.predictions]))
        if evaluated.null_odds is not None:
            try_write(unwritten, write_json, run_dir / NULL_ODDS, index_by_id(ids, evaluated.null_odds))
    if unwritten:
        raise RunError("; ".join(unwritten))


def _load_and_audit(config: Config, result: Result) -> Splits:
    """Both splits and their audit: what is wrong with the data is said before anything heavy is imported."""
    if config.dataset.hub is not None or not is_local_folder(config.model.pretrained or "."):
        go_offline_if_unreachable()
    log.info("reading the data set")
    splits = load_splits(config.dataset)
    result.dataset["fingerprint"] = splits.compute_fingerprint()
    if is_main():
        result.dataset["audit"] = figures = audit(splits).figures
        for line in describe_leakage(figures["leakage"]):
            log.warning("%s", line)
    return splits


def _record_data(
    result: Result, splits: Splits, train: Windows, validation: Windows, version: Version, max_answer_length: int
) -> None:
    from mlqa.features.window_statistics import compute_window_figures

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
        "train": compute_window_figures(train, splits.train, max_answer_length),
        "validation": compute_window_figures(validation, splits.validation, max_answer_length),
    }


def _find_resumable_checkpoint(checkpoints: Checkpoints) -> Checkpoint | None:
    """The newest checkpoint of this run that every machine holds."""
    checkpoint: Checkpoint | None = broadcast_object(checkpoints.find_latest() if is_main() else None)
    if checkpoint is not None and not all(all_gather_object(checkpoints.has_checkpoint(checkpoint.step))):
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
    with _time_stage(result, "train_seconds"):
        trainer.fit(checkpoint)
    if checkpoint is not None:
        result.timing["resumed_after_step"] = checkpoint.step
    seen = windows * trainer.state.epoch * (1 - (checkpoint.step if checkpoint else 0) / trainer.state.global_step)
    result.timing["train_samples_per_second"] = round(seen / max(result.timing["train_seconds"], 1e-3), 3)


def _iter_texts(examples: Examples) -> Iterator[str]:
    yield from examples.contexts
    yield from examples.questions


@contextmanager
def _time_stage(result: Result, name: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        result.timing[name] = round(time.monotonic() - began, 3)
