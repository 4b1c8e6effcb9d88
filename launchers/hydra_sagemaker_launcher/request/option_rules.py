"""What is wrong with the launcher's options, whichever members a sweep has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from hydra_sagemaker_launcher.data_file import read_data_file
from hydra_sagemaker_launcher.request.channels import find_channel_problems
from hydra_sagemaker_launcher.request.overlay import find_overlay_problems
from hydra_sagemaker_launcher.secret_scan import is_secret_name

# Of a secret in Secrets Manager, with a key of its JSON if there is one, or of a parameter of Systems Manager.
_ARN = re.compile(
    r"arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:\d{12}:secret:[^:]+(:[^:]+)?|ssm:[a-z0-9-]+:\d{12}:parameter/.+)"
)
_VARIABLE = re.compile(r"[A-Za-z_]\w*")


def find_option_problems(options: Any) -> Iterator[str]:
    """Yield a line for each option whose value is impossible or conflicts with another option's.

    Args:
        options: The launcher's options, a `SageMakerLauncherConf`.
    """
    yield from find_overlay_problems(options.request)
    yield from _check_values(options)
    yield from _check_environment(options)
    yield from _check_network(options)
    yield from find_channel_problems(options.channels, has_vpc=bool(options.subnets))


def _check_values(options: Any) -> Iterator[str]:
    for rule in read_data_file("request/option_rules.yaml"):
        value = getattr(options, rule["option"])
        if value is None:
            continue
        if "pattern" in rule:
            fits = re.fullmatch(rule["pattern"], value) is not None
        elif "choices" in rule:
            fits = value in rule["choices"]
        else:
            fits = rule["minimum"] <= value <= rule.get("maximum", math.inf)
        if not fits:
            yield f"hydra.launcher.{rule['option']}={value}: {rule['message']}"
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
                f"hydra.launcher.environment: {name} sounds like a secret, and all who may describe a job can read its "
                "environment; put the value into Secrets Manager and its ARN into hydra.launcher.secrets"
            )
    for name, arn in options.secrets.items():
        if not _VARIABLE.fullmatch(name):
            yield f"hydra.launcher.secrets: {name!r} is not a valid variable name"
        if not _ARN.fullmatch(str(arn)):
            yield (
                f"hydra.launcher.secrets.{name}: give an ARN (arn:aws:secretsmanager:... or arn:aws:ssm:...), never "
                "the secret itself"
            )


def _check_network(options: Any) -> Iterator[str]:
    if bool(options.subnets) != bool(options.security_group_ids):
        yield "hydra.launcher.subnets, security_group_ids: a VPC needs both; also give the other"
    for key, empty in {"requirements": "null", "secrets": "{}"}.items() if options.network_isolation else ():
        if getattr(options, key):
            yield (
                "hydra.launcher.network_isolation=true: the container cannot fetch anything; set "
                f"hydra.launcher.{key}={empty} and use an image that holds everything"
            )
