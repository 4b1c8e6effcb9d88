"""What can go wrong with a sweep without a bug in the launcher. Each message is one line that names the way out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra.errors import CompactHydraException


class LaunchError(CompactHydraException):
    """One or more reasons why members cannot be launched or their results cannot be fetched.

    Attributes:
        problems: One line for each reason.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        """Take one line or several."""
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


def raise_problems(problems: Sequence[str]) -> None:
    """Raise a LaunchError of all problems, each once, if there are any."""
    if problems:
        raise LaunchError(list(dict.fromkeys(problems)))


class MemberFailed(CompactHydraException):
    """A member did not complete. Asking for its return value raises this one line."""


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End the process with one line per problem if a LaunchError is raised inside.

    Hydra would print the message too, but with an advice to set HYDRA_FULL_ERROR, whose stack trace tells a user
    nothing here. Who sets it gets the stack trace.

    Raises:
        SystemExit: With exit code 1, after a LaunchError.
    """
    try:
        yield
    except LaunchError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        raise SystemExit(1) from error
