"""`mlqa predict`: answer questions with the model of a run."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from mlqa.environment import pause_garbage_collection
from mlqa.errors import ConfigError

if TYPE_CHECKING:
    from mlqa.answers.decoding import Candidate
    from mlqa.data.examples import Examples

EXAMPLE = """\
example, with a run of `make quickstart`:
  mlqa predict outputs/2026-11-23/10-00-00 \\
    --context "İstanbul'da 4200 kedi yaşar. Ankara'nın sokaklarında 1350 kedi vardır." \\
    --question "İstanbul'da kaç kedi yaşar?"
"""


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
    if problems:
        raise ConfigError(problems)

    with pause_garbage_collection():
        from mlqa.inference import Answerer, load_questions, make_unlabelled_examples

    if args.file is not None:
        examples = load_questions(args.file)
    else:
        examples = make_unlabelled_examples([args.question], [args.context], ["0"])
    with pause_garbage_collection():  # transformers imports most of itself while it loads a model
        answerer = Answerer(args.run_dir)
    answers = answerer.answer(examples, args.top_k)
    if args.json:
        rows = [
            {"id": identifier, "question": question, "answers": [asdict(candidate) for candidate in candidates]}
            for identifier, question, candidates in zip(examples.ids, examples.questions, answers, strict=True)
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _print_answers(examples, answers)


def _print_answers(examples: Examples, answers: list[list[Candidate]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for question, candidates in zip(examples.questions, answers, strict=True):
        table = Table(title=Text(question), title_justify="left")
        table.add_column("answer")
        for heading in ("characters", "score", "probability"):
            table.add_column(heading, justify="right")
        for candidate in candidates:
            span = f"{candidate.start}-{candidate.end}"
            table.add_row(Text(candidate.text), span, f"{candidate.score:.2f}", f"{candidate.probability:.3f}")
        console.print(table)
