"""The command line of a launch, kept in members.jsonl so that a sweep left behind can be resumed without knowing it."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

from hydra_sagemaker_launcher.secret_scan import find_secrets

HIDDEN = "***"  # in place of a value that looks like a secret
_SECRET_KEY = re.compile(r"(?i)(^|[._+])(password|passwd|secret|api_?key|secret_?key|(access|auth)_?token)$")
_NOT_SECRET = re.compile(r"['\"]?(arn:|\$\{|$)|(?i:null)$")
_LOGIN_IN_URL = re.compile(r"://[^/@\s:]*:[^/@\s]+@")
_ONE_TIME = ("resume", "retry_failed", "dry_run", "wait")  # options of the launcher that a resumed launch sets anew
_PLAIN = re.compile(r"[\w./-]+")


def describe_launch(working_dir: str, options: Any) -> dict[str, Any]:
    """Describe how this process was started, without secrets.

    Args:
        working_dir: The directory in which the command was given.
        options: The launcher's options.

    Returns:
        The fields of a `launch` event: the command, its directory, and the options that fetching results needs.
    """
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = ["-m", spec.name] if spec is not None else [sys.argv[0]]
    return {
        "command": [sys.executable, *program, *map(hide_secret, sys.argv[1:])],
        "working_dir": working_dir,
        "options": {
            name: getattr(options, name)
            for name in ("profile", "download_model", "archive_max_gb", "archive_max_files", "hardware_key")
        },
    }


def hide_secret(argument: str) -> str:
    """Return an argument of a command line, or its key and `***` if its value looks like a secret."""
    key, _, value = argument.partition("=")
    named = _SECRET_KEY.search(key) and not _NOT_SECRET.match(value)
    if named or _LOGIN_IN_URL.search(argument) or any(find_secrets("", argument.encode("utf-8", "replace"))):
        return f"{key}={HIDDEN}" if value else HIDDEN
    return argument


def build_resume_command(
    command: Sequence[str], sweep_dir: Path, retry_failed: bool = False, overrides: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Build the command that resumes a sweep from the one that was recorded.

    Args:
        command: The recorded command.
        sweep_dir: The directory of the sweep.
        retry_failed: Whether failed and stopped members run again.
        overrides: Further overrides, which replace recorded ones of the same key.

    Returns:
        The command, and the keys whose values were not recorded because they looked like secrets.
    """
    replaced = {_get_key(override) for override in overrides}
    replaced |= {f"hydra.launcher.{name}" for name in _ONE_TIME}
    kept = [part for part in command if "=" not in part or _get_key(part) not in replaced]
    hidden = [_get_key(part) for part in kept if part == HIDDEN or part.endswith(f"={HIDDEN}")]
    path = str(sweep_dir.absolute())
    shown = path if _PLAIN.fullmatch(path) else QuotedString(path, Quote.single).with_quotes()
    resume = [f"hydra.launcher.resume={shown}"] + ["hydra.launcher.retry_failed=true"] * retry_failed
    return [*kept, *resume, *overrides], hidden


def format_command(name: str, sweep_dir: Path, *arguments: str) -> str:
    """Format a command of `hydra-sagemaker` for a sweep, as it can be pasted into a shell.

    Args:
        name: The subcommand.
        sweep_dir: The directory of the sweep.
        *arguments: What follows.
    """
    return shlex.join(["hydra-sagemaker", name, str(sweep_dir), *arguments])


def _get_key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")
