"""Members that differ in nothing but their seed, put together: what is compared, priced and advised."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mlqa.report.members import Member
from mlqa.report.reading import get_nested

# What may differ between members of one configuration: the seed, where a run writes, how it is followed.
_SEED_OR_PLACE = (("seed",), ("training", "seed"), ("training", "output_dir"), ("tracking",), ("words",), ("report",))
_LIMITS = (("hardware", "max_hours"), ("hardware", "volume_gb"))  # of a run that was cut short and given more
# What of a data set's node does not decide which questions are asked in the evaluation.
_TRAIN_ONLY = ("train_file", "max_train_samples", "segmentation_file", "parallel_file", "strict", "sample.train_rows")


@dataclass
class Configuration:
    """Completed runs of one configuration, in the order of their members."""

    key: str
    runs: list[Member]
    settings: dict[str, str] = field(default_factory=dict)  # what is set, by dotted key
    name: str = ""  # at most some 80 characters
    whole_name: str = ""
    on_fronts: set[str] = field(default_factory=set)  # "usd", "minutes"

    @property
    def first(self) -> Member:
        return self.runs[0]

    @property
    def seeds(self) -> list[list[Member]]:
        """The runs of each seed, by rising seed: the same seed again is no further evidence, it counts once."""
        by_seed: dict[int | None, list[Member]] = {}
        for run in sorted(self.runs, key=lambda run: -math.inf if run.seed is None else run.seed):
            by_seed.setdefault(run.seed, []).append(run)
        return list(by_seed.values())

    def compute_seed_means(self, *path: str) -> list[float]:
        """The number at `path` in result.json, averaged over the runs of each seed that has one."""
        values = ([run.get_number(*path) for run in runs] for runs in self.seeds)
        known = ([value for value in of_seed if value is not None] for of_seed in values)
        return [sum(of_seed) / len(of_seed) for of_seed in known if of_seed]

    def compute_mean(self, *path: str) -> float | None:
        values = self.compute_seed_means(*path)
        return sum(values) / len(values) if values else None

    def compute_std(self, *path: str) -> float | None:
        """Standard deviation over seeds (divisor n - 1); None for fewer than two."""
        values = self.compute_seed_means(*path)
        if len(values) < 2:
            return None
        mean = sum(values) / len(values)
        return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))

    def compute_interval(self, score: str) -> tuple[float, float] | None:
        """The 95 % interval of a score by the choice of texts. Several seeds: the mean of their bounds, which is wider
        than the interval of their mean, never narrower."""
        low, high = (self.compute_mean("metrics", f"{score}_ci_{side}") for side in ("low", "high"))
        return None if low is None or high is None else (low, high)

    @property
    def f1(self) -> float:
        found = self.compute_mean("metrics", "f1")
        assert found is not None  # only members with an F1 are put into configurations
        return found

    def _compute_known_mean(self, values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    @property
    def minutes(self) -> float | None:
        """Of one run, in the mean."""
        return self._compute_known_mean(self.all_minutes)

    @property
    def all_minutes(self) -> list[float]:
        """Of each run whose time is known."""
        return [minutes for run in self.runs if (minutes := run.minutes) is not None]

    @property
    def usd(self) -> float | None:
        """Of one run, in the mean; None where no run has a price."""
        return self._compute_known_mean([run.usd for run in self.runs])

    @property
    def usd_is_estimate(self) -> bool:
        return any(get_nested(run.result, "cost", "estimate") is True for run in self.runs)

    def get_option(self, group: str) -> str:
        """Of a config group."""
        return find_choice(self.first, group)

    @property
    def model(self) -> str:
        return self.get_option("model")

    @property
    def hardware(self) -> str:
        return self.get_option("hardware")


def find_choice(member: Member, group: str) -> str:
    """The option that a member has in a config group, by result.json, else by its overrides."""
    given = member.get_text("choices", group)
    named = (item.partition("=")[2] for item in member.overrides if item.startswith(f"{group}="))
    return given or next(named, None) or "?"


def build_configurations(members: Sequence[Member]) -> list[Configuration]:
    """The completed members by configuration, best F1 first, of equal ones the cheaper."""
    found: dict[str, Configuration] = {}
    for member in members:
        if member.is_compared:
            key = _make_configuration_key(member)
            found.setdefault(key, Configuration(key, [], _extract_settings(member.config))).runs.append(member)
    unknown = math.inf
    return sorted(found.values(), key=lambda one: (-one.f1, unknown if one.usd is None else one.usd))


def make_evaluation_key(member: Member) -> str:
    """Equal for members that answered the same questions, as far as files tell: only these are compared."""
    dataset = member.get_config_value("dataset")
    if not isinstance(dataset, dict):
        dataset = {"fingerprint": get_nested(member.result, "dataset", "fingerprint")}
    asked = {key: value for key, value in _flatten_config(dataset) if key not in _TRAIN_ONLY}
    return _dump_json([find_choice(member, "dataset"), asked, member.get_number("metrics", "total")])


def _make_configuration_key(member: Member) -> str:
    if not member.config:  # by what it was told; without that, it stands alone
        told = [item for item in member.overrides if not item.startswith(("seed=", "tracking", "hydra."))]
        choices = {group: find_choice(member, group) for group in ("model", "dataset", "hardware", "optimizer")}
        return _dump_json([choices, told, make_evaluation_key(member)] if member.overrides else [member.label])
    options = [find_choice(member, group) for group in ("model", "dataset", "hardware")]
    return _dump_json([options, _extract_settings(member.config), get_nested(member.result, "dataset", "fingerprint")])


def _dump_json(content: Any) -> str:
    return json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)


def _extract_settings(config: dict[str, Any]) -> dict[str, str]:
    """The config's values by dotted key, but for seed and places; null is as good as no key."""
    return {key: value for key, value in _flatten_config(config) if not _is_place(key)}


def _is_place(key: str) -> bool:
    return any(key.split(".")[: len(path)] == list(path) for path in (*_SEED_OR_PLACE, *_LIMITS))


def _flatten_config(node: Any, prefix: str = "") -> list[tuple[str, str]]:
    if not isinstance(node, dict):
        return [] if node is None else [(prefix, str(node))]
    pairs = []
    for key, value in node.items():
        pairs += _flatten_config(value, f"{prefix}.{key}" if prefix else str(key))
    return pairs
