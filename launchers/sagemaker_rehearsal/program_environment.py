"""The environment and the arguments of a job's program, by the names of the images' toolkit (sagemaker-training)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml

from sagemaker_rehearsal.clients import CREDENTIALS
from sagemaker_rehearsal.container import Container
from sagemaker_rehearsal.cores import count_cores
from sagemaker_rehearsal.processes import MARK

TOOLKIT = yaml.safe_load(Path(__file__).with_name("toolkit.yaml").read_text("utf-8"))
# The variables that a job inherits from the environment of the service.
OPENMP = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
PASSED = ("PATH", "LANG", "TMPDIR", "VIRTUAL_ENV", *OPENMP)


def build_arguments(container: Container) -> list[str]:
    """Build the arguments of the program: the hyperparameters without those of the toolkit."""
    values = container.parse_hyperparameters()
    named = sorted(name for name in values if not name.startswith("sagemaker_"))
    return [
        part
        for name in named
        for part in (f"-{name}" if len(name) == 1 else f"--{name}", _format_argument(values[name]))
    ]


def build_environment(container: Container, url: str, by_toolkit: bool = False) -> dict[str, str]:
    """Build the environment of the processes, which inherits only a few variables of the service.

    Args:
        container: The host.
        url: The endpoint of the service.
        by_toolkit: Whether the real toolkit will add its own variables.
    """
    passed = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith("LC_")}
    given: dict[str, str] = container.job.request.get("Environment", {})
    path = os.pathsep.join([str(container.code), *filter(None, [given.get("PYTHONPATH")])])
    return {
        **passed,
        **_build_machine_environment(container),
        **given,
        **({} if by_toolkit else {**_build_toolkit_environment(container), "PYTHONPATH": path}),
        "AWS_ENDPOINT_URL": url,
        "S3_ENDPOINT_URL": url,
        "AWS_REGION": container.job.region,
        "AWS_DEFAULT_REGION": container.job.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        **CREDENTIALS,
        MARK: str(container.base),
        "TRAINING_JOB_NAME": container.job.name,
        "TRAINING_JOB_ARN": container.job.arn,
    }


def _build_machine_environment(container: Container) -> dict[str, str]:
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    hub = Path(os.environ.get("HF_HOME") or f"{cache}/huggingface").expanduser()
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    return {
        "HOME": str(container.home),
        "HF_HOME": str(hub),  # makes the cache available, but not the user's token, which is also there
        "HF_TOKEN_PATH": str(container.home / "no_token"),
        "HF_STORED_TOKENS_PATH": str(container.home / "no_tokens"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GLOO_SOCKET_IFNAME": loopback,  # all hosts are this machine
    }


def _build_toolkit_environment(container: Container) -> dict[str, str]:
    values = container.parse_hyperparameters()
    program = str(values.get("sagemaker_program", ""))
    user = {name: value for name, value in values.items() if not name.startswith("sagemaker_")}
    framework = {
        name: value for name, value in values.items() if name.startswith("sagemaker_") and name not in TOOLKIT["own"]
    }
    names = sorted(channel["ChannelName"] for channel in container.job.request.get("InputDataConfig", []))
    channels = {name: str(container.channels / name) for name in names}  # of a pipe, there is no such folder
    inputs = json.loads((container.config / "inputdataconfig.json").read_text("utf-8"))
    training_env = {
        "additional_framework_parameters": framework,
        "channel_input_dirs": channels,
        "current_host": container.host,
        "current_instance_type": container.job.instance_type,
        "hosts": container.job.hosts,
        "hyperparameters": user,
        "input_config_dir": str(container.config),
        "input_data_config": inputs,
        "input_dir": str(container.base / "input"),
        "is_master": container.host == "algo-1",
        "job_name": container.job.name,
        "master_hostname": "algo-1",
        "model_dir": str(container.model),
        "module_name": program.removesuffix(".py"),
        "num_cpus": count_cores(),
        "num_gpus": 0,
        "output_data_dir": str(container.data),
        "output_dir": str(container.output),
        "resource_config": container.build_resource_config(),
        "user_entry_point": program,
    }
    return {
        **{f"SM_{name.upper()}": _format_argument(training_env[name]) for name in TOOLKIT["exported"]},
        "SM_CHANNELS": json.dumps(list(channels)),
        **{f"SM_CHANNEL_{name.upper()}": path for name, path in channels.items()},
        "SM_HPS": json.dumps(user),
        **{f"SM_HP_{name.upper()}": _format_argument(value) for name, value in user.items()},
        "SM_USER_ARGS": json.dumps(build_arguments(container)),
        "SM_FRAMEWORK_PARAMS": json.dumps(framework),
        "SM_TRAINING_ENV": json.dumps(training_env),
        "SM_LOG_LEVEL": str(values.get("sagemaker_container_log_level", 20)),
    }


def _format_argument(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, (dict, list)) else str(value)
