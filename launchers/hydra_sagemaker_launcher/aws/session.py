"""Sessions and clients: AWS as the user's environment says, or the rehearsal service on this machine.

boto3 reads the usual environment itself (credentials, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_SAGEMAKER, _S3 ...).
"""

from __future__ import annotations

import importlib.util
import logging
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.errors import LaunchError

PRICING_REGION = "us-east-1"  # the Price List API answers for all regions from a few
REHEARSAL_ROLE = "arn:aws:iam::123456789012:role/rehearsal"
REHEARSAL_REGION = "us-east-1"
REHEARSAL_FOLDER = ".rehearsal"


@dataclass
class Aws:
    """Where requests go; a client a service, made when it is first needed. Clients may be used by several threads."""

    session: Any
    region: str
    endpoint: str | None  # None: AWS, or what AWS_ENDPOINT_URL says

    @cached_property
    def sagemaker(self) -> Any:
        return self._create_client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        return self._create_client("s3")

    @cached_property
    def logs(self) -> Any:
        return self._create_client("logs")

    @cached_property
    def pricing(self) -> Any:
        return self._create_client("pricing", PRICING_REGION)

    @cached_property
    def account(self) -> str:
        """The account's number, asked of STS. Raises what boto3 raises where there are no credentials."""
        return str(self._create_client("sts").get_caller_identity()["Account"])

    @property
    def partition(self) -> str:
        return str(self.session.get_partition_for_region(self.region))

    def get_console_link(self, job_name: str) -> str:
        """The page of a job in the SageMaker console; for a rehearsal there is none: the service's address."""
        if self.endpoint:
            return f"{self.endpoint} (rehearsal)"
        host = "console.amazonaws.cn" if self.partition == "aws-cn" else "console.aws.amazon.com"
        return f"https://{self.region}.{host}/sagemaker/home?region={self.region}#/jobs/{job_name}"

    def _create_client(self, service: str, region: str | None = None) -> Any:
        from botocore.config import Config

        config = Config(
            # Throttled requests are tried again with growing pauses: ten attempts lost none at SageMaker's own rates.
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
    """The user's own AWS. Raises LaunchError where no region is known or the profile does not exist."""
    import boto3
    from botocore.exceptions import BotoCoreError

    _suppress_boto_info()
    try:
        # boto3 itself reads AWS_DEFAULT_REGION and the profile, but not AWS_REGION, which AWS's other tools go by.
        region = options.region or os.environ.get("AWS_REGION")
        session = boto3.Session(profile_name=options.profile, region_name=region)
    except BotoCoreError as error:
        raise LaunchError(f"hydra.launcher.profile={options.profile}: {error}") from None
    if session.region_name is None:
        raise LaunchError("hydra.launcher.region=null: no region is configured; give one, or set AWS_REGION")
    return Aws(session, str(session.region_name), None)


def open_rehearsal(options: Any, sweep_dir: Path) -> Aws:
    """The stand-in service of this sweep: the one that still runs, or a new one.

    It is a process of its own, so that the jobs of a client that died can be found again by `resume`.
    """
    import boto3

    _suppress_boto_info()
    rehearsal, service = options.rehearsal, _import_rehearsal()
    try:
        url = service.start(
            sweep_dir / REHEARSAL_FOLDER,
            quotas=dict(rehearsal.quotas),
            faults=Path(rehearsal.faults) if rehearsal.faults else None,
            processes_per_host=rehearsal.processes_per_host,
            toolkit=rehearsal.toolkit,
        )
    except service.RehearsalError as error:
        raise LaunchError(f"hydra.launcher.service=rehearsal: {error}") from error
    region = options.region or REHEARSAL_REGION
    session = boto3.Session(aws_access_key_id="rehearsal", aws_secret_access_key="rehearsal", region_name=region)
    return Aws(session, region, url)


def _suppress_boto_info() -> None:
    """Hydra shows everybody's INFO lines; boto3's tell of each endpoint and where credentials were found."""
    for name in ("boto3", "botocore", "s3transfer"):
        if not logging.getLogger(name).level:
            logging.getLogger(name).setLevel(logging.WARNING)


def stop_rehearsal(sweep_dir: Path) -> None:
    """Ends the service of this sweep and removes what its jobs left outside the members' directories."""
    import shutil

    _import_rehearsal().stop(sweep_dir / REHEARSAL_FOLDER)
    shutil.rmtree(sweep_dir / REHEARSAL_FOLDER, ignore_errors=True)


def _import_rehearsal() -> Any:
    if importlib.util.find_spec("moto") is None:
        raise LaunchError("hydra.launcher.service=rehearsal: needs moto; install it by: pip install 'moto[s3,server]'")
    import sagemaker_rehearsal

    return sagemaker_rehearsal


def resolve_role(options: Any, aws: Aws) -> str:
    """The role for the jobs. Raises LaunchError where none is given."""
    role = options.role_arn or os.environ.get("SAGEMAKER_ROLE_ARN") or (REHEARSAL_ROLE if aws.endpoint else None)
    if not role:
        raise LaunchError(
            "hydra.launcher.role_arn=null: give the ARN of the role that jobs take on, or set SAGEMAKER_ROLE_ARN; "
            "launchers/README.md has its policy"
        )
    return str(role)


def get_error_code(error: BaseException) -> str:
    """AWS's code of an error, e.g. ThrottlingException; the class's name for what no service said."""
    response = getattr(error, "response", None)
    has_code = isinstance(response, dict) and "Error" in response
    return str(response["Error"]["Code"]) if has_code else type(error).__name__  # type: ignore[index]


def format_aws_error(error: BaseException) -> str:
    """One line of what a service or boto3 said."""
    response = getattr(error, "response", None)
    text = response["Error"].get("Message", "") if isinstance(response, dict) and "Error" in response else str(error)
    return f"{get_error_code(error)}: {' '.join(str(text).split())}".rstrip(". ")


def is_aws(error: BaseException) -> bool:
    """Whether AWS, or boto3 on the way to it, raised this."""
    from botocore.exceptions import BotoCoreError, ClientError

    return isinstance(error, BotoCoreError | ClientError)


def is_unreachable(error: BaseException) -> bool:
    """Whether an error says nothing about the request itself: no connection, no answer, an outage, old credentials."""
    from boto3.exceptions import RetriesExceededError
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    lost = (boto.ConnectionError, boto.HTTPClientError, boto.ConnectionClosedError, boto.IncompleteReadError)
    old = (boto.NoCredentialsError, boto.CredentialRetrievalError, boto.SSOError, boto.TokenRetrievalError)
    if isinstance(error, (*lost, *old, RetriesExceededError, ResponseParserError)):
        return True
    if not isinstance(error, boto.ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = get_error_code(error)
    # An answer to HEAD has no body, hence no code but the status: an old token is a 400.
    bare = code == "400" and error.operation_name.startswith("Head")
    return status >= 500 or bare or code in _LATER


_LATER = (
    *("ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded"),
    *("SlowDown", "RequestTimeout", "RequestTimeoutException"),
    *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
)
