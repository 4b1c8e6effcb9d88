"""The service's own access to S3: downloads of job input, uploads of checkpoints and archives.

It uses the endpoint like any client, so injected faults also apply to it.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sagemaker_rehearsal.clients import create_s3_client
from sagemaker_rehearsal.errors import JobError


class Storage:
    """Downloads and uploads by s3:// addresses, once it is connected.

    Attributes:
        url: The endpoint of the service.
    """

    url: str
    _s3: Any

    def connect(self, url: str) -> None:
        """Connect to the endpoint of the service."""
        self.url, self._s3 = url, create_s3_client(url)

    def has_objects(self, uri: str) -> bool:
        """Return whether any object has a prefix.

        Args:
            uri: The prefix. If its bucket is missing or access is denied, it has no objects.
        """
        bucket, prefix = split_uri(uri)
        try:
            return bool(self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"))
        except ClientError:
            return False

    def download(self, uri: str, folder: Path, part: int = 0, parts: int = 1) -> None:
        """Download the objects under a prefix into a folder, named by the rest of their keys.

        An object whose key is the prefix itself keeps its name.

        Args:
            uri: The prefix.
            folder: The folder.
            part: Which share of the objects to download, from 0.
            parts: The number of shares.

        Raises:
            JobError: S3 refuses.
        """
        bucket, prefix = split_uri(uri)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for key in list(self._list_keys(bucket, prefix))[part::parts]:
                relative = key[len(prefix) :].lstrip("/") or key.rpartition("/")[2]
                target = folder / relative
                if key.endswith("/") or not target.resolve().is_relative_to(folder.resolve()):
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                self._s3.download_file(bucket, key, str(target))
        except ClientError as error:
            raise JobError(f"ClientError: Data download failed: {error}") from None

    def upload(self, path: Path, uri: str, kms_key: str | None = None) -> None:
        """Upload one file.

        Args:
            path: The file.
            uri: The address of the object.
            kms_key: Encrypts the object, if given.

        Raises:
            JobError: S3 refuses.
        """
        bucket, key = split_uri(uri)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else None
        try:
            self._s3.upload_file(str(path), bucket, key, ExtraArgs=encryption)
        except Exception as error:  # boto3 raises S3UploadFailedError, which is not a ClientError
            raise JobError(f"ClientError: Artifact upload failed: {error}") from None

    def _list_keys(self, bucket: str, prefix: str) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                yield entry["Key"]


class Checkpoints:
    """The checkpoint folder of a host, and its copy in S3."""

    def __init__(self, storage: Storage, uri: str, folder: Path) -> None:
        """Keep a folder and its copy under `uri` alike."""
        self._storage = storage
        self._uri = uri.rstrip("/")
        self._folder = folder
        self._seen: dict[Path, tuple[int, int]] = {}

    def download(self) -> None:
        """Download what an earlier attempt or job has left.

        Raises:
            JobError: S3 refuses.
        """
        self._storage.download(f"{self._uri}/", self._folder)
        self._seen = dict(self._scan_files())

    def upload(self) -> None:
        """Upload what is new or changed since the last call. Nothing is removed from S3.

        Raises:
            JobError: S3 refuses.
        """
        for path, stamp in self._scan_files():
            if self._seen.get(path) == stamp:
                continue
            try:
                self._storage.upload(path, f"{self._uri}/{path.relative_to(self._folder).as_posix()}")
            except JobError:
                if path.exists():  # otherwise the program has just removed or renamed it
                    raise
            self._seen[path] = stamp

    def _scan_files(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        # os.walk skips a folder that the program removes in the meantime. Path.rglob raises.
        paths = (Path(folder, name) for folder, _, names in os.walk(self._folder) for name in names)
        for path in sorted(paths):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            yield path, (status.st_mtime_ns, status.st_size)


def pack(folders: Sequence[Path], archive: Path) -> bool:
    """Pack the files of folders into one tar.gz.

    Args:
        folders: The folders. If several have a file of the same name, the first one wins.
        archive: The archive to write.

    Returns:
        Whether there was any file.
    """
    packed: set[str] = set()
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                name = path.relative_to(folder).as_posix()
                if name not in packed:
                    packed.add(name)
                    tar.add(path, name, recursive=False)
    return bool(packed)


def split_uri(uri: str) -> tuple[str, str]:
    """Split an s3:// address.

    Returns:
        The bucket and the key.
    """
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key
