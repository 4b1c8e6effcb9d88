"""Tables of cases too long for `make test`. `make test-all` runs every case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def keep_cases(kept: Iterable[Any], cases: Iterable[Any]) -> list[Any]:
    """Return the cases of a parametrized test, all but `kept` marked as exhaustive.

    Raises:
        ValueError: A case to keep is not in the table.
    """
    kept, cases = list(kept), list(cases)
    if missing := [case for case in kept if case not in cases]:
        raise ValueError(f"no such cases: {missing}")
    return [case if case in kept else pytest.param(case, marks=pytest.mark.exhaustive) for case in cases]
