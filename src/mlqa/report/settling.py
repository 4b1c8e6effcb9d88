"""What would settle it: the chance that more seeds or questions tell tied treatments apart, its price, its command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from mlqa.report.answer import Answer, choose_configuration
from mlqa.report.comparison import Comparison
from mlqa.report.folds import get_fold
from mlqa.report.member import Member
from mlqa.report.race_sentences import describe_next_steps
from mlqa.report.reading import get_nested, read_yaml
from mlqa.report.statistics.contrasts import Difference
from mlqa.report.statistics.forecast import Need, compute_need, compute_smallest_resolved, forecast_decision
from mlqa.report.treatments import SEED_KEYS, Configuration, Treatment
from mlqa.report.wording import (
    count_things,
    format_chance,
    format_duration,
    format_points,
    format_usd,
    join_names,
)

MORE_SEEDS = (2, 5)
TIMES_QUESTIONS = (2, 4)
# Options of the launcher that decide where the next runs go. The rest, e.g. resume or dry_run, belonged to one launch.
LAUNCHER_OPTIONS = ("service", "role_arn", "bucket", "prefix", "region", "profile", "max_parallel")


@dataclass(frozen=True)
class Prospect:
    """What more seeds or questions would do for a pair that ties. Chances are 0-1, in the order of the constants."""

    difference: Difference
    by_seeds: list[float]
    by_questions: list[float]
    need: Need
    resolved: float  # even endless seeds on these questions tell no smaller difference apart


@dataclass
class Purchase:
    """A number of further seeds of each tied treatment. `minutes` and `usd` are for all of them, None if not known."""

    seeds: int
    runs: int
    minutes: float | None
    usd: float | None
    best_chance: float
    least_chance: float


@dataclass
class Settling:
    """What would settle the matter. `prospects` is empty if it is settled."""

    treatments: list[Treatment] = field(default_factory=list)
    prospects: list[Prospect] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


def plan_settling(comparison: Comparison, answer: Answer, sweeps: Sequence[str] = ()) -> Settling:
    """Plan what would tell the tied treatments apart.

    Args:
        comparison: The treatments of one data set.
        answer: What the report says of them.
        sweeps: Directories of the sweeps, for the command that reports them together with the next one.
    """
    verdict = comparison.verdict
    if comparison.race is not None:
        return Settling(lines=describe_next_steps(comparison, comparison.race))
    if verdict is None:
        return Settling(lines=_explain_no_verdict(comparison))
    undecided = sorted(verdict.undecided, key=lambda one: -abs(one.mean))
    if not undecided:
        return Settling(lines=["Nothing: one treatment beats all others."])
    spread = verdict.spread
    prospects = [
        Prospect(
            one,
            [forecast_decision(spread, one, len(undecided), more_seeds=more) for more in MORE_SEEDS],
            [forecast_decision(spread, one, len(undecided), times_questions=times) for times in TIMES_QUESTIONS],
            compute_need(spread, one, len(undecided)),
            compute_smallest_resolved(spread, one),
        )
        for one in undecided
    ]
    chosen = [choose_configuration(comparison, [one]) for one in answer.tied]
    settling = Settling(list(answer.tied), prospects)
    for number, more in enumerate(MORE_SEEDS):
        chances = [one.by_seeds[number] for one in prospects]
        settling.purchases.append(_price_seeds(chosen, more, max(chances), min(chances)))
    settling.lines = _describe_prospects(comparison, settling)
    settling.commands = _build_commands(chosen, MORE_SEEDS[-1], sweeps)
    return settling


def _explain_no_verdict(comparison: Comparison) -> list[str]:
    if len(comparison.treatments) == 1:
        return ["A second treatment to compare with, e.g. by model=...,..."]
    return ["Runs that leave a scores.jsonl with the answers to the same questions: run the members again."]


def _price_seeds(chosen: Sequence[Configuration], more: int, best: float, least: float) -> Purchase:
    folds = [len({get_fold(run) for run in one.runs}) for one in chosen]  # each seed is a run per fold
    minutes = [one.minutes and one.minutes * count for one, count in zip(chosen, folds, strict=True)]
    dollars = [one.usd and one.usd * count for one, count in zip(chosen, folds, strict=True)]
    known_minutes = [value for value in minutes if value is not None]
    known_dollars = [value for value in dollars if value is not None]
    return Purchase(
        more,
        more * sum(folds),
        more * sum(known_minutes) if len(known_minutes) == len(chosen) else None,
        more * sum(known_dollars) if len(known_dollars) == len(chosen) else None,
        best,
        least,
    )


def _describe_prospects(comparison: Comparison, settling: Settling) -> list[str]:
    """Say what more seeds and more questions would do for the pair that is told apart most easily."""
    lines = []
    names = join_names(settling.treatments)
    for purchase in settling.purchases:
        price = [format_duration(purchase.minutes)] if purchase.minutes is not None else []
        price += [format_usd(purchase.usd)] if purchase.usd is not None else []
        cost = f", {' and '.join(price)} in all" if price else ""
        chance = _format_range(purchase.least_chance, purchase.best_chance)
        apart = "tell them apart" if len(settling.prospects) == 1 else "tell a pair of them apart"
        lines.append(
            f"{count_things(purchase.seeds, 'more seed')} each of {names} "
            f"({count_things(purchase.runs, 'run')}{cost}) {apart} with a chance of {chance}."
        )
    by_questions = [
        _format_range(min(chances), max(chances))
        for chances in zip(*(one.by_questions for one in settling.prospects), strict=True)
    ]
    lines.append(
        f"{TIMES_QUESTIONS[0]} times the questions: {by_questions[0]}. {TIMES_QUESTIONS[1]} times: {by_questions[1]}."
    )
    largest = settling.prospects[0]
    resolved = format_points(largest.resolved)
    questions = count_things(comparison.total, "question")
    if all(one.need.seeds is None for one in settling.prospects):
        subject = "the difference is" if len(settling.prospects) == 1 else "the differences are"
        lines.append(
            f"If {subject} as small as measured, no number of seeds settles it: on these {questions} even endless "
            f"seeds seldom tell less than {resolved} {comparison.score_name} apart. {_describe_questions(largest.need)}"
        )
    elif largest.need.seeds is not None:
        first, second = (
            comparison.compared[index].name for index in (largest.difference.first, largest.difference.second)
        )
        lines.append(
            f"If {first} and {second} differ by as much as measured, {count_things(largest.need.seeds, 'seed')} each "
            f"in all tell them apart in 80 % of sweeps."
        )
    return lines


def _describe_questions(need: Need) -> str:
    if need.questions is None:
        return "More questions alone do not help either: it takes more of both."
    if need.questions >= 100:
        return "It would take more than 100 times the questions."
    return f"It would take about {need.questions:.0f} times the questions." if need.questions >= 2 else (
        f"It would take about {need.questions:.1f} times the questions."
    )  # fmt: skip


def _format_range(least: float, most: float) -> str:
    low, high = format_chance(least), format_chance(most)
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


def _build_commands(chosen: Sequence[Configuration], more: int, sweeps: Sequence[str]) -> list[str]:
    """Build the commands that train further seeds of some configurations, and the one that reports them together.

    Configurations that differ in one override are one command.
    """
    used = {run.seed for one in chosen for run in one.runs if run.seed is not None}
    first = max(used, default=0) + 1
    seeds = ",".join(str(seed) for seed in range(first, first + more))
    described = [_split_overrides(one.first) for one in chosen]
    if any(not overrides for overrides in described):
        return []
    commands = []
    for group in _join_overrides(described):
        words = [f"{key}={','.join(dict.fromkeys(values))}" for key, values in group.items()]
        commands.append(
            shlex.join(["python", "train.py", "-m", *words, f"seed={seeds}", *_read_launcher(chosen[0].first)])
        )
    commands.append(f"{shlex.join(['mlqa', 'report', *sweeps])} multirun/<date>/<time>")
    return commands


def _split_overrides(member: Member) -> dict[str, str]:
    """Return the overrides of a run by key, without its seed, and with all folds in place of its own."""
    pairs = (item.partition("=") for item in member.overrides)
    overrides = {key: value for key, _, value in pairs if key.lstrip("+") not in SEED_KEYS}
    if get_fold(member) is not None:
        overrides["dataset.fold"] = f"range(0,{member.get_config_value('dataset', 'folds')})"
    return overrides


def _join_overrides(described: Sequence[dict[str, str]]) -> list[dict[str, list[str]]]:
    """Join overrides that differ in the value of one key, so that a comma lists the values."""
    groups: list[dict[str, list[str]]] = []
    for overrides in described:
        for group in groups:
            differing = [key for key in overrides if set(group.get(key, ())) != {overrides[key]}]
            varied = [key for key in group if len(set(group[key])) > 1]
            if group.keys() == overrides.keys() and len({*differing, *varied}) <= 1:
                for key, value in overrides.items():
                    group[key].append(value)
                break
        else:
            groups.append({key: [value] for key, value in overrides.items()})
    return groups


def _read_launcher(member: Member) -> list[str]:
    """Return the overrides of Hydra's launcher that the run was started with."""
    given = get_nested(read_yaml(member.directory / ".hydra" / "hydra.yaml"), "hydra", "overrides", "hydra")
    kept = [str(item) for item in given] if isinstance(given, list) else []
    wanted = ("hydra/launcher=", *(f"hydra.launcher.{option}=" for option in LAUNCHER_OPTIONS))
    return [item for item in kept if item.startswith(wanted)]
