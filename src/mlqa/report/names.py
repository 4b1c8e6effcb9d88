"""Name treatments by model and configurations by hardware, and by no more than it takes to tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mlqa.config.identity import MIXED_SETS
from mlqa.report.grouping import group_by
from mlqa.report.treatments import OPTIONS, Configuration, Runs, Treatment

LONGEST = 80  # characters of a name
MOST_PARTS = 4  # options and settings in a name


def assign_names(treatments: Sequence[Treatment]) -> None:
    """Set the names of treatments and of their configurations.

    A treatment is called by its model, e.g. "berturk". If several share it, the options and settings in which they
    differ are added. A configuration is called by treatment and hardware, e.g. "berturk on g4dn".
    """
    for name, group in group_by(treatments, lambda one: replace_unprintable(one.model)).items():
        options = [{option: one.get_option(option) for option in OPTIONS} for one in group]
        parts = _find_distinguishing_parts(options, [one.settings for one in group])
        for one, of_one in zip(group, parts, strict=True):
            one.whole_name = f"{name} ({replace_unprintable(', '.join(of_one))})" if of_one else name
    _shorten_names(treatments)
    configurations = [one for treatment in treatments for one in treatment.configurations]
    for treatment in treatments:
        for hardware, alike in group_by(treatment.configurations, lambda one: one.first.get_option("hardware")).items():
            parts = _find_distinguishing_parts([{} for _ in alike], [one.settings for one in alike])
            for configuration, of_one in zip(alike, parts, strict=True):
                known = f"{hardware} ({', '.join(of_one)})" if of_one else hardware
                configuration.hardware = replace_unprintable(known)
                configuration.whole_name = f"{treatment.whole_name} on {configuration.hardware}"
    _shorten_names(configurations)


def _shorten_names(named: Sequence[Treatment] | Sequence[Configuration]) -> None:
    items: Sequence[Runs] = named
    counts = Counter(shorten_name(one.whole_name) for one in items)
    for number, one in enumerate(items, 1):
        one.name = shorten_name(one.whole_name)
        if counts[one.name] > 1:
            one.name = shorten_name(f"{number}: {one.whole_name}")


def shorten_name(name: str) -> str:
    """Return a name of at most LONGEST characters. A longer one loses its middle: names differ at their ends."""
    if len(name) <= LONGEST:
        return name
    half = (LONGEST - 1) // 2
    return f"{name[: LONGEST - 1 - half]}…{name[-half:]}"


def replace_unprintable(text: str) -> str:
    """Replace characters that would turn the direction of the sentence around them, or break its line."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def find_differing_settings(
    options: Sequence[Mapping[str, str]], settings: Sequence[Mapping[str, str]]
) -> list[tuple[str, list[str]]]:
    """Return what differs among runs, with the value of each.

    A setting that differs only because the option of its group does is left out, and the settings of a mix's sets if
    the sets do.

    Args:
        options: The options of each, by group.
        settings: The settings of each, by dotted key.

    Returns:
        [(group or dotted key, [value of each, "not set" if only others have it])]
    """
    differing = []
    groups = {name: [one[name] for one in options] for name in (options[0] if options else ())}
    differing += [(name, chosen) for name, chosen in groups.items() if len(set(chosen)) > 1]
    for key in sorted({key for one in settings for key in one}):
        chosen = groups.get(key.partition(".")[0], [""] * len(settings))
        if key.startswith(f"{MIXED_SETS}."):
            mixed = [one.get(MIXED_SETS, "") for one in settings]
            chosen = [f"{option} {sets}" for option, sets in zip(chosen, mixed, strict=True)]
        values = [one.get(key, "not set") for one in settings]
        if len(set(zip(chosen, values, strict=True))) > len(set(chosen)):  # differs even if the option is the same
            differing.append((key, values))
    return differing


def _find_distinguishing_parts(
    options: Sequence[Mapping[str, str]], settings: Sequence[Mapping[str, str]]
) -> list[list[str]]:
    """Return for each the first `MOST_PARTS` "name=value" in which they differ."""
    differing = find_differing_settings(options, settings)[:MOST_PARTS]
    return [
        [f"{key.rpartition('.')[2]}={values[index]}" for key, values in differing] for index in range(len(settings))
    ]
