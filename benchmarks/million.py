"""Take a million generated questions through audit, features, scoring and a report, within 4 GB of memory.

    python benchmarks/million.py                          800,000 questions to train on, 200,000 to score
    python benchmarks/million.py --questions 100000       a tenth of it

Every stage ends with its seconds, questions per second and the peak of memory of the whole process so far. Nothing is
trained: the answers to score are the gold ones, and for a part of the questions the first word of the context.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from measuring import build_parser, finish, parse_arguments, read_megabytes, report_progress, time_call
from report import write_member
from rows import Row

from mlqa.config.compose import compose_config
from mlqa.data.audit import audit
from mlqa.data.examples import Examples
from mlqa.data.load import Splits
from mlqa.data.sample import generate
from mlqa.environment import pause_garbage_collection
from mlqa.evaluation import Answers, Evaluation
from mlqa.features.token_cache import TokenCache
from mlqa.features.windows import Windows, make_windows
from mlqa.report.build import write_report
from mlqa.tokenization.scratch import train_tokenizer

MEGABYTES = 4000
TEXTS = 20_000  # that the tokenizer is trained on
MEMBERS = 2  # of the report
T = TypeVar("T")


class Stages:
    """Clocks and memory of one stage after the other."""

    def __init__(self, questions: int) -> None:
        self.questions = questions
        self.rows: list[Row] = []

    def time(self, name: str, task: Callable[[], T], questions: int | None = None) -> T:
        """Run a stage, record it, and return what it returns."""
        done: list[T] = []
        wall, cpu = time_call(lambda: done.append(task()))
        count, peak = questions or self.questions, read_megabytes("VmHWM")
        rate = f"{count / wall:,.0f} questions per second, {count / cpu:,.0f} per CPU second"
        report_progress(f"{name}: {wall:.1f} s, {rate}, {peak:,.0f} MB")
        what = f"{self.questions:,} questions, {name}"
        self.rows += [Row(what, [wall]), Row(f"{what}: CPU", [cpu])]
        return done[0]


def cut(splits: Splits, tokenizer: Any, folder: Path) -> tuple[Windows, Windows]:
    """Return the windows of both splits."""
    cache = TokenCache(folder, tokenizer)
    train, validation = (make_windows(part, tokenizer, 384, 128, cache) for part in (splits.train, splits.validation))
    return train, validation


def answer(examples: Examples) -> list[str]:
    """Return the gold answer of most questions."""
    draw = random.Random(0)
    return [
        golds[0].text if draw.random() < 0.8 else examples.get_context(row).split()[0]
        for row, golds in enumerate(examples.answers)
    ]


def main() -> None:
    """Run the stages in this process, one after the other."""
    parser = build_parser(__doc__)
    parser.add_argument("--questions", type=int, default=1_000_000)
    args = parse_arguments(parser, questions=2000)
    stages, scored = Stages(args.questions), args.questions // 5

    def load() -> Splits:
        return Splits(generate(args.questions - scored, 0), generate(scored, 0, split="validation"))

    config, _ = compose_config(["model=tiny_wordpiece", "dataset=sample", "tracking=files"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with pause_garbage_collection():
            splits = stages.time("generating", load)
        stages.time("fingerprint", splits.compute_fingerprint)
        stages.time("audit", lambda: audit(splits))
        tokenizer = train_tokenizer(splits.train.contexts[:TEXTS], "wordpiece", 2000, 512)
        stages.time("features", lambda: cut(splits, tokenizer, folder / "tokens"))
        windows = stages.time("features from the cache", lambda: cut(splits, tokenizer, folder / "tokens"))
        stages.rows.append(Row(f"{args.questions:,} questions, windows", [sum(map(len, windows))], unit="windows"))
        evaluation = Evaluation(
            config.training, config.dataset, splits.validation, windows[1], None, train=splits.train
        )
        answers = answer(splits.validation)
        stages.time("metrics", lambda: evaluation._score_answers(Answers(answers, None, None)), scored)
        stages.time("scores by question", lambda: evaluation.score_questions(answers, "sample", "validation"), scored)
        sweep = folder / "sweep"
        for number in range(MEMBERS):
            write_member(sweep / str(number), number, splits.validation)
        stages.time(f"report of {MEMBERS} members", lambda: write_report([sweep]), scored)
        size = sum(path.stat().st_size for path in (folder / "tokens").rglob("*") if path.is_file()) / 1e6
    rows = [
        *stages.rows,
        Row(f"{args.questions:,} questions, tokens on disk", [size], unit="MB"),
        Row(
            f"{args.questions:,} questions, memory at the peak", [read_megabytes("VmHWM")], [MEGABYTES], "allowed",
            unit="MB", at_most=1.0,
        ),
    ]  # fmt: skip
    finish(rows, args)


if __name__ == "__main__":
    main()
