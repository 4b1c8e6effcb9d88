"""What is recorded of a race: race.json, which the racing sweeper writes into the sweep's directory.

sweepers/README.md documents the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlqa.report.reading import coerce_finite, fold_text, read_mapping

FILE = "race.json"
_FORMAT, _VERSION = "hydra-racing", 1


@dataclass(frozen=True)
class RaceStanding:
    """How a treatment of a race stands.

    Attributes:
        name: The overrides that tell it from the others, e.g. "model=berturk hardware=g6".
        members: The numbers of its members that completed, without those of a short first stage.
        state: racing, dropped, failed, best, not_better or undecided.
        reason: Why it left the race.
        mean, low, high: The mean over its seeds, and an interval that holds for all treatments together.
        behind, behind_low, behind_high: How far it is behind the leader, with an interval that holds for all treatments
            and all looks together. None for the leader.
    """

    name: str
    members: tuple[str, ...]
    state: str
    reason: str | None
    mean: float | None
    low: float | None
    high: float | None
    behind: float | None
    behind_low: float | None
    behind_high: float | None


@dataclass(frozen=True)
class RaceRecord:
    """A race of which a sweep's members are the runs.

    Seeds were added where they were needed, and the race looked at the scores after each round (optional stopping). So
    treatments have unequal numbers of seeds, and the intervals of the standings replace those of a plain comparison.

    Attributes:
        end: decided, settled or budget. None while the race runs.
        explanation: Why it ended.
        leader: The name of the treatment with the best mean. A winner only if the race was decided or settled.
        alpha: The level of all decisions and intervals together.
        indifference: A difference that does not count.
        looks: How often the race may look at the scores.
        collapse: A run that far below the best run of its treatment is set aside.
        standings: Of each treatment.
    """

    end: str | None
    explanation: str | None
    leader: str | None
    alpha: float
    indifference: float
    looks: int
    collapse: float
    standings: tuple[RaceStanding, ...]


def read_race(sweep_dir: Path) -> RaceRecord | None:
    """Return the race that took place in a sweep's directory.

    Returns:
        None if there was none, or if this version cannot read its record.
    """
    content = read_mapping(sweep_dir / FILE)
    if content.get("format") != _FORMAT or content.get("version") != _VERSION:
        return None
    try:
        return _build_record(content)
    except (KeyError, IndexError, TypeError, ValueError):  # somebody changed it: the members are there without it
        return None


def _build_record(content: Mapping[str, Any]) -> RaceRecord:
    rule, end, standings = content["rule"], content["end"], content["standings"]
    leader = None if end is None else end["leader"]
    return RaceRecord(
        end=None if end is None else str(end["kind"]),
        explanation=None if end is None else fold_text(end["reason"]),
        leader=None if leader is None else str(standings[leader]["name"]),
        alpha=float(rule["alpha"]),
        indifference=float(rule["indifference"]),
        looks=int(rule["max_replicates"]) - int(rule["min_replicates"]) + 1,
        collapse=float(rule["collapse"]),
        standings=tuple(
            RaceStanding(
                name=str(each["name"]),
                members=tuple(
                    str(member["number"])
                    for member in content["members"]
                    if member["treatment"] == index and member["status"] == "completed" and not member["rung"]
                ),
                state=str(each["state"]),
                reason=fold_text(each["reason"]),
                **{name: coerce_finite(each[name]) for name in _FIGURES},
            )
            for index, each in enumerate(standings)
        ),
    )


_FIGURES = ("mean", "low", "high", "behind", "behind_low", "behind_high")
