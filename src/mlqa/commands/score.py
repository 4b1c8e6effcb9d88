"""`mlqa score`: the scores of predictions, whoever made them, on a data set."""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
from typing import Any

from mlqa.errors import ConfigError

log = logging.getLogger(__name__)

EXAMPLE = """\
examples, with predictions of any tool as {id: text}, [{"id", "prediction_text"}, ...] or JSON lines:
  mlqa score predictions.json dataset=tquad
  mlqa score outputs/2026-11-23/10-00-00/predictions.json dataset=sample
  mlqa score predictions.json dataset=squad_json dataset.validation_file=dev.json --null-odds null_odds.json
"""
NOT_NEEDED = ("dataset.train_file", "dataset.hub.train_split")  # without train, no score of unseen contexts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("predictions", help="JSON or JSON lines of the answers; rows it lacks score 0")
    parser.add_argument("overrides", nargs="+", help="the data set, as train.py takes it: dataset=tquad ...")
    parser.add_argument("--null-odds", metavar="FILE", help="JSON with the odds of no answer, {id: number} (SQuAD 2.0)")
    parser.add_argument(
        "--na-prob-thresh", type=float, metavar="X", help="no answer where the odds exceed this (default: as predicted)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(args: argparse.Namespace) -> None:
    threshold = args.na_prob_thresh
    if threshold is not None and args.null_odds is None:
        raise ConfigError(
            f"score: --na-prob-thresh={threshold:g}: needs the odds that it is a limit of: --null-odds FILE"
        )
    if threshold is not None and math.isnan(threshold):
        raise ConfigError("score: --na-prob-thresh=nan: give a number")

    from mlqa.config.compose import compose_config

    config, choices = compose_config(args.overrides, optional=NOT_NEEDED, weights=False)

    from mlqa.answers.predictions_file import align_null_odds, align_predictions, read_null_odds, read_predictions
    from mlqa.data.examples import find_unseen_rows
    from mlqa.data.load import load_splits
    from mlqa.environment import go_offline_if_unreachable
    from mlqa.metrics.breakdown import break_down_scores, classify_questions
    from mlqa.metrics.language_rules import resolve_language_rules
    from mlqa.metrics.no_answer import detect_squad_version
    from mlqa.metrics.scoring import score_predictions, score_questions

    found = read_predictions(args.predictions)
    odds_found = None if args.null_odds is None else read_null_odds(args.null_odds)
    if config.dataset.hub is not None:
        go_offline_if_unreachable()
    splits = load_splits(config.dataset, both=False)
    examples = splits.validation
    predictions = align_predictions(found, examples.ids, args.predictions, examples.dropped_ids)
    if dropped := examples.counts.get("dropped"):
        log.warning(
            "%d of %d rows of the data set were dropped (no answer stands in the context, or there is no question): "
            "the official script would score them",
            dropped,
            examples.counts["rows"],
        )
    version = detect_squad_version(splits.train, examples)
    odds, order = None, None
    if odds_found is not None and version == "1.1":
        log.warning("%s: has no effect: the data set has no question without an answer", args.null_odds)
        threshold = None
    elif odds_found is not None:
        odds, order = align_null_odds(odds_found, examples.ids, predictions, args.null_odds)
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
        }
        json.dump(report, sys.stdout, ensure_ascii=False, indent=1, allow_nan=False)
        print()
        return

    from rich.console import Console

    from mlqa.display.score_tables import build_breakdown_table, build_score_table

    console = Console()
    console.print(build_score_table(metrics, f"{args.predictions} on {choices['dataset']}, SQuAD {version}"))
    console.print()
    console.print(build_breakdown_table(groups))
