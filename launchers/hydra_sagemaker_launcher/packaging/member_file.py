"""member.json, which tells the program in the container what to run."""

from __future__ import annotations

import json
from typing import Any

from omegaconf import OmegaConf

from hydra_sagemaker_launcher.container import MEMBER_FILE
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.packaging.program import Program
from hydra_sagemaker_launcher.secret_scan import find_secrets


def build_member_file(
    member: Member, program: Program, overrides: list[str], config_sha256: str, options: Any
) -> bytes:
    """Build the content of a member's member.json.

    Args:
        member: The member.
        program: The app's program.
        overrides: The overrides that compose its config in the container.
        config_sha256: The hash of that config.
        options: The options of the launcher.

    Raises:
        LaunchError: The file, or the member's config, contains what looks like a secret.
    """
    body = {
        "program": program.name,
        "module": program.module,
        "flags": program.flags,
        "overrides": overrides,
        "config_sha256": config_sha256,
        "number": member.number,
        "checkpoints": options.checkpoints,
        "secrets": dict(options.secrets),
    }
    content = json.dumps(body, ensure_ascii=False, indent=1).encode()
    task = OmegaConf.to_yaml(member.task_config).encode()
    secrets = [*find_secrets("config.yaml", task), *find_secrets(MEMBER_FILE, content)]
    if secrets:
        raise LaunchError(
            f"#{member.number}: its config contains what looks like {secrets[0][1]}; a config is stored and shown in "
            "many places; put the value into Secrets Manager and its ARN into hydra.launcher.secrets"
        )
    return content
