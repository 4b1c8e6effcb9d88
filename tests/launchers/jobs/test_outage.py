"""Calls that fail: said once, tried again, given up after the patience; and what an error means."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from urllib3.exceptions import ProtocolError

from hydra_sagemaker_launcher.aws.answers import MalformedAnswerError, read_field
from hydra_sagemaker_launcher.aws.failures import Failure, classify_failure
from hydra_sagemaker_launcher.aws.patience import Patience
from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.outage import OutageGuard


class Stepped(Clock):
    """Time that passes only if somebody waits."""

    now = 0.0

    def get_time(self) -> float:
        return self.now

    def wait(self, seconds: float, event: threading.Event) -> None:
        self.now += seconds


def refuse(code: str, status: int = 400, operation: str = "ListTrainingJobs", message: str = "said") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


def fail(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


def wrap(error: Exception) -> Exception:
    """As boto3 wraps an upload's error, and the launcher that one again."""
    try:
        try:
            raise error
        except ClientError:
            raise S3UploadFailedError("Failed to upload")  # noqa: B904 boto3 gives no cause
    except S3UploadFailedError as failed:
        try:
            raise LaunchError("cannot be written") from failed
        except LaunchError as told:
            return told


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (boto.ReadTimeoutError(endpoint_url="https://aws"), Failure.unreachable),
        (boto.ConnectTimeoutError(endpoint_url="https://aws"), Failure.unreachable),
        (boto.ConnectionClosedError(endpoint_url="https://aws"), Failure.unreachable),
        (boto.SSLError(endpoint_url="https://aws", error="certificate verify failed"), Failure.unreachable),
        (boto.ProxyConnectionError(proxy_url="http://proxy"), Failure.unreachable),
        (boto.HTTPClientError(error=socket.gaierror("Name or service not known")), Failure.unreachable),
        (boto.ResponseStreamingError(error="IncompleteRead"), Failure.unreachable),
        (ProtocolError("Connection broken"), Failure.unreachable),
        (ConnectionResetError(), Failure.unreachable),
        (MalformedAnswerError("the answer has no TrainingJobArn"), Failure.unreachable),
        (refuse("InternalFailure", 500), Failure.unreachable),
        (boto.NoCredentialsError(), Failure.credentials),
        (boto.CredentialRetrievalError(provider="process", error_msg="exit code 1"), Failure.credentials),
        (boto.UnauthorizedSSOTokenError(), Failure.credentials),
        (boto.TokenRetrievalError(provider="sso", error_msg="expired"), Failure.credentials),
        (refuse("ExpiredTokenException"), Failure.credentials),
        (refuse("UnrecognizedClientException"), Failure.credentials),
        (refuse("InvalidSignatureException", message="Signature expired: 20261128 is now earlier"), Failure.clock),
        (refuse("RequestTimeTooSkewed", 403, "PutObject"), Failure.clock),
        (refuse("SignatureDoesNotMatch", 403), Failure.credentials),
        (refuse("AccessDeniedException"), Failure.denied),
        (refuse("403", 403, "HeadObject"), Failure.denied),
        (refuse("ValidationException"), Failure.refused),
        (refuse("SomethingOfNextYear", 409), Failure.refused),
        (boto.ParamValidationError(report="bad"), None),
        (ValueError("a bug"), None),
        (OSError(28, "No space left on device"), None),
        (LaunchError("of our own"), None),
    ],
)
def test_what_an_error_means(error: Exception, expected: Failure | None) -> None:
    assert classify_failure(error) is expected


def test_an_error_of_an_upload_is_found_below_its_wrapping() -> None:
    assert classify_failure(wrap(refuse("ExpiredToken", 400, "PutObject"))) is Failure.credentials
    assert classify_failure(wrap(refuse("AccessDenied", 403, "PutObject"))) is Failure.denied


def test_a_field_that_the_page_of_a_hotel_lacks() -> None:
    with pytest.raises(MalformedAnswerError, match="the answer has no TrainingJobArn"):
        read_field({}, "TrainingJobArn")


def make_guard(patience: float = 60.0) -> tuple[OutageGuard, Stepped, list[str], list[float]]:
    clock, said, renewed = Stepped(), list[str](), list[float]()
    return OutageGuard(said.append, clock, 30.0, patience, lambda: renewed.append(clock.now)), clock, said, renewed


def test_an_outage_is_said_once_and_holds_up_all_calls() -> None:
    guard, clock, said, renewed = make_guard()
    lost = boto.ConnectionClosedError(endpoint_url="https://aws")
    assert not guard.try_call("watch", fail(lost))
    assert not guard.may_call("submit")
    clock.now = 30.0
    assert guard.may_call("submit") and guard.may_call("watch")
    assert not guard.try_call("submit", fail(lost))
    clock.now = 60.0
    assert guard.try_call("watch", lambda: None)
    assert guard.may_call("submit")
    assert len(said) == 2
    assert said[0].endswith(
        "it is tried again every 30 s for 60 minutes; look at the network, its proxy and AWS_ENDPOINT_URL"
    )
    assert said[1] == "SageMaker answers again after 60 s"
    assert renewed == []


def test_a_call_that_is_denied_holds_up_only_its_kind() -> None:
    guard, clock, said, renewed = make_guard()
    assert not guard.try_call("watch", fail(refuse("AccessDeniedException")))
    assert guard.may_call("stop")
    assert guard.try_call("stop", lambda: None)
    assert not guard.may_call("watch")  # to stop is not to watch
    clock.now = 30.0
    assert not guard.try_call("watch", fail(refuse("AccessDeniedException")))
    assert len(said) == 1 and "allow it to this user: the launcher's README has the policies" in said[0]
    assert renewed == [0.0, 30.0]  # they may be another user's by now


def test_credentials_are_read_again_at_each_attempt() -> None:
    guard, clock, said, renewed = make_guard()
    for _ in range(3):
        assert not guard.try_call("watch", fail(refuse("ExpiredTokenException")))
        clock.now += 30.0
    assert renewed == [0.0, 30.0, 60.0]
    assert len(said) == 1 and "renew the credentials (aws sso login" in said[0]


def test_the_patience_ends_with_the_cause_and_the_cure() -> None:
    guard, clock, _, _ = make_guard(patience=2.0)
    for _ in range(4):
        assert not guard.try_call("watch", fail(refuse("ExpiredTokenException")))
        clock.now += 30.0
    with pytest.raises(LaunchError) as over:
        guard.try_call("watch", fail(refuse("ExpiredTokenException")))
    assert str(over.value) == (
        "SageMaker cannot be asked (ExpiredTokenException: said) for 2 minutes, which is "
        "hydra.launcher.patience_minutes; renew the credentials (aws sso login, aws configure, AWS_PROFILE)"
    )


def test_a_bug_is_no_outage() -> None:
    guard, *_ = make_guard()
    with pytest.raises(ValueError, match="a bug"):
        guard.try_call("watch", fail(ValueError("a bug")))


class Renewable:
    """Stands for the clients."""

    def __init__(self) -> None:
        self.renewed = 0

    def renew(self) -> None:
        self.renewed += 1


@pytest.mark.parametrize(
    ("error", "has_jobs", "waits"),
    [
        (boto.ReadTimeoutError(endpoint_url="https://aws"), False, 60.0),
        (boto.ReadTimeoutError(endpoint_url="https://aws"), True, 600.0),
        (refuse("ExpiredToken"), False, 0.0),  # nothing runs: the user is told at once
        (refuse("ExpiredToken"), True, 600.0),
        (refuse("AccessDenied", 403), True, 600.0),
        (refuse("NoSuchBucket", 404), True, 0.0),
        (ValueError("a bug"), True, 0.0),
    ],
)
def test_before_the_first_job_only_an_answer_is_waited_for(error: Exception, has_jobs: bool, waits: float) -> None:
    clock, aws = Stepped(), Renewable()
    with pytest.raises(type(error)):
        Patience(10.0, lambda: has_jobs, clock).call(aws, fail(error))  # type: ignore[arg-type]
    assert clock.now == waits
    assert (aws.renewed > 0) == (waits > 60.0 and not isinstance(error, boto.ReadTimeoutError))


def test_a_call_that_is_answered_in_time_is_answered() -> None:
    errors = [refuse("ExpiredToken"), boto.ConnectionClosedError(endpoint_url="https://aws")]

    def call() -> str:
        if errors:
            raise errors.pop()
        return "answer"

    aws = Renewable()
    assert Patience(10.0, lambda: True, Stepped()).call(aws, call) == "answer"  # type: ignore[arg-type]
    assert aws.renewed == 1
