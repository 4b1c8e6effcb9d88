"""Published results to draw next to one's own runs, marked as published.

They carry TQuAD's leak: 260 of the 892 dev questions are asked about a context that is also in train.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlqa.errors import ConfigError

DATASET = "TQuAD dev, 892 questions"
TOTAL = 892


@dataclass(frozen=True)
class PublishedResult:
    """One published row. None is what its source does not give."""

    model: str  # the option of this project that starts from the same checkpoint
    checkpoint: str
    vocab_size: int
    hardware: str
    instance_type: str
    epochs: float
    exact_match: float | None
    f1: float | None
    seconds: float | None = None  # billed
    usd_per_hour: float | None = None  # of one instance
    instance_count: int = 1
    distribution: str = ""

    @property
    def usd(self) -> float | None:
        """What the job cost."""
        if self.seconds is None or self.usd_per_hour is None:
            return None
        return self.seconds * self.instance_count * self.usd_per_hour / 3600

    def get_cost(self, axis: str) -> float | None:
        """Return what a run cost, None if its source does not say.

        Args:
            axis: "usd" or "minutes", as for a configuration.
        """
        return self.usd if axis == "usd" else None if self.seconds is None else self.seconds / 60


_XLMR = ("xlmr", "deepset/xlm-roberta-base-squad2", 250_002)
BLOG = (
    PublishedResult(*_XLMR, "p3", "ml.p3.2xlarge", 2, 56.39, 77.14, 1487, 3.825),
    PublishedResult(*_XLMR, "g4dn", "ml.g4dn.xlarge", 2, None, 76.60, 1809, 0.7364),
    PublishedResult(*_XLMR, "p3_smddp", "ml.p3.16xlarge", 2, None, None, 619, 28.152, 2, "smdistributed"),
    PublishedResult("berturk", "dbmdz/bert-base-turkish-uncased", 32_000, "p3", "ml.p3.2xlarge", 2, 56.17, 75.63),
    PublishedResult("mbert", "bert-base-multilingual-uncased", 105_879, "p3", "ml.p3.2xlarge", 2, 50.45, 71.74),
)
REFERENCES = {"blog": BLOG}


def get_published(name: str | None) -> tuple[PublishedResult, ...]:
    """Return the rows of a reference, none for None.

    Raises:
        ConfigError: There is no reference of this name.
    """
    if name is None:
        return ()
    if name not in REFERENCES:
        raise ConfigError(f"reference={name}: there is no such reference; choose one of {', '.join(REFERENCES)}")
    return REFERENCES[name]
