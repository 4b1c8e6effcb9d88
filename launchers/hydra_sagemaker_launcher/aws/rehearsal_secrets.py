"""Secrets of a rehearsal: the stand-in has none of the user's, so each gets the value of the variable of its name."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.errors import LaunchError


def collect_secret_values(secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each secret, by variable.

    Args:
        secrets: `hydra.launcher.secrets`.

    Raises:
        LaunchError: A variable is not set here.
    """
    if missing := [name for name in secrets if not os.environ.get(name)]:
        raise LaunchError(
            [
                f"hydra.launcher.secrets.{name}: a rehearsal takes the value of your variable {name}, which is not "
                f"set; set it, or give '~hydra.launcher.secrets.{name}'"
                for name in missing
            ]
        )
    return {name: os.environ[name] for name in secrets}


def store_secrets(secrets: Mapping[str, str], aws: Aws) -> None:
    """Store the values in the stand-in, in whose memory they stay, under the ARNs that the jobs ask for."""
    for name, value in collect_secret_values(secrets).items():
        service, region, _, *resource = secrets[name].split(":")[2:]
        client = aws.session.client(service, region_name=region, endpoint_url=aws.endpoint)
        if service == "ssm":
            path = resource[0].removeprefix("parameter")
            for known in (path, path.lstrip("/")):  # the ARN does not tell /name from name
                client.put_parameter(Name=known, Value=value, Type="SecureString", Overwrite=True)
            continue
        _, secret, *key = resource
        text = json.dumps({key[0]: value}) if key else value
        try:
            client.create_secret(Name=secret, SecretString=text)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=secret, SecretString=text)
