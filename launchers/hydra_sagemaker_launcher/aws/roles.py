"""The role that jobs take on."""

from __future__ import annotations

import os
from typing import Any

from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.errors import LaunchError

REHEARSAL_ROLE = "arn:aws:iam::123456789012:role/rehearsal"


def find_role(options: Any, aws: Aws | None) -> str | None:
    """Return the name or ARN of the role that the jobs take on, None if none is given.

    Args:
        options: The launcher's options: `role_arn` comes before SAGEMAKER_ROLE_ARN.
        aws: The account and region of the jobs. A rehearsal needs no role of the user's.
    """
    own = REHEARSAL_ROLE if aws is not None and aws.endpoint else None
    return options.role_arn or os.environ.get("SAGEMAKER_ROLE_ARN") or own


def require_role(options: Any, aws: Aws | None) -> str:
    """Return what `find_role` returns.

    Raises:
        LaunchError: No role is given.
    """
    role = find_role(options, aws)
    if not role:
        raise LaunchError(
            "hydra.launcher.role_arn=null: give the ARN of the role that jobs take on, or set SAGEMAKER_ROLE_ARN; "
            "`hydra-sagemaker policy --trust` and `--role` print what to create it from"
        )
    return role


def resolve_role(options: Any, aws: Aws) -> str:
    """Return the ARN of the role that the jobs take on.

    Args:
        options: The launcher's options, as `find_role` takes them.
        aws: The account and region of the jobs. A role that is given by its name is one of this account.

    Raises:
        LaunchError: No role is given.
    """
    role = require_role(options, aws)
    return role if role.startswith("arn:") else build_role_arn(role, aws.partition, aws.account)


def build_role_arn(role: str, partition: str = "aws", account: str = "0" * 12) -> str:
    """Return the ARN of a role that is given by its name."""
    return role if role.startswith("arn:") else f"arn:{partition}:iam::{account}:role/{role}"
