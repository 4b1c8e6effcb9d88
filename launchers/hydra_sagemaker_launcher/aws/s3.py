"""S3: a sweep's files are uploaded once, under the hash of their content. Downloads are limited in size."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from hydra_sagemaker_launcher.aws.answers import MalformedAnswerError
from hydra_sagemaker_launcher.aws.data_files import LocalFiles, hash_files, select_data_files
from hydra_sagemaker_launcher.aws.error_text import format_aws_error, get_error_code
from hydra_sagemaker_launcher.aws.failures import Failure, classify_failure, suggest_cure
from hydra_sagemaker_launcher.aws.patience import Patience, make_impatient
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.errors import LaunchError

log = logging.getLogger(__name__)

_NOT_THERE = ("404", "NoSuchKey", "NotFound", "NoSuchBucket")


class TooLargeError(LaunchError):
    """An object is larger than what is taken from a job."""


@dataclass
class Storage:
    """One bucket and prefix. Every object is written encrypted, and only into the account's own bucket."""

    aws: Aws
    bucket: str
    prefix: str
    kms_key: str | None
    owner: str | None = None  # the account that the bucket must belong to. None: any
    patience: Patience = field(default_factory=make_impatient)  # with all calls but downloads

    def build_uri(self, *parts: str) -> str:
        """Build the s3:// address of something below the prefix."""
        return f"s3://{self.bucket}/{self.build_key(*parts)}"

    def build_key(self, *parts: str) -> str:
        """Build the key of something below the prefix."""
        return "/".join((self.prefix, *parts))

    def put(self, key: str, body: bytes | Path) -> None:
        """Write one object, encrypted.

        Args:
            key: The whole key.
            body: Bytes, or a file, which is uploaded in parts if it is large.

        Raises:
            LaunchError: S3 refuses.
        """
        encryption = {"ServerSideEncryption": "AES256"}
        if self.kms_key:
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key}
        extra = encryption | self._get_owner_args()

        def write() -> None:
            if isinstance(body, Path):
                self.aws.s3.upload_file(str(body), self.bucket, key, ExtraArgs=extra)
            else:
                self.aws.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **extra)

        with _explain_s3_errors(f"s3://{self.bucket}/{key}: cannot be written"):
            self.patience.call(self.aws, write)

    def has(self, key: str) -> bool:
        """Return whether an object exists.

        Args:
            key: The whole key.

        Raises:
            LaunchError: S3 does not let the user look.
        """
        try:
            self.patience.call(
                self.aws, lambda: self.aws.s3.head_object(Bucket=self.bucket, Key=key, **self._get_owner_args())
            )
        except Exception as error:
            if get_error_code(error) in _NOT_THERE:
                return False
            raise LaunchError(
                f"s3://{self.bucket}/{key}: cannot be looked up: {format_aws_error(error)}{suggest_cure(error)}"
            ) from error
        return True

    def upload_data(self, source: Path | LocalFiles) -> tuple[str, str]:
        """Upload files or a folder, unless the same content has been uploaded before.

        Args:
            source: The file, the folder or several files. Private files in a folder stay here, with a warning.

        Returns:
            The S3 prefix for a channel, and the file's name below it ("" for a folder or several files).

        Raises:
            LaunchError: `select_data_files` refuses the path, S3 does, or a file changes during the upload.
        """
        files, left_out = select_data_files(source)
        if left_out:
            shown = ", ".join(left_out[:20]) + (", ..." if len(left_out) > 20 else "")
            log.warning("data: %s: %d private files and folders stay here: %s", source, len(left_out), shown)
        digest = hash_files(files)
        # The marker is written last: if it is missing, an upload was cut short or is not what its hash says.
        marker = self.build_key("data", f"{digest}.whole")
        if not self.has(marker):
            for name, file in files.items():
                self.put(self.build_key("data", digest, name), file)
            if hash_files(files) != digest:
                raise LaunchError(f"{source}: has changed while it was uploaded; start again when nothing writes to it")
            self.put(marker, b"")
        return self.build_uri("data", digest, ""), next(iter(files)) if isinstance(
            source, Path
        ) and source.is_file() else ""

    def download(self, uri: str, into: Path, max_bytes: int) -> bool:
        """Download one object to a file.

        Args:
            uri: The object's s3:// address.
            into: The file. Its folder is created.
            max_bytes: The most bytes that are taken from a job.

        Returns:
            False if there is no such object.

        Raises:
            TooLargeError: The object is larger than `max_bytes`.
            LaunchError: S3 refuses.
        """
        from boto3.s3.transfer import TransferConfig

        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            size = self.aws.s3.head_object(Bucket=bucket, Key=key, **self._get_owner_args())["ContentLength"]
            if size > max_bytes:
                raise TooLargeError(f"{uri}: has {size:,} bytes, more than the {max_bytes:,} that are allowed")
            into.parent.mkdir(parents=True, exist_ok=True)
            # Without boto3's threads: the process would wait for them at its end.
            config = TransferConfig(use_threads=False)
            self.aws.s3.download_file(bucket, key, str(into), ExtraArgs=self._get_owner_args(), Config=config)
            if into.stat().st_size != size:
                raise MalformedAnswerError(f"{into.stat().st_size:,} bytes came instead of {size:,}")
        except LaunchError:
            raise
        except Exception as error:
            if get_error_code(error) in _NOT_THERE:
                return False
            raise LaunchError(f"{uri}: cannot be read: {format_aws_error(error)}") from error
        return True

    @contextmanager
    def open(self, uri: str) -> Iterator[BinaryIO]:
        """Open one object to read it from start to end, without a copy on disk.

        Args:
            uri: The object's s3:// address.

        Raises:
            LaunchError: S3 refuses.
        """
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        with _explain_s3_errors(f"{uri}: cannot be read"):
            body = self.aws.s3.get_object(Bucket=bucket, Key=key, **self._get_owner_args())["Body"]
            with closing(body):
                yield body

    def ensure_bucket(self, may_make: bool) -> None:
        """Check that the bucket exists and is the account's own, or create it: encrypted and closed to the public.

        Args:
            may_make: Whether to create it if it is missing. Only the default bucket is created.

        Raises:
            LaunchError: It is missing, not reachable or someone else's. It has AWS's reason.
        """
        try:
            self.patience.call(self.aws, lambda: self.aws.s3.head_bucket(Bucket=self.bucket, **self._get_owner_args()))
            return
        except Exception as error:
            if get_error_code(error) not in _NOT_THERE or not may_make:
                is_other = classify_failure(error) in (Failure.denied, Failure.refused)
                cure = "; give a bucket of this account that you may write to" if is_other else suggest_cure(error)
                raise LaunchError(
                    f"hydra.launcher.bucket={self.bucket}: cannot be used: {format_aws_error(error)}{cure}"
                ) from error
        with _explain_s3_errors(
            f"hydra.launcher.bucket={self.bucket}: cannot be created; give a bucket that you may write to"
        ):
            self.patience.call(self.aws, self._create_bucket)
        log.info("created the bucket %s in %s, encrypted and closed to the public", self.bucket, self.aws.region)

    def _create_bucket(self) -> None:
        """Create the bucket, whose first attempt may have been executed although its answer was lost."""
        location = {"CreateBucketConfiguration": {"LocationConstraint": self.aws.region}}
        try:
            self.aws.s3.create_bucket(Bucket=self.bucket, **({} if self.aws.region == "us-east-1" else location))
        except Exception as error:
            if get_error_code(error) != "BucketAlreadyOwnedByYou":
                raise
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

    def _get_owner_args(self) -> dict[str, Any]:
        return {"ExpectedBucketOwner": self.owner} if self.owner else {}


@contextmanager
def _explain_s3_errors(what: str) -> Iterator[None]:
    """Turn what boto3 raises inside into one line that names the thing at fault."""
    try:
        yield
    except Exception as error:
        raise LaunchError(f"{what}: {format_aws_error(error)}{suggest_cure(error)}") from error
