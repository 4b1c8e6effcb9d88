"""Check that paid jobs will have the W&B key that their config needs, because it cannot be typed there."""

from __future__ import annotations

import os
import sys
from typing import Any

from omegaconf import DictConfig

from mlqa.config.schema import TrackingBackend, WandbMode
from mlqa.environment import is_in_container

KEY = "WANDB_API_KEY"
_WAY_OUT = f"+hydra.launcher.secrets.{KEY}=<ARN in Secrets Manager or SSM>"


def find_key_problems(composed: DictConfig, hydra: Any) -> list[str]:
    """Refuse a member that must be online in a job without a key or without a network, as for a W&B agent.

    Args:
        composed: The composed config of the member.
        hydra: Hydra's own node of it.
    """
    mode = _resolve_job_mode(composed, hydra)
    if mode == "auto" and os.environ.get("WANDB_SWEEP_ID"):
        asked = "WANDB_SWEEP_ID"  # a W&B sweep draws its next members by the scores of those before
    elif mode == "online":
        asked = "tracking.mode=online" if composed.tracking.mode is WandbMode.online else "WANDB_MODE=online"
    else:
        return []
    offline = "track offline by tracking.mode=offline"
    if hydra.launcher.get("network_isolation"):
        return [
            f"{asked}: a container without a network (hydra.launcher.network_isolation) cannot reach W&B; {offline}"
        ]
    if KEY in (hydra.launcher.get("secrets") or {}):
        return []
    return [f"{asked}: the jobs on SageMaker have no W&B key; give {_WAY_OUT}, or {offline}"]


def warn_of_offline_jobs(members: list[DictConfig]) -> None:
    """Say once on stderr that jobs will track offline because they have no key."""
    if any(
        _resolve_job_mode(member, member.hydra) == "auto" and KEY not in (member.hydra.launcher.get("secrets") or {})
        for member in members
    ):
        offline = "the jobs on SageMaker have no W&B key, so they track offline"
        print(f"before you pay: tracking.mode=auto: {offline}; give {_WAY_OUT} to track online", file=sys.stderr)


def _resolve_job_mode(composed: DictConfig, hydra: Any) -> str | None:
    """Return how W&B is asked to run in the paid job of a member, None if there is no such job or no W&B in it.

    In a rehearsal nothing is paid, and its jobs say themselves that they track offline.
    """
    if composed.hardware.instance_type is None or is_in_container() or hydra.launcher.get("service") != "aws":
        return None
    if composed.tracking.backend is not TrackingBackend.wandb:
        return None
    mode: WandbMode = composed.tracking.mode
    passed_on = "WANDB_MODE" in (hydra.launcher.get("environment") or [])
    return os.environ.get("WANDB_MODE", mode.value) if mode is WandbMode.auto and passed_on else mode.value
