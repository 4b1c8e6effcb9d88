"""What can go wrong with a race without a bug in the sweeper. Each message is one line that names the way out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra.errors import CompactHydraException


class RaceError(CompactHydraException):
    """One or more reasons why a race cannot start or go on.

    Attributes:
        problems: One line for each reason.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        """Take one line or several."""
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End the process with one line per problem if a RaceError is raised inside.

    Raises:
        SystemExit: With exit code 1, after a RaceError. With HYDRA_FULL_ERROR=1 the error itself gets through.
    """
    try:
        yield
    except RaceError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        raise SystemExit(1) from error
