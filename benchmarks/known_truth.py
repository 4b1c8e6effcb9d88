"""Judge the report by sweeps whose truth is known: how often it names a false winner, and what its intervals cover.

    python benchmarks/known_truth.py                       every setting, 400 sweeps of each, some minutes
    python benchmarks/known_truth.py --sweeps 2000         with less noise
    python benchmarks/known_truth.py --table table.md      also write the table of docs/methodology.md

benchmarks/simulated_sweeps.py makes the sweeps. The code of the report (mlqa.report.statistics) sees the scores alone.

The targets: a treatment that is not the best is named the only winner in at most 5 % of sweeps, a truly best one is in
the tie set in at least 95 %, and 95 % intervals cover the true difference in 93 to 97 % on average and 92 % in each
setting.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from measuring import build_parser, finish, parse_arguments, report_progress
from rows import Row
from simulated_sweeps import Setting, Sweep, make_sweep

from mlqa.report.statistics.forecast import forecast_decision
from mlqa.report.statistics.verdict import judge_scores

BEST = 76.0  # F1 of the best treatment
# What the others are behind the best, in points, by name of the pattern.
TRUTHS = {"tied": (0.0, 0.0), "close": (1.0, 1.0), "far": (0.0, 4.0)}


@dataclass
class Tally:
    """What came out over the sweeps of a setting.

    Attributes:
        sweeps: Number of sweeps by truth.
        false_winners: Sweeps with a single winner that is not the best, or not alone the best, by truth.
        false_claims: Sweeps in which anybody "beats" one that is as good or better, by truth.
        kept: Truly best treatments in the tie set.
        best: Truly best treatments.
        covered: Pairs whose interval holds the true difference.
        covered_here: Pairs whose interval on these questions holds the true difference on them.
        pairs: All pairs.
        width: Sum of the widths of the intervals.
        told_apart: Truly different pairs that are told apart, by their true distance.
        different: Truly different pairs, by their true distance.
    """

    sweeps: dict[str, int] = field(default_factory=dict)
    false_winners: dict[str, int] = field(default_factory=dict)
    false_claims: dict[str, int] = field(default_factory=dict)
    kept: int = 0
    best: int = 0
    covered: int = 0
    covered_here: int = 0
    pairs: int = 0
    width: float = 0.0
    told_apart: dict[float, int] = field(default_factory=dict)
    different: dict[float, int] = field(default_factory=dict)

    @property
    def false_winner(self) -> float:
        """Per cent of sweeps with a false winner, under the worst truth."""
        return max(100 * self.false_winners[truth] / count for truth, count in self.sweeps.items())

    @property
    def false_claim(self) -> float:
        """Per cent of sweeps in which anything false is claimed, under the worst truth."""
        return max(100 * self.false_claims[truth] / count for truth, count in self.sweeps.items())

    @property
    def best_kept(self) -> float:
        """Per cent of the truly best treatments that are in the tie set."""
        return 100 * self.kept / self.best

    @property
    def coverage(self) -> float:
        """Per cent of intervals that hold the true difference."""
        return 100 * self.covered / self.pairs

    @property
    def coverage_here(self) -> float:
        """Per cent of intervals on these questions that hold the true difference on them."""
        return 100 * self.covered_here / self.pairs

    def format_power(self, distance: float) -> str:
        """Return the per cent of pairs at this true distance that are told apart."""
        count = self.different.get(distance, 0)
        return f"{100 * self.told_apart.get(distance, 0) / count:.0f}" if count else ""


def study(setting: Setting, sweeps: int, seed: int) -> Tally:
    """Make sweeps under each truth, and count what the report says of them."""
    tally = Tally()
    draw = np.random.default_rng(seed)
    for truth, (second, others) in TRUTHS.items():
        strengths = [BEST, BEST - second, *[BEST - others] * (setting.treatments - 2)]
        if setting.treatments == 2 and truth == "far":
            strengths = [BEST, BEST - others]
        tally.sweeps[truth] = sweeps
        tally.false_winners[truth] = tally.false_claims[truth] = 0
        for _ in range(sweeps):
            order = draw.permutation(setting.treatments)  # who has fewer seeds is not who is best
            sweep = make_sweep(setting, [strengths[index] for index in order], draw)
            if len(sweep.scores) >= 2:
                count_sweep(tally, truth, sweep)
    return tally


def count_sweep(tally: Tally, truth: str, sweep: Sweep) -> None:
    """Let the report judge a sweep, and count what is true of its words."""
    verdict = judge_scores(sweep.scores, sweep.context_of)
    assert verdict is not None
    known, here = sweep.strengths, sweep.strengths_here
    best = {index for index, strength in enumerate(known) if strength == max(known)}
    tally.false_winners[truth] += verdict.winner is not None and {verdict.winner} != best
    tally.best += len(best)
    tally.kept += len(best & set(verdict.tied))
    is_false = False
    for one in verdict.differences:
        true = known[one.first] - known[one.second]
        tally.pairs += 1
        tally.covered += one.low <= true <= one.high
        tally.covered_here += one.low_here <= here[one.first] - here[one.second] <= one.high_here
        tally.width += one.high - one.low
        is_right = one.is_told_apart and one.mean * true > 0
        is_false |= one.is_told_apart and not is_right
        if true:
            distance = abs(true)
            tally.different[distance] = tally.different.get(distance, 0) + 1
            tally.told_apart[distance] = tally.told_apart.get(distance, 0) + is_right
    tally.false_claims[truth] += is_false


def list_settings(treatments: Sequence[int], questions: Sequence[int]) -> Iterator[Setting]:
    """Yield every setting of the study."""
    seeds = ((1,), (2,), (3,), (5,), (1, 2), (2, 3), (3, 5))
    for count, of_seeds, asked, run_sd in itertools.product(treatments, seeds, questions, (0.5, 1.0)):
        yield Setting(count, of_seeds, asked, (run_sd,))
    for count, asked in itertools.product(treatments, questions):
        yield Setting(count, (3,), asked, (0.75,), crashes=0.2)
        yield Setting(count, (3,), asked, (0.3, 1.2))


def study_forecast(sweeps: int, seed: int) -> str:
    """Compare the forecast for five more seeds with what they settle. Return the table of docs/methodology.md.

    Two treatments with two seeds on 900 questions, whose true difference is drawn from what the forecast assumes.
    """
    draw = np.random.default_rng(seed)
    forecasts, settled = [], []
    for _ in range(sweeps):
        strengths = [BEST, BEST - abs(draw.normal(0, 3))]
        sweep = make_sweep(Setting(2, (7,), 900, (0.75,)), strengths, draw)
        before = judge_scores([rows[:2] for rows in sweep.scores], sweep.context_of)
        after = judge_scores(sweep.scores, sweep.context_of)
        assert before is not None and after is not None
        if before.undecided:
            forecasts.append(100 * forecast_decision(before.spread, before.differences[0], 1, more_seeds=5))
            settled.append(100 * after.differences[0].is_told_apart)
    lines = ["| forecast, % | sweeps | mean forecast, % | settled, % |", "|---|---|---|---|"]
    for low, high in itertools.pairwise((0, 10, 30, 50, 70, 100)):
        chosen = [place for place, chance in enumerate(forecasts) if low <= chance < high]
        if chosen:
            means = (f"{np.mean([values[place] for place in chosen]):.0f}" for values in (forecasts, settled))
            lines.append(f"| {low} to {high} | {len(chosen)} | {' | '.join(means)} |")
    return "\n".join(lines) + "\n"


HEADINGS = (
    "treatments", "seeds", "questions", "run sd", "covered, %", "on these questions, %", "width", "false winner, %",
    "anything false, %",
    "best in tie set, %", "told apart at 1 and 4 points, %",
)  # fmt: skip


def format_table(results: dict[Setting, Tally]) -> str:
    """Return the table of docs/methodology.md."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    for setting, tally in results.items():
        cells = (
            f"{tally.coverage:.1f}", f"{tally.coverage_here:.1f}", f"{tally.width / tally.pairs:.1f}",
            f"{tally.false_winner:.1f}", f"{tally.false_claim:.1f}", f"{tally.best_kept:.1f}",
            f"{tally.format_power(1.0)}, {tally.format_power(4.0)}",
        )  # fmt: skip
        lines.append(f"| {setting.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def summarize(results: dict[Setting, Tally]) -> list[Row]:
    """Return the rows: the worst setting and the mean beside what is allowed."""
    tallies = list(results.values())

    def bound(what: str, value: float, limit: float) -> Row:
        return Row(what, [value], [limit], "allowed", "%", at_most=1.0)

    coverage = [tally.coverage for tally in tallies]
    return [
        bound("false winner, worst setting and truth", max(tally.false_winner for tally in tallies), 5),
        bound("truly best not in the tie set, worst setting", 100 - min(tally.best_kept for tally in tallies), 5),
        bound("intervals that miss, mean", 100 - float(np.mean(coverage)), 7),
        bound("intervals that cover, mean", float(np.mean(coverage)), 97),
        bound("intervals that miss, worst setting", 100 - min(coverage), 8),
        bound(
            "intervals on these questions that miss, worst setting",
            100 - min(each.coverage_here for each in tallies),
            8,
        ),
        Row("anything false said, worst setting and truth", [max(tally.false_claim for tally in tallies)], unit="%"),
    ]


def main() -> None:
    """Run the study and print its table."""
    parser = build_parser(__doc__)
    parser.add_argument("--sweeps", type=int, default=400, help="of each setting under each of the three truths")
    parser.add_argument("--treatments", type=int, nargs="+", default=[2, 3, 6])
    parser.add_argument("--questions", type=int, nargs="+", default=[200, 900])
    parser.add_argument("--seed", type=int, default=0, help="of the study")
    parser.add_argument("--table", type=Path, metavar="FILE", help="also write the table of settings there")
    args = parse_arguments(parser, sweeps=2, treatments=[2], questions=[60])
    results = {
        setting: study(setting, args.sweeps, args.seed + number)
        for number, setting in enumerate(list_settings(args.treatments, args.questions))
    }
    table = format_table(results)
    report_progress(table)
    report_progress(study_forecast(4 * args.sweeps, args.seed))
    if args.table:
        args.table.write_text(table, "utf-8")
    finish(summarize(results), args)


if __name__ == "__main__":
    main()
