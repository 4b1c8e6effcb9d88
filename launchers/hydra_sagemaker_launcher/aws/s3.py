"""S3: what a sweep needs is uploaded once under its content's hash, what jobs leave is downloaded with a bound."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.session import Aws, format_aws_error, get_error_code
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.secret_scan import is_private_file, is_private_folder

log = logging.getLogger(__name__)

_BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NOT_THERE = ("404", "NoSuchKey", "NotFound", "NoSuchBucket")


def find_storage_problems(bucket: str | None, prefix: str) -> list[str]:
    """What is wrong with the names, a line each."""
    found = []
    if bucket is not None and not _BUCKET.fullmatch(bucket):
        found.append(f"hydra.launcher.bucket={bucket}: no name of a bucket (lower case, digits, - and ., 3 to 63)")
    if not _PREFIX.fullmatch(prefix) or ".." in prefix.split("/"):
        found.append(f"hydra.launcher.prefix={prefix}: give letters, digits and -_.!*'(), folders parted by /")
    return found


@dataclass
class Storage:
    """One bucket and prefix; every object is written encrypted, and only into the account's own bucket."""

    aws: Aws
    bucket: str
    prefix: str
    kms_key: str | None
    owner: str | None = None  # the account that the bucket must belong to; None: whoever may be asked

    def build_uri(self, *parts: str) -> str:
        return f"s3://{self.bucket}/{'/'.join((self.prefix, *parts))}"

    def build_key(self, *parts: str) -> str:
        return "/".join((self.prefix, *parts))

    def put(self, key: str, body: bytes | Path) -> None:
        """Writes one object, encrypted. Raises LaunchError where S3 refuses."""
        with _S3ErrorContext(f"s3://{self.bucket}/{key}: cannot be written"):
            if isinstance(body, Path):
                self.aws.s3.upload_file(
                    str(body), self.bucket, key, ExtraArgs=self._get_encryption_args() | self._get_owner_args()
                )
            else:
                self.aws.s3.put_object(
                    Bucket=self.bucket, Key=key, Body=body, **self._get_encryption_args(), **self._get_owner_args()
                )

    def put_once(self, key: str, body: bytes | Path) -> bool:
        """Writes an object whose key holds its content's hash, unless it is there; whether it wrote."""
        if self.has(key):
            return False
        self.put(key, body)
        return True

    def has(self, key: str) -> bool:
        """Whether there is such an object. Raises LaunchError where S3 does not let one look."""
        try:
            self.aws.s3.head_object(Bucket=self.bucket, Key=key, **self._get_owner_args())
        except Exception as error:
            if get_error_code(error) in _NOT_THERE:
                return False
            raise LaunchError(f"s3://{self.bucket}/{key}: cannot be looked up: {format_aws_error(error)}") from error
        return True

    def upload_data(self, path: Path) -> tuple[str, str]:
        """Uploads a file or folder once by its content; (S3 prefix for a channel, the file's name in it or "").

        Raises LaunchError as `data_files` does, and where a file changes meanwhile.
        """
        files, left_out = select_data_files(path)
        if left_out:
            log.warning(
                "data: %s: %d private files and folders stay here: %s", path, len(left_out), _format_names(left_out)
            )
        digest = _hash_files(files)
        # The marker is written last: without it an upload was cut short, or is not what its hash says.
        marker = self.build_key("data", f"{digest}.whole")
        if not self.has(marker):
            for name, file in files.items():
                self.put(self.build_key("data", digest, name), file)
            if _hash_files(files) != digest:
                raise LaunchError(f"{path}: has changed while it was uploaded; start again when nothing writes to it")
            self.put(marker, b"")
        return self.build_uri("data", digest, ""), next(iter(files)) if path.is_file() else ""

    def download(self, uri: str, into: Path, max_bytes: int) -> bool:
        """Downloads one object to a file; False where there is none.

        Raises LaunchError where S3 refuses, or where the object is larger than `max_bytes`.
        """
        from boto3.s3.transfer import TransferConfig

        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            size = self.aws.s3.head_object(Bucket=bucket, Key=key, **self._get_owner_args())["ContentLength"]
            if size > max_bytes:
                raise LaunchError(f"{uri}: {size:,} bytes; more than the {max_bytes:,} that are taken from a job")
            into.parent.mkdir(parents=True, exist_ok=True)
            # No threads of boto3's: the end of the process would wait for them.
            config = TransferConfig(use_threads=False)
            self.aws.s3.download_file(bucket, key, str(into), ExtraArgs=self._get_owner_args(), Config=config)
        except LaunchError:
            raise
        except Exception as error:
            if get_error_code(error) in _NOT_THERE:
                return False
            raise LaunchError(f"{uri}: cannot be read: {format_aws_error(error)}") from error
        return True

    def ensure_bucket(self, may_make: bool) -> None:
        """Sees that the bucket is there and the account's own; makes the default one.

        Raises LaunchError with AWS's reason where it is not there, not reachable or someone else's.
        """
        try:
            self.aws.s3.head_bucket(Bucket=self.bucket, **self._get_owner_args())
            return
        except Exception as error:
            if get_error_code(error) not in _NOT_THERE or not may_make:
                raise LaunchError(
                    f"hydra.launcher.bucket={self.bucket}: cannot be used: {format_aws_error(error)}; "
                    "give a bucket of this account that you may write to"
                ) from error
        with _S3ErrorContext(
            f"hydra.launcher.bucket={self.bucket}: cannot be made; give a bucket that you may write to"
        ):
            where = {} if self.aws.region == "us-east-1" else {"LocationConstraint": self.aws.region}
            self.aws.s3.create_bucket(Bucket=self.bucket, **({"CreateBucketConfiguration": where} if where else {}))
            self.aws.s3.put_public_access_block(
                Bucket=self.bucket,
                PublicAccessBlockConfiguration=dict.fromkeys(
                    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
                ),
            )
            self.aws.s3.put_bucket_encryption(
                Bucket=self.bucket,
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
            )
        log.info("made the bucket %s in %s, encrypted and closed to the public", self.bucket, self.aws.region)

    def _get_encryption_args(self) -> dict[str, Any]:
        if self.kms_key:
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key}
        return {"ServerSideEncryption": "AES256"}

    def _get_owner_args(self) -> dict[str, Any]:
        return {"ExpectedBucketOwner": self.owner} if self.owner else {}


def sanitize_name(name: str) -> str:
    """A file's name as it is in S3 and in the container: letters, digits, `.`, `_` and `-`."""
    return _UNSAFE.sub("-", name).strip("-") or "data"


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def select_data_files(path: Path) -> tuple[dict[str, Path], list[str]]:
    """What of a file or folder of data leaves this machine, by its name in S3, and what is private and stays.

    The source archive's rule says what is private. Raises LaunchError for a private file that is asked for by itself,
    for a link out of the folder or to a folder, and where nothing is left.
    """
    if path.is_file():
        if is_private_file(path.name) or is_private_file(path.resolve().name):
            raise LaunchError(f"{path}: files of this name are private and never uploaded; give it another one")
        return {sanitize_name(path.name): path}, []
    files, left_out = dict[str, Path](), list[str]()
    home = path.resolve()
    for folder, below, names in os.walk(path):
        for name in list(below):
            inner = Path(folder, name)
            if is_private_folder(name):
                below.remove(name)
                left_out.append(f"{inner.relative_to(path).as_posix()}/")
            elif inner.is_symlink():
                raise LaunchError(f"{inner}: is a link to a folder; put the folder itself there")
        for name in names:
            file = Path(folder, name)
            shown, real = file.relative_to(path).as_posix(), file.resolve()
            if is_private_file(name):
                left_out.append(shown)
            elif not real.is_relative_to(home):
                raise LaunchError(f"{file}: is a link out of {path}; put what it leads to there")
            elif is_private_file(real.name) or any(map(is_private_folder, real.relative_to(home).parts[:-1])):
                left_out.append(shown)
            elif file.is_file():  # no pipe, no broken link
                files[shown] = file
    if not files:
        raise LaunchError(f"{path}: there is nothing to upload in this folder")
    return dict(sorted(files.items())), sorted(left_out)


def _hash_files(files: dict[str, Path]) -> str:
    total = hashlib.sha256()
    for name, file in files.items():
        total.update(f"{name}\0{hash_file(file)}\n".encode())
    return total.hexdigest()


def _format_names(names: list[str]) -> str:
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


class _S3ErrorContext:
    """Turns what boto3 raises inside into one line that names the thing at fault."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, LaunchError):
            raise LaunchError(f"{self._what}: {format_aws_error(error)}") from error
