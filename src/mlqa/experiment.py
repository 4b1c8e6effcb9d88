"""One run, from a checked config to its result.

The steps: load, audit, load tokenizer and model, tokenize, window, train, write the model, answer, score, write scores
and answers. The trackers receive metrics and tables on the way. result.json is there from the first step and complete
after the last. `mlqa.steps` has what each step does.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.config.identity import compute_config_hash
from mlqa.config.model_label import resolve_model_label
from mlqa.config.run_lock import unlock_directory
from mlqa.config.schema import Config, is_trained, select_numbers
from mlqa.data.further_sets import FurtherSet, name_own_set
from mlqa.data.load import Splits
from mlqa.distributed import destroy_process_group
from mlqa.environment import collect_versions, get_model_dir, is_main, pause_garbage_collection
from mlqa.errors import MlqaError, RunError
from mlqa.models.answering import ANSWERING
from mlqa.result import TOKENIZATION, Result, write_json
from mlqa.run_directory import claim, compute_run_cost, open_checkpoints, record_ending, try_write
from mlqa.steps.reading import audit_data, describe_windows, load_data
from mlqa.steps.timing import time_stage
from mlqa.threads import limit_threads
from mlqa.tracking.identity import build_run_identity
from mlqa.tracking.tables import build_prediction_table, build_tokenizer_tables, build_word_page
from mlqa.tracking.trackers import Trackers, open_trackers

if TYPE_CHECKING:
    from mlqa.metrics.tokenizer_analysis import TokenizerAnalysis

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
    with record_ending(config, result, trackers):
        if is_main():
            run_dir = Path(config.training.output_dir)
            trackers.extend(open_trackers(config.tracking, build_run_identity(config, choices, run_dir)))
        result.tracking = trackers.collect_places()
        _take_steps(config, result, trackers)
    destroy_process_group()
    return result


def _take_steps(config: Config, result: Result, trackers: Trackers) -> None:
    """Take the run through its steps, and record the figures of each step in `result`."""
    result.dataset["set"] = name_own_set(config, result.choices)
    with pause_garbage_collection():
        splits, further = load_data(config, result.dataset["set"])
    result.dataset["fingerprint"] = splits.compute_fingerprint()
    if is_main():
        result.dataset["audit"] = audit_data(splits)
    if config.model.endpoint is None:
        _train_and_score(config, result, trackers, splits, further)
    else:
        from mlqa.llm.steps import ask_and_score

        ask_and_score(config, splits, result, trackers)


def _train_and_score(
    config: Config, result: Result, trackers: Trackers, splits: Splits, further: list[FurtherSet]
) -> None:
    """Train a model and score it."""
    # torch and transformers are imported from here on, so that an error in the data shows at once.
    with pause_garbage_collection():
        from mlqa.metrics.words_ahead import analyze_words_ahead
        from mlqa.steps.loading import cut_windows, join_processes, load_model, make_tokenizer

        if is_main():
            analyze_words_ahead(config, splits)
        arguments, run_dir = join_processes(config)
        from mlqa.models.loading import save_model
        from mlqa.steps.scoring import prepare_evaluations, score_further_sets, score_splits
        from mlqa.steps.training import build_trainer, select_model, train_model

    with time_stage(result, "features_seconds"):
        tokenizer, kept_rows = make_tokenizer(config, splits)
    model, reading = load_model(config, result, tokenizer, kept_rows)
    result.threads = limit_threads(getattr(model.config, "hidden_size", None))
    with time_stage(result, "features_seconds"):
        windows = cut_windows(config, splits, tokenizer, reading)
    evaluations, evaluate_set = prepare_evaluations(config, splits, windows, tokenizer, reading)
    result.reported_split = splits.reported_split
    result.objective_split = "validation" if "validation" in evaluations else splits.reported_split
    evaluation = evaluations[splits.reported_split]
    analysis = None
    if is_main():
        describe_windows(config, result, splits, windows, evaluation)
        analysis = _analyze_tokenizer(config, result, splits, tokenizer, windows, evaluation.windows)

    checkpoints = open_checkpoints(result, run_dir)
    checkpoint = checkpoints.find_resumable()
    trackers.start(checkpoint.history if checkpoint else None)
    if analysis is not None:
        _record_tokenizer(result, analysis, run_dir, trackers)

    selection = evaluations[result.objective_split]  # what chooses sees this one
    trainer = build_trainer(config, arguments, model, windows["train"], splits, selection, checkpoints, trackers.log)
    result.memory = trainer.memory
    if is_trained(config.training):
        train_model(trainer, checkpoint, result)
        select_model(trainer, result)
    unwritten: list[str] = []
    if is_main():
        try_write(unwritten, save_model, model, tokenizer, get_model_dir(run_dir))
        if not unwritten:
            answering = {"reading": asdict(reading), "may_give_none": evaluation.with_null}
            try_write(unwritten, write_json, get_model_dir(run_dir) / ANSWERING, answering)

    model.to(trainer.args.device)
    with time_stage(result, "eval_seconds"):
        rows = score_splits(config, result, evaluations, model, tokenizer, unwritten)
    if is_main():
        trackers.log(_name_scores(result), trainer.state.global_step)
        trackers.log_table(build_prediction_table(rows[-len(evaluation.examples) :][: config.tracking.predictions]))
    with time_stage(result, "eval_seconds"):
        score_further_sets(result, further, evaluate_set, model, rows, run_dir, unwritten)
    if unwritten:
        raise RunError("; ".join(unwritten))


def _analyze_tokenizer(
    config: Config, result: Result, splits: Splits, tokenizer: Any, windows: dict[str, Any], reported: Any
) -> TokenizerAnalysis:
    """Return what the tokenizer does to the data, and warn of what makes a training not worth its time."""
    from mlqa.metrics.readiness import find_reasons_to_wait
    from mlqa.metrics.tokenizer_analysis import analyze_tokenizer

    analysis = analyze_tokenizer(tokenizer, config, splits, windows["train"], reported)
    result.tokenization = analysis.figures
    # Leakage was told while the data set was audited.
    for line in find_reasons_to_wait(None, analysis.figures, result.dataset["audit"]["tokenizer"].values(), config):
        log.warning("%s", line)
    return analysis


def _record_tokenizer(result: Result, analysis: TokenizerAnalysis, run_dir: Path, trackers: Trackers) -> None:
    """Record the figures of the tokenizer, now with the share of the loaded model's parameters that are embeddings."""
    share = result.model["embedding_parameters"] / result.model["parameters"]
    result.tokenization = {**analysis.figures, "embedding_share": share}
    write_json(run_dir / TOKENIZATION, replace(analysis, figures=result.tokenization).to_dict())
    for table in build_tokenizer_tables(result.label, result.tokenization, analysis.words):
        trackers.log_table(table)
    trackers.log_page(build_word_page(result.label, analysis.words))


def _name_scores(result: Result) -> dict[str, float]:
    """Return the metrics by transformers' names: eval_ of what is chosen on, test_ if another split is reported."""
    by_prefix = {"eval_": result.metrics}
    if result.validation:
        by_prefix = {"test_": result.metrics, "eval_": result.validation}
    return {f"{prefix}{name}": value for prefix, metrics in by_prefix.items() for name, value in metrics.items()}
