"""Upload the model of a run with its card to the Hugging Face hub, without anything private."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlqa.errors import ConfigError, RunError, UnreachableError, summarize_error
from mlqa.result import FILE, MODEL, ONNX, read_result
from mlqa.serving.clean_copy import copy_model, find_machine_paths, write_clean_json
from mlqa.serving.launcher import find_secrets

REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
LOGIN = "set HF_TOKEN, or log in by `hf auth login`"
# Nodes of result.json that say where else the run is recorded, and what a launcher keeps.
PRIVATE_NODES = ("tracking", "error")


@dataclass(frozen=True)
class Upload:
    """What an upload would send, and to which repository.

    Attributes:
        folder: A copy of the files, cleaned.
        repository: owner/name.
        files: Name and bytes of each file.
    """

    folder: Path
    repository: str
    files: list[tuple[str, int]]


def check_repository(name: str) -> None:
    """Check the name of a repository.

    Raises:
        ConfigError: It is not of the form owner/name.
    """
    if not REPOSITORY.fullmatch(name):
        raise ConfigError(f"card: --push={name}: is not a name on the hub; give owner/name")


def stage_upload(run_dir: Path, repository: str, folder: Path) -> Upload:
    """Copy what is uploaded: the model with tokenizer and card, the ONNX export if there is one, result.json.

    Args:
        run_dir: The directory of the run, whose card is written.
        repository: owner/name.
        folder: An empty folder.

    Raises:
        RunError: A file cannot be copied, looks like a secret, or names a folder of this machine.
    """
    copy_model(run_dir / MODEL, folder)
    if (run_dir / ONNX).is_dir():
        shutil.copytree(run_dir / ONNX, folder / ONNX, ignore=shutil.ignore_patterns("__pycache__"))
    content = {key: value for key, value in read_result(run_dir).items() if key not in PRIVATE_NODES}
    write_clean_json(content, folder / FILE)
    problems = [*find_secrets(folder), *find_machine_paths(folder, run_dir)]
    if problems:
        listed = "; ".join(problem.removeprefix(f"{folder}/") for problem in problems[:5])
        raise RunError(f"nothing was uploaded: {listed}")
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return Upload(folder, repository, [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths])


def open_hub() -> tuple[Any, str]:
    """Connect to the hub that HF_ENDPOINT names, with the token from the usual places.

    Returns:
        The API, and the name of the user whose token it is.

    Raises:
        ConfigError: There is no token, or the hub does not know it.
        UnreachableError: The hub cannot be reached.
    """
    from huggingface_hub import HfApi, get_token

    token = get_token()
    if token is None:
        raise ConfigError(f"card: --push needs a token of the hub, and there is none: {LOGIN}")
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token, library_name="mlqa")
    try:
        return api, str(api.whoami()["name"])
    except Exception as error:
        raise _explain(error, api.endpoint, "the token was refused") from None


def push(api: Any, upload: Upload, private: bool) -> str:
    """Create the repository if it is not there, and upload the files in one commit.

    Returns:
        The address of the model's page.

    Raises:
        ConfigError: The hub refuses.
        UnreachableError: The hub cannot be reached.
    """
    try:
        api.create_repo(upload.repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=upload.repository, folder_path=upload.folder, commit_message="Upload the model by mlqa card"
        )
    except Exception as error:
        raise _explain(error, api.endpoint, f"the upload to {upload.repository} was refused") from None
    return f"{api.endpoint}/{upload.repository}"


def _explain(error: Exception, endpoint: str, what: str) -> ConfigError | UnreachableError:
    """Return the error for the user of any exception of huggingface_hub and of the HTTP library beneath it."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401:
        return ConfigError(f"card: {endpoint}: {what}; {LOGIN}")
    if status == 403:
        return ConfigError(f"card: {endpoint}: {what}; the token may not write there: make one with write access")
    if status is not None and status < 500:
        return ConfigError(f"card: {endpoint}: {what}: {summarize_error(error)}")
    return UnreachableError(f"{endpoint}: cannot be reached: {summarize_error(error)}; try again later")
