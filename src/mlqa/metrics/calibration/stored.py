"""calibration.json: what turns the scores of a model into probabilities, stored in the folder of the model."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlqa.errors import RunError
from mlqa.metrics.calibration.selective import Point, choose_point
from mlqa.result import CALIBRATION, write_json


@dataclass(frozen=True)
class Calibration:
    """How sure a model may be.

    Attributes:
        split: The split that everything was chosen on.
        temperature: T of mlqa.metrics.calibration.temperature.
        metric: The metric that `risk` is about: 1 - metric is the loss.
        risk: The mean loss that `threshold` was chosen for, 0-1.
        threshold: The lowest probability to be sure of, None if no answer is that sure.
        curve: Points of the risk-coverage curve of `split`, for other risks.
        null_threshold: SQuAD 2.0: null odds above which its procedure gives no answer. None if every question has one.
    """

    split: str
    temperature: float
    metric: str
    risk: float
    threshold: float | None
    curve: Sequence[dict[str, Any]] = field(default_factory=list)
    null_threshold: float | None = None

    @property
    def metric_label(self) -> str:
        """What a sentence calls the metric."""
        label = {"f1": "F1", "exact_match": "exact match"}[self.metric.removesuffix("_language")]
        return f"{label} by the language's rules" if self.metric.endswith("_language") else label

    def find_threshold(self, risk: float | None) -> float | None:
        """Return the threshold for a risk, 0-1. None stands for the risk that was stated when the model was made."""
        if risk is None or risk == self.risk:
            return self.threshold
        point = choose_point([Point(**each) for each in self.curve], risk)
        return None if point is None else point.threshold

    def write(self, folder: Path) -> None:
        """Write calibration.json to the folder of the model.

        Raises:
            RunError: The file cannot be written.
        """
        write_json(folder / CALIBRATION, asdict(self))


def read_calibration(folder: Path) -> Calibration | None:
    """Read calibration.json from the folder of a model, None if the model has none.

    Raises:
        RunError: The file cannot be read or is damaged. Other probabilities than the model's would be returned.
    """
    path = folder / CALIBRATION
    try:
        content = json.loads(path.read_text("utf-8"))
        known = {name: content[name] for name in Calibration.__dataclass_fields__}
        stored = Calibration(**known)
        optional = (stored.threshold, stored.null_threshold)
        numbers = [stored.temperature, stored.risk, *(number for number in optional if number is not None)]
        [Point(**{name: float(value) for name, value in each.items()}) for each in stored.curve]
        if not all(map(math.isfinite, numbers)) or stored.temperature <= 0 or not stored.metric_label:
            raise ValueError
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise RunError(f"{path}: is damaged; copy it anew from where the model was trained, or remove it") from None
    return stored
