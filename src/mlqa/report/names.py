"""Name configurations by model and hardware, and by no more than it takes to tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlqa.report.configurations import Configuration
from mlqa.report.grouping import group_by

LONGEST = 80  # characters of a name
MOST_PARTS = 4  # options and settings in a name
GROUPS = ("dataset", "hardware", "model", "optimizer")


def assign_names(configurations: Sequence[Configuration]) -> None:
    """Set the `whole_name` of each configuration, and its `name`, a shortened one that no other configuration has.

    A name is model and hardware. If several configurations share it, the options and settings in which they differ are
    added. A setting that differs only because the option does is left out. If two are still equal, the place in the
    order tells them apart.
    """
    alike = group_by(configurations, lambda one: replace_unprintable(f"{one.model} on {one.hardware}"))
    for name, group in alike.items():
        for one, parts in zip(group, _find_distinguishing_parts(group), strict=True):
            one.whole_name = f"{name} ({replace_unprintable(', '.join(parts))})" if parts else name
    counts = Counter(shorten_name(one.whole_name) for one in configurations)
    for number, one in enumerate(configurations, 1):
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


def _find_distinguishing_parts(group: Sequence[Configuration]) -> list[list[str]]:
    """Return for each configuration the first `MOST_PARTS` "name=value" in which the group differs."""
    options = {name: [one.first.get_option(name) for one in group] for name in GROUPS}
    differing = [(name, chosen) for name, chosen in options.items() if len(set(chosen)) > 1]
    for setting in sorted({key for one in group for key in one.settings}):
        chosen = options.get(setting.partition(".")[0], [""] * len(group))
        values = [one.settings.get(setting, "not set") for one in group]
        if len(set(zip(chosen, values, strict=True))) > len(set(chosen)):  # differs even if the option is the same
            differing.append((setting.rpartition(".")[2], values))
    return [[f"{name}={values[index]}" for name, values in differing[:MOST_PARTS]] for index in range(len(group))]
