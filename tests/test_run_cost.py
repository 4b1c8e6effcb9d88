"""Test the cost node of result.json, with prices that were multiplied by hand."""

from __future__ import annotations

import pytest

from mlqa.run_directory import compute_run_cost


@pytest.mark.parametrize(("seconds", "price", "usd"), [(1800, 3.0, 1.5), (1, 0.36, 0.0001), (60, None, None)])
def test_the_cost_of_this_machine(seconds: float, price: float | None, usd: float | None) -> None:
    cost = compute_run_cost(seconds, price)
    assert (cost["usd"], cost["usd_per_hour"], cost["billable_seconds"]) == (usd, price, seconds)
