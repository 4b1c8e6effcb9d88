"""Put together the members that differ in nothing but their seed: what is compared, priced and advised."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mlqa.config.identity import extract_configuration_settings, extract_evaluation_settings
from mlqa.report.grouping import compute_known_mean, group_by
from mlqa.report.members import Member


@dataclass
class Configuration:
    """Completed runs of one configuration, in the order of their members."""

    key: str
    runs: list[Member]
    settings: dict[str, str] = field(default_factory=dict)  # what is set, by dotted key
    name: str = ""  # at most names.LONGEST characters
    whole_name: str = ""
    on_fronts: set[str] = field(default_factory=set)  # "usd", "minutes"

    @property
    def first(self) -> Member:
        """The run that speaks for the configuration."""
        return self.runs[0]

    @property
    def seeds(self) -> list[list[Member]]:
        """The runs of each seed, by rising seed. The same seed again is no further evidence and counts once."""
        by_seed = sorted(self.runs, key=lambda run: -math.inf if run.seed is None else run.seed)
        return list(group_by(by_seed, lambda run: run.seed).values())

    def compute_seed_means(self, *path: str) -> list[float]:
        """Return the number at `path` in result.json for each seed that has one, averaged over the runs of the seed."""
        means = (compute_known_mean(run.get_number(*path) for run in runs) for runs in self.seeds)
        return [mean for mean in means if mean is not None]

    def compute_mean(self, *path: str) -> float | None:
        """Return the mean over seeds of the number at `path` in result.json, None if no run has one."""
        return compute_known_mean(self.compute_seed_means(*path))

    def compute_std(self, *path: str) -> float | None:
        """Return the standard deviation over seeds of the number at `path` in result.json.

        Returns:
            With the divisor n - 1. None for fewer than two seeds.
        """
        values = self.compute_seed_means(*path)
        return statistics.stdev(values) if len(values) > 1 else None

    def compute_interval(self, score: str) -> tuple[float, float] | None:
        """Return the 95 % interval of a score by the choice of texts, None if it is not known.

        For several seeds it is the mean of their bounds, which is never narrower than the interval of their mean.
        """
        low, high = (self.compute_mean("metrics", f"{score}_ci_{side}") for side in ("low", "high"))
        return None if low is None or high is None else (low, high)

    @property
    def f1(self) -> float:
        """Mean F1 over seeds, 0-100."""
        mean = self.compute_mean("metrics", "f1")
        assert mean is not None  # only members with an F1 are put into configurations
        return mean

    @property
    def minutes(self) -> float | None:
        """Mean minutes of one run."""
        return compute_known_mean(self.all_minutes)

    @property
    def all_minutes(self) -> list[float]:
        """Minutes of each run whose time is known."""
        return [minutes for run in self.runs if (minutes := run.minutes) is not None]

    @property
    def usd(self) -> float | None:
        """Mean dollars of one run, None if no run has a price."""
        return compute_known_mean(run.usd for run in self.runs)

    @property
    def usd_is_estimate(self) -> bool:
        """Whether the dollars of any run are an estimate."""
        return any(run.usd_is_estimate for run in self.runs)

    @property
    def model(self) -> str:
        """What the model is called: its option, or what was loaded instead."""
        return self.first.model

    @property
    def hardware(self) -> str:
        """The option of the group `hardware`."""
        return self.first.get_option("hardware")


def build_configurations(members: Sequence[Member]) -> list[Configuration]:
    """Return the completed members by configuration, the best F1 first, and the cheaper first among equals."""
    groups = group_by((member for member in members if member.is_compared), _make_configuration_key)
    made = [Configuration(key, runs, extract_configuration_settings(runs[0].config)) for key, runs in groups.items()]
    return sorted(made, key=lambda one: (-one.f1, math.inf if one.usd is None else one.usd))


def make_evaluation_key(member: Member) -> str:
    """Return what members have in common that may have answered the same questions.

    Returns:
        A text, equal for members with the same data set, split, settings of the evaluation and number of questions.
    """
    dataset, fingerprint = member.get_config_value("dataset"), member.get_text("dataset", "fingerprint")
    asked = extract_evaluation_settings(dataset) if isinstance(dataset, dict) else fingerprint
    split = member.get_text("reported_split")
    return _dump_json([member.get_option("dataset"), split, asked, member.get_number("metrics", "total")])


def _make_configuration_key(member: Member) -> str:
    options = [member.get_option(group) for group in ("model", "dataset", "hardware")]
    # Without a config only members with the same overrides are known to be the same.
    settings = extract_configuration_settings(member.config) or member.overrides or member.label
    return _dump_json([options, settings, member.get_text("dataset", "fingerprint")])


def _dump_json(content: Any) -> str:
    return json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
