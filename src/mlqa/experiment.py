"""One run, from a checked config to its result: the place that reads like the story."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlqa.checks import is_local_folder
from mlqa.config import Config, config_hash
from mlqa.data.examples import Examples, unseen_rows
from mlqa.data.load import Splits, load_splits
from mlqa.errors import ConfigError, first_line
from mlqa.result import CHECKPOINTS, MODEL, Result, cost_of, remove_earlier, versions, write_json
from mlqa.runtime import is_main, offline_if_hub_unreachable
from mlqa.summary import show
from mlqa.tracking import RunIdentity, Trackers, open_trackers

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
    )
    if is_main():
        remove_earlier(run_dir)
    trackers = open_trackers(config.tracking, _identity(config, choices, run_dir)) if is_main() else Trackers([])
    began = time.monotonic()
    try:
        _train_and_score(config, result, trackers, run_dir)
        result.status = "completed"
    except KeyboardInterrupt:
        result.status, result.error = "stopped", "stopped by Ctrl-C"
        raise
    except BaseException as error:
        result.error = " | ".join(error.problems) if isinstance(error, ConfigError) else first_line(error)
        log.error("error: %s", result.error)
        raise
    finally:
        result.timing["total_seconds"] = round(time.monotonic() - began, 3)
        result.cost = cost_of(result.timing["total_seconds"], config.hardware.usd_per_hour)
        _remove_if_empty(run_dir / CHECKPOINTS)
        if is_main():
            result.write(run_dir)
            trackers.finish(asdict(result))
    if is_main():
        show(result, run_dir)
    return result


def _train_and_score(config: Config, result: Result, trackers: Trackers, run_dir: Path) -> None:
    if config.dataset.hub is not None or not is_local_folder(config.model.pretrained or "."):
        offline_if_hub_unreachable()
    log.info("reading the data set")
    splits = load_splits(config.dataset)  # first: what is wrong with it is said before anything heavy is imported

    from transformers import set_seed
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    from mlqa.qa.answering import answer
    from mlqa.qa.features import make_windows
    from mlqa.qa.scoring import by_id, exchanged_questions, scores_of
    from mlqa.tokenization.load import load_tokenizer
    from mlqa.training.arguments import autocast_type
    from mlqa.training.models import describe, load_model, save
    from mlqa.training.progress import ProgressAndHistory
    from mlqa.training.trainer import QuestionAnsweringTrainer

    disable_progress_bar()  # transformers' own bars and reports, for reading and writing weights
    set_verbosity_error()
    training = config.training
    with _timed(result, "features_seconds"):
        log.info("tokenising %d + %d questions", len(splits.train), len(splits.validation))
        tokenizer = load_tokenizer(config.model, _texts(splits.train))
        train = make_windows(splits.train, tokenizer, training.max_seq_length, training.doc_stride)
        validation = make_windows(splits.validation, tokenizer, training.max_seq_length, training.doc_stride)
    result.dataset = {
        "fingerprint": splits.fingerprint(),
        "train_examples": len(splits.train),
        "eval_examples": len(splits.validation),
        "windows": len(train),
        "windows_without_answer": int((~train.has_answer).sum()),
        "cut_questions": train.cut_questions + validation.cut_questions,
        "train_rows": splits.train.counts,
        "validation_rows": splits.validation.counts,
    }
    result.tokenization = _tokenization(tokenizer, splits, validation)
    if is_main():
        write_json(run_dir / "tokenization.json", result.tokenization)

    set_seed(config.seed)
    model = load_model(config.model, tokenizer)
    result.model = describe(config.model, model)
    unseen, language = unseen_rows(splits.validation, splits.train), config.dataset.language

    def answers_to(examples: Examples, windows: Any, description: str) -> list[str]:
        n_best = answer(
            model,
            windows,
            examples,
            training,
            with_null=splits.train.has_unanswerable,
            autocast=autocast_type(config),
            description=description,
        )
        return [candidates[0].text for candidates in n_best]

    def score() -> dict[str, float]:
        return scores_of(answers_to(splits.validation, validation, "Scoring"), splits.validation, unseen, language)

    trainer = QuestionAnsweringTrainer(config, model, train, score, callbacks=[ProgressAndHistory(trackers)])
    if training.num_train_epochs > 0 or training.max_steps > 0:
        log.info("training on %d windows of %d questions", len(train), len(splits.train))
        with _timed(result, "train_seconds"):
            trained = trainer.train()
        result.timing["train_samples_per_second"] = trained.metrics["train_samples_per_second"]
    if is_main():  # before scoring: nothing that happens there may lose the training
        save(model, tokenizer, run_dir / MODEL)
    model.to(trainer.args.device)
    with _timed(result, "eval_seconds"):
        predictions = answers_to(splits.validation, validation, "Scoring")
    result.metrics = scores_of(predictions, splits.validation, unseen, language)
    if training.shuffled_questions_control:
        shuffled = splits.validation.with_questions(exchanged_questions(splits.validation))
        windows = make_windows(shuffled, tokenizer, training.max_seq_length, training.doc_stride)
        control = scores_of(answers_to(shuffled, windows, "Scoring the control"), splits.validation, unseen, language)
        result.metrics["f1_shuffled_questions"] = control["f1"]
    result.objective = result.metrics["f1"]
    if is_main():
        trackers.log({f"eval_{name}": value for name, value in result.metrics.items()}, trainer.state.global_step)
        write_json(run_dir / "predictions.json", by_id(splits.validation.ids, predictions))


def _remove_if_empty(folder: Path) -> None:
    """transformers makes the folder of checkpoints also where none is asked for."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _texts(examples: Examples) -> Iterator[str]:
    yield from examples.contexts
    yield from examples.questions


def _tokenization(tokenizer: Any, splits: Splits, validation: Any) -> dict[str, float]:
    """What the tokenizer does to the words of train's contexts, and the best score that it permits on validation."""
    from mlqa.qa.oracle import oracle_scores
    from mlqa.tokenization.statistics import WHITESPACE_WORD, corpus_statistics

    context = validation.context
    return {
        **corpus_statistics(tokenizer, splits.train.contexts, WHITESPACE_WORD),
        **oracle_scores(splits.validation, context.starts, context.ends, context.first),
    }


@contextmanager
def _timed(result: Result, name: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        result.timing[name] = round(time.monotonic() - began, 3)


def _identity(config: Config, choices: dict[str, str], run_dir: Path) -> RunIdentity:
    plain = asdict(config)
    parts = [choices.get("model", "model"), choices.get("hardware", "local"), f"s{config.seed}", config_hash(config)]
    place = hashlib.sha256(str(run_dir.absolute()).encode()).hexdigest()[:6]  # sweeps of two days may share a time
    return RunIdentity(
        name="-".join([run_dir.parent.name, run_dir.name, *parts, place]),
        group=run_dir.parent.name,
        tags=tuple(f"{group}:{choices[group]}" for group in ("model", "hardware", "dataset") if group in choices),
        config={**choices, "seed": config.seed, "cfg": _plain(plain)},
        directory=run_dir,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return getattr(value, "value", value)
