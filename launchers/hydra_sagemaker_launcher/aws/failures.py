"""What a failed call to AWS means: what would cure it, and whether the same call may succeed later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any

from hydra_sagemaker_launcher.aws.answers import MalformedAnswerError
from hydra_sagemaker_launcher.aws.error_text import get_error_code, get_http_status


class Failure(Enum):
    """Why a call has failed. The value is what the user can do about it."""

    # No connection, no answer, half an answer, throttling, an outage of the service.
    unreachable = "look at the network, its proxy and AWS_ENDPOINT_URL"
    credentials = "renew the credentials (aws sso login, aws configure, AWS_PROFILE)"
    clock = "set the clock of this machine"
    denied = "allow it to this user: the launcher's README has the policies for a sweep"
    refused = "look at what AWS says"  # with any other answer


def classify_failure(error: BaseException) -> Failure | None:
    """Return what a failed call to AWS means.

    Args:
        error: Whatever the call has raised, even if it was raised from an error of boto3.

    Returns:
        None if neither AWS nor boto3 is the origin, or if boto3 found the request itself malformed.
    """
    return next((found for link in _iter_chain(error) if (found := _classify(link)) is not None), None)


def suggest_cure(error: BaseException) -> str:
    """Return what to add to a message about a failed call: "; " and what the user can do, if that is known."""
    failure = classify_failure(error)
    return "" if failure in (None, Failure.refused) else f"; {failure.value}"


def find_aws_error(error: BaseException) -> BaseException:
    """Return the error of AWS or boto3 that another error was raised from, or else the error itself."""
    return next((link for link in _iter_chain(error) if _classify(link) is not None), error)


def is_unreachable(error: BaseException) -> bool:
    """Return whether an error says nothing about the request itself, so that the request may succeed later.

    Args:
        error: Whatever a call has raised.
    """
    return classify_failure(error) in (Failure.unreachable, Failure.credentials, Failure.clock)


def _iter_chain(error: BaseException) -> Iterator[BaseException]:
    from boto3.exceptions import S3UploadFailedError

    link: BaseException | None = error
    while link is not None:
        yield link
        # boto3 raises this one without `from`.
        link = link.__cause__ or (link.__context__ if isinstance(link, S3UploadFailedError) else None)


def _classify(error: BaseException) -> Failure | None:
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    if isinstance(error, ClientError):
        return _classify_answer(error)
    lost, without_credentials = _list_error_types()
    if isinstance(error, lost):
        return Failure.unreachable
    if isinstance(error, without_credentials):
        return Failure.credentials
    if isinstance(error, BotoCoreError) and not isinstance(error, ParamValidationError):
        return Failure.refused
    return None


def _classify_answer(error: Any) -> Failure:
    status, code = get_http_status(error) or 0, get_error_code(error)
    if status >= 500 or code in _THROTTLED:
        return Failure.unreachable
    if code == "RequestTimeTooSkewed" or _SKEWED.search(str(error)):
        return Failure.clock
    # An answer to HEAD has no body, hence no code but the status: an expired token is a 400.
    if code in _CREDENTIALS or (code == "400" and error.operation_name.startswith("Head")):
        return Failure.credentials
    return Failure.denied if code in _DENIED else Failure.refused


@cache
def _list_error_types() -> tuple[tuple[type[BaseException], ...], tuple[type[BaseException], ...]]:
    """Return what is raised if no usable answer has come, and if there are no usable credentials."""
    from boto3.exceptions import RetriesExceededError
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    lost = (
        *(boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, boto.ChecksumError),
        *(boto.FlexibleChecksumError, RetriesExceededError, ResponseParserError, MalformedAnswerError),
        *(HTTPError, ConnectionError, TimeoutError),
    )
    names = (
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "SSOError", "LoginError"),
        *("TokenRetrievalError", "NoAuthTokenError", "MetadataRetrievalError", "RefreshWithMFAUnsupportedError"),
        *("ProfileNotFound", "ConfigParseError"),
    )
    found = (getattr(boto, name, None) for name in names)  # an older botocore lacks some
    return lost, tuple(kind for kind in found if kind is not None)


_SKEWED = re.compile(r"Signature (expired|not yet current)")
_THROTTLED = (
    *("ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded"),
    *("SlowDown", "RequestTimeout", "RequestTimeoutException"),
)
_CREDENTIALS = (
    *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "InvalidToken"),
    *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "AuthFailure", "NotSignedUp"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature"),
    *("InvalidSignatureException", "SignatureDoesNotMatch"),
)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "OptInRequired", "403")
