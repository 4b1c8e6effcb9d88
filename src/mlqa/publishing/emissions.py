"""Estimate the energy and the CO2 of a training run, from its hours and the power limits of its hardware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlqa.serving.gpus import load_gpus

GRAMS_PER_KWH = 473  # of CO2: the world's electricity in 2024 (Ember, Global Electricity Review 2025)
WATTS_PER_VCPU = 5.0  # of a server's CPU at full load, memory included: 10 per core
OVERHEAD = 1.15  # cooling and power supply of a data centre: the mean that AWS reports for 2023
LOCAL = "local"


@dataclass(frozen=True)
class Emissions:
    """An estimate, which assumes that the hardware always draws its power limit.

    Attributes:
        kilowatt_hours: Energy.
        grams: Grams of CO2.
        basis: What it was computed from.
    """

    kilowatt_hours: float
    grams: float
    basis: str


def estimate_emissions(
    result: Mapping[str, Any], instances: Sequence[Mapping[str, Any]], watts: float | None, grams_per_kwh: float
) -> Emissions | None:
    """Estimate the energy and CO2 of a run.

    Args:
        result: The content of its result.json.
        instances: Rows of the launcher's catalogue.
        watts: Power of one machine, None to take the limits of its parts.
        grams_per_kwh: Grams of CO2 per kilowatt-hour of the electricity there.

    Returns:
        None if the time is not known, or the hardware: a machine of the user's own that may have a GPU.
    """
    cost = result.get("cost") or {}
    seconds, count = cost.get("billable_seconds"), cost.get("instance_count") or 1
    if not seconds:
        return None
    what, overhead = f"{watts:g} W, as given" if watts else "", 1.0
    instance = cost.get("instance_type")
    if not watts and instance == LOCAL:
        if not str((result.get("versions") or {}).get("torch", "")).endswith("+cpu"):
            return None
        cores = ((result.get("threads") or {}).get("cores") or {}).get("machine") or 1
        watts, what = 2 * WATTS_PER_VCPU * cores, f"{cores} cores of a CPU at {2 * WATTS_PER_VCPU:g} W"
    elif not watts:
        row = next((one for one in instances if one["instance_type"] == instance), None)
        if row is None or (row["gpus"] and row["gpu"] not in load_gpus()) or not row["vcpus"]:
            return None
        board = load_gpus()[row["gpu"]]["watts"] if row["gpus"] else 0.0
        watts = row["gpus"] * board + row["vcpus"] * WATTS_PER_VCPU
        what = f"{row['vcpus']} vCPUs at {WATTS_PER_VCPU:g} W"
        if row["gpus"]:
            what = f"{row['gpus']} x {row['gpu']} at {board:g} W, " + what
        overhead = OVERHEAD
    assert watts is not None
    energy = seconds / 3600 * count * watts * overhead / 1000
    machines = f"{count} x {what}" if count > 1 else what
    factor = f", times {overhead:g} for the data centre" if overhead > 1 else ""
    return Emissions(energy, energy * grams_per_kwh, f"{machines}{factor}, {grams_per_kwh:g} g of CO2 per kWh")
