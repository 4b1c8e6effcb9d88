"""The service's boto3 clients of itself, with fixed credentials, a marked user agent, and no user settings."""

from __future__ import annotations

import os
import threading
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


class Clients:
    """One client per service and region, created when first needed. Threads may share boto3's clients.

    Attributes:
        url: The endpoint of the service.
    """

    def __init__(self) -> None:
        self.url = ""
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def get(self, service: str, region: str = "us-east-1") -> Any:
        """Return a client.

        Args:
            service: s3 or logs.
            region: The region, which matters only to logs.
        """
        import boto3
        from botocore.config import Config

        with self._lock:
            if (service, region) not in self._clients:
                key, secret, token = CREDENTIALS.values()
                self._clients[service, region] = boto3.client(
                    service,
                    region_name=region,
                    endpoint_url=self.url,
                    aws_access_key_id=key,
                    aws_secret_access_key=secret,
                    aws_session_token=token,
                    config=Config(user_agent_extra=AGENT, retries={"mode": "standard", "total_max_attempts": 5}),
                )
            return self._clients[service, region]
