"""Sessions with AWS: what follows from region and partition."""

from __future__ import annotations

import boto3
import pytest

from hydra_sagemaker_launcher.aws.session import Aws


@pytest.mark.parametrize(
    ("region", "console"),
    [
        ("eu-central-1", "https://eu-central-1.console.aws.amazon.com/"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/"),
        ("us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
        ("eusc-de-east-1", "https://eusc-de-east-1.console.amazonaws-eusc.eu/"),
    ],
)
def test_a_link_leads_to_the_console_of_the_partition(region: str, console: str) -> None:
    link = Aws(boto3.Session(region_name=region), region, None).get_console_link("job-1")
    assert link == f"{console}sagemaker/home?region={region}#/jobs/job-1"
