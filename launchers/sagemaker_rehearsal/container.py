"""A host of a job as its program sees it: the folders of /opt/ml and the configuration files."""

from __future__ import annotations

import json
import shlex
import tarfile
from pathlib import Path
from typing import Any

from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.training_jobs import TrainingJob

OPT_ML = "/opt/ml"


class Container:
    """The folder of one host.

    Attributes:
        base: The folder that stands for /opt/ml.
        code: The unpacked source.
        failure: The file in which the program may write why it failed.
    """

    def __init__(self, job: TrainingJob, host: str, folder: Path) -> None:
        """Create the folders of a host."""
        self.job = job
        self.host = host
        self.base = folder
        self.code = folder / "code"
        self.home = folder / "home"  # empty, so that the program does not see the user's ~/.netrc and ~/.aws
        self.model = folder / "model"
        self.output = folder / "output"
        self.data = self.output / "data"
        self.failure = self.output / "failure"
        self.channels = folder / "input" / "data"
        self.config = folder / "input" / "config"
        local = job.request.get("CheckpointConfig", {}).get("LocalPath") or f"{OPT_ML}/checkpoints"
        self.checkpoints = self.map_path(local)
        for each in (self.code, self.model, self.data, self.channels, self.config, self.checkpoints, self.home):
            each.mkdir(parents=True, exist_ok=True)

    def map_path(self, path: str) -> Path:
        """Return the path on this machine of a path in the container.

        Raises:
            JobError: The path is not below /opt/ml.
        """
        if path != OPT_ML and not path.startswith(f"{OPT_ML}/"):
            raise JobError(f"ClientError: {path}: the rehearsal service has only {OPT_ML}")
        return self.base / path.removeprefix(OPT_ML).lstrip("/")

    def parse_hyperparameters(self) -> dict[str, Any]:
        """Parse the hyperparameters as the toolkit does.

        Returns:
            The values by name. Each is parsed as JSON, and stays a string if it is not JSON.
        """
        values: dict[str, Any] = {}
        for name, text in self.job.request.get("HyperParameters", {}).items():
            try:
                values[name] = json.loads(text)
            except ValueError:
                values[name] = text
        return values

    def write_config(self, map_submit_directory: bool) -> None:
        """Write the files of input/config.

        Args:
            map_submit_directory: Whether to map sagemaker_submit_directory, which the real toolkit takes literally.
        """
        raw = dict(self.job.request.get("HyperParameters", {}))
        submitted = self.parse_hyperparameters().get("sagemaker_submit_directory")
        if map_submit_directory and isinstance(submitted, str) and submitted.startswith(OPT_ML):
            raw["sagemaker_submit_directory"] = json.dumps(str(self.map_path(submitted)))
        mode = self.job.request["AlgorithmSpecification"]["TrainingInputMode"]
        channels = {
            channel["ChannelName"]: {
                "TrainingInputMode": channel.get("InputMode", mode),
                "S3DistributionType": channel["DataSource"]
                .get("S3DataSource", {})
                .get("S3DataDistributionType", "FullyReplicated"),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
                **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
            }
            for channel in self.job.request.get("InputDataConfig", [])
        }
        for name, content in (
            ("hyperparameters", raw),
            ("inputdataconfig", channels),
            ("resourceconfig", self.build_resource_config()),
        ):
            (self.config / f"{name}.json").write_text(json.dumps(content), "utf-8")

    def build_resource_config(self) -> dict[str, Any]:
        """Build resourceconfig.json: the hosts, and which of them this is."""
        job = self.job
        group = {"instance_group_name": "homogeneousCluster", "instance_type": job.instance_type, "hosts": job.hosts}
        return {
            "current_host": self.host,
            "current_instance_type": job.instance_type,
            "current_group_name": "homogeneousCluster",
            "hosts": job.hosts,
            "instance_groups": [group],
            "network_interface_name": "lo",
        }

    def unpack_source(self, downloaded: Path | None) -> None:
        """Unpack the source archive into `code`.

        Args:
            downloaded: The archive if it came from S3, otherwise it is the hyperparameter's path below /opt/ml.

        Raises:
            JobError: There is no archive, or it cannot be unpacked.
        """
        submitted = self.parse_hyperparameters().get("sagemaker_submit_directory")
        archive = downloaded or (self.map_path(str(submitted)) if submitted else None)
        if archive is None:
            raise JobError("ClientError: the hyperparameter sagemaker_submit_directory is missing")
        if archive.is_dir():  # the code is not packed
            self.code = archive
            return
        try:
            with tarfile.open(archive, "r:gz") as tar:
                tar.extractall(self.code, filter="data")
        except (OSError, tarfile.TarError, EOFError) as error:
            raise JobError(f"ClientError: {submitted}: the source archive cannot be unpacked: {error}") from None

    def write_failure(self, exit_code: int, command: list[str], message: str) -> None:
        """Write output/failure as the toolkit does, unless the program has written it itself.

        Args:
            exit_code: The exit code of the program.
            command: Its command.
            message: Its exception.
        """
        if not self.failure.exists():
            shown = shlex.join(["python", *command[1:]])
            text = f'ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{message}"\nCommand "{shown}"'
            self.failure.write_text(text, "utf-8")
