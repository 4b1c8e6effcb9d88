"""One run, from a checked config to its result.

The steps: load, audit, load tokenizer and model, tokenize, window, train, write the model, answer, score, write scores
and answers. The trackers receive metrics and tables on the way. result.json is there from the first step and complete
after the last.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.config.compose import resolve_model_label
from mlqa.config.data_files import uses_hub
from mlqa.config.identity import compute_config_hash
from mlqa.config.model_facts import is_local_folder
from mlqa.config.run_lock import unlock_directory
from mlqa.config.schema import Config, is_trained, keeps_best, select_numbers
from mlqa.data.audit import LEAKAGE, audit
from mlqa.data.audit_warnings import describe_leakage
from mlqa.data.examples import Examples
from mlqa.data.further_sets import FurtherSet, load_run_data, name_own_set
from mlqa.data.load import SPLITS, Splits
from mlqa.distributed import broadcast_object, destroy_process_group
from mlqa.environment import get_cache_dir, get_model_dir, go_offline_if_unreachable, is_main
from mlqa.errors import MlqaError, RunError
from mlqa.result import (
    ANSWERING,
    NULL_ODDS,
    PREDICTIONS,
    SCORES,
    TOKENIZATION,
    Result,
    collect_versions,
    compute_run_cost,
    read_answering,
    write_json,
    write_json_lines,
)
from mlqa.run_directory import claim, open_checkpoints, record_ending, try_write
from mlqa.threads import limit_threads
from mlqa.tracking.identity import build_run_identity
from mlqa.tracking.tables import build_prediction_table, build_tokenizer_tables
from mlqa.tracking.trackers import Trackers, open_trackers
from mlqa.training.checkpoints import Checkpoint

if TYPE_CHECKING:
    import numpy as np

    from mlqa.evaluation import Evaluation, EvaluationResult
    from mlqa.features.template import Reading
    from mlqa.features.windows import Windows
    from mlqa.metrics.tokenizer_analysis import TokenizerAnalysis
    from mlqa.training.trainer import QuestionAnsweringTrainer

log = logging.getLogger(__name__)


def run(config: Config, choices: dict[str, str]) -> Result:
    """Fine-tune and score one model, and leave result.json in the run directory however the run ends.

    Args:
        config: The checked config of the run.
        choices: The option chosen in each config group, e.g. {"model": "berturk"}.

    Returns:
        The result of the run. If the directory holds the same run, already completed, this is its result.

    Raises:
        MlqaError: The run failed for a reason that the user can fix.
        KeyboardInterrupt: The run was stopped. result.json says "stopped" by then.
    """
    result = Result(
        label=resolve_model_label(config.model, choices),
        choices=choices,
        seed=config.seed,
        config_hash=compute_config_hash(config),
        training=select_numbers(config.training),
        versions=collect_versions(),
        cost=compute_run_cost(0, config.hardware.usd_per_hour),
        error="the run has not finished: it is still running or was killed",
    )
    try:
        return _claim(config, result) or _track_and_run(config, choices, result)
    finally:
        unlock_directory(Path(config.training.output_dir))


def _claim(config: Config, result: Result) -> Result | None:
    """Make the run directory this run's own. Return its result if the same run was completed in it before."""
    try:
        return claim(config, result) if is_main() else None
    except MlqaError as error:
        log.error("error: %s", error)
        raise


def _track_and_run(config: Config, choices: dict[str, str], result: Result) -> Result:
    """Open the trackers, take the run through its steps and return its result."""
    trackers = Trackers([])
    if is_main():
        run_dir = Path(config.training.output_dir)
        trackers = open_trackers(config.tracking, build_run_identity(config, choices, run_dir))
    result.tracking = trackers.collect_places()
    with record_ending(config, result, trackers):
        _train_and_score(config, result, trackers)
    destroy_process_group()
    return result


def _train_and_score(config: Config, result: Result, trackers: Trackers) -> None:
    """Take the run through its steps, and record the figures of each step in `result`."""
    own_set = name_own_set(config, result.choices)
    splits, further = _load(config, own_set)
    result.dataset["fingerprint"] = splits.compute_fingerprint()
    if is_main():
        result.dataset["audit"] = _audit(splits)

    # torch and transformers are imported from here on, so that an error in the data shows at once.
    arguments, run_dir = _join_processes(config)
    from mlqa.batching.mixture import Mixture
    from mlqa.evaluation import Evaluation
    from mlqa.metrics.readiness import find_reasons_to_wait
    from mlqa.metrics.tokenizer_analysis import analyze_tokenizer
    from mlqa.models.loading import save_model
    from mlqa.training.arguments import get_autocast_dtype
    from mlqa.training.best_model import BestModel
    from mlqa.training.progress import ProgressAndHistory
    from mlqa.training.trainer import QuestionAnsweringTrainer

    with _time_stage(result, "features_seconds"):
        tokenizer, kept_rows = _tokenize(config, splits)
    model, reading = _load_model(config, result, tokenizer, kept_rows)
    result.threads = limit_threads(getattr(model.config, "hidden_size", None))
    with _time_stage(result, "features_seconds"):
        windows = _cut_windows(config, splits, tokenizer, reading)
    autocast = get_autocast_dtype(config)
    evaluate = partial(
        Evaluation,
        config.training,
        autocast=autocast,
        reading=reading,
        train=splits.train,
        with_null=None if is_trained(config.training) else read_answering(config.model.pretrained).get("may_give_none"),
    )
    evaluations = {
        name: evaluate(config.dataset, splits.get(name), windows[name]) for name in windows if name != "train"
    }

    def evaluate_set(one: FurtherSet) -> Evaluation:
        return evaluate(one.dataset, one.examples, _cut_split(config, one.examples, tokenizer, reading))

    result.reported_split = splits.reported_split
    evaluation = evaluations[splits.reported_split]
    result.objective_split = "validation" if "validation" in evaluations else splits.reported_split
    selection = evaluations[result.objective_split]  # what chooses sees this one
    analysis = None
    if is_main():
        _describe_windows(config, result, splits, windows, evaluation)
        analysis = analyze_tokenizer(tokenizer, config, splits, windows["train"], evaluation.windows)
        result.tokenization = analysis.figures
        window_figures = result.dataset["audit"]["tokenizer"].values()
        # Leakage was told while the data set was audited.
        for line in find_reasons_to_wait(None, analysis.figures, window_figures, config):
            log.warning("%s", line)

    checkpoints = open_checkpoints(result, run_dir)
    checkpoint = checkpoints.find_resumable()
    trackers.start(checkpoint.history if checkpoint else None)
    if analysis is not None:
        _record_tokenizer(result, analysis, run_dir, trackers)

    callbacks = [ProgressAndHistory(trackers.log)]
    best = None
    if keeps_best(config):
        best = BestModel(checkpoints.open_best(), selection.primary_metric, config.training.patience)
    trainer = QuestionAnsweringTrainer(
        config,
        arguments,
        model,
        windows["train"],
        lambda: selection.compute_metrics(model),
        callbacks,
        checkpoints,
        best,
        Mixture(windows["train"], splits.mixed_sets, config.seed) if splits.mixed_sets else None,
    )
    result.memory = trainer.memory
    if is_trained(config.training):
        _train(trainer, checkpoint, result)
        _select(trainer, result)
    unwritten: list[str] = []
    if is_main():
        try_write(unwritten, save_model, model, tokenizer, get_model_dir(run_dir))
        answering = {"reading": asdict(reading), "may_give_none": evaluation.with_null}
        try_write(unwritten, write_json, get_model_dir(run_dir) / ANSWERING, answering)

    model.to(trainer.args.device)
    with _time_stage(result, "eval_seconds"):
        rows = _score(config, result, evaluations, model, tokenizer, unwritten)
    if is_main():
        by_prefix = {"test_": result.metrics, "eval_": result.validation}
        if not result.validation:
            by_prefix = {"eval_": result.metrics}
        row = {f"{prefix}{name}": value for prefix, metrics in by_prefix.items() for name, value in metrics.items()}
        trackers.log(row, trainer.state.global_step)
        trackers.log_table(build_prediction_table(rows[-len(evaluation.examples) :][: config.tracking.predictions]))
    with _time_stage(result, "eval_seconds"):
        _score_further(result, further, evaluate_set, model, rows, run_dir, unwritten)
    if unwritten:
        raise RunError("; ".join(unwritten))


def _load(config: Config, own_set: str) -> tuple[Splits, list[FurtherSet]]:
    if uses_hub(config.dataset) or not is_local_folder(config.model.pretrained or "."):
        go_offline_if_unreachable()
    log.info("reading the data set")
    splits, further = load_run_data(config, own_set)
    for mixed_set in splits.mixed_sets:
        log.info("%s", mixed_set.describe())
    return splits, further


def _audit(splits: Splits) -> dict[str, Any]:
    """Return the figures of the audit, and warn if questions of a scored split are also in train."""
    figures = audit(splits).figures
    for leakage in (figures[key] for key in LEAKAGE if key in figures):
        for line in describe_leakage(leakage):
            log.warning("%s", line)
    return figures


def _join_processes(config: Config) -> tuple[Any, Path]:
    """Return the TrainingArguments and the run directory of rank 0, which `config` then has on every rank.

    If several processes train together, they connect when transformers makes the arguments.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # otherwise each process warns that all weights were used
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    from mlqa.training.arguments import build_training_arguments

    disable_progress_bar()  # transformers shows bars and reports of its own when it reads and writes weights
    set_verbosity_error()
    arguments = build_training_arguments(config)
    config.training.output_dir = broadcast_object(config.training.output_dir)
    return arguments, Path(config.training.output_dir)


def _tokenize(config: Config, splits: Splits) -> tuple[Any, np.ndarray | None]:
    """Return the tokenizer and, if its vocabulary was trimmed, the rows of the word embeddings that stay [entries]."""
    from mlqa.tokenization.load import load_tokenizer
    from mlqa.tokenization.trimming import trim_vocabulary

    counts = [len(split) for split in (splits.train, splits.validation, splits.test) if len(split)]
    log.info("tokenizing %s questions", " + ".join(map(str, counts)))
    tokenizer = load_tokenizer(config.model, _iter_texts(splits.train))
    if config.model.trim_vocabulary:
        return trim_vocabulary(tokenizer, _iter_texts(splits.train))
    return tokenizer, None


def _cut_windows(config: Config, splits: Splits, tokenizer: Any, reading: Reading) -> dict[str, Windows]:
    """Return the windows of train and of each split that has rows."""
    names = [name for name in SPLITS if name == "train" or len(splits.get(name))]
    return {name: _cut_split(config, splits.get(name), tokenizer, reading) for name in names}


def _cut_split(config: Config, examples: Examples, tokenizer: Any, reading: Reading) -> Windows:
    from mlqa.features.token_cache import TokenCache
    from mlqa.features.windows import make_windows

    length, stride = config.training.max_seq_length, config.training.doc_stride
    return make_windows(examples, tokenizer, length, stride, TokenCache(get_cache_dir() / "tokens", tokenizer), reading)


def _describe_windows(
    config: Config, result: Result, splits: Splits, windows: dict[str, Windows], evaluation: Evaluation
) -> None:
    """Record what the windows hold of the questions, and which version of SQuAD's script scores them."""
    from mlqa.features.window_statistics import compute_window_figures

    train, longest = windows["train"], config.training.max_answer_length
    result.dataset |= {
        "train_examples": len(splits.train),
        "eval_examples": len(evaluation.examples),
        "windows": len(train),
        "windows_without_answer": int((~train.has_answer).sum()),
        "cut_questions": sum(cut.cut_questions for cut in windows.values()),
        **{f"{name}_rows": splits.get(name).counts for name in windows},
        "language": config.dataset.language,
        "reported_fingerprint": evaluation.examples.compute_fingerprint(),
        "squad_version": evaluation.version,
        "primary_metric": evaluation.primary_metric,
    }
    if splits.mixed_sets:
        result.dataset["mix"] = {mixed_set.name: mixed_set.to_dict() for mixed_set in splits.mixed_sets}
    result.dataset["audit"]["tokenizer"] = {
        name: compute_window_figures(cut, splits.get(name), longest) for name, cut in windows.items() if len(cut)
    }


def _load_model(config: Config, result: Result, tokenizer: Any, kept_rows: np.ndarray | None) -> tuple[Any, Reading]:
    """Return the seeded model, cut to `kept_rows` if there are any, and how it reads. `result` describes it."""
    from transformers import set_seed

    from mlqa.features.template import Reading
    from mlqa.models.loading import describe_model, load_model, trim_model
    from mlqa.models.reading import probe_reading

    set_seed(config.seed)
    model, weights = load_model(config.model, tokenizer)
    result.weights = weights.to_dict()
    if kept_rows is None:
        result.model = describe_model(config.model, model)
    else:
        result.model = trim_model(config.model, model, kept_rows)
    # A model from scratch has no padding that others gave it, and learns with whatever padding its batches have.
    if not is_trained(config.training) and (known := read_answering(config.model.pretrained)):
        reading = Reading(**known["reading"])  # as it was trained
    else:
        reading = Reading() if config.model.scratch else probe_reading(model, config.training.max_seq_length)
    result.model["reading"] = asdict(reading)
    return model, reading


def _record_tokenizer(result: Result, analysis: TokenizerAnalysis, run_dir: Path, trackers: Trackers) -> None:
    """Record the figures of the tokenizer, now with the share of the loaded model's parameters that are embeddings."""
    share = result.model["embedding_parameters"] / result.model["parameters"]
    result.tokenization = {**analysis.figures, "embedding_share": share}
    write_json(run_dir / TOKENIZATION, replace(analysis, figures=result.tokenization).to_dict())
    for table in build_tokenizer_tables(result.label, result.tokenization, analysis.words):
        trackers.log_table(table)


def _train(trainer: QuestionAnsweringTrainer, checkpoint: Checkpoint | None, result: Result) -> None:
    """Train to the end, from the checkpoint if there is one."""
    windows = trainer.batches.windows_per_epoch
    if checkpoint is None:
        log.info("training on %d windows, %s", windows, trainer.batching.value)
    elif checkpoint.is_final:
        log.info("all %d steps were trained before: scoring %s", checkpoint.max_steps, checkpoint.path)
    else:
        log.info("resuming after step %d of %d: %s", checkpoint.step, checkpoint.max_steps, checkpoint.path)
    with _time_stage(result, "train_seconds"):
        trainer.fit(checkpoint)
    resumed_after = 0
    if checkpoint is not None:
        result.timing["resumed_after_step"] = resumed_after = checkpoint.step
    seen = windows * trainer.state.epoch * (1 - resumed_after / trainer.state.global_step)
    result.timing["train_samples_per_second"] = round(seen / max(result.timing["train_seconds"], 1e-3), 3)


def _select(trainer: QuestionAnsweringTrainer, result: Result) -> None:
    """Take the model that is to be kept, and record which one it is."""
    result.selection = {"keep": "last", "split": None, "epochs": round(trainer.state.epoch, 4)}
    if trainer.best is None:
        return
    kept = trainer.restore_best()
    if kept is None:
        log.warning("no model was kept while it trained, because it could not be written: the last one is scored")
        return
    metric = trainer.best.metric
    log.info("keeping the model after %g epochs, with %s %.2f on validation", kept.epochs, metric, kept.score)
    result.selection = {"keep": "best", "split": result.objective_split, "epochs": kept.epochs}


def _score(
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
    rows: list[dict[str, Any]] = []
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
            scored = evaluation.score_questions(evaluated.predictions, name_own_set(config, result.choices), name)
            rows += scored.rows
            if name == result.reported_split:
                result.breakdown = scored.breakdown
                _write_answers(unwritten, evaluated, evaluation.examples.ids, run_dir)
    result.objective = (result.validation or result.metrics)[evaluations[result.reported_split].primary_metric]
    if is_main():
        try_write(unwritten, write_json_lines, run_dir / SCORES, rows)
    return rows


def _score_further(
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


def _write_answers(unwritten: list[str], evaluated: EvaluationResult, ids: list[str], run_dir: Path) -> None:
    from mlqa.answers.predictions_file import index_by_id

    try_write(unwritten, write_json, run_dir / PREDICTIONS, index_by_id(ids, evaluated.predictions))
    if evaluated.null_odds is not None:
        try_write(unwritten, write_json, run_dir / NULL_ODDS, index_by_id(ids, evaluated.null_odds))


def _iter_texts(examples: Examples) -> Iterator[str]:
    yield from examples.contexts
    yield from examples.questions


@contextmanager
def _time_stage(result: Result, name: str) -> Iterator[None]:
    """Add the seconds that the block takes to `result.timing[name]`, also if it raises."""
    began = time.monotonic()
    try:
        yield
    finally:
        result.timing[name] = round(result.timing.get(name, 0.0) + time.monotonic() - began, 3)
