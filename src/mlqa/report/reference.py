"""Published results to show beside one's own runs: published/<name>.yaml, or a file of the user's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from mlqa.config.schema import REFERENCES
from mlqa.errors import ConfigError

_REQUIRED = ("title", "source", "data", "rows")


@dataclass(frozen=True)
class PublishedResult:
    """One published row. None is what its source does not give."""

    checkpoint: str
    model: str | None = None  # the option of this project that starts from the same checkpoint
    vocab_size: int | None = None
    hardware: str | None = None
    instance_type: str | None = None
    epochs: float | None = None
    exact_match: float | None = None
    exact_match_sd: float | None = None
    f1: float | None = None
    f1_sd: float | None = None
    seeds: int | None = None
    seconds: float | None = None
    usd_per_hour: float | None = None
    instance_count: int = 1
    distribution: str = ""
    source: str | None = None

    @property
    def name(self) -> str:
        """Names the row: the option of this project, or what was trained."""
        return self.model or self.checkpoint

    @property
    def minutes(self) -> float | None:
        """What the job was billed for, None if its source does not say."""
        return None if self.seconds is None else self.seconds / 60

    @property
    def usd(self) -> float | None:
        """What the job cost, None if its source does not say."""
        if self.seconds is None or self.usd_per_hour is None:
            return None
        return self.seconds * self.instance_count * self.usd_per_hour / 3600


@dataclass(frozen=True)
class Reference:
    """A table of published results.

    Attributes:
        title: What it is, e.g. "the original experiment".
        source: An address or a citation.
        data: The questions, in words.
        rows: The results.
        dataset: The option whose runs answered the same questions, None if there is none.
        questions: Number of questions, None if the source does not say.
        leak: Whether questions are about contexts of the train split, in words. None if the source does not say.
    """

    title: str
    source: str
    data: str
    rows: list[PublishedResult]
    dataset: str | None = None
    questions: int | None = None
    leak: str | None = None


def load_references(asked: str | None, datasets: Mapping[str, Collection[int | None]] | None = None) -> list[Reference]:
    """Load the published results that a report shows.

    Args:
        asked: A name of `REFERENCES`, the path of a YAML file of the user's own, or None.
        datasets: {data set of the runs: how many questions of it they answered}. What is published on as many is shown
            as well.

    Raises:
        ConfigError: There is no such reference, or the file is not one.
    """
    names = [asked] if asked else []
    shipped = {name: _parse_reference(_read_shipped(name), f"reference={name}") for name in REFERENCES}
    for name, reference in shipped.items():
        totals = (datasets or {}).get(reference.dataset or "")
        if name != asked and totals is not None and (reference.questions is None or reference.questions in totals):
            names.append(name)
    return [shipped.get(name) or _load_file(name) for name in names]


def _read_shipped(name: str) -> str:
    return (files("mlqa.report") / "published" / f"{name}.yaml").read_text("utf-8")


def _load_file(path: str) -> Reference:
    try:
        return _parse_reference(Path(path).expanduser().read_text("utf-8"), path)
    except FileNotFoundError:
        raise ConfigError(
            f"reference={path}: there is no such reference; choose one of {', '.join(REFERENCES)}, or give the path of "
            "a YAML file (docs/report.md)"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"reference={path}: the file cannot be read: {error}") from None


def _parse_reference(text: str, name: str) -> Reference:
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: the file is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{name}: the file is not a mapping with {', '.join(_REQUIRED)}")
    if missing := [key for key in _REQUIRED if not content.get(key)]:
        raise ConfigError(f"{name}: {', '.join(missing)} must be given (docs/report.md shows a file)")
    shared = content.pop("seeds", None)
    rows = [_parse_row({"seeds": shared, **row} if isinstance(row, dict) else row, name) for row in content.pop("rows")]
    known = {field.name for field in fields(Reference)}
    if unknown := sorted(set(map(str, content)) - known):
        raise ConfigError(f"{name}: unknown keys: {', '.join(unknown)}")
    return Reference(**content, rows=rows)


def _parse_row(row: Any, name: str) -> PublishedResult:
    known = {field.name for field in fields(PublishedResult)}
    if not isinstance(row, dict) or not ({"checkpoint", "model"} & row.keys()) or not row.keys() <= known:
        raise ConfigError(
            f"{name}: this row needs a model or a checkpoint, and only {', '.join(sorted(known))}: {row!r:.100}"
        )
    numbers = {field.name for field in fields(PublishedResult)} - {
        "checkpoint", "model", "hardware", "instance_type", "distribution", "source",
    }  # fmt: skip
    for key, value in row.items():
        if key in numbers and value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ConfigError(f"{name}: {key} must be a number, not {value!r:.40}")
    return PublishedResult(**{"checkpoint": str(row.get("model")), **row})
