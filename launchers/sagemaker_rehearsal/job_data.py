"""The input and output of a job's hosts: channels, source, checkpoints, archives."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagemaker_rehearsal.container import Container
from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.pipes import Pipe
from sagemaker_rehearsal.storage import Checkpoints, Storage, pack
from sagemaker_rehearsal.training_jobs import TrainingJob


class JobData:
    """The data of one attempt, in new folders of its hosts.

    Attributes:
        containers: The hosts.
    """

    def __init__(
        self, storage: Storage, job: TrainingJob, folder: Path, file_systems: Mapping[str, Path] | None = None
    ) -> None:
        """Replace the job's folder by empty folders of its hosts.

        Args:
            storage: S3.
            job: The job.
            folder: Its folder.
            file_systems: Folders that stand for file systems, by their ids.
        """
        self._file_systems = dict(file_systems or {})
        self._pipes: list[Pipe] = []
        shutil.rmtree(folder, ignore_errors=True)
        self._storage = storage
        self._job = job
        self._folder = folder
        self.containers = [Container(job, host, folder / host) for host in job.hosts]
        self._checkpoints = [
            Checkpoints(storage, job.request["CheckpointConfig"]["S3Uri"], container.checkpoints)
            for container in self.containers
            if "CheckpointConfig" in job.request
        ]

    def download(self, by_toolkit: bool) -> None:
        """Download channels, source and checkpoints.

        Args:
            by_toolkit: Whether the real toolkit will unpack the source.

        Raises:
            JobError: S3 refuses, or the source is unusable.
        """
        for number, container in enumerate(self.containers):
            for channel in self._job.request.get("InputDataConfig", []):
                self._provide(channel, container, number)
            container.write_config(map_submit_directory=by_toolkit)
            if not by_toolkit:
                container.unpack_source(self._download_source(container))
        for checkpoints in self._checkpoints:
            checkpoints.download()

    def close_pipes(self) -> None:
        """End the pipes of the job, when its programs have ended."""
        for pipe in self._pipes:
            pipe.close()

    def _provide(self, channel: dict[str, Any], container: Container, number: int) -> None:
        """Bring the data of a channel into the host of a number. Raises JobError if it cannot be read."""
        folder = container.channels / channel["ChannelName"]
        mounted = channel["DataSource"].get("FileSystemDataSource")
        if mounted is not None:
            root = self._file_systems.get(mounted["FileSystemId"])
            if root is None:
                raise JobError(
                    f"ClientError: the rehearsal service knows no file system {mounted['FileSystemId']}; name a folder "
                    "for it (--file-system ID=FOLDER)"
                )
            directory = root / mounted["DirectoryPath"].lstrip("/")
            if not directory.is_dir():
                raise JobError(f"ClientError: {mounted['DirectoryPath']}: there is no such directory, in {root}")
            folder.symlink_to(directory)
            return
        source = channel["DataSource"]["S3DataSource"]
        sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
        part = (number, len(self.containers)) if sharded else (0, 1)
        is_piped = channel.get("InputMode") == "Pipe"
        objects = container.base / "piped" / channel["ChannelName"] if is_piped else folder
        self._storage.download(source["S3Uri"], objects, *part)
        if is_piped:
            self._pipes.append(Pipe(objects, folder))

    def upload_checkpoints(self) -> None:
        """Upload new and changed checkpoints. A failure only goes to the service's log, as on AWS."""
        for checkpoints in self._checkpoints:
            try:
                checkpoints.upload()
            except JobError as error:
                print(f"{self._job.name}: checkpoints were not uploaded: {error}", flush=True)

    def upload_archives(self, always_model: bool, truncate_output: bool) -> str:
        """Upload model.tar.gz and output.tar.gz with the files of all hosts.

        Args:
            always_model: Whether to also upload an empty model.tar.gz.
            truncate_output: Whether to upload only half of output.tar.gz.

        Returns:
            The S3 address of the model, or "" if it was not uploaded.

        Raises:
            JobError: S3 refuses.
        """
        output = self._job.request["OutputDataConfig"]
        place = f"{output['S3OutputPath'].rstrip('/')}/{self._job.name}/output"
        address = ""
        with tempfile.TemporaryDirectory(dir=self._folder) as temporary:
            model, data = Path(temporary) / "model.tar.gz", Path(temporary) / "output.tar.gz"
            if pack([container.model for container in self.containers], model) or always_model:
                address = f"{place}/model.tar.gz"
                self._storage.upload(model, address, output.get("KmsKeyId"))
            if pack([container.data for container in self.containers], data):
                if truncate_output:
                    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
                self._storage.upload(data, f"{place}/output.tar.gz", output.get("KmsKeyId"))
        return address

    def _download_source(self, container: Container) -> Path | None:
        uri = str(container.parse_hyperparameters().get("sagemaker_submit_directory", ""))
        if not uri.startswith("s3://"):
            return None
        folder = container.base / "submitted"
        self._storage.download(uri, folder)
        archive = folder / uri.rpartition("/")[2]
        if not archive.is_file():
            raise JobError(f"ClientError: {uri}: there is no such source archive")
        return archive
