"""What the racing sweeper's rule claims wrongly, and what it saves, in simulated races and beside four other ways.

    python benchmarks/racing.py                          1,000 races per setting (some ten minutes)
    python benchmarks/racing.py --races 4000
    python benchmarks/racing.py --picture docs/racing.svg

The races are driven by the sweeper's own steps; only the scores are drawn. One treatment is ahead of the others by the
gap, in points of a score of 0 to 100. "published sd" draws the standard deviations over seeds of nine models on TQuAD:
0.24, 0.96 and 1.04 are published for five seeds, the other six are taken to be 0.6. "mixed sd" is harder, evenly spaced
from 0.24 to 1.04. The other ways get the same scores: a grid of five seeds each, Optuna's median pruner
and its successive halving (ASHA), whose steps are the seeds and whose values are running means, and F-Race (Birattari
et al. 2002). A claim is false if the race ends decided or settled and its leader is worse than the best by more than
the margin of 0.5. The other ways claim nothing, but name a winner.
"""

from __future__ import annotations

import itertools
import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

from measuring import build_parser, finish, parse_arguments, report_progress
from racing_picture import draw_lines
from rich.console import Console
from rich.table import Table
from rows import Row

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.simulation import simulate_race

SEEDS = 5
MORE = 8  # times as many races of equals: the share of those that drop one lies near its bound
OPTIONS = RacingSweeperConf(max_replicates=SEEDS)
MARGIN = OPTIONS.indifference
PUBLISHED = (0.24, 0.96, 1.04, *6 * (0.6,))
MIXED = (0.24, 1.04)
COLLAPSE = (15.0, 30.0)  # how far a collapsed run falls

Scores = list[list[float]]  # [treatment][seed]


@dataclass(frozen=True)
class Setting:
    """What is simulated.

    Attributes:
        count: Number of treatments.
        gap: By how much the first is ahead.
        sd: Standard deviation over seeds, or "published" or "mixed".
        collapses: Share of runs that collapse.
        heavy: Whether the noise is a t distribution with 4 degrees of freedom, scaled to `sd`.
    """

    count: int
    gap: float
    sd: float | str = 0.6
    collapses: float = 0.0
    heavy: bool = False

    def __str__(self) -> str:
        """Return the setting in words."""
        spread = f"{self.sd} sd" if isinstance(self.sd, str) else f"sd {self.sd:g}"
        parts = [f"{self.count} treatments", f"gap {self.gap:g}", spread]
        parts += [f"{100 * self.collapses:g} % collapsed"] * (self.collapses > 0) + ["heavy tails"] * self.heavy
        return ", ".join(parts)

    def draw(self, generator: random.Random) -> Scores:
        """Draw the scores of one race."""
        if self.sd == "published":
            sds = generator.sample(PUBLISHED, self.count)
        elif isinstance(self.sd, str):
            low, high = MIXED
            sds = [low + (high - low) * number / (self.count - 1) for number in range(self.count)]
            generator.shuffle(sds)
        else:
            sds = [self.sd] * self.count
        return [
            [self.gap * (number == 0) + self._draw_noise(sd, generator) for _ in range(SEEDS)]
            for number, sd in enumerate(sds)
        ]

    def _draw_noise(self, sd: float, generator: random.Random) -> float:
        noise = generator.gauss(0, sd)
        if self.heavy:
            noise *= math.sqrt(2 / generator.gammavariate(2, 1)) / math.sqrt(2)
        if generator.random() < self.collapses:
            noise -= generator.uniform(*COLLAPSE)
        return noise


@dataclass(frozen=True)
class Outcome:
    """How one race or search ended.

    Attributes:
        runs: How many runs it took.
        winner: Who has the best mean.
        claims: Whether it claims that nobody is better by more than the margin.
        dropped: How many treatments it left out.
    """

    runs: int
    winner: int
    claims: bool
    dropped: int


Way = Callable[[Scores, random.Random], Outcome]


def run_race(scores: Scores, generator: random.Random) -> Outcome:
    """Run the sweeper's race."""
    race = simulate_race(len(scores), lambda treatment, replicate: scores[treatment][replicate - 1], OPTIONS)
    assert race.end is not None and race.end.leader is not None
    dropped = sum(treatment.state == "dropped" for treatment in race.treatments)
    return Outcome(len(race.members), race.end.leader, race.end.kind != "budget", dropped)


def run_grid(scores: Scores, generator: random.Random) -> Outcome:
    """Run every seed of every treatment."""
    means = [fmean(each) for each in scores]
    return Outcome(SEEDS * len(scores), means.index(max(means)), False, 0)


def run_f_race(scores: Scores, generator: random.Random) -> Outcome:
    """Run F-Race: Friedman's test on the ranks within each seed, then Conover's comparison with the best."""
    racing, runs = list(range(len(scores))), 0
    for count in range(1, SEEDS + 1):
        runs += len(racing)
        if count < 2 or len(racing) < 3:  # two are compared by Wilcoxon's test, which five seeds cannot satisfy
            continue
        worse = _find_worse_by_ranks([[scores[index][seed] for index in racing] for seed in range(count)])
        racing = [index for place, index in enumerate(racing) if place not in worse]
    means = {index: fmean(scores[index]) for index in racing}
    return Outcome(runs, max(means, key=means.__getitem__), False, len(scores) - len(racing))


def _find_worse_by_ranks(blocks: Scores) -> set[int]:
    from scipy.stats import rankdata
    from scipy.stats.distributions import chi2, t

    ranks = [list(rankdata([-value for value in block])) for block in blocks]
    n, k = len(ranks), len(ranks[0])
    sums = [sum(row[place] for row in ranks) for place in range(k)]
    spread = sum(rank**2 for row in ranks for rank in row) - n * k * (k + 1) ** 2 / 4
    statistic = (k - 1) * sum((total - n * (k + 1) / 2) ** 2 for total in sums) / spread
    if statistic <= _quantile(chi2, 0.95, k - 1):
        return set()
    error = math.sqrt(max(2 * n * (1 - statistic / (n * (k - 1))) * spread / ((n - 1) * (k - 1)), 0.0))
    limit = _quantile(t, 0.975, (n - 1) * (k - 1)) * error
    return {place for place, total in enumerate(sums) if total - min(sums) > limit}


_QUANTILES: dict[tuple[str, float, int], float] = {}


def _quantile(distribution: object, level: float, df: int) -> float:
    key = (type(distribution).__name__, level, df)
    if key not in _QUANTILES:
        _QUANTILES[key] = float(distribution.ppf(level, df))  # type: ignore[attr-defined]
    return _QUANTILES[key]


def run_optuna(name: str, scores: Scores, generator: random.Random) -> Outcome:
    """Run a study of Optuna whose trials are the treatments, in random order, and whose steps are the seeds."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = (
        optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=1)
        if name == "median"
        else optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    )
    study = optuna.create_study(direction="maximize", pruner=pruner, sampler=optuna.samplers.RandomSampler())
    runs, order = 0, generator.sample(range(len(scores)), len(scores))
    values: dict[int, float] = {}
    for index in order:
        trial = study.ask()
        for seed in range(1, SEEDS + 1):
            runs += 1
            mean = fmean(scores[index][:seed])
            trial.report(mean, seed)
            if seed < SEEDS and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            values[index] = mean
            study.tell(trial, mean)
    return Outcome(runs, max(values, key=values.__getitem__), False, len(scores) - len(values))


WAYS: dict[str, Way] = {
    "race": run_race,
    "grid": run_grid,
    "median pruner": partial(run_optuna, "median"),
    "ASHA": partial(run_optuna, "asha"),
    "F-Race": run_f_race,
}
CLAIMS = [
    Setting(count, gap, sd, collapses, heavy)
    for count, gap in itertools.product((3, 4, 8), (0.6, 1.0))
    for sd, collapses, heavy in (
        *((sd, 0.0, False) for sd in (0.2, 0.6, 1.04, 2.0, "mixed")),
        (0.6, 0.0, True),
        (1.04, 0.0, True),
        (0.6, 0.02, False),
        (0.6, 0.1, False),
        ("mixed", 0.1, False),
    )
]
TIES = [Setting(count, 0.0, sd) for count in (3, 4, 8) for sd in (0.6, "published")]
SAVINGS = {
    Setting(3, 2.0, "published"): 0.55,
    Setting(8, 2.0, "published"): 0.72,
    Setting(3, 4.0): 0.45,
    Setting(8, 4.0): 0.45,
}
GAPS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)


def simulate(setting: Setting, way: Way, races: int) -> list[Outcome]:
    """Run races of a setting. Every way gets the same scores."""
    outcomes = []
    for number in range(races):
        generator = random.Random(f"{setting} {number}")
        outcomes.append(way(setting.draw(generator), generator))
    return outcomes


def share(conditions: list[bool]) -> float:
    """Return in per cent how many are true."""
    return 100 * fmean(conditions)


def measure_claims(races: int) -> list[Row]:
    """Measure how often the race claims something wrong, and how often it drops an equal."""
    rows = []
    false = {each: share([o.claims and o.winner != 0 for o in simulate(each, run_race, races)]) for each in CLAIMS}
    groups = {
        "normal noise, sd 0.2 to 2": [each for each in CLAIMS if not each.heavy and not each.collapses],
        "heavy tails": [each for each in CLAIMS if each.heavy],
        "2 and 10 % collapsed": [each for each in CLAIMS if each.collapses],
    }
    for name, settings in groups.items():
        worst = max(settings, key=false.__getitem__)
        mean = fmean(false[each] for each in settings)
        report_progress(
            f"false claims, {name}: worst {false[worst]:.1f} % at {worst}; mean of {len(settings)} settings "
            f"{mean:.1f} %"
        )
        what = f"false claims, {name}: the worst of {len(settings)} settings"
        rows.append(Row(what, [false[worst]], [5.0], "allowed", "%", at_most=1.0))
    for setting in TIES:
        dropped = share([outcome.dropped > 0 for outcome in simulate(setting, run_race, MORE * races)])
        rows.append(Row(f"races that drop an equal: {setting}", [dropped], [3.0], "allowed", "%", at_most=1.0))
    for count in (3, 4, 8):
        harder = Setting(count, 0.0, "mixed")
        dropped = share([outcome.dropped > 0 for outcome in simulate(harder, run_race, MORE * races)])
        report_progress(f"races that drop an equal: {dropped:.1f} % at {harder}")
    for setting, target in SAVINGS.items():
        runs = fmean(outcome.runs for outcome in simulate(setting, run_race, races))
        grid = [float(SEEDS * setting.count)]
        rows.append(Row(f"runs: {setting}", [runs], grid, "grid", "runs", at_most=target))
    return rows


def compare_ways(races: int, picture: Path | None) -> None:
    """Print, side by side, which runs each way takes and how often the winner that it names is wrong."""
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}

    def add_point(title: str, name: str, point: tuple[float, float]) -> None:
        curves.setdefault(title, {}).setdefault(name, []).append(point)

    for count in (3, 8):
        table = Table(title=f"{count} treatments, mixed sd: runs as a share of the grid's / wrong winner in %")
        for column in ("gap", *WAYS):
            table.add_column(column, justify="right")
        table.add_column("race: decided, settled, budget, false claims", justify="right")
        for gap in GAPS:
            setting = Setting(count, gap, "mixed")
            cells = []
            for name, way in WAYS.items():
                outcomes = simulate(setting, way, races)
                runs = fmean(outcome.runs for outcome in outcomes) / SEEDS / count
                wrong = share([outcome.winner != 0 and gap > MARGIN for outcome in outcomes])
                cells.append(f"{runs:.2f} / {wrong:.1f}" if gap > MARGIN else f"{runs:.2f} / -")
                add_point(f"{count} treatments: runs, share of the grid's", name, (gap, runs))
                if gap > MARGIN:
                    add_point(f"{count} treatments: wrong winner, %", name, (gap, wrong))
                if name == "race":
                    ends = _count_ends(outcomes, setting)
            table.add_row(f"{gap:g}", *cells, ends)
        Console(width=160).print(table)
    if picture is not None:
        picture.write_text(draw_lines(curves, "gap between the best and the others"), "utf-8")


def _count_ends(outcomes: list[Outcome], setting: Setting) -> str:
    decided = share([o.claims and o.dropped == setting.count - 1 for o in outcomes])
    settled = share([o.claims and o.dropped < setting.count - 1 for o in outcomes])
    false = share([o.claims and o.winner != 0 and setting.gap > MARGIN for o in outcomes])
    return f"{decided:.0f}, {settled:.0f}, {abs(100 - decided - settled):.0f}, {false:.1f} %"


def main() -> None:
    """Measure, compare and print the rows."""
    parser = build_parser(__doc__)
    parser.add_argument("--races", type=int, default=1000, help="races per setting")
    parser.add_argument("--picture", type=Path, metavar="FILE.svg", help="also draw the comparison")
    args = parse_arguments(parser, races=2)
    logging.getLogger("racing_sweeper").setLevel(logging.ERROR)
    rows = measure_claims(args.races)
    compare_ways(args.races, args.picture)
    finish(rows, args)


if __name__ == "__main__":
    main()
