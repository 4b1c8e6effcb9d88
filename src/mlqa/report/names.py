"""What configurations are called: by model and hardware, and by no more than it takes to tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlqa.report.configurations import Configuration

LONGEST = 80
MOST_TOLD = 4
GROUPS = ("dataset", "hardware", "model", "optimizer")


def assign_names(configurations: Sequence[Configuration]) -> None:
    """Gives each its `whole_name`, and its `name`, which is that cut: no two are alike.

    Model and hardware; where that is not enough, also the options, and the settings, in which those of one name
    differ. What an option has decided is told by the option alone.
    """
    alike: dict[str, list[Configuration]] = {}
    for one in configurations:
        alike.setdefault(replace_unprintable(f"{one.model} on {one.hardware}"), []).append(one)
    for name, group in alike.items():
        told = _find_distinguishing_parts(group)
        for one in group:
            parts = told[one.key][:MOST_TOLD]
            one.whole_name = f"{name} ({replace_unprintable(', '.join(parts))})" if parts else name
    _tell_apart(configurations)
    for one in configurations:
        one.name = shorten_name(one.whole_name)
    times = Counter(one.name for one in configurations)
    for number, one in enumerate(configurations, 1):
        if times[one.name] > 1:
            one.name = shorten_name(f"{number}: {one.whole_name}")


def shorten_name(name: str) -> str:
    """A name of at most LONGEST characters: of a longer one the middle is left out, as names differ at their ends."""
    if len(name) <= LONGEST:
        return name
    half = (LONGEST - 1) // 2
    return f"{name[: LONGEST - 1 - half]}…{name[-half:]}"


def replace_unprintable(text: str) -> str:
    """Without signs that turn the direction of the sentence around them, or break it."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _tell_apart(configurations: Sequence[Configuration]) -> None:
    """By the first member's place, where names are alike."""
    alike: dict[str, list[Configuration]] = {}
    for one in configurations:
        alike.setdefault(one.whole_name, []).append(one)
    for group in alike.values():
        if len(group) > 1:
            for one in group:
                one.whole_name += f" ({one.first.label})"


def _find_distinguishing_parts(group: Sequence[Configuration]) -> dict[str, list[str]]:
    """For each configuration, by its key: "option" and "setting" parts in which the group differs."""
    options = {name: [one.get_option(name) for one in group] for name in GROUPS}
    parts: dict[str, list[str]] = {one.key: [] for one in group}
    for name, chosen in options.items():
        if len(set(chosen)) > 1:
            for one, option in zip(group, chosen, strict=True):
                parts[one.key].append(f"{name}={option}")
    for setting in sorted({key for one in group for key in one.settings}):
        chosen = options.get(setting.partition(".")[0], [""] * len(group))
        values = [one.settings.get(setting) for one in group]
        if len(set(zip(chosen, values, strict=True))) > len(set(chosen)):  # differs also where the option is the same
            for one, value in zip(group, values, strict=True):
                parts[one.key].append(f"{setting.rpartition('.')[2]}={'not set' if value is None else value}")
    return parts
