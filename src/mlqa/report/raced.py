"""Which treatments of a comparison are those of a race, so that the race's decisions and intervals hold for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlqa.report.race import RaceRecord, RaceStanding
from mlqa.report.treatments import Treatment

TOLERANCE = 0.005  # points between the mean of the race and that of the report, which both are of the same runs
NOT_MATCHED = (
    "The seeds are those of a race, but what is compared here is not what the race compared ({reason}). So the "
    "intervals are not adjusted for its looks, and its treatments have unequal seeds."
)
NOT_COUNTED_YET = (
    "The race of these runs goes on, and has not counted all of them yet. So the intervals are not adjusted for its "
    "looks. The report at its end has the race's own intervals."
)


@dataclass(frozen=True)
class Raced:
    """A race whose treatments are those of a comparison.

    Attributes:
        record: What was decided.
        standings: The standing of each treatment, by its key. Treatments of the race without a score are left out.
    """

    record: RaceRecord
    standings: dict[str, RaceStanding]

    def get_standing(self, treatment: Treatment) -> RaceStanding:
        """Return how a treatment stands."""
        return self.standings[treatment.key]

    @property
    def level(self) -> str:
        """The probability with which all intervals hold together, e.g. "95 %"."""
        return f"{100 * (1 - self.record.alpha):g} %"

    def rank(self, treatments: Sequence[Treatment]) -> list[Treatment]:
        """Return the treatments with the leader first, then those that are still in the race, then those that left."""
        return sorted(treatments, key=self._make_rank)

    def _make_rank(self, treatment: Treatment) -> tuple[bool, bool, float]:
        standing = self.get_standing(treatment)
        return standing.name != self.record.leader, standing.state in ("dropped", "failed"), -treatment.score

    def list_open(self, treatments: Sequence[Treatment]) -> list[Treatment]:
        """Return the treatments that nothing is claimed against, the leader first."""
        return [one for one in self.rank(treatments) if self.get_standing(one).state not in ("dropped", "failed")]

    def name_treatment(self, treatments: Sequence[Treatment], name: str) -> str:
        """Return what the report calls a treatment of the race."""
        return next((one.name for one in treatments if self.get_standing(one).name == name), name)

    def put_names(self, text: str, treatments: Sequence[Treatment]) -> str:
        """Return a text of the race with the names that the report uses."""
        named = {self.get_standing(one).name: one.name for one in treatments}
        found = "|".join(re.escape(name) for name in sorted(named, key=len, reverse=True))
        return re.sub(rf"(?:{found})(?!\S)", lambda match: named[match.group()], text)


def match_race(treatments: Sequence[Treatment]) -> tuple[Raced | None, str | None]:
    """Return the race of some treatments, and a caution if there was one that does not match them.

    A race does not match if hardware was swept, because the report puts hardware together, if there are runs of other
    sweeps, or if the race compared another score.
    """
    runs = [run for one in treatments for run in one.runs]
    races = [run.race for run in runs if run.race is not None]
    if not races:
        return None, None
    if any(run.race is not races[0] for run in runs):
        return None, NOT_MATCHED.format(reason="there are runs of other sweeps")
    if races[0].end is None and any(run.standing is None for run in runs):
        return None, NOT_COUNTED_YET
    standings = {}
    for one in treatments:
        of_runs = {run.standing.name: run.standing for run in one.runs if run.standing is not None}
        if len(of_runs) != 1 or any(run.standing is None for run in one.runs):
            return None, NOT_MATCHED.format(reason=f"{one.name} is more than one of its treatments, or none")
        (standings[one.key],) = of_runs.values()
    if len({standing.name for standing in standings.values()}) != len(standings):
        return None, NOT_MATCHED.format(reason="one of its treatments is several here")
    for one in treatments:
        mean = standings[one.key].mean
        if mean is None or abs(mean - one.score) > TOLERANCE:
            return None, NOT_MATCHED.format(reason="it compared another score")
    names = {standing.name for standing in standings.values()}
    if races[0].leader is not None and races[0].leader not in names:
        return None, NOT_MATCHED.format(reason="its leader is not among them")
    return Raced(races[0], standings), None
