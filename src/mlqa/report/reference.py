"""Published results to draw next to one's own runs, marked as published: published/<reference>.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from mlqa.config.schema import Reference
from mlqa.errors import ConfigError

DATASET = "TQuAD dev, 892 questions"
TOTAL = 892
REFERENCES = [reference.value for reference in Reference]


@dataclass(frozen=True)
class PublishedResult:
    """One published row. None is what its source does not give."""

    model: str
    checkpoint: str
    vocab_size: int
    hardware: str
    instance_type: str
    epochs: float
    exact_match: float | None = None
    f1: float | None = None
    seconds: float | None = None
    usd_per_hour: float | None = None
    instance_count: int = 1
    distribution: str = ""

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


def get_published(name: str | None) -> list[PublishedResult]:
    """Return the rows of a reference, none for None.

    Raises:
        ConfigError: There is no reference of this name.
    """
    import yaml

    if name is None:
        return []
    if name not in REFERENCES:
        raise ConfigError(f"reference={name}: there is no such reference; choose one of {', '.join(REFERENCES)}")
    rows = yaml.safe_load((files("mlqa.report") / "published" / f"{name}.yaml").read_text("utf-8"))
    return [PublishedResult(**row) for row in rows]
