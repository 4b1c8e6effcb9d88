"""`mlqa predict`: answer questions with the model of a run."""

from __future__ import annotations

import argparse
import json
import math
from typing import TYPE_CHECKING, Literal

from mlqa.environment import pause_garbage_collection
from mlqa.errors import ConfigError

if TYPE_CHECKING:
    from mlqa.data.examples import Examples
    from mlqa.inference import Prediction, Predictor

EXAMPLE = """\
example, with a run of `make quickstart`:
  mlqa predict outputs/2026-11-23/10-00-00 \\
    --context "İstanbul'da 4200 kedi yaşar. Ankara'nın sokaklarında 1350 kedi vardır." \\
    --question "İstanbul'da kaç kedi yaşar?"
"""

NAMES = {"question": "--question:", "context": "--context:"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa predict`."""
    parser.add_argument("run_dir", help="directory of a completed run")
    parser.add_argument("--context", help="text that contains the answer")
    parser.add_argument("--question", help="question about the context")
    parser.add_argument(
        "--file",
        help="file of questions in any format of a data set, instead of --context and --question",
    )
    parser.add_argument("--top-k", type=int, default=3, help="answers per question (default: %(default)s)")
    parser.add_argument(
        "--risk",
        type=float,
        metavar="R",
        help="mean loss of the answers that count as sure, 0.1 for an F1 of 90 (default: calibration.risk of the run)",
    )
    parser.add_argument(
        "--null-threshold",
        metavar="X",
        help='SQuAD 2.0: no answer if its score is higher by more than X. "tuned": as its procedure chose on the '
        "validation split (default: as the run was scored)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> None:
    """Answer the questions and print a table per question, or JSON.

    Raises:
        ConfigError: If the options do not fit together.
        DataError: If the file cannot be read as questions.
        RunError: If the directory holds no trained model.
    """
    problems = []
    if args.file is None and (args.context is None or args.question is None):
        problems.append("predict: give --context and --question, or --file")
    if args.file is not None and (args.context is not None or args.question is not None):
        problems.append("predict: give either --file or --context and --question")
    if args.top_k < 1:
        problems.append(f"predict: --top-k={args.top_k}: choose 1 or more")
    if args.risk is not None and not 0 < args.risk < 1:
        problems.append(f"predict: --risk={args.risk:g}: choose a mean loss above 0 and below 1, e.g. 0.1")
    null_threshold = _parse_null_threshold(args.null_threshold, problems)
    if problems:
        raise ConfigError(problems)

    from mlqa.data.questions import load_questions, make_unlabelled_examples

    with pause_garbage_collection():
        from mlqa.inference import Predictor

    if args.file is not None:
        examples = load_questions(args.file)
    else:
        examples = make_unlabelled_examples([args.question], [args.context], ["0"], NAMES)
    with pause_garbage_collection():  # transformers imports most of itself while it loads a model
        predictor = Predictor.from_run(args.run_dir, risk=args.risk, null_threshold=null_threshold)
    predictions = predictor.answer(examples, args.top_k)
    if args.json:
        rows = [
            {"id": identifier, "question": question, **prediction.to_dict()}
            for identifier, question, prediction in zip(examples.ids, examples.questions, predictions, strict=True)
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _print_answers(examples, predictions, predictor)


def _parse_null_threshold(text: str | None, problems: list[str]) -> float | Literal["tuned"] | None:
    if text is None or text == "tuned":
        return "tuned" if text else None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        problems.append(f"predict: --null-threshold={text}: choose a finite number, or tuned")
    return number


def _print_answers(examples: Examples, predictions: list[Prediction], predictor: Predictor) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for question, prediction in zip(examples.questions, predictions, strict=True):
        caption = {True: "sure", False: "not sure", None: "not calibrated: usually too high"}[prediction.is_sure]
        table = Table(title=Text(question), title_justify="left", caption=caption, caption_justify="left")
        table.add_column("answer")
        for heading in ("characters", "score", "probability"):
            table.add_column(heading, justify="right")
        for candidate in prediction.answers:
            span = f"{candidate.start}-{candidate.end}"
            text = Text(candidate.text) if candidate.text else Text("(no answer)", style="italic")
            table.add_row(text, span, f"{candidate.score:.2f}", f"{candidate.probability:.3f}")
        console.print(table)
    if predictor.calibration is not None:
        console.print(describe_threshold(predictor), highlight=False, soft_wrap=True)


def describe_threshold(predictor: Predictor) -> str:
    """Say from which probability on an answer is sure, and for which risk."""
    calibration, limit = predictor.calibration, predictor.threshold
    assert calibration is not None
    score = 100 * (1 - (predictor.risk or 0))
    if limit is None:
        return (
            f"sure: no answer, because no threshold reaches {calibration.metric_label} {score:g} on the "
            f"{calibration.split} split"
        )
    enough = f"from a probability of {limit:.3f}" if limit else "every answer"
    return (
        f"sure: {enough}, for a mean {calibration.metric_label} of {score:g} or more on the {calibration.split} split"
    )
