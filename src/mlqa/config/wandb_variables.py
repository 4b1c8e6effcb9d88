"""Variables of W&B that mlqa cannot honour: it says so by name instead of ignoring them."""

from __future__ import annotations

import os

from omegaconf import DictConfig

from mlqa.config.schema import TrackingBackend, WandbMode

_MODES = ("online", "offline", "dryrun", "disabled", "run")  # W&B's, the third and the last by their old names
_OWN = "mlqa decides this itself: unset it"
# What each variable would have to be to agree with mlqa, and why or what to do instead.
_FIXED: dict[str, tuple[tuple[str, ...], str]] = {
    "WANDB_RESUME": (("allow",), "mlqa resumes a run by its directory: unset it"),
    "WANDB_RESUME_FROM": ((), _OWN),
    "WANDB_FORK_FROM": ((), _OWN),
    "WANDB_REINIT": (("finish_previous",), _OWN),
    "WANDB_SAGEMAKER_DISABLE": (("true", "1"), _OWN),
    "WANDB_FINISH_TIMEOUT": ((), "set tracking.finish_timeout instead"),
    "WANDB_DISABLED": (("false", "0"), "set tracking=files or WANDB_MODE=disabled instead"),
    "WANDB_LOG_MODEL": (("false",), "set tracking.artifacts=true instead, which uploads the model"),
    "WANDB_WATCH": (("false",), "gradients are not logged: unset it"),
}


def find_variable_problems(composed: DictConfig) -> list[str]:
    """Refuse variables of W&B that would be ignored.

    Args:
        composed: The composed config of a member. If it is not tracked in W&B, nothing is refused.
    """
    tracking = composed.tracking
    if tracking.backend is not TrackingBackend.wandb or tracking.mode is WandbMode.disabled:
        return []
    problems = [
        f"{name}={os.environ[name]}: {way_out}"
        for name, (agreeing, way_out) in _FIXED.items()
        if os.environ.get(name) and os.environ[name].lower() not in agreeing
    ]
    mode = os.environ.get("WANDB_MODE")
    if mode and mode not in _MODES and tracking.mode is WandbMode.auto:
        problems.append(f"WANDB_MODE={mode}: W&B has no such mode; choose online, offline or disabled")
    return problems
