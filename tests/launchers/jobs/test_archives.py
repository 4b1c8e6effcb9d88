"""Finished work is kept whatever is wrong with the rest of an archive: the return value and result.json come first."""

from __future__ import annotations

import gzip
import io
import json
import logging
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from launcher_app import Service
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.aws.s3 import Storage
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.archives import ArchiveLimits
from hydra_sagemaker_launcher.jobs.outcome import Outcome, fetch_outcome
from hydra_sagemaker_launcher.member import Member

RETURNED = ("job_return.json", json.dumps({"status": "COMPLETED", "return_value": 61.5, "error": None}).encode())
RESULT = ("result.json", json.dumps({"status": "completed", "objective": 61.5, "mine": [1]}).encode())
LIMITS = ArchiveLimits(max_bytes=200_000, max_files=20)
NOISE = random.Random(1).randbytes(300_000)  # does not compress


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with Service(tmp_path_factory.mktemp("archives")) as service:
        service.s3.create_bucket(Bucket="bucket")
        session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
        yield Storage(Aws(session, "us-east-1", service.url), "bucket", "prefix", None)


def tar(*files: tuple[str, bytes], link: str | None = None) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, body in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
        if link is not None:
            entry = tarfile.TarInfo("core.log")
            entry.type, entry.linkname = tarfile.SYMTYPE, link
            archive.addfile(entry)
    return content.getvalue()


def fetch(
    storage: Storage, directory: Path, output: bytes, model: bytes | None = None, status: str = "Completed", **more: Any
) -> Outcome:
    storage.put("prefix/output/job/output/output.tar.gz", output)
    if model is not None:
        storage.put("prefix/output/job/output/model.tar.gz", model)
    hydra = {"output_subdir": ".hydra", "runtime": {"choices": {}}, "overrides": {"task": ["x=1"]}}
    member = Member(0, [], OmegaConf.create({"x": 1, "hydra": hydra}), directory, Hardware("ml.m5.large"))
    description = {
        "TrainingJobName": "job",
        "TrainingJobStatus": status,
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/prefix/output"},
        "BillableTimeInSeconds": 10,
    }
    return fetch_outcome(member, description, None, storage.aws, storage, model is not None, limits=LIMITS, **more)


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} - {".hydra"}


many = [(f"f{number}", b"") for number in range(30)]
WRONG = {
    "too many files": (gzip.compress(tar(*many, RESULT, RETURNED)), "more than the 20 files"),
    "too many bytes": (gzip.compress(tar(("zeros", bytes(5_000_000)), RESULT, RETURNED)), "more than the 200,000"),
    "too large to download": (gzip.compress(tar(("noise", NOISE), RESULT, RETURNED)), "has 300,"),
    "a name outside": (gzip.compress(tar(("../x", b"x"), RESULT, RETURNED)), "a name outside the folder"),
    "truncated behind": (gzip.compress(tar(RETURNED, RESULT, ("noise", NOISE[:90_000])))[:60_000], "is truncated"),
    "a tar truncated behind": (gzip.compress(tar(RETURNED, RESULT, ("z", bytes(50_000)))[:9_000]), "is truncated"),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_result_is_kept_and_the_member_completed(case: str, storage: Storage, tmp_path: Path) -> None:
    output, problem = WRONG[case]
    for is_again in (False, True):  # a resumed sweep finds the same
        outcome = fetch(storage, tmp_path / "0", output, is_again=is_again)
        assert (outcome.status, outcome.reason, outcome.return_value) == ("completed", None, 61.5)
        assert outcome.refused is not None and problem in outcome.refused
        assert outcome.refused.startswith("s3://bucket/prefix/output/job/output/output.tar.gz: ")
        assert ("hydra.launcher.archive_max_gb" in outcome.refused) == ("too" in case)
        result = json.loads((tmp_path / "0" / "result.json").read_text("utf-8"))
        assert (result["status"], result["objective"], result["mine"]) == ("completed", 61.5, [1])
        assert result["cost"]["billable_seconds"] == 10
        assert files(tmp_path / "0") == {"result.json"}
    assert list(tmp_path.iterdir()) == [tmp_path / "0"]


def test_an_archive_that_gives_no_result_is_lost_until_it_is_fetched_again(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="is truncated or not a tar"):
        fetch(storage, tmp_path / "0", gzip.compress(tar(("noise", NOISE[:90_000]), RETURNED))[:9_000])


def test_a_failed_job_stays_failed_by_its_own_reason(storage: Storage, tmp_path: Path) -> None:
    outcome = fetch(storage, tmp_path / "0", b"no archive", status="Failed")
    assert (outcome.status, outcome.reason) == ("failed", "SageMaker gave no reason")
    assert outcome.refused is not None and "not a tar.gz" in outcome.refused


def test_a_model_that_is_refused_leaves_the_output(storage: Storage, tmp_path: Path) -> None:
    output = gzip.compress(tar(RETURNED, RESULT, ("note", b"1")))
    outcome = fetch(storage, tmp_path / "0", output, model=gzip.compress(tar(*many)))
    assert (outcome.status, outcome.return_value) == ("completed", 61.5)
    assert outcome.refused is not None and "model.tar.gz: contains more than the 20 files" in outcome.refused
    assert files(tmp_path / "0") == {"note", "result.json"}
    outcome = fetch(storage, tmp_path / "0", output, model=gzip.compress(tar(("weights", b"w"))), is_again=True)
    assert outcome.refused is None
    assert (tmp_path / "0" / "model" / "weights").read_bytes() == b"w"


def test_links_that_are_left_out_are_one_warning(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        outcome = fetch(storage, tmp_path / "0", gzip.compress(tar(RETURNED, ("note", b"1"), link="/etc/hostname")))
    assert (outcome.status, outcome.refused, outcome.return_value) == ("completed", None, 61.5)
    (warning,) = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert "output.tar.gz: left out 1 entries" in warning and "'core.log'" in warning
    assert files(tmp_path / "0") == {"note", "result.json"}


def test_what_is_gone_from_s3_does_not_take_the_known_result_along(storage: Storage, tmp_path: Path) -> None:
    fetch(storage, tmp_path / "0", WRONG["too many files"][0])
    storage.aws.s3.delete_object(Bucket="bucket", Key="prefix/output/job/output/output.tar.gz")
    hydra = {"output_subdir": ".hydra", "runtime": {"choices": {}}, "overrides": {"task": []}}
    member = Member(0, [], OmegaConf.create({"hydra": hydra}), tmp_path / "0", Hardware("ml.m5.large"))
    description = {
        "TrainingJobName": "job",
        "TrainingJobStatus": "Completed",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/prefix/output"},
    }
    with pytest.raises(LaunchError, match=r"output\.tar\.gz: is no longer there"):
        fetch_outcome(member, description, None, storage.aws, storage, False, LIMITS, is_again=True)
    assert json.loads((tmp_path / "0" / "result.json").read_text("utf-8"))["mine"] == [1]
