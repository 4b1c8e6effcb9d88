"""The licence identifiers of the Hugging Face hub, which a card must use for the hub to show and filter it."""

from __future__ import annotations

import difflib
import functools
import re
from importlib.resources import files

from mlqa.errors import ConfigError

_PAGE = "huggingface.co/docs/hub/repositories-licenses"


@functools.cache
def list_licences() -> list[str]:
    """Return the identifiers that the hub knows, e.g. "apache-2.0"."""
    from omegaconf import OmegaConf

    text = (files("mlqa.publishing") / "licences.yaml").read_text("utf-8")
    return [str(name) for name in OmegaConf.create(text)]


def check_licence(name: str) -> str:
    """Return a licence as the hub writes it, which is in lower case.

    Raises:
        ConfigError: The hub does not know it.
    """
    known = list_licences()
    if (lower := name.strip().lower()) in known:
        return lower
    close = _find_close(lower, known)
    advice = f"did you mean {' or '.join(close)}?" if close else "for a licence of your own, give other."
    raise ConfigError(f"card: --license={name}: the hub knows no such licence; {advice} The list: {_PAGE}")


def _find_close(name: str, known: list[str]) -> list[str]:
    """Return up to two identifiers that a name may mean: "Apache 2", "GPLv3", "cc by-sa"."""
    plain = re.sub(r"\b(the|licen[cs]e|version)\b", " ", name)
    plain = re.sub(r"[\s_-]+", "-", re.sub(r"([a-z])v?(\d)", r"\1-\2", plain).strip())
    plain = re.sub(r"-v?(\d)$", r"-\1.0", plain)
    begun = [one for one in known if f"{one}-".startswith(f"{plain}-")]
    shortest_and_newest = sorted(sorted(begun, reverse=True), key=len)
    return shortest_and_newest[:2] or difflib.get_close_matches(plain, known, n=2, cutoff=0.7)
