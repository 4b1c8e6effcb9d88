"""Put runs together: by what was trained (a treatment), and by the hardware that it was trained on (a configuration).

Scores are compared between treatments, because hardware is not what makes a model good. Price and time are compared
between configurations.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlqa.config.identity import extract_configuration_settings, extract_evaluation_settings
from mlqa.report.folds import count_over_folds, get_fold, pool_number
from mlqa.report.grouping import compute_known_mean, group_by
from mlqa.report.manifest import NEVER_STARTED
from mlqa.report.member import SET_ASIDE, Member

OPTIONS = ("model", "dataset", "optimizer")  # the groups whose option makes another treatment
SEED_KEYS = ("seed", "training.seed", "dataset.fold")  # what runs of one treatment differ in


@dataclass
class Runs:
    """Completed runs that are averaged, in the order of their members."""

    key: str
    runs: list[Member]
    name: str = ""  # at most names.LONGEST characters
    whole_name: str = ""

    @property
    def first(self) -> Member:
        """The run that speaks for all."""
        return self.runs[0]

    @property
    def seeds(self) -> dict[int | None, list[Member]]:
        """The runs of each seed, by rising seed. Runs of one seed are averaged and count once."""
        by_seed = sorted(self.runs, key=lambda run: -math.inf if run.seed is None else run.seed)
        return group_by(by_seed, lambda run: run.seed)

    def compute_seed_means(self, *path: str) -> list[float]:
        """Return the number at `path` in result.json for each seed that has one, averaged over the runs of the seed."""
        means = (pool_number(runs, *path) for runs in self.seeds.values())
        return [mean for mean in means if mean is not None]

    def compute_mean(self, *path: str) -> float | None:
        """Return the mean over seeds of the number at `path` in result.json, None if no run has one."""
        return compute_known_mean(self.compute_seed_means(*path))

    def compute_std(self, *path: str) -> float | None:
        """Return the standard deviation over seeds (divisor n - 1), None for fewer than two seeds."""
        values = self.compute_seed_means(*path)
        return statistics.stdev(values) if len(values) > 1 else None

    def count_questions(self, name: str) -> int | None:
        """Return a number of questions of the metrics, added up over folds. None if it is not known."""
        return count_over_folds(next(iter(self.seeds.values())), "metrics", name)

    @property
    def score(self) -> float:
        """Mean of the primary metric over seeds, 0-100."""
        mean = self.compute_mean("metrics", self.first.primary_metric)
        assert mean is not None  # only members with a score are put together
        return mean

    @property
    def is_asked(self) -> bool:
        """Whether this is a model behind an endpoint. Its dollars are those of answers and not of a training."""
        return self.first.get_text("endpoint", "name") is not None

    @property
    def model(self) -> str:
        """What the model is called: its option, or what was loaded instead."""
        return self.first.model


@dataclass
class Configuration(Runs):
    """A treatment on one hardware: what has a price and a time. `unfinished` are its members without a score."""

    hardware: str = ""  # the option, and what else tells two apart
    settings: dict[str, str] = field(default_factory=dict)  # of the hardware, by dotted key
    unfinished: list[Member] = field(default_factory=list)
    on_fronts: set[str] = field(default_factory=set)  # "usd", "minutes"

    @property
    def all_minutes(self) -> list[float]:
        """Minutes of each run whose time is known."""
        return [minutes for run in self.runs if (minutes := run.minutes) is not None]

    @property
    def minutes(self) -> float | None:
        """Mean minutes of one run."""
        return compute_known_mean(self.all_minutes)

    @property
    def usd(self) -> float | None:
        """Mean dollars of one run, None if no run has a price."""
        return compute_known_mean(run.usd for run in self.runs)

    @property
    def usd_is_estimate(self) -> bool:
        """Whether the dollars of any run are an estimate."""
        return any(run.usd_is_estimate for run in self.runs)

    @property
    def has_crashed(self) -> bool:
        """Whether a run was lost without being stopped: a reason not to rely on this configuration."""
        return any(one.status not in ("stopped", SET_ASIDE) and one.reason != NEVER_STARTED for one in self.unfinished)

    def describe_unfinished(self) -> str:
        """Say how many runs have no score and why, e.g. "1 of 2 runs failed: CUDA out of memory". Empty if none."""
        if not self.unfinished:
            return ""
        first = self.unfinished[0]
        statuses = {one.status for one in self.unfinished}
        ended = statuses.pop() if len(statuses) == 1 else "without a score"
        reasons = len({one.reason for one in self.unfinished})
        more = f" (and {reasons - 1} other {'reason' if reasons == 2 else 'reasons'})" if reasons > 1 else ""
        total = len(self.runs) + len(self.unfinished)
        return f"{len(self.unfinished)} of {total} runs {ended}: {first.reason}{more}"


@dataclass
class Treatment(Runs):
    """Runs that differ in seed and hardware alone: what is compared by score."""

    configurations: list[Configuration] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)  # what is set, by dotted key, without the hardware's

    def get_option(self, group: str) -> str:
        """Return the option of a config group. That of the group `model` is what the model is called."""
        return self.model if group == "model" else self.first.get_option(group)

    @property
    def unfinished(self) -> list[Member]:
        """Members without a score."""
        return [member for one in self.configurations for member in one.unfinished]


def build_treatments(members: Sequence[Member], unfinished: Sequence[Member] = ()) -> list[Treatment]:
    """Return the members that have a score by treatment, the best first.

    Args:
        members: Members with scores on the same questions.
        unfinished: Members without a score. Those that belong to a configuration are recorded there.
    """
    treatments = []
    for key, runs in group_by(members, _make_treatment_key).items():
        settings = extract_configuration_settings(runs[0].config)
        treatment = Treatment(key, runs, settings={k: v for k, v in settings.items() if not _is_of_hardware(k)})
        for own_key, own in group_by(runs, _make_hardware_key).items():
            hardware = extract_configuration_settings({"hardware": own[0].get_config_value("hardware") or {}})
            treatment.configurations.append(
                Configuration(f"{key} {own_key}", own, hardware=own[0].get_option("hardware"), settings=hardware)
            )
        treatments.append(treatment)
    _attach_unfinished([one for treatment in treatments for one in treatment.configurations], unfinished)
    return sorted(treatments, key=lambda one: -one.score)


def make_evaluation_key(member: Member) -> str:
    """Return what members have in common that may have answered the same questions.

    Returns:
        A text, equal for members with the same data set, split, settings of the evaluation, number of questions and
        primary metric.
    """
    dataset, fingerprint = member.get_config_value("dataset"), member.get_text("dataset", "fingerprint")
    split = member.get_text("reported_split")
    asked = extract_evaluation_settings(dataset, split or "") if isinstance(dataset, dict) else fingerprint
    # Folds have other questions, and are scored as one data set.
    total = member.get_number("metrics", "total") if get_fold(member) is None else None
    return _dump_json([member.scored_set, split, asked, total, member.primary_metric])


def _attach_unfinished(configurations: Sequence[Configuration], unfinished: Iterable[Member]) -> None:
    """Record members without a score with the configuration that they were meant to be a run of.

    They have the same overrides but for the seed, or else the same settings.
    """
    makers: tuple[Callable[[Member], Any], ...] = (_strip_seed, _make_settings_key)
    found: list[dict[str, Configuration]] = [{}, {}]
    for one in configurations:
        for run in one.runs:
            for places, make in zip(found, makers, strict=True):
                if (key := make(run)) is not None:
                    places.setdefault(key, one)
    for member in unfinished:
        keys = (make(member) for make in makers)
        match = next((places[key] for places, key in zip(found, keys, strict=True) if key in places), None)
        if match is not None:
            match.unfinished.append(member)


def _strip_seed(member: Member) -> str | None:
    kept = sorted(item for item in member.overrides if item.lstrip("+").partition("=")[0] not in SEED_KEYS)
    return _dump_json(kept) if member.overrides else None


def _make_settings_key(member: Member) -> str | None:
    if not member.config:
        return None
    return _dump_json([member.get_option("hardware"), member.model, extract_configuration_settings(member.config)])


def _make_treatment_key(member: Member) -> str:
    options = [member.model, *(member.get_option(group) for group in OPTIONS)]
    settings: Any = extract_configuration_settings(member.config)
    if settings:
        settings = {key: value for key, value in settings.items() if not _is_of_hardware(key)}
    else:  # Without a config only members with the same overrides are known to be the same.
        stripped = [item for item in member.overrides if not item.startswith("hardware=")]
        settings = _strip_seed(Member("", "", member.directory, overrides=stripped)) or member.label
    data = member.get_text("dataset", "fingerprint") if get_fold(member) is None else None
    return _dump_json([options, settings, data])


def _make_hardware_key(member: Member) -> str:
    settings = extract_configuration_settings({"hardware": member.get_config_value("hardware") or {}})
    return _dump_json([member.get_option("hardware"), settings])


def _is_of_hardware(key: str) -> bool:
    return key == "hardware" or key.startswith("hardware.")


def _dump_json(content: Any) -> str:
    return json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
