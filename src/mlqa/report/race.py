"""What is recorded of a race: race.json, which the racing sweeper writes into the sweep's directory.

sweepers/README.md documents the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlqa.report.reading import coerce_finite, fold_text, read_mapping

FILE = "race.json"
_FORMAT, _VERSION = "hydra-racing", 1


@dataclass(frozen=True)
class RaceStanding:
    """The standing of a treatment in a race.

    Attributes:
        name: The overrides that tell it from the others, e.g. "model=berturk hardware=g6".
        members: The numbers of its members whose mean is `mean`.
        collapsed: How many others completed far below its best one.
        state: racing, dropped, failed, best, not_better or undecided.
        reason: Why it left the race.
        scattered: Whether its seeds scatter more than the race's rule allows for.
        sd: The standard deviation over its seeds.
        mean, low, high: The mean over its seeds, and an interval that holds for all treatments together.
        behind, behind_low, behind_high: How far it is behind the leader, with an interval that holds for all treatments
            and all looks together. None for the leader.
    """

    name: str
    members: tuple[str, ...]
    collapsed: int
    state: str
    reason: str | None
    scattered: bool
    sd: float | None
    mean: float | None
    low: float | None
    high: float | None
    behind: float | None
    behind_low: float | None
    behind_high: float | None


@dataclass(frozen=True)
class NextRound:
    """What another round would be. What is not known is None.

    Attributes:
        runs: How many.
        usd, minutes: What they cost in all.
        separates: The least difference that the round could show.
    """

    runs: int
    usd: float | None
    minutes: float | None
    separates: float | None


@dataclass(frozen=True)
class NewQuestions:
    """What holds of two treatments for questions other than those of the test set."""

    better: str
    worse: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class RaceRecord:
    """A race of which a sweep's members are the runs.

    Seeds were added to the treatments that needed them, and the race looked at the scores after each round (optional
    stopping). So treatments have unequal numbers of seeds, and the intervals of the standings replace those of a plain
    comparison.

    Attributes:
        end: decided, settled or budget. None while the race runs.
        explanation: Why it ended.
        leader: The name of the treatment with the best mean. A winner only if the race was decided or settled.
        directory: The sweep's directory.
        alpha: The level of all decisions and intervals together.
        indifference: A difference that does not count.
        prior_sd: The standard deviation over seeds that the race expected.
        looks: How often the race may look at the scores.
        collapse: A run that far below the best run of its treatment is set aside.
        standings: The standing of each treatment.
        set_aside: Why a member does not count, by its number.
        is_resumable: Whether a larger budget lets it go on.
        next_round: What another round would be, if the budget ended the race.
        new_questions: What holds for new questions, if that was worked out.
    """

    end: str | None
    explanation: str | None
    leader: str | None
    directory: Path
    alpha: float
    indifference: float
    prior_sd: float
    looks: int
    collapse: float
    standings: tuple[RaceStanding, ...]
    set_aside: Mapping[str, str]
    is_resumable: bool
    next_round: NextRound | None
    new_questions: tuple[NewQuestions, ...]

    @property
    def has_winner(self) -> bool:
        """Whether the leader is a winner."""
        return self.end in ("decided", "settled")

    def find_standing(self, number: str) -> RaceStanding | None:
        """Return the standing of the treatment whose mean holds a member."""
        return next((one for one in self.standings if number in one.members), None)


def read_race(sweep_dir: Path) -> RaceRecord | None:
    """Return the race that took place in a sweep's directory.

    Returns:
        None if there was none, or if this version cannot read its record.
    """
    content = read_mapping(sweep_dir / FILE)
    if content.get("format") != _FORMAT or content.get("version") != _VERSION:
        return None
    try:
        return _build_record(sweep_dir, content)
    except (KeyError, IndexError, TypeError, ValueError):  # somebody changed it: the members are there without it
        return None


def _build_record(sweep_dir: Path, content: Mapping[str, Any]) -> RaceRecord:
    rule, end, standings = content["rule"], content["end"] or {}, content["standings"]
    names = [str(each["name"]) for each in standings]
    leader, following = end.get("leader"), end.get("next_round")
    set_aside = dict(_list_set_aside(content))
    return RaceRecord(
        end=None if not end else str(end["kind"]),
        explanation=fold_text(end.get("reason")),
        leader=None if leader is None else names[leader],
        directory=sweep_dir,
        alpha=float(rule["alpha"]),
        indifference=float(rule["indifference"]),
        prior_sd=float(rule["prior_sd"]),
        looks=int(rule["max_replicates"]) - int(rule["min_replicates"]) + 1,
        collapse=float(rule["collapse"]),
        standings=tuple(
            RaceStanding(
                name=names[index],
                members=tuple(
                    str(member["number"])
                    for member in content["members"]
                    if member["treatment"] == index
                    and member["status"] == "completed"
                    and str(member["number"]) not in set_aside
                ),
                collapsed=int(each["collapsed"]),
                state=str(each["state"]),
                reason=fold_text(each["reason"]),
                scattered=bool(each.get("scattered")),
                **{name: coerce_finite(each[name]) for name in _FIGURES},
            )
            for index, each in enumerate(standings)
        ),
        set_aside=set_aside,
        is_resumable=bool(end.get("resumable")),
        next_round=following
        and NextRound(
            int(following["runs"]), *(coerce_finite(following[name]) for name in ("usd", "minutes", "separates"))
        ),
        new_questions=tuple(
            NewQuestions(
                names[each["better"]],
                names[each["worse"]],
                *(float(each[name]) for name in ("difference", "low", "high")),
            )
            for each in end.get("new_questions", ())
        ),
    )


def _list_set_aside(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (number, reason) of each member that the race does not count, except those that failed by their own fault.

    Which runs count is the sweeper's `Race.list_scores` and `split_collapsed`.
    """
    sign = -1 if content["direction"] == "minimize" else 1
    best: dict[int, float] = {}
    counted = []
    for member in content["members"]:
        number, index, status = str(member["number"]), member["treatment"], member["status"]
        left_after = content["treatments"][index]["left_after"]
        if member["rung"]:
            yield number, "a short run of the race's first stage"
        elif status == "lost":
            yield number, f"lost and repeated: {fold_text(member['reason']) or 'no reason is recorded'}"
        elif status == "stopped":
            yield number, "stopped, because the race ended without it"
        elif status == "completed" and member["replicate"] > (content["target"] if left_after is None else left_after):
            yield number, "started ahead of a look that the race did not come to"
        elif status == "completed" and member["score"] is not None:
            best[index] = max(best.get(index, -math.inf), sign * member["score"])
            counted.append((number, index, sign * member["score"]))
    for number, index, score in counted:
        if score < best[index] - content["rule"]["collapse"]:
            yield number, f"collapsed: {best[index] - score:.1f} below the best run of its treatment"


_FIGURES = ("sd", "mean", "low", "high", "behind", "behind_low", "behind_high")
