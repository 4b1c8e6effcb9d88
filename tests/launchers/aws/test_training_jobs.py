"""What the launcher makes of errors on the way to SageMaker."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto

from hydra_sagemaker_launcher.aws.error_text import get_http_status
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient

URL = "https://api.sagemaker.us-east-1.amazonaws.com/"


class Broken:
    """A client of SageMaker whose connection breaks."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def create_training_job(self, **request: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        boto.ConnectionClosedError(endpoint_url=URL),
        boto.ReadTimeoutError(endpoint_url=URL),
        boto.HTTPClientError(error="the connection was reset"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_breaks_during_a_submission_leaves_it_open(error: Exception) -> None:
    """Some of botocore's errors carry `response=None`. The job may exist, so the caller must learn what happened."""
    aws = Aws(None, "us-east-1", None)
    aws.__dict__["sagemaker"] = Broken(error)
    assert get_http_status(error) is None
    with pytest.raises(type(error)):
        TrainingJobClient(aws, "sweep").create({})
