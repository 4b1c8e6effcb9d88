"""Every error that a user can cause or meet.

Each message is one line: the thing at fault, what is wrong with it, the way out. The entry points print
it without a traceback (`HYDRA_FULL_ERROR=1` shows it); any other exception is a bug and keeps its own.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import CompactHydraException

from mlqa.environment import is_main


class MlqaError(CompactHydraException):
    """Base of all errors meant for the user; Hydra prints its subclasses of this kind as one line."""


class ConfigError(MlqaError):
    """One or several things wrong with what the user chose; all of them are in `problems`."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class DataError(MlqaError):
    """A data set that cannot be read, or holds nothing to train or score on."""


class ModelError(MlqaError):
    """A model or tokenizer that cannot be loaded or does not fit the task."""


class UnreachableError(MlqaError):
    """Something that had to come over the network and did not."""


class RunError(MlqaError):
    """A run directory that is missing a part or cannot be written."""


class SigtermInterrupt(KeyboardInterrupt):
    """SIGTERM: what a scheduler, or torchrun after the death of another process, sends before it kills."""


def summarize_error(error: BaseException) -> str:
    """What an exception of any library says, cut to one line without its full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__


def explain_write_failure(error: BaseException, folder: Path) -> str:
    """The operating system's reason, e.g. "No space left on device", where the library that met it reports its own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        if number := re.search(r"\(os error (\d+)\)", str(cause)):  # what was written in Rust
            return os.strerror(int(number.group(1)))
        cause = cause.__cause__ or cause.__context__
    try:  # torch swallows the reason: would a few bytes more fit now?
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(1 << 16))
            probe.flush()
    except OSError as full:
        return full.strerror or summarize_error(error)
    return summarize_error(error)


def describe_interruption(stop: KeyboardInterrupt) -> str:
    """What result.json and the user are told of a run that was stopped."""
    return f"stopped by {'SIGTERM' if isinstance(stop, SigtermInterrupt) else 'Ctrl-C'}"


@contextmanager
def exit_on_error(logged: bool = False) -> Iterator[None]:
    """Ends the process on a MlqaError: a line a problem on stderr (unless it is `logged` there already), and the
    exit code 2 for a wrong config, 1 for anything else; on Ctrl-C with 130, on SIGTERM with 143, as shells have it.

    With HYDRA_FULL_ERROR=1 the exception passes, traceback and all.
    """
    try:
        yield
    except MlqaError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        for line in str(error).splitlines() if not logged and is_main() else ():  # of several processes, one says it
            print(f"error: {line}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, ConfigError) else 1) from None
    except KeyboardInterrupt as stop:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        if is_main():
            print(describe_interruption(stop), file=sys.stderr)
        raise SystemExit(143 if isinstance(stop, SigtermInterrupt) else 130) from None
