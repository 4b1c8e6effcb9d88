"""The service's S3 client of itself, with fixed credentials, a marked user agent, and no user settings."""

from __future__ import annotations

import os
from typing import Any

AGENT = "sagemaker-rehearsal-agent"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "REHEARSAL", "AWS_SECRET_ACCESS_KEY": "rehearsal", "AWS_SESSION_TOKEN": "rehearsal"}


def forget_users_account() -> None:
    """Remove what would lead boto3 to the user's AWS account, or loopback traffic to a proxy."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"


def create_s3_client(url: str) -> Any:
    """Create the client, which all threads may share.

    Args:
        url: The endpoint of the service.
    """
    import boto3
    from botocore.config import Config

    key, secret, token = CREDENTIALS.values()
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(user_agent_extra=AGENT, retries={"mode": "standard", "total_max_attempts": 5}),
    )
