"""What a job leaves may be anything: it becomes a result, or the member's failure, and never an end of the sweep."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from launcher_app import Service
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.aws.s3 import Storage
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.container import convert_to_json_value
from hydra_sagemaker_launcher.jobs import outcome as outcome_module
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.member import Member


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with Service(tmp_path_factory.mktemp("outcomes")) as service:
        service.s3.create_bucket(Bucket="bucket")
        session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
        yield Storage(Aws(session, "us-east-1", service.url), "bucket", "prefix", None)


def archive(**files: bytes | None) -> bytes:
    """A tar.gz of files, and of folders (None); `_` in a name stands for the dot."""
    content = BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, body in files.items():
            entry = tarfile.TarInfo(name.replace("_json", ".json"))
            entry.size = len(body or b"")
            entry.type, entry.mode = (tarfile.DIRTYPE, 0o755) if body is None else (tarfile.REGTYPE, 0o644)
            tar.addfile(entry, BytesIO(body or b""))
    return content.getvalue()


def fetched(storage: Storage, directory: Path, content: bytes) -> Outcome:
    storage.put("prefix/output/job/output/output.tar.gz", content)
    hydra = {"output_subdir": ".hydra", "runtime": {"choices": {}}, "overrides": {"task": ["x=1"]}}
    config = OmegaConf.create({"x": 1, "hydra": hydra})
    member = Member(0, [], config, directory, Hardware("ml.m5.large"))
    description = {
        "TrainingJobName": "job",
        "TrainingJobStatus": "Completed",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/prefix/output"},
        "BillableTimeInSeconds": 10,
    }
    return outcome_module.fetch_outcome(member, description, None, storage.aws, storage, False)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a": ' * 900 + b"1" + b"}" * 900,
        b'{"text": "' + b"a" * 20_000_000 + b'"}',
        b'{"objective": 1',
        b"\xff\xfe",
        b"[]",
        None,
    ],
    ids=["deep", "deep-to-write", "large", "torn", "no-text", "no-object", "folder"],
)
def test_a_result_that_is_none_counts_as_none(storage: Storage, tmp_path: Path, content: bytes | None) -> None:
    for _ in range(2):  # a resumed sweep may fetch it again
        outcome = fetched(storage, tmp_path / "0", archive(result_json=content, job_return_json=content))
        assert (outcome.status, outcome.reason, outcome.return_value) == ("completed", None, None)
        result = json.loads((tmp_path / "0" / "result.json").read_text("utf-8"))
        assert (result["status"], result["objective"], result["cost"]["billable_seconds"]) == ("completed", None, 10)


def test_a_number_beyond_the_floats_is_no_objective(storage: Storage, tmp_path: Path) -> None:
    big = json.dumps({"status": "COMPLETED", "return_value": 10**400}).encode()
    outcome = fetched(storage, tmp_path / "0", archive(job_return_json=big))
    assert outcome.return_value == 10**400
    assert json.loads((tmp_path / "0" / "result.json").read_text("utf-8"))["objective"] is None


def test_half_a_surrogate_pair_is_written_and_printable(storage: Storage, tmp_path: Path) -> None:
    said = b'{"status": "failed", "error": "no \\ud800\\nword", "note": "a\xc4\x9fa\xc3\xa7 \\udfff"}'
    outcome = fetched(storage, tmp_path / "0", archive(result_json=said))
    assert (outcome.status, outcome.reason) == ("failed", "no \\ud800 word")
    text = (tmp_path / "0" / "result.json").read_text("utf-8")
    assert "ağaç" in text
    assert json.loads(text)["note"] == "ağaç \udfff"


def test_a_file_named_like_hydras_folder_gives_way(storage: Storage, tmp_path: Path) -> None:
    assert fetched(storage, tmp_path / "0", archive(**{".hydra": b"mine"})).status == "completed"
    assert (tmp_path / "0" / ".hydra" / "overrides.yaml").read_text() == "- x=1\n"


def test_a_file_where_the_directory_should_be_is_an_error_of_this_member(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "0").write_text("")
    with pytest.raises(OSError, match="exists"):
        fetched(storage, tmp_path / "0", archive())


class Scalar:
    """As numpy's numbers are."""

    def item(self) -> float:
        return 1.5


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Scalar(), 1.5), ({"f1": Scalar(), "n": (1, 2)}, {"f1": 1.5, "n": [1, 2]}), ([None, "a"], [None, "a"])],
)
def test_return_values_that_are_json(value: Any, expected: Any) -> None:
    assert convert_to_json_value(value) == expected


def test_numpys_numbers_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    assert convert_to_json_value([numpy.float32(0.5), numpy.int64(3)]) == [0.5, 3]
    assert convert_to_json_value(numpy.zeros(2)) is None


@pytest.mark.parametrize("value", [object(), {1, 2}, {("a", "b"): 1}])
def test_return_values_that_are_no_json(value: Any) -> None:
    assert convert_to_json_value(value) is None
