"""What SageMaker refuses, and what says nothing about the request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from boto3.exceptions import RetriesExceededError
from botocore.exceptions import ClientError, EndpointConnectionError, IncompleteReadError
from botocore.parsers import ResponseParserError
from launcher_app import Service
from omegaconf import OmegaConf
from simulated_control import asked, control

from hydra_sagemaker_launcher.aws.failures import is_unreachable
from hydra_sagemaker_launcher.aws.training_jobs import NameTakenError, QuotaError, TrainingJobClient
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.training_job import MEMBER_VARIABLE


def test_refusals_have_types(service: Service, jobs: TrainingJobClient) -> None:
    jobs.create(asked(jobs, 0))
    with pytest.raises(NameTakenError):
        jobs.create(asked(jobs, 0))
    service.faults(quota={"instance_type": "ml.m5.large", "instances": 1})
    with pytest.raises(
        QuotaError, match=r"quota 'ml.m5.large for training job usage' in us-east-1 is 1 and"
    ) as refused:
        jobs.create(asked(jobs, 1))
    service.faults(clear=True)
    assert refused.value.limit == 1 and "are in use" in str(refused.value)
    assert jobs.describe("nobody") is None
    jobs.stop("nobody")  # nothing to stop is no error


def test_what_iam_denies_is_asked_once_a_kind(
    service: Service, jobs: TrainingJobClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 members would otherwise hear 500 times that the account may not use p3."""
    watched = control(jobs, service, tmp_path, 5, said := [])
    watched.jobs[3].member = Member(3, [], OmegaConf.create({}), tmp_path, Hardware("ml.c5.large"))
    create, asked_for = jobs._aws.sagemaker.create_training_job, []

    def denied(**request: Any) -> Any:
        asked_for.append(int(request["Environment"][MEMBER_VARIABLE]))
        if asked_for[-1] == 3:
            return create(**request)
        message = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: sagemaker:CreateTrainingJob"
        told = {
            "Error": {"Code": "AccessDeniedException", "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        }
        raise ClientError(told, "CreateTrainingJob")

    monkeypatch.setattr(jobs._aws.sagemaker, "create_training_job", denied)
    watched.start()
    assert watched.join(60)
    assert watched.error is None
    assert asked_for == [0, 3]
    outcomes = {job.member.number: job.outcome for job in watched.jobs}
    assert outcomes[3] == Outcome("completed")
    first = outcomes[0]
    assert first is not None and first.reason is not None
    assert "is not authorized to perform: sagemaker:CreateTrainingJob" in first.reason and "README" in first.reason
    for number in (1, 2, 4):
        assert outcomes[number] == Outcome("failed", "not submitted: #0 was not allowed")
    assert not {
        job.member.number for job in watched.jobs if Manifest(tmp_path).get_record(job.member.number).job_name
    } - {3}
    assert len(said) == 6  # an end each, and one submission


def answered(code: str, status: int, operation: str = "CreateTrainingJob") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "said"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


LATER = ("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *((answered(code, 400), True) for code in (*LATER, "RequestTimeout", "ExpiredTokenException")),
        (answered("InternalFailure", 500), True),
        (answered("ValidationException", 400), False),
        (answered("400", 400, "HeadObject"), True),
        (answered("403", 403, "HeadObject"), False),
        (RetriesExceededError(EndpointConnectionError(endpoint_url="https://aws")), True),
        (ResponseParserError("half an answer"), True),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), True),
        (ValueError("a bug"), False),
    ],
)
def test_what_says_nothing_about_the_request_is_asked_again(error: Exception, expected: bool) -> None:
    assert is_unreachable(error) is expected


@pytest.mark.parametrize("code", LATER)
def test_throttling_is_no_refusal(jobs: TrainingJobClient, code: str) -> None:
    class Throttled:
        def create_training_job(self, **_: Any) -> None:
            raise answered(code, 400)

    jobs._aws.__dict__["sagemaker"] = Throttled()
    with pytest.raises(ClientError):
        jobs.create({})
