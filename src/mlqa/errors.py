"""Every error that a user can cause or meet.

Each message is one line: the thing at fault, what is wrong with it, and what to do. The entry points print it without a
traceback (`HYDRA_FULL_ERROR=1` shows it). Any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import CompactHydraException

from mlqa.environment import is_main

SIGTERM_CODE = 143  # 128 + 15, as in shells


class MlqaError(CompactHydraException):
    """Base of all errors meant for the user. It is a CompactHydraException, so Hydra prints it as one line."""


class ConfigError(MlqaError):
    """One or several problems with the settings that the user chose.

    Attributes:
        problems: One line per problem.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class DataError(MlqaError):
    """A data set that cannot be read, or has nothing to train or score on."""


class ModelError(MlqaError):
    """A model or tokenizer that cannot be loaded or does not fit the task."""


class UnreachableError(MlqaError):
    """A file or service that could not be reached over the network."""


class RunError(MlqaError):
    """A run directory that is missing a part or cannot be written."""


class SigtermInterrupt(KeyboardInterrupt):
    """SIGTERM, which a scheduler sends before it kills, as does torchrun when another process has died."""


def summarize_error(error: BaseException) -> str:
    """Summarize the exception of any library in one line.

    Returns:
        The first line of its message without the full stop, or its type if it has no message.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__


def describe_status(status: object) -> str:
    """Say how a run ended that is not completed: "failed" or "was stopped", otherwise e.g. "is missing"."""
    return {"failed": "failed", "stopped": "was stopped", "set aside": "was set aside"}.get(str(status), f"is {status}")


def explain_write_failure(error: BaseException, folder: Path) -> str:
    """Find the operating system's reason for a failed write, which the libraries report in different ways.

    Args:
        error: What the library that wrote has raised.
        folder: The folder to which it wrote.

    Returns:
        The reason, e.g. "No space left on device", or the summary of the error if no reason is found.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        if number := re.search(r"\(os error (\d+)\)", str(cause)):  # from a library written in Rust
            return os.strerror(int(number.group(1)))
        cause = cause.__cause__ or cause.__context__
    try:  # torch hides the reason, so check if a few more bytes fit now
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(1 << 16))
            probe.flush()
    except OSError as full:
        return full.strerror or summarize_error(error)
    return summarize_error(error)


def describe_interruption(stop: KeyboardInterrupt) -> str:
    """Return the message about a stopped run for result.json and the user."""
    return f"stopped by {'SIGTERM' if isinstance(stop, SigtermInterrupt) else 'Ctrl-C'}"


@contextmanager
def exit_on_error(logged: bool = False) -> Iterator[None]:
    """End the process when an MlqaError or an interrupt leaves the block.

    An MlqaError prints one line per problem on stderr. The exit code is 2 for a wrong config and 1 for any other error.
    Ctrl-C exits with 130 and SIGTERM with 143, as in shells. A reader that has seen enough (`mlqa audit | head`) ends
    it quietly with 1, as Python's documentation of SIGPIPE advises. With HYDRA_FULL_ERROR=1 the exception passes with
    its traceback.

    Args:
        logged: Whether the problems were already logged to stderr.
    """
    try:
        yield
    except MlqaError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        for line in str(error).splitlines() if not logged and is_main() else ():  # only rank 0 prints
            print(f"error: {line}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, ConfigError) else 1) from None
    except BrokenPipeError:
        # Python flushes stdout at exit and would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt as stop:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        if is_main():
            print(describe_interruption(stop), file=sys.stderr)
        raise SystemExit(SIGTERM_CODE if isinstance(stop, SigtermInterrupt) else 130) from None


@contextmanager
def end_by_signal() -> Iterator[None]:
    """End a process that was stopped by SIGTERM by the signal itself, if a W&B agent started it.

    A W&B agent stops members early by SIGTERM. It takes an exit code above zero for a failure, also 143, and gives up
    after some failures. A death by the signal is none.
    """
    try:
        yield
    except SystemExit as stop:
        if stop.code == SIGTERM_CODE and os.environ.get("WANDB_SWEEP_ID"):
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        raise
