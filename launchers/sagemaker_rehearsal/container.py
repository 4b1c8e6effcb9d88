"""A host of a job as its program sees it: the folders of /opt/ml, the configuration files, the environment.

The names of variables and files are those of the images' toolkit (sagemaker-training).
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import tarfile
from pathlib import Path
from typing import Any

import yaml

from sagemaker_rehearsal.clients import CREDENTIALS
from sagemaker_rehearsal.cores import count_cores
from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.processes import MARK
from sagemaker_rehearsal.training_jobs import TrainingJob

OPT_ML = "/opt/ml"
TOOLKIT = yaml.safe_load(Path(__file__).with_name("toolkit.yaml").read_text("utf-8"))
# The variables that a job inherits from the environment of the service.
OPENMP = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
PASSED = ("PATH", "LANG", "TMPDIR", "VIRTUAL_ENV", *OPENMP)


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

    def build_arguments(self) -> list[str]:
        """Build the arguments of the program: the hyperparameters without those of the toolkit."""
        values = self.parse_hyperparameters()
        named = sorted(name for name in values if not name.startswith("sagemaker_"))
        return [
            part
            for name in named
            for part in (f"-{name}" if len(name) == 1 else f"--{name}", _format_argument(values[name]))
        ]

    def build_environment(self, url: str, by_toolkit: bool = False) -> dict[str, str]:
        """Build the environment of the processes, which inherits only a few variables of the service.

        Args:
            url: The endpoint of the service.
            by_toolkit: Whether the real toolkit will add its own variables.
        """
        passed = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith("LC_")}
        given: dict[str, str] = self.job.request.get("Environment", {})
        path = os.pathsep.join([str(self.code), *filter(None, [given.get("PYTHONPATH")])])
        return {
            **passed,
            **self._build_machine_environment(),
            **given,
            **({} if by_toolkit else {**self._build_toolkit_environment(), "PYTHONPATH": path}),
            "AWS_ENDPOINT_URL": url,
            "S3_ENDPOINT_URL": url,
            "AWS_REGION": self.job.region,
            "AWS_DEFAULT_REGION": self.job.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            **CREDENTIALS,
            MARK: str(self.base),
            "TRAINING_JOB_NAME": self.job.name,
            "TRAINING_JOB_ARN": self.job.arn,
        }

    def _build_machine_environment(self) -> dict[str, str]:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        hub = Path(os.environ.get("HF_HOME") or f"{cache}/huggingface").expanduser()
        loopback = "lo0" if sys.platform == "darwin" else "lo"
        return {
            "HOME": str(self.home),
            "HF_HOME": str(hub),  # makes the cache available, but not the user's token, which is also there
            "HF_TOKEN_PATH": str(self.home / "no_token"),
            "HF_STORED_TOKENS_PATH": str(self.home / "no_tokens"),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "GLOO_SOCKET_IFNAME": loopback,  # all hosts are this machine
        }

    def _build_toolkit_environment(self) -> dict[str, str]:
        values = self.parse_hyperparameters()
        program = str(values.get("sagemaker_program", ""))
        user = {name: value for name, value in values.items() if not name.startswith("sagemaker_")}
        framework = {
            name: value
            for name, value in values.items()
            if name.startswith("sagemaker_") and name not in TOOLKIT["own"]
        }
        names = sorted(channel["ChannelName"] for channel in self.job.request.get("InputDataConfig", []))
        channels = {name: str(self.channels / name) for name in names}  # of a pipe, there is no such folder
        inputs = json.loads((self.config / "inputdataconfig.json").read_text("utf-8"))
        training_env = {
            "additional_framework_parameters": framework,
            "channel_input_dirs": channels,
            "current_host": self.host,
            "current_instance_type": self.job.instance_type,
            "hosts": self.job.hosts,
            "hyperparameters": user,
            "input_config_dir": str(self.config),
            "input_data_config": inputs,
            "input_dir": str(self.base / "input"),
            "is_master": self.host == "algo-1",
            "job_name": self.job.name,
            "master_hostname": "algo-1",
            "model_dir": str(self.model),
            "module_name": program.removesuffix(".py"),
            "num_cpus": count_cores(),
            "num_gpus": 0,
            "output_data_dir": str(self.data),
            "output_dir": str(self.output),
            "resource_config": self.build_resource_config(),
            "user_entry_point": program,
        }
        return {
            **{f"SM_{name.upper()}": _format_argument(training_env[name]) for name in TOOLKIT["exported"]},
            "SM_CHANNELS": json.dumps(list(channels)),
            **{f"SM_CHANNEL_{name.upper()}": path for name, path in channels.items()},
            "SM_HPS": json.dumps(user),
            **{f"SM_HP_{name.upper()}": _format_argument(value) for name, value in user.items()},
            "SM_USER_ARGS": json.dumps(self.build_arguments()),
            "SM_FRAMEWORK_PARAMS": json.dumps(framework),
            "SM_TRAINING_ENV": json.dumps(training_env),
            "SM_LOG_LEVEL": str(values.get("sagemaker_container_log_level", 20)),
        }

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


def _format_argument(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, (dict, list)) else str(value)
