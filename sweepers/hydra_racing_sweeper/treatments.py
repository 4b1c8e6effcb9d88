"""From the command line to treatments: the cells of the swept keys, and the values that replicates take."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import Override, ValueType

from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.race import Treatment

FIRST_REPLICATE = 1


@dataclass(frozen=True)
class Grid:
    """What a command line compares.

    Attributes:
        treatments: The cells of the swept keys.
        replicates: The values of the replicate key, one per replicate.
        replicate_key: The key as it is to be overridden, e.g. "+seed" if the command line adds it.
    """

    treatments: list[Treatment]
    replicates: list[str]
    replicate_key: str | None


def split_overrides(overrides: Sequence[Override], options: RacingSweeperConf) -> Grid:
    """Split the overrides of a command line.

    Args:
        overrides: Parsed, without Hydra's own.
        options: The options of the sweeper.

    Raises:
        RaceError: A key is swept over a continuous range, or the replicate key has no usable values.
    """
    problems = []
    values: dict[str, list[str]] = {}
    replicate: Override | None = None
    for override in overrides:
        key = override.get_key_element()
        if options.replicate_key is not None and override.key_or_group == options.replicate_key:
            replicate = override
        elif not override.is_sweep_override():
            values[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif override.is_discrete_sweep():
            values[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            assert override.value_type is not None
            problems.append(
                f"{override.input_line}: a race compares a list of values, not {_name_sweep(override.value_type)}; "
                f"list the values, as in {key}=1,2"
            )
    if problems:
        raise RaceError(problems)
    swept = {key for key, each in values.items() if len(each) > 1}
    treatments = []
    for cell in itertools.product(*values.values()):
        named = [line.lstrip("+") for key, line in zip(values, cell, strict=True) if key in swept]
        treatments.append(Treatment(" ".join(named) or "the only treatment", list(cell)))
    replicate_key = options.replicate_key if replicate is None else replicate.get_key_element()
    return Grid(treatments, _list_replicates(replicate, options), replicate_key)


def _list_replicates(given: Override | None, options: RacingSweeperConf) -> list[str]:
    count = options.max_replicates
    if options.replicate_key is None:
        return [""] * count
    if given is not None and given.is_sweep_override():
        listed = [str(value) for value in given.sweep_string_iterator()] if given.is_discrete_sweep() else []
        different = list(dict.fromkeys(listed))
        if len(different) < count:
            raise RaceError(
                f"{given.input_line}: gives {len(different)} different values for max_replicates={count}; "
                f"give as many, leave out {options.replicate_key}, or lower hydra.sweeper.max_replicates"
            )
        return different[:count]
    first: object = FIRST_REPLICATE if given is None else given.value()
    if not isinstance(first, int) or isinstance(first, bool):
        raise RaceError(
            f"{given.input_line if given else ''}: each replicate needs another {options.replicate_key}; list "
            f"{count} values, or give a whole number to count from"
        )
    return [str(first + number) for number in range(count)]


def _name_sweep(kind: ValueType) -> str:
    return kind.name.lower().replace("_", " ")
