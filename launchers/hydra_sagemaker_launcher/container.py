"""The program inside a training job: it prepares the container as the member's app expects it, and runs the app.

It needs only the standard library, Hydra and OmegaConf, and boto3 if there are secrets to fetch.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import ConfigCompositionException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

MEMBER_FILE = "member.json"
RETURN_FILE = "job_return.json"
_FAILURE_LENGTH = 1000  # SageMaker shows 1,024 characters
_RANKS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")  # as PyTorch names them


def main() -> None:
    """Run the member that the `member` channel describes. If it fails, <base>/output/failure has the reason."""
    try:
        member = json.loads(Path(os.environ["SM_CHANNEL_MEMBER"], MEMBER_FILE).read_text("utf-8"))
        # Without it Hydra would end with exit code 1 and only print the reason.
        os.environ["HYDRA_FULL_ERROR"] = "1"
        _set_rank_variables()
        checkpoints = get_base_dir() / "checkpoints"
        if member["checkpoints"]:
            checkpoints.mkdir(parents=True, exist_ok=True)
            os.environ["SM_CHECKPOINT_DIR"] = str(checkpoints)
        for channel, source in member["sources"].items():
            os.environ[f"SAGEMAKER_SOURCE_{channel.upper()}"] = source
        _tell_source_state(member)
        for name, arn in member["secrets"].items():
            os.environ[name] = _fetch_secret(arn)
        output = Path(os.environ["SM_OUTPUT_DATA_DIR"])
        is_main = os.environ.get("RANK", "0") == "0"
        overrides = [*member["overrides"], *_build_rank_overrides(member, output, is_main)]
        sys.argv = [member["program"], *member["flags"], *overrides]
        code = os.getcwd()
        sys.path[:] = [code, *(entry for entry in sys.path if entry not in ("", code))]
        if member["module"]:
            runpy.run_module(member["program"], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(member["program"], run_name="__main__")
    except BaseException as error:
        if not (isinstance(error, SystemExit) and error.code in (None, 0)):
            _write_failure_file(_find_failure_reason(error, Path(os.environ.get("SM_OUTPUT_DATA_DIR", "."))))
        raise


def _tell_source_state(member: dict[str, Any]) -> None:
    """Set the commit of the program, and the path of a file with its changes since then, if they are known."""
    if member.get("commit"):
        os.environ["SAGEMAKER_SOURCE_COMMIT"] = member["commit"]
    if member.get("diff"):
        file = Path(tempfile.mkdtemp(), "source.diff")
        file.write_text(member["diff"], "utf-8")
        os.environ["SAGEMAKER_SOURCE_DIFF"] = str(file)


def convert_to_json_value(value: Any) -> Any:
    """Convert a return value to JSON's types, as a sweeper gets it.

    Args:
        value: The value. Numpy's numbers, and others that have `item()`, become numbers.

    Returns:
        The converted value, None if it is not JSON.
    """
    try:
        return json.loads(json.dumps(value, default=lambda number: number.item()))
    except Exception:  # whatever `item()` raises
        return None


def get_base_dir() -> Path:
    """Return /opt/ml, or the directory that SAGEMAKER_BASE_DIR gives instead."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml")


class MemberCallback(Callback):
    """Hydra's callback of a member in a container: it runs only the planned config, and saves the return value.

    Attributes:
        raised: The exception of the task function in this process, formatted.
    """

    raised: str | None = None

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Check that the composed config is the one that was planned.

        Raises:
            SystemExit: It is not. Hydra would turn any other exception into a warning.
        """
        from hydra_sagemaker_launcher.member import hash_config, remove_hydra_node

        expected = os.environ["SAGEMAKER_MEMBER_CONFIG_SHA256"]
        if hash_config(remove_hydra_node(config)) != expected:
            _write_failure_file(
                "the config composed in the container is not the one that was planned: the source archive lacks a "
                "config file (hydra.launcher.include), or the config depends on the machine"
            )
            raise SystemExit(1)

    def on_job_end(self, config: DictConfig, job_return: Any, **_: Any) -> None:
        """Save status, return value and error in the run directory. A value that is not JSON is left out."""
        value: Any = job_return._return_value
        error: str | None = None
        if isinstance(value, BaseException) and not isinstance(value, Exception):
            return  # sys.exit, for which only Hydra 1.4 calls this: the exit code of the process says how it went
        if isinstance(value, BaseException):
            value, error = None, _format_exception(value)
            MemberCallback.raised = error
        if os.environ.get("RANK", "0") != "0":
            return
        sent = convert_to_json_value(value)
        if sent is None and value is not None:
            print(f"the return value is left out: a {type(value).__name__} cannot be sent back as JSON")
        text = json.dumps({"status": job_return.status.name, "return_value": sent, "error": error})
        Path(config.hydra.runtime.output_dir, RETURN_FILE).write_text(text, "utf-8")


def _build_rank_overrides(member: dict[str, Any], output: Path, is_main: bool) -> list[str]:
    """Return the overrides for this rank: only rank 0 writes the run directory."""
    os.environ["SAGEMAKER_MEMBER_CONFIG_SHA256"] = member["config_sha256"]
    directory = output if is_main else Path("/tmp", f"rank{os.environ['RANK']}-{os.getpid()}")
    return [
        f"hydra.run.dir={QuotedString(str(directory), Quote.single).with_quotes()}",
        f"hydra.job.num={member['number']}",
        f"hydra.job.id='{member['number']}'",
        "hydra.mode=RUN",
        f"+hydra.callbacks.sagemaker_member._target_={__name__}.MemberCallback",
        *([] if is_main else ["hydra.output_subdir=null"]),
    ]


def _set_rank_variables() -> None:
    """Set RANK and the like under mpirun (smdistributed), if smddprun has not set them."""
    for name in _RANKS:
        ompi = f"OMPI_COMM_WORLD_{name.replace('WORLD_', '')}"
        if name not in os.environ and ompi in os.environ:
            os.environ[name] = os.environ[ompi]
    if "OMPI_COMM_WORLD_RANK" in os.environ:
        os.environ.setdefault("MASTER_ADDR", json.loads(os.environ["SM_HOSTS"])[0])
        os.environ.setdefault("MASTER_PORT", "29500")


def _fetch_secret(arn: str) -> str:
    """Return the text of a secret, which the job's role must be allowed to read.

    Args:
        arn: The ARN of a parameter of Systems Manager, or of a secret in Secrets Manager. Behind the latter may be
            `:<key>`, as in a task definition of ECS, if the secret is a JSON object.

    Raises:
        ValueError: The secret has no such key. The message does not hold the secret.
    """
    import boto3

    service, region = arn.split(":")[2:4]
    if service == "ssm":
        client = boto3.client("ssm", region_name=region)
        return str(client.get_parameter(Name=arn, WithDecryption=True)["Parameter"]["Value"]).strip()
    secret, key = ":".join(arn.split(":")[:7]), "".join(arn.split(":")[7:8])
    client = boto3.client("secretsmanager", region_name=region)
    text = str(client.get_secret_value(SecretId=secret)["SecretString"])
    if not key:
        return text.strip()
    try:
        return str(json.loads(text)[key]).strip()
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{secret}: is not a JSON object with the key {key}") from None


def _find_failure_reason(error: BaseException, output: Path) -> str:
    """Return why a member failed: what result.json or the task function say, otherwise how the process ended."""
    try:
        result = json.loads((output / "result.json").read_text("utf-8"))
    except (OSError, ValueError):
        result = None
    if isinstance(result, dict) and result.get("error") and result.get("status") != "completed":
        return str(result["error"])
    if MemberCallback.raised is not None:
        return MemberCallback.raised
    if isinstance(error, SystemExit):
        return f"exit code {error.code}" if isinstance(error.code, int) else str(error.code)
    return _format_exception(error)


def _format_exception(error: BaseException) -> str:
    cause = error.__cause__ if isinstance(error, ConfigCompositionException) else None
    text = " ".join(f"{error} {cause or ''}".split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _write_failure_file(reason: str) -> None:
    """Write <base>/output/failure, which becomes the job's FailureReason. The first reason stands."""
    path = get_base_dir() / "output" / "failure"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(reason[:_FAILURE_LENGTH])
    except FileExistsError:
        pass
    print(f"error: {reason}", file=sys.stderr)
