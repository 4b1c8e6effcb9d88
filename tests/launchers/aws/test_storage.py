"""What of the user's data leaves this machine, and what it is stored under; moto's S3 is the judge."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from hydra_sagemaker_launcher.aws.data_files import select_data_files
from hydra_sagemaker_launcher.aws.s3 import Storage
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.errors import LaunchError

CANARY = b"c4n4ry"


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
        aws = Aws(session, "us-east-1", None)
        aws.s3.create_bucket(Bucket="bucket")
        yield Storage(aws, "bucket", "p", None)


def stored(storage: Storage) -> dict[str, bytes]:
    s3 = storage.aws.s3
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="bucket").get("Contents", [])]
    return {key: s3.get_object(Bucket="bucket", Key=key)["Body"].read() for key in keys}


def write(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_bytes(content)
    return folder


def test_nothing_private_of_a_folder_is_uploaded(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    private = [".env", ".git/config", "deep/server.pem", "deep/.aws/credentials", "credentials.json", ".env.d/a"]
    folder = write(tmp_path / "data", **{"a.json": b"{}", "deep/b": b"b"}, **dict.fromkeys(private, CANARY))
    (folder / "plain.txt").symlink_to(".env")
    with caplog.at_level(logging.WARNING):
        uri, name = storage.upload_data(folder)
    assert name == ""
    prefix = uri.removeprefix("s3://bucket/")
    assert {key.removeprefix(prefix) for key in stored(storage) if not key.endswith(".whole")} == {"a.json", "deep/b"}
    assert CANARY not in b"".join(stored(storage).values())
    (line,) = caplog.messages
    assert "7 private files and folders stay here: .env, .env.d/, .git/, credentials.json, deep/.aws/" in line
    with pytest.raises(LaunchError, match="nothing to upload"):
        select_data_files(write(tmp_path / "all", **{".env": CANARY}))
    with pytest.raises(LaunchError, match="private and never uploaded"):
        select_data_files(folder / ".env")


def test_links_out_of_a_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path, outside=b"x")
    folder = write(tmp_path / "data", **{"a": b"a", "sub/b": b"b"})
    (folder / "inside").symlink_to("a")
    assert list(select_data_files(folder)[0]) == ["a", "inside", "sub/b"]
    (folder / "link").symlink_to("../outside")
    with pytest.raises(LaunchError, match="link: is a link out of"):
        select_data_files(folder)
    (folder / "link").unlink()
    (folder / "link").symlink_to("sub")
    with pytest.raises(LaunchError, match="link: is a link to a folder"):
        select_data_files(folder)


def test_the_same_content_is_uploaded_once_and_each_name_has_its_own(storage: Storage, tmp_path: Path) -> None:
    one, two = write(tmp_path, one=b"x") / "one", write(tmp_path, two=b"x") / "two"
    first = storage.upload_data(one)
    before = stored(storage)
    assert storage.upload_data(one) == first and stored(storage) == before
    uri, name = storage.upload_data(two)
    assert stored(storage)[uri.removeprefix("s3://bucket/") + name] == b"x"


def test_a_file_that_changes_meanwhile_is_not_taken_for_what_it_was(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, data=b"old") / "data"
    upload = storage.aws.s3.upload_file

    def changed(name: str, *args: object, **kwargs: object) -> None:
        Path(name).write_bytes(b"new")
        upload(name, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(storage.aws.s3, "upload_file", changed)
        with pytest.raises(LaunchError, match="has changed while it was uploaded"):
            storage.upload_data(file)
    file.write_bytes(b"old")
    uri, name = storage.upload_data(file)
    assert stored(storage)[uri.removeprefix("s3://bucket/") + name] == b"old"
