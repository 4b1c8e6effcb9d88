"""A client of the rehearsal service as any user's would be: boto3, tiny scripts, job requests."""

from __future__ import annotations

import io
import json
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.validate import ParamValidator
from forked import fork_services

import sagemaker_rehearsal

BUCKET = "rehearsal-bucket"
ENDED = ("Completed", "Failed", "Stopped")
ROLE = "arn:aws:iam::123456789012:role/Trainer"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def archive(**files: str) -> bytes:
    """A tar.gz of files named a__b.py for a/b.py."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{name.replace('__', '/')}.py")
            entry.size = len(content.encode())
            tar.addfile(entry, io.BytesIO(content.encode()))
    return packed.getvalue()


class Rehearsal:
    """A service and its clients. Every answer of SageMaker's is held against botocore's output shape."""

    def __init__(self, state: Path, **options: Any) -> None:
        self.state = state
        fork_services()
        self.url = sagemaker_rehearsal.start(state, **{"idle_minutes": 3, **options})
        self.s3 = self.client("s3")
        self.logs = self.client("logs")
        self.sagemaker = self.client("sagemaker")
        self.s3.create_bucket(Bucket=BUCKET)

    def client(self, service: str, *, attempts: int = 1, validate: bool = True) -> Any:
        client = boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"mode": "standard", "total_max_attempts": attempts}, parameter_validation=validate),
        )
        if service == "sagemaker":
            client.meta.events.register("after-call.sagemaker", _check_answer)
        return client

    def faults(self, **described: Any) -> None:
        sagemaker_rehearsal.call(self.url, "faults", described)

    def upload(self, key: str, body: bytes | str) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def request(self, name: str, script: str = "print('hello')", **changes: Any) -> dict[str, Any]:
        """A complete CreateTrainingJob request for a script; None removes a member."""
        source = self.upload(f"{name}/code/sourcedir.tar.gz", archive(main=script))
        parameters = {
            "sagemaker_program": '"main.py"',
            "sagemaker_submit_directory": '"/opt/ml/input/data/code/sourcedir.tar.gz"',
            **changes.pop("HyperParameters", {}),
        }
        request = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": "image:1", "TrainingInputMode": "File"},
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/{name}/output"},
            "ResourceConfig": {"InstanceType": "ml.p3.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "HyperParameters": parameters,
            "InputDataConfig": [channel("code", source), *changes.pop("channels", [])],
        }
        request.update(changes)
        return {key: value for key, value in request.items() if value is not None}

    def create(self, name: str, script: str = "print('hello')", **changes: Any) -> str:
        self.sagemaker.create_training_job(**self.request(name, script, **changes))
        return name

    def describe(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return answer

    def wait(self, name: str, seconds: float = 30) -> dict[str, Any]:
        """The description of the job when it has ended."""
        return self.wait_for(name, *ENDED, seconds=seconds)

    def wait_for(self, name: str, *statuses: str, seconds: float = 30) -> dict[str, Any]:
        """The description of the job when it has one of these statuses or secondary statuses."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            described = self.describe(name)
            if {described["TrainingJobStatus"], described["SecondaryStatus"]} & set(statuses):
                return described
            time.sleep(0.05)
        raise AssertionError(f"{name} is not {statuses} after {seconds} s: {described}\n{self.log(name)}")

    def wait_for_line(self, name: str, line: str, seconds: float = 20) -> None:
        """Until a job has printed a line."""
        until = time.monotonic() + seconds
        while line not in self.log(name):
            assert time.monotonic() < until, f"{name} has not printed {line!r}: {self.log(name)}"
            time.sleep(0.05)

    def log(self, name: str, host: str = "algo-1") -> list[str]:
        """The lines of a host's streams, oldest first."""
        try:
            streams = self.logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/{host}-")
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [
            event["message"]
            for stream in sorted(entry["logStreamName"] for entry in streams["logStreams"])
            for event in self.logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream, startFromHead=True)[
                "events"
            ]
        ]

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def output(self, name: str, archive_name: str = "output.tar.gz") -> dict[str, bytes]:
        """The files of an archive that a job left."""
        packed = io.BytesIO(self.read(f"{name}/output/{name}/output/{archive_name}"))
        with tarfile.open(fileobj=packed, mode="r:gz") as tar:
            return {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile()}  # type: ignore[union-attr]

    def raw(self, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """A request that boto3 would not send."""
        request = urllib.request.Request(self.url, body, {"X-Amz-Target": target})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


def channel(name: str, uri: str, **more: Any) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, **more.pop("source", {})}},
        **more,
    }


def statuses(described: dict[str, Any]) -> list[str]:
    return [entry["Status"] for entry in described["SecondaryStatusTransitions"]]


def _check_answer(http_response: Any, parsed: dict[str, Any], model: Any, **_: Any) -> None:
    if http_response.status_code == 200 and model.output_shape is not None:
        answer = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
        report = ParamValidator().validate(answer, model.output_shape)
        assert not report.has_errors(), report.generate_report()


def sagemaker_model() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")
