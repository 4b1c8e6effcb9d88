"""What a service has of an earlier attempt at a run, so that a run that begins again logs nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from mlqa.tracking.names import STEP, rename_metrics
from mlqa.tracking.protocol import Logged

_PLACES = ("train/epoch",)  # what says of a row where it is


class EarlierRows:
    """The metrics and tables of earlier attempts that this attempt will log again."""

    def __init__(self, logged: Logged | None = None, history: Iterable[Mapping[str, Any]] = ()) -> None:
        """Take over what a service has.

        Args:
            logged: What the service has, None if it does not know the run.
            history: Lines of the history.jsonl from which training resumes. They will not be logged again.
        """
        rows = logged.rows if logged else []
        self._left = Counter((row.get(STEP), name) for row in rows for name in row)
        self._left -= Counter((row["step"], name) for row in history for name in rename_metrics(row))
        self._logged = logged

    def drop_known(self, named: Mapping[str, float], step: int) -> dict[str, float]:
        """Return a row without the metrics that an earlier attempt logged at this step.

        A step may have two values of a metric, the last evaluation and that of the best model, so each is counted.

        Args:
            named: Value of each metric, as trackers name it.
            step: Number of optimizer steps so far.

        Returns:
            Nothing if no metric is left.
        """
        rest = {}
        for name, value in named.items():
            if self._left[step, name] > 0:
                self._left[step, name] -= 1
            else:
                rest[name] = value
        return rest if rest.keys() - set(_PLACES) else {}

    def has_table(self, name: str) -> bool:
        """Return whether an earlier attempt logged a table or page of this name."""
        return self._logged is not None and self._logged.has_table(name)
