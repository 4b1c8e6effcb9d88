"""What is wrong with the launcher's options, whichever members a sweep has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hydra_sagemaker_launcher.request.overlay import find_overlay_problems
from hydra_sagemaker_launcher.secret_scan import is_secret_name

_BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*")
_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_CHANNEL = re.compile(r"[A-Za-z0-9_]{1,64}")
_MINIMUM = {
    "max_parallel": 1,
    "submit_interval": 0,
    "poll_interval": 0.1,
    "spot_max_wait_hours": 0,
    "keep_alive_seconds": 0,
    "budget_usd": 0,
}
_CHOICES = {"on_interrupt": ("stop", "detach"), "input_mode": ("File", "FastFile")}
_OWN_CHANNELS = ("code", "member")


def find_option_problems(options: Any) -> Iterator[str]:
    """Yield a line for each option whose value is impossible or goes with no other option's.

    Args:
        options: The launcher's options, a `SageMakerLauncherConf`.
    """
    yield from _check_storage(options.bucket, options.prefix)
    yield from find_overlay_problems(options.request)
    yield from _check_values(options)
    yield from _check_environment(options)
    yield from _check_network(options)
    yield from _check_channel_names(options.channels)


def _check_storage(bucket: str | None, prefix: str) -> Iterator[str]:
    if bucket is not None and not _BUCKET.fullmatch(bucket):
        yield (
            f"hydra.launcher.bucket={bucket}: is not a valid bucket name; give 3 to 63 lower-case letters, digits, "
            "- and ."
        )
    if not _PREFIX.fullmatch(prefix) or ".." in prefix.split("/"):
        yield f"hydra.launcher.prefix={prefix}: give letters, digits and -_.!*'(), and / between folders"


def _check_values(options: Any) -> Iterator[str]:
    for key, allowed in _CHOICES.items():
        if getattr(options, key) not in allowed:
            yield f"hydra.launcher.{key}={getattr(options, key)}: choose {' or '.join(allowed)}"
    for key, minimum in _MINIMUM.items():
        if getattr(options, key) is not None and not getattr(options, key) >= minimum:
            yield f"hydra.launcher.{key}={getattr(options, key)}: choose {minimum} or more"
    if not 0 <= options.retry_attempts <= 30:
        yield f"hydra.launcher.retry_attempts={options.retry_attempts}: choose 0 to 30"
    if not options.wait and (options.max_parallel is not None or options.budget_usd is not None):
        yield (
            "hydra.launcher.wait=false: all jobs are submitted at once, because nothing would enforce max_parallel or "
            "budget_usd afterwards; remove them, or wait"
        )


def _check_environment(options: Any) -> Iterator[str]:
    for name in options.environment:
        if not _VARIABLE.fullmatch(name):
            yield f"hydra.launcher.environment: {name!r} is not a valid variable name"
        elif is_secret_name(name):
            yield (
                f"hydra.launcher.environment: {name} sounds like a secret, and whoever may describe a job can read its "
                "environment; put the value into Secrets Manager and its ARN into hydra.launcher.secrets"
            )
    for name, arn in options.secrets.items():
        if not _VARIABLE.fullmatch(name):
            yield f"hydra.launcher.secrets: {name!r} is not a valid variable name"
        if not _ARN.fullmatch(str(arn)):
            yield f"hydra.launcher.secrets.{name}: give an ARN (arn:aws:secretsmanager:...), never the secret itself"


def _check_network(options: Any) -> Iterator[str]:
    if bool(options.subnets) != bool(options.security_group_ids):
        yield "hydra.launcher.subnets, security_group_ids: a VPC needs both; also give the other"
    for key, empty in {"requirements": "null", "secrets": "{}"}.items() if options.network_isolation else ():
        if getattr(options, key):
            yield (
                "hydra.launcher.network_isolation=true: the container cannot fetch anything; set "
                f"hydra.launcher.{key}={empty} and use an image that holds everything"
            )


def _check_channel_names(channels: Any) -> Iterator[str]:
    taken = {name.upper(): name for name in _OWN_CHANNELS}  # the job finds a channel by SM_CHANNEL_<NAME>
    for name in channels:
        if not _CHANNEL.fullmatch(name):
            yield f"hydra.launcher.channels.{name}: choose another name, of letters, digits and _"
        elif (other := taken.setdefault(name.upper(), name)) != name or name in _OWN_CHANNELS:
            yield (
                f"hydra.launcher.channels.{name}: its SM_CHANNEL_{name.upper()} would be that of the channel {other}; "
                "choose another name"
            )
