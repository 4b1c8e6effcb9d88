"""Prices of a million questions, computed by hand, from rows as the launcher's command prints them."""

from __future__ import annotations

import pytest

from mlqa.serving.launcher import list_instances
from mlqa.serving.prices import UTILIZATION, Work, count_operations, estimate_costs
from mlqa.serving.throughput import Speed

ROWS = [
    {"instance_type": "ml.m5.large", "gpus": 0, "gpu": None, "vcpus": 2, "usd_per_hour": 0.115},
    {"instance_type": "ml.m5.xlarge", "gpus": 0, "gpu": None, "vcpus": 4, "usd_per_hour": 0.23},
    {"instance_type": "ml.m5.4xlarge", "gpus": 0, "gpu": None, "vcpus": 16, "usd_per_hour": 0.922},
    {"instance_type": "ml.g4dn.2xlarge", "gpus": 1, "gpu": "T4", "vcpus": 8, "usd_per_hour": 0.94},
    {"instance_type": "ml.g4dn.xlarge", "gpus": 1, "gpu": "T4", "vcpus": 4, "usd_per_hour": 0.7364},
    {"instance_type": "ml.g4dn.12xlarge", "gpus": 4, "gpu": "T4", "vcpus": 48, "usd_per_hour": 4.89},
    {"instance_type": "ml.new.xlarge", "gpus": 1, "gpu": "unheard of", "vcpus": 4, "usd_per_hour": 0.01},
]
SPEEDS = [Speed("fp32", 1, 50.0, 20.0), Speed("int8", 1, 100.0, 10.0), Speed("int8", 2, 150.0, 6.0)]


def test_by_hand() -> None:
    costs = estimate_costs(ROWS, SPEEDS, Work(operations=65e12 * UTILIZATION / 400, host_seconds=1e-3), 0.54)
    # this machine: 0.54 / 3600 / 150. m5.xlarge: 2 cores at 100 a second. T4: 400 a second, fewer than 2 cores tokenize
    assert [(one.where, one.graph, one.usd_per_million) for one in costs] == [
        ("ml.m5.xlarge", "int8", pytest.approx(0.23 / 3600 / 200 * 1e6, abs=1e-4)),
        ("ml.g4dn.xlarge", "fp16", pytest.approx(0.7364 / 3600 / 400 * 1e6, abs=1e-4)),
        ("this machine", "int8", pytest.approx(1.0, abs=1e-4)),
    ]
    assert [one.is_measured for one in costs] == [False, False, True]
    assert costs[1].basis == "30% of its peak"


def test_no_gpu_is_faster_than_its_tokenizer() -> None:
    gpu = estimate_costs(ROWS, SPEEDS, Work(operations=1.0, host_seconds=0.01), None)[-1]
    assert (gpu.questions_per_second, gpu.basis) == (200.0, "tokenizing on its cores")


def test_operations_by_hand() -> None:
    # one window of 10 tokens per question: 2 x 1000 x 10 for the weights, 4 x 2 layers x 8 wide x 100 for attention
    assert count_operations(1000, 2, 8, [10, 10], 2) == 2 * 1000 * 10 + 4 * 2 * 8 * 100


def test_the_launcher_answers() -> None:
    rows = {row["instance_type"]: row for row in list_instances()}
    assert rows["ml.m5.xlarge"]["vcpus"] == 4 and rows["ml.m5.xlarge"]["gpus"] == 0
    assert rows["ml.g5.xlarge"]["gpu"] == "A10G" and rows["ml.g5.xlarge"]["usd_per_hour"] > 0
