"""`mlqa errors`: why the answers of a run are wrong."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.errors import ConfigError, DataError, RunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlqa.metrics.error_analysis.grouping import ErrorGroup, WrongAnswer
    from mlqa.metrics.language_rules import LanguageRules

EXAMPLE = """\
examples:
  mlqa errors outputs/2026-11-23/10-00-00
  mlqa errors outputs/2026-11-23/10-00-00 --csv errors.csv      for annotators, who fill in verdict and new_gold
  mlqa score outputs/2026-11-23/10-00-00/predictions.json dataset=tquad --relabelled errors.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa errors`."""
    parser.add_argument("run_dir", help="directory of a completed run")
    parser.add_argument("--examples", type=int, default=2, metavar="N", help="of each group (default: %(default)s)")
    parser.add_argument("--csv", metavar="FILE", help="also write the wrong answers for annotators")
    parser.add_argument("--all", action="store_true", help="also write the right answers: a wrong gold may hide there")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(args: argparse.Namespace) -> None:
    """Group the wrong answers and print the groups with examples.

    Raises:
        ConfigError: If an option is out of range.
        RunError: If the directory holds no scores, or the CSV cannot be written.
        DataError: If the scores are damaged.
    """
    problems = [f"errors: --examples={args.examples}: choose 0 or more"] if args.examples < 0 else []
    problems += ["errors: --all: has no effect without --csv FILE; give a file"] if args.all and not args.csv else []
    if problems:
        raise ConfigError(problems)

    from mlqa.metrics.error_analysis.annotation import write_annotation_file
    from mlqa.metrics.error_analysis.grouping import find_wrong_answers, group_wrong_answers

    run_dir = Path(args.run_dir).expanduser()
    rows, rules = _read_scores(run_dir)
    wrong = find_wrong_answers(rows, rules)
    groups = group_wrong_answers(wrong, len(rows))
    if args.csv:
        path = Path(args.csv).expanduser()
        count = write_annotation_file(path, _list_annotated(rows, wrong, args.all))
    if args.json:
        print(json.dumps(_describe_groups(rows, groups, args.examples), ensure_ascii=False, indent=1, allow_nan=False))
        return
    _print_groups(run_dir, len(rows), groups, args.examples)
    if args.csv:
        print(
            f"\n{count} answers are in {path}. Fill in verdict and new_gold, then: mlqa score ... --relabelled {path}"
        )


def _read_scores(run_dir: Path) -> tuple[list[dict[str, Any]], LanguageRules]:
    """Return the scored questions of the reported split, and the rules of their language."""
    from mlqa.metrics.language_rules import get_language_rules
    from mlqa.metrics.scores_file import read_score_rows
    from mlqa.result import SCORES, read_result

    result = read_result(run_dir)
    set_name = result["choices"].get("dataset", "dataset")
    try:
        rows = read_score_rows(run_dir / SCORES, set_name, result["reported_split"])
    except FileNotFoundError:
        raise RunError(f"{run_dir}: has no {SCORES}; give the directory of a completed run") from None
    except DataError as error:
        raise DataError(f"{run_dir}: {error}") from None
    return rows, get_language_rules(result["dataset"].get("language") or _find_language(run_dir))


def _find_language(run_dir: Path) -> str:
    """Return the language of the data set by .hydra/config.yaml, for older runs. "" if it says none."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return str(OmegaConf.load(run_dir / ".hydra" / "config.yaml").dataset.language or "")
    except (OmegaConfBaseException, OSError, AttributeError, ValueError):
        return ""


def _list_annotated(
    rows: Sequence[Mapping[str, Any]], wrong: Sequence[WrongAnswer], with_right: bool
) -> list[tuple[Mapping[str, Any], str, str]]:
    if not with_right:
        return [(each.row, each.group, each.context) for each in wrong]
    group_of = {each.row["id"]: each.group for each in wrong}
    contexts = {row["context"]: row["context_text"] for row in rows if "context_text" in row}
    return [(row, group_of.get(row["id"], ""), contexts[row["context"]]) for row in rows]


def _describe_groups(rows: Sequence[Any], groups: Sequence[ErrorGroup], examples: int) -> dict[str, Any]:
    return {
        "questions": len(rows),
        "wrong": sum(len(group.members) for group in groups),
        "groups": {
            group.name: {
                "total": len(group.members),
                "share": group.share,
                "f1_lost": group.lost,
                "examples": [
                    {
                        "id": each.row["id"],
                        "question": each.row["question"],
                        "answer": each.row["answer"],
                        "gold": each.gold,
                    }
                    for each in group.members[:examples]
                ],
            }
            for group in groups
        },
    }


def _print_groups(run_dir: Path, total: int, groups: Sequence[ErrorGroup], examples: int) -> None:
    from rich.console import Console

    from mlqa.display.error_tables import build_error_table, build_example_table

    console = Console()
    wrong = sum(len(group.members) for group in groups)
    if not wrong:
        console.print(f"{run_dir}: all {total} answers are exact matches", highlight=False)
        return
    console.print(build_error_table(groups, f"{wrong} of {total} answers are not an exact match"))
    if examples:
        console.print(build_example_table(groups, examples))
