"""A service that simulates its jobs, and a client of it for each test."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from launcher_app import Service

from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("simulated"), simulate=3000) as service:
        service.s3.create_bucket(Bucket="bucket")
        service.s3.put_object(Bucket="bucket", Key="code/sourcedir.tar.gz", Body=b"")
        yield service


@pytest.fixture
def jobs(service: Service, request: pytest.FixtureRequest) -> TrainingJobClient:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    return TrainingJobClient(
        Aws(session, "us-east-1", service.url), f"1124-{abs(hash(request.node.name)) % 10**10:010d}"
    )
