"""What a million questions cost on the instance types of the launcher's catalogue, by measured and estimated speeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.serving.gpus import load_gpus
from mlqa.serving.throughput import Speed

MILLION = 1_000_000
VCPUS_PER_CORE = 2  # hyperthreads, which add little to products of matrices
CPU_FAMILIES = 3  # that are shown: the cheapest
# Of what a GPU computes at most, reached with batches of 32 windows in half precision. An assumption, and so every
# price of a GPU is an estimate.
UTILIZATION = 0.3


@dataclass(frozen=True)
class ServingCost:
    """What a million questions cost on one instance that is always busy.

    Attributes:
        kind: "cpu" or "gpu".
        where: The instance type, or "this machine".
        device: What it has, e.g. "4 vCPUs".
        graph: "fp32", "int8", or "fp16" for the model in half precision on a GPU.
        questions_per_second: On the whole instance.
        usd_per_hour: Price of the instance.
        usd_per_million: Dollars per million questions.
        is_measured: Whether the speed was measured on such a machine. Otherwise it is an estimate.
        basis: What the speed comes from.
    """

    kind: str
    where: str
    device: str
    graph: str
    questions_per_second: float
    usd_per_hour: float
    usd_per_million: float
    is_measured: bool
    basis: str


@dataclass(frozen=True)
class Work:
    """What a question takes.

    Attributes:
        operations: Floating-point operations of its windows.
        host_seconds: Seconds on one core for tokens and decoding, which no GPU makes shorter.
    """

    operations: float
    host_seconds: float


def count_operations(parameters: int, layers: int, hidden_size: int, lengths: Iterable[int], questions: int) -> float:
    """Return the floating-point operations of a question.

    Args:
        parameters: Parameters of the model without its embeddings. Each multiplies and adds once per token.
        layers: Layers with attention, whose products grow with the square of the width.
        hidden_size: Width of the hidden states.
        lengths: Tokens of each window.
        questions: Questions that the windows belong to.
    """
    total = sum(2.0 * parameters * length + 4.0 * layers * hidden_size * length**2 for length in lengths)
    return total / questions


def estimate_costs(
    instances: Sequence[Mapping[str, Any]], speeds: Sequence[Speed], work: Work, usd_per_hour: float | None
) -> list[ServingCost]:
    """Return what a million questions cost, the cheapest first.

    On a CPU, each core answers questions of its own as fast as one thread does here. On a GPU, windows are read in
    batches, at `UTILIZATION` of its peak, unless tokenizing on the instance's cores takes longer.

    Args:
        instances: Rows of the launcher's catalogue.
        speeds: What was measured on this machine.
        work: What a question takes.
        usd_per_hour: Price of this machine, None if it has none.

    Returns:
        A row per CPU family with its fastest graph, and per type of GPU with its cheapest instance of one GPU.
    """
    costs = []
    if usd_per_hour:
        best = max(speeds, key=lambda one: one.questions_per_second)
        rate, device = best.questions_per_second, f"{best.threads} thread{'s' if best.threads > 1 else ''}"
        costs.append(_build_cost("cpu", "this machine", device, best.graph, rate, usd_per_hour, ""))
    for row in _choose_cpus(instances):
        cores = row["vcpus"] / VCPUS_PER_CORE
        one_thread = [speed for speed in speeds if speed.threads == 1]
        if one_thread:
            best = max(one_thread, key=lambda one: one.questions_per_second)
            rate, device = best.questions_per_second * cores, f"{row['vcpus']} vCPUs"
            basis = f"{cores:g} cores, each as fast as one thread here"
            costs.append(_build_cost("cpu", row["instance_type"], device, best.graph, rate, row["usd_per_hour"], basis))
    for row in _choose_gpus(instances):
        cores = (row["vcpus"] or VCPUS_PER_CORE) / VCPUS_PER_CORE
        reads = UTILIZATION * load_gpus()[row["gpu"]]["tflops"] * 1e12 / work.operations
        tokenizes = cores / work.host_seconds
        basis = f"{UTILIZATION:.0%} of its peak" if reads < tokenizes else "tokenizing on its cores"
        device, rate = f"1 x {row['gpu']}", min(reads, tokenizes)
        costs.append(_build_cost("gpu", row["instance_type"], device, "fp16", rate, row["usd_per_hour"], basis))
    return sorted(costs, key=lambda one: one.usd_per_million)


def _build_cost(
    kind: str, where: str, device: str, graph: str, rate: float, usd_per_hour: float, basis: str
) -> ServingCost:
    dollars = usd_per_hour / 3600 / rate * MILLION
    return ServingCost(
        kind, where, device, graph, round(rate, 3), usd_per_hour, round(dollars, 4), not basis, basis or "measured here"
    )


def _choose_cpus(instances: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return an instance of each of the families with the cheapest core: the smallest with at least 4 vCPUs."""
    families: dict[str, Mapping[str, Any]] = {}
    for row in sorted(instances, key=lambda one: one["usd_per_hour"]):
        if not row["gpus"] and (row["vcpus"] or 0) >= 4:
            families.setdefault(row["instance_type"].rpartition(".")[0], row)
    by_core = sorted(families.values(), key=lambda one: one["usd_per_hour"] / one["vcpus"])
    return by_core[:CPU_FAMILIES]


def _choose_gpus(instances: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the cheapest instance of one GPU of each type whose peak is known."""
    cheapest: dict[str, Mapping[str, Any]] = {}
    for row in sorted(instances, key=lambda one: one["usd_per_hour"]):
        if row["gpus"] == 1 and row["gpu"] in load_gpus():
            cheapest.setdefault(row["gpu"], row)
    return list(cheapest.values())
