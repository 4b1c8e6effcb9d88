"""The state of a race: what is compared, who has run, what was decided. Plain data, which state_file.py writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra_racing_sweeper.rule import Rule

RUNG_REPLICATES = 2


@dataclass
class Treatment:
    """One of the things that are compared: a cell of the swept keys.

    Attributes:
        name: The overrides that tell it from the others.
        overrides: All overrides of its members, without the replicate.
        state: racing. Later dropped, failed, or at the end best, not_better (settled) or undecided.
        left_after: After which replicate it left.
        reason: Why it left.
        rung_override: What shortens its members of the first stage.
    """

    name: str
    overrides: list[str]
    state: str = "racing"
    left_after: int | None = None
    reason: str | None = None
    rung_override: str | None = None


@dataclass
class Member:
    """One run.

    Attributes:
        number: The number of the member in the sweep.
        treatment: Whose run it is, by index.
        replicate: Its replicate, from 1.
        overrides: All of its overrides.
        rung: Whether it is a short run of the first stage.
        status: asked, completed, failed (by its own fault), lost (not by its own fault) or stopped (not needed).
        score: The score as the member reported it.
        seconds: How long it took.
        usd: What it cost in dollars.
        directory: The folder of its files.
        reason: Why it did not complete.
    """

    number: int
    treatment: int
    replicate: int
    overrides: list[str]
    rung: bool = False
    status: str = "asked"
    score: float | None = None
    seconds: float | None = None
    usd: float | None = None
    directory: str | None = None
    reason: str | None = None


@dataclass
class Look:
    """One look at the scores.

    Attributes:
        replicates: How many replicates each treatment in the race had.
        leader: The treatment with the highest mean.
        dropped: Pairs of a treatment that left and the one that it is worse than.
    """

    replicates: int
    leader: int | None
    dropped: list[list[int]]


@dataclass
class End:
    """How a race ended.

    Attributes:
        kind: decided (one is left), settled (none is better than the leader by more than the margin) or budget.
        leader: Who has the best mean. A winner only if the race was decided or settled.
        reason: Why the race ended, in one line.
        resumable: Whether a larger budget would let it go on.
        next_round: What another round would be: runs, dollars, minutes, and the difference that it would separate.
        new_questions: What holds for questions other than those of the test set, if members report items.
    """

    kind: str
    leader: int | None
    reason: str
    resumable: bool = False
    next_round: dict[str, Any] | None = None
    new_questions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """A run that is to be started."""

    treatment: int
    replicate: int
    rung: bool = False


@dataclass
class Race:
    """A race.

    Attributes:
        rule: The rule that decides it.
        direction: maximize or minimize.
        replicate_key: The key that takes another value in each replicate, None if the app varies by itself.
        replicates: The values of that key, as many as there can be replicates.
        rung_share: The share of a training in the first stage, None if there is no such stage.
        rung_margin: How far behind the best is too far in that stage.
        treatments: What is compared.
        members: Every run, by number.
        target: How many replicates each treatment in the race is to have now. 0 during the first stage.
        looks: What was decided so far.
        end: How the race ended.
        resumed_at: The number of the first member since the race was last resumed. Lost runs count from there.
    """

    rule: Rule
    direction: str
    replicate_key: str | None
    replicates: list[str]
    treatments: list[Treatment]
    rung_share: float | None = None
    rung_margin: float = 0.0
    members: list[Member] = field(default_factory=list)
    target: int = 0
    looks: list[Look] = field(default_factory=list)
    end: End | None = None
    resumed_at: int = 0

    @property
    def is_rung(self) -> bool:
        """Whether the race is in its first stage of short runs."""
        return self.rung_share is not None and self.target == 0

    def list_racing(self) -> list[int]:
        """Return the treatments that are still in the race."""
        return [index for index, treatment in enumerate(self.treatments) if treatment.state == "racing"]

    def list_members(self, treatment: int | None = None, *statuses: str, rung: bool | None = None) -> list[Member]:
        """Return members by replicate.

        Args:
            treatment: Whose, None for all.
            *statuses: The statuses to include. None means all.
            rung: Whether of the first stage or of the race itself. None means both.
        """
        found = (
            member
            for member in self.members
            if (treatment is None or member.treatment == treatment)
            and (not statuses or member.status in statuses)
            and (rung is None or member.rung is rung)
        )
        return sorted(found, key=lambda member: (member.replicate, member.number))

    def list_scores(self, treatment: int, rung: bool = False) -> list[float]:
        """Return the scores of a treatment that count for decisions: more is better.

        Those of runs that started ahead of a look are left out until the look of their replicate.
        """
        left_after = self.treatments[treatment].left_after
        limit = RUNG_REPLICATES if rung else self.target if left_after is None else left_after
        return [
            self.sign * member.score
            for member in self.list_members(treatment, "completed", rung=rung)
            if member.replicate <= limit and member.score is not None
        ]

    def list_samples(self) -> list[list[float]]:
        """Return the scores of each treatment that count for decisions."""
        return [self.list_scores(index) for index in range(len(self.treatments))]

    @property
    def sign(self) -> int:
        """1 if greater scores are better, else -1."""
        return 1 if self.direction == "maximize" else -1

    def list_missing(self) -> list[Wanted]:
        """Return the runs that this round still needs, those of one replicate after the other."""
        count = RUNG_REPLICATES if self.is_rung else self.target
        have = {
            (member.treatment, member.replicate)
            for member in self.members
            if member.rung is self.is_rung and member.status != "lost"
        }
        return [
            Wanted(index, replicate, self.is_rung)
            for replicate in range(1, count + 1)
            for index in self.list_racing()
            if (index, replicate) not in have
        ]

    def list_pending(self) -> list[Member]:
        """Return the members of this round that have not ended."""
        count = RUNG_REPLICATES if self.is_rung else self.target
        return [member for member in self.list_members(None, "asked") if member.replicate <= count]

    def add_member(self, wanted: Wanted) -> Member:
        """Add the member that a run becomes."""
        treatment = self.treatments[wanted.treatment]
        overrides = list(treatment.overrides)
        if self.replicate_key is not None:
            overrides.append(f"{self.replicate_key}={self.replicates[wanted.replicate - 1]}")
        if wanted.rung:
            assert treatment.rung_override is not None
            overrides.append(treatment.rung_override)
        member = Member(len(self.members), wanted.treatment, wanted.replicate, overrides, wanted.rung)
        self.members.append(member)
        return member

    def count_attempts(self, wanted: Wanted) -> int:
        """Return how often a run was lost since the race was last resumed."""
        lost = self.list_members(wanted.treatment, "lost", rung=wanted.rung)
        return sum(member.replicate == wanted.replicate and member.number >= self.resumed_at for member in lost)

    def name_all(self, indices: Iterable[int]) -> str:
        """Return the names of treatments as a list in words."""
        return join_words([self.treatments[index].name for index in indices])


def join_words(words: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def group_consecutive(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Yield groups of members whose numbers follow each other: a launch takes one such group."""
    group: list[Member] = []
    for member in sorted(members, key=lambda each: each.number):
        if group and member.number != group[-1].number + 1:
            yield group
            group = []
        group.append(member)
    if group:
        yield group
