"""What the service accepts and refuses, by botocore's service model and by the service's own rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rehearsal_client import BUCKET, Rehearsal, channel, sagemaker_model

BAD: list[tuple[dict[str, Any], str]] = [
    (
        {"TrainingJobName": "-starts-with-a-dash"},
        "'trainingJobName' failed to satisfy constraint: Member must satisfy reg",
    ),
    ({"TrainingJobName": "x" * 64}, "Member must have length less than or equal to 63"),
    ({"RoleArn": "Trainer-without-an-arn"}, "'roleArn' failed to satisfy constraint: Member must satisfy regular"),
    ({"RoleArn": None}, "Value null at 'roleArn' failed to satisfy constraint: Member must not be null"),
    ({"Tagz": []}, "'tagz' failed to satisfy constraint: there is no such member"),
    ({"StoppingCondition": {"MaxRuntimeInSeconds": "60"}}, "'stoppingCondition.maxRuntimeInSeconds'"),
    ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "greater than or equal to 1"),
    (
        {"HyperParameters": {"a": "x" * 2501}},
        "Map values must satisfy constraint: [Member must have length less than or",
    ),
    ({"HyperParameters": {"a": "two\nlines"}}, "Map values must satisfy constraint: [Member must satisfy regular"),
    ({"HyperParameters": {f"p{number}": "1" for number in range(101)}}, "less than or equal to 100"),
    ({"Environment": {"1NAME": "x"}}, "Map keys must satisfy constraint"),
    ({"Environment": {"NAME": 1}}, "Map values must satisfy constraint: [Member must be of type string]"),
    ({"RetryStrategy": {"MaximumRetryAttempts": 31}}, "less than or equal to 30"),
    ({"Tags": [{"Key": "k"}]}, "'tags.1.member.value' failed to satisfy constraint: Member must not be null"),
    ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds must be present"),
    (
        {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59},
        },
        "greater than or equal to MaxRuntimeInSeconds",
    ),
    ({"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}}, "only when EnableManagedSpot"),
    ({"channels": [channel("data", f"s3://{BUCKET}/nothing/here")]}, f'URL "s3://{BUCKET}/nothing/here"'),
    ({"channels": [channel("data", "s3://no-such-bucket/x")]}, "No S3 objects found under S3 URL"),
]


def instance(**changes: Any) -> dict[str, Any]:
    return {"InstanceType": "ml.p3.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30, **changes}


@pytest.mark.parametrize(
    ("changes", "message"), BAD, ids=lambda value: next(iter(value)) if isinstance(value, dict) else ""
)
def test_a_bad_request_is_refused_with_the_services_words(
    rehearsal: Rehearsal, changes: dict[str, Any], message: str
) -> None:
    request = {**rehearsal.request("bad", channels=changes.get("channels", [])), **changes}
    request.pop("channels", None)
    request = {name: value for name, value in request.items() if value is not None}
    with pytest.raises(ClientError) as refused:
        Strict(rehearsal).create(request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert message in refused.value.response["Error"]["Message"]


class Strict:
    """boto3 drops what it does not know, and checks types before it sends: this sends a request as it is."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal

    def create(self, request: dict[str, Any]) -> None:
        status, answer = self._rehearsal.raw("SageMaker.CreateTrainingJob", json.dumps(request).encode())
        if status != 200:
            error = {"Code": answer["__type"], "Message": answer["message"]}
            raise ClientError({"Error": error}, "CreateTrainingJob")


def test_an_instance_type_is_one_of_the_service_models(rehearsal: Rehearsal) -> None:
    known = sagemaker_model().shape_for("TrainingInstanceType").enum
    request = rehearsal.request("type", ResourceConfig=instance(InstanceType="ml.p3.3xlarge"))
    with pytest.raises(ClientError) as refused:
        rehearsal.sagemaker.create_training_job(**request)
    message = refused.value.response["Error"]["Message"]
    assert message == (
        "1 validation error detected: Value 'ml.p3.3xlarge' at 'resourceConfig.instanceType' failed to satisfy "
        f"constraint: Member must satisfy enum value set: [{', '.join(known)}]"
    )


def test_all_problems_are_told_at_once(rehearsal: Rehearsal) -> None:
    request = rehearsal.request("many", RoleArn="r" * 25, ResourceConfig=instance(InstanceType="ml.x"))
    with pytest.raises(ClientError, match=r"2 validation errors detected: .*; Value"):
        rehearsal.sagemaker.create_training_job(**request)


def test_what_is_no_json_and_no_known_operation(rehearsal: Rehearsal) -> None:
    assert rehearsal.raw("SageMaker.CreateTrainingJob", b"{") == (
        400,
        {"__type": "SerializationException", "message": "The request is not JSON."},
    )
    for operation in ("CreateEndpoint", "InventedByNobody"):
        status, answer = rehearsal.raw(f"SageMaker.{operation}", b"{}")
        assert (status, answer["__type"]) == (400, "UnknownOperationException")


def test_a_name_is_used_once(rehearsal: Rehearsal) -> None:
    rehearsal.create("twice")
    with pytest.raises(
        ClientError, match="Training job names must be unique within an AWS account and region"
    ) as refused:
        rehearsal.create("twice")
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    rehearsal.wait("twice")


def test_jobs_that_do_not_exist_or_have_ended(rehearsal: Rehearsal) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*Requested resource not found\."):
        rehearsal.describe("never-created")
    rehearsal.wait(rehearsal.create("ended"))
    with pytest.raises(ClientError, match="the training job is in status Completed"):
        rehearsal.sagemaker.stop_training_job(TrainingJobName="ended")


def test_a_description_gives_the_request_back(rehearsal: Rehearsal) -> None:
    request = rehearsal.request(
        "mirror",
        Environment={"GREETING": "a=b, 'c' \"d\""},
        EnableManagedSpotTraining=True,
        EnableNetworkIsolation=True,
        StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/mirror/checkpoints"},
        RetryStrategy={"MaximumRetryAttempts": 2},
        ProfilerConfig={"DisableProfiler": True},
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        ResourceConfig=instance(KeepAlivePeriodInSeconds=60),
        Tags=[{"Key": "sweep", "Value": "2026-11"}],
    )
    arn = rehearsal.sagemaker.create_training_job(**request)["TrainingJobArn"]
    described = rehearsal.wait("mirror")
    del request["Tags"]  # DescribeTrainingJob does not give them
    assert {name: described[name] for name in request} == request
    assert arn == described["TrainingJobArn"] == "arn:aws:sagemaker:us-east-1:123456789012:training-job/mirror"


def test_quotas_count_what_runs(rehearsal: Rehearsal) -> None:
    rehearsal.faults(quota={"instance_type": "ml.g5.xlarge", "instances": 2})
    held = instance(InstanceType="ml.g5.xlarge")
    rehearsal.create("quota-1", "import time; time.sleep(60)", ResourceConfig=held)
    with pytest.raises(ClientError) as refused:
        rehearsal.create("quota-2", ResourceConfig={**held, "InstanceCount": 2})
    assert refused.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    assert refused.value.response["Error"]["Message"].startswith(
        "The account-level service limit 'ml.g5.xlarge for training job usage' is 2 Instances, with current "
        "utilization of 1 Instances and a request delta of 2 Instances."
    )
    spot = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    rehearsal.create(  # spot has a quota of its own
        "quota-3",
        ResourceConfig={**held, "InstanceCount": 2},
        EnableManagedSpotTraining=True,
        StoppingCondition=spot,
    )
    rehearsal.sagemaker.stop_training_job(TrainingJobName="quota-1")
    rehearsal.wait("quota-1")
    rehearsal.wait(rehearsal.create("quota-4", ResourceConfig={**held, "InstanceCount": 2}))


def test_prices_come_in_pages_among_others(rehearsal: Rehearsal) -> None:
    pages = rehearsal.client("pricing").get_paginator("get_products")
    filters = {"productFamily": "ML Instance", "regionCode": "eu-west-1", "instanceName": "ml.p3.2xlarge"}
    found = list(
        pages.paginate(
            ServiceCode="AmazonSageMaker",
            Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in filters.items()],
        )
    )
    assert len(found) == 2
    rows = [json.loads(row) for page in found for row in page["PriceList"]]
    dollars = {
        (row["product"]["attributes"]["platoinstancetype"], float(dimension["pricePerUnit"]["USD"]))
        for row in rows
        for term in row["terms"]["OnDemand"].values()
        for dimension in term["priceDimensions"].values()
    }
    assert dollars == {("Training", 3.825), ("Training", 0.0), ("Hosting", 4.59)}
    assert {row["product"]["attributes"]["usagetype"] for row in rows} >= {"EU-Train:ml.p3.2xlarge"}


def test_other_services_are_there(rehearsal: Rehearsal) -> None:
    assert rehearsal.client("sts").get_caller_identity()["Account"] == "123456789012"
    secrets = rehearsal.client("secretsmanager")
    arn = secrets.create_secret(Name="key", SecretString="value")["ARN"]
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "value"
