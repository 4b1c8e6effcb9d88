"""The sweeper's options as Hydra hands them over, and what is wrong with them."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_racing_sweeper.config import ItemsConf, RacingSweeperConf
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.rule import Rule

DIRECTIONS = ("maximize", "minimize")
_ABOVE_ZERO = (
    "prior_sd",
    "prior_df",
    "collapse",
    "budget_runs",
    "budget_usd",
    "budget_minutes",
    "usd_per_run",
    "minutes_per_run",
)
_NOT_NEGATIVE = ("indifference", "retries", "rung_margin")


def parse_options(given: Mapping[str, Any]) -> RacingSweeperConf:
    """Build the options from the config node `hydra.sweeper`.

    Raises:
        RaceError: An option does not exist, has a value of another type or one that cannot work. Unknown names and
            impossible values are each reported together.
    """
    problems = [
        *_find_unknown("hydra.sweeper", given, RacingSweeperConf),
        *_find_unknown("hydra.sweeper.items", given.get("items") or {}, ItemsConf),
    ]
    if problems:
        raise RaceError(problems)
    try:
        options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(RacingSweeperConf), dict(given)))
    except OmegaConfBaseException as error:
        raise RaceError(f"hydra.sweeper.{error.full_key}: {str(error).splitlines()[0]}") from error
    assert isinstance(options, RacingSweeperConf)
    if problems := list(_find_impossible(options)):
        raise RaceError(problems)
    return options


def build_rule(options: RacingSweeperConf) -> Rule:
    """Build the rule that the options describe."""
    return Rule(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Rule)})


def _find_unknown(node: str, given: Mapping[str, Any], schema: type[Any]) -> Iterator[str]:
    names = [field.name for field in dataclasses.fields(schema) if field.name != "_target_"]
    for name in given:
        if name in names or name == "_target_":
            continue
        close = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(names)}"
        yield f"{node}.{name}: the sweeper has no such option; {hint}"


def _find_impossible(options: RacingSweeperConf) -> Iterator[str]:
    def name(key: str) -> str:
        return f"hydra.sweeper.{key}={getattr(options, key)}"

    if options.direction not in DIRECTIONS:
        yield f"{name('direction')}: is not a direction; choose from {', '.join(DIRECTIONS)}"
    if not 0 < options.alpha < 0.5:
        yield f"{name('alpha')}: is not a level; choose a value between 0 and 0.5, such as 0.05"
    if options.min_replicates < 1:
        yield f"{name('min_replicates')}: nothing would run; choose at least 1"
    if options.max_replicates < options.min_replicates:
        yield (f"{name('max_replicates')}: is less than min_replicates={options.min_replicates}; raise it")
    if not 0 < options.rung_share < 1:
        yield f"{name('rung_share')}: is not a share of a training; choose a value between 0 and 1"
    for key in _ABOVE_ZERO:
        value = getattr(options, key)
        if value is not None and not value > 0:
            yield f"{name(key)}: must be above 0"
    for key in _NOT_NEGATIVE:
        if not getattr(options, key) >= 0:
            yield f"{name(key)}: must not be negative"
    for pattern in options.repeat_on:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"hydra.sweeper.repeat_on: {pattern!r} is not a regular expression: {error}"
