"""Sessions and clients of AWS or of the rehearsal service on this machine.

boto3 itself reads the usual environment (credentials, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_SAGEMAKER, _S3 ...).
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.answers import read_field
from hydra_sagemaker_launcher.errors import LaunchError

log = logging.getLogger(__name__)

PRICING_REGION = "us-east-1"
REHEARSAL_REGION = "us-east-1"
REHEARSAL_FOLDER = ".rehearsal"
# By partition. A region's own console is <region>.<host>.
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}


@dataclass
class Aws:
    """One client per service, created when it is first needed. Several threads may use a client.

    Attributes:
        session: The boto3 session.
        region: The region of the jobs.
        endpoint: The address of the rehearsal service. None: AWS, or what AWS_ENDPOINT_URL says.
        reopen: Opens such a session again. None: the session stays as it is.
    """

    session: Any
    region: str
    endpoint: str | None
    reopen: Callable[[], Any] | None = None

    @cached_property
    def sagemaker(self) -> Any:
        """The client for training jobs."""
        return self._create_client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        """The client for the bucket."""
        return self._create_client("s3")

    @cached_property
    def logs(self) -> Any:
        """The client for the jobs' logs in CloudWatch."""
        return self._create_client("logs")

    @cached_property
    def pricing(self) -> Any:
        """The client of the Price List API, which answers for all regions from a few."""
        return self._create_client("pricing", PRICING_REGION)

    @cached_property
    def quotas(self) -> Any:
        """The client of Service Quotas."""
        return self._create_client("service-quotas")

    @cached_property
    def iam(self) -> Any:
        """The client for roles and rights."""
        return self._create_client("iam")

    @cached_property
    def ecr(self) -> Any:
        """The client for images."""
        return self._create_client("ecr")

    @cached_property
    def secrets(self) -> Any:
        """The client of Secrets Manager."""
        return self._create_client("secretsmanager")

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Who calls, by STS: Account and Arn. Without credentials it raises what boto3 raises."""
        identity = dict(self._create_client("sts").get_caller_identity())
        read_field(identity, "Account")
        return identity

    @property
    def account(self) -> str:
        """The account's number."""
        return str(self.identity["Account"])

    def renew(self) -> None:
        """Read the credentials again from boto3's usual places. A session keeps the ones that it once found."""
        from botocore.exceptions import BotoCoreError

        if self.reopen is None:
            return
        try:
            self.session = self.reopen()
        except BotoCoreError as error:  # a file of ~/.aws is being written. The next attempt reads it again.
            log.debug("the credentials cannot be reloaded: %s", error)
            return
        for name in ("sagemaker", "s3", "logs", "pricing"):
            self.__dict__.pop(name, None)

    @property
    def partition(self) -> str:
        """The partition of the region, e.g. aws or aws-cn."""
        return str(self.session.get_partition_for_region(self.region))

    def get_console_link(self, job_name: str) -> str:
        """Return the page of a job in the SageMaker console, or the address of the rehearsal service.

        Args:
            job_name: The training job's name.
        """
        if self.endpoint:
            return f"{self.endpoint} (rehearsal)"
        host = _CONSOLES.get(self.partition, _CONSOLES["aws"])
        return f"https://{self.region}.{host}/sagemaker/home?region={self.region}#/jobs/{job_name}"

    def _create_client(self, service: str, region: str | None = None) -> Any:
        from botocore.config import Config

        config = Config(
            # Throttled requests are repeated with growing pauses: ten attempts lost none at SageMaker's own rates.
            retries={"mode": "standard", "total_max_attempts": 10},
            connect_timeout=10,
            read_timeout=60,
            user_agent_extra="hydra-sagemaker-launcher",
            max_pool_connections=32,
            **({"proxies": {}, "s3": {"addressing_style": "path"}} if self.endpoint else {}),
        )
        return self.session.client(
            service, region_name=region or self.region, endpoint_url=self.endpoint, config=config
        )


def open_aws(options: Any) -> Aws:
    """Open a session with the user's own AWS.

    Args:
        options: The launcher's options: `region` and `profile` count.

    Raises:
        LaunchError: No region is known, or the profile does not exist.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    def open_session() -> Any:
        # boto3 itself reads AWS_DEFAULT_REGION and the profile, but not AWS_REGION, which AWS's other tools read.
        region = options.region or os.environ.get("AWS_REGION")
        return boto3.Session(profile_name=options.profile, region_name=region)

    _suppress_boto_info()
    try:
        session = open_session()
    except BotoCoreError as error:
        raise LaunchError(f"hydra.launcher.profile={options.profile}: {error}") from None
    if session.region_name is None:
        raise LaunchError("hydra.launcher.region=null: no region is configured; give one, or set AWS_REGION")
    return Aws(session, str(session.region_name), None, open_session)


def open_rehearsal(options: Any, sweep_dir: Path) -> Aws:
    """Open a session with the rehearsal service of this sweep: the one that still runs, or a new one.

    The service is a process of its own, so `resume` finds the jobs of a client that died.

    Args:
        options: The launcher's options: `region` and `rehearsal` count.
        sweep_dir: The sweep's directory, which holds the service's state.

    Raises:
        LaunchError: moto is not installed, or the service does not start.
    """
    rehearsal, service = options.rehearsal, _import_rehearsal()
    try:
        url = service.start(
            sweep_dir / REHEARSAL_FOLDER,
            quotas=dict(rehearsal.quotas),
            file_systems=dict(rehearsal.file_systems),
            faults=Path(rehearsal.faults) if rehearsal.faults else None,
            processes_per_host=rehearsal.processes_per_host,
            toolkit=rehearsal.toolkit,
        )
    except service.RehearsalError as error:
        raise LaunchError(f"hydra.launcher.service=rehearsal: {error}") from error
    return _build_rehearsal_session(url, options.region or REHEARSAL_REGION)


def find_rehearsal(region: str, sweep_dir: Path) -> Aws | None:
    """Open a session with the rehearsal service of a sweep if it still runs. A new one would know none of its jobs.

    Args:
        region: The region of the sweep.
        sweep_dir: The sweep's directory.

    Raises:
        LaunchError: moto is not installed.
    """
    url = _import_rehearsal().find(sweep_dir / REHEARSAL_FOLDER)
    return None if url is None else _build_rehearsal_session(url, region)


def _build_rehearsal_session(url: str, region: str) -> Aws:
    import boto3

    _suppress_boto_info()
    session = boto3.Session(aws_access_key_id="rehearsal", aws_secret_access_key="rehearsal", region_name=region)
    return Aws(session, region, url)


def _suppress_boto_info() -> None:
    """Keep the log readable: Hydra shows everybody's INFO lines, and boto3 logs each endpoint and credential source."""
    for name in ("boto3", "botocore", "s3transfer"):
        if not logging.getLogger(name).level:
            logging.getLogger(name).setLevel(logging.WARNING)


def stop_rehearsal(sweep_dir: Path) -> None:
    """End the service of this sweep and remove what its jobs left outside the members' directories."""
    import shutil

    _import_rehearsal().stop(sweep_dir / REHEARSAL_FOLDER)
    shutil.rmtree(sweep_dir / REHEARSAL_FOLDER, ignore_errors=True)


def _import_rehearsal() -> Any:
    if importlib.util.find_spec("moto") is None:
        raise LaunchError("hydra.launcher.service=rehearsal: moto is missing; run: pip install 'moto[s3,server]'")
    import sagemaker_rehearsal

    return sagemaker_rehearsal
