"""`mlqa score`: score predictions from any tool on a data set."""

from __future__ import annotations

import argparse
import json
import logging
import math
from pathlib import Path
from typing import Any

from mlqa.commands.inputs import load_available_splits
from mlqa.errors import ConfigError

log = logging.getLogger(__name__)

EXAMPLE = """\
examples, with predictions of a run, of mlqa predict --json or of run_qa.py, as JSON or JSON lines:
  mlqa score predictions.json dataset=tquad
  mlqa score outputs/2026-11-23/10-00-00/predictions.json dataset=sample
  mlqa score predictions.json dataset=tquad dataset.validation_file=dev.json --null-odds null_odds.json
  mlqa score predictions.json dataset=tquad --relabelled errors.csv       also by the golds of annotators
"""
NOT_NEEDED = ("dataset.train_file", "dataset.hub.train_split")  # without train there are no scores on unseen contexts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa score`."""
    parser.add_argument("predictions", help="answers as JSON or JSON lines; questions without an answer score 0")
    parser.add_argument("overrides", nargs="+", help="data set, as for train.py: dataset=tquad ...")
    parser.add_argument(
        "--null-odds", metavar="FILE", help="JSON with the odds that there is no answer, {id: number} (SQuAD 2.0)"
    )
    parser.add_argument(
        "--na-prob-thresh",
        type=float,
        metavar="X",
        help="predict no answer if the odds exceed X (default: as predicted)",
    )
    parser.add_argument(
        "--relabelled", metavar="FILE", help="CSV of mlqa errors with verdicts: also score by the golds of annotators"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(args: argparse.Namespace) -> None:
    """Score the predictions on the split that a run would report and print tables or JSON.

    Raises:
        ConfigError: If an override or a threshold is wrong.
        DataError: If the predictions or the data set cannot be read, or their ids do not match.
        UnreachableError: If the data set cannot be reached.
    """
    threshold = args.na_prob_thresh
    if threshold is not None and args.null_odds is None:
        raise ConfigError(f"score: --na-prob-thresh={threshold:g}: needs null odds; also give --null-odds FILE")
    if threshold is not None and math.isnan(threshold):
        raise ConfigError("score: --na-prob-thresh=nan: is not a threshold; give a number")

    from mlqa.config.compose import compose_config

    config, choices = compose_config(args.overrides, optional=NOT_NEEDED, weights=False)

    from mlqa.answers.predictions_file import (
        align_null_odds,
        align_predictions,
        name_rows,
        read_null_odds,
        read_predictions,
    )
    from mlqa.data.examples import find_unseen_rows
    from mlqa.metrics.breakdown import break_down_scores, classify_questions
    from mlqa.metrics.error_analysis.annotation import apply_judgements, count_verdicts, read_annotation_file
    from mlqa.metrics.language_rules import resolve_language_rules
    from mlqa.metrics.no_answer import detect_squad_version
    from mlqa.metrics.scoring import score_predictions, score_questions

    # Read first: a broken file is refused before the data set is loaded.
    given = read_predictions(args.predictions)
    given_odds = None if args.null_odds is None else read_null_odds(args.null_odds)
    judgements = None if args.relabelled is None else read_annotation_file(Path(args.relabelled).expanduser())
    splits = load_available_splits(config, needs_tokenizer=False, keep_unplaced=True)
    examples = splits.reported
    predictions = align_predictions(given, examples.ids, args.predictions, examples.dropped_ids)
    if dropped := examples.counts.get("dropped"):
        log.warning(
            "%d of %d rows of the data set have no question, or no answer with a certain place in the context. They "
            "are scored, as the official script does, but a run would leave them out.",
            dropped,
            examples.counts["rows"],
        )
    version = detect_squad_version(splits.train, examples)
    odds, order = None, None
    if given_odds is not None and version == "1.1":
        log.warning("%s: has no effect: the data set has no question without an answer", args.null_odds)
        threshold = None
    elif given_odds is not None:
        odds, order = align_null_odds(given_odds, examples.ids, predictions, args.null_odds)
    rules = resolve_language_rules(config.dataset)
    common: dict[str, Any] = {
        "rules": rules,
        "version": version,
        "null_odds": odds,
        "na_prob_thresh": threshold,
    }
    unseen = find_unseen_rows(examples, splits.train) if len(splits.train) else None
    metrics = score_predictions(predictions, examples, unseen=unseen, odds_order=order, **common)
    official = score_questions(predictions, examples, **common).official
    groups = break_down_scores(official, classify_questions(examples, rules), rules)
    relabelled: dict[str, Any] | None = None
    if judgements is not None:
        changed = apply_judgements(examples, name_rows(examples.ids), judgements, args.relabelled)
        relabelled = {
            "file": args.relabelled,
            "verdicts": count_verdicts(judgements),
            "metrics": score_predictions(predictions, changed, unseen=unseen, odds_order=order, **common),
        }
    if args.json:
        report = {
            "predictions": args.predictions,
            "dataset": choices["dataset"],
            "language": config.dataset.language,
            "squad_version": version,
            "fingerprint": splits.compute_fingerprint(),
            "missing": predictions.count(None),
            "metrics": metrics,
            "breakdown": groups,
            **({} if relabelled is None else {"relabelled": relabelled}),
        }
        print(json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False))
        return

    from rich.console import Console

    from mlqa.display.score_tables import build_breakdown_table, build_score_table

    console = Console()
    console.print(build_score_table(metrics, f"{args.predictions} on {choices['dataset']}, SQuAD {version}"))
    if relabelled is not None:
        console.print()
        verdicts = ", ".join(f"{number} {verdict}" for verdict, number in relabelled["verdicts"].items())
        console.print(build_score_table(relabelled["metrics"], f"by the golds of {args.relabelled} ({verdicts})"))
    console.print()
    console.print(build_breakdown_table(groups))
