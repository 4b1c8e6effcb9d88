"""What can go wrong with a sweep and is no bug of the launcher: each message a line that names the way out."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.errors import CompactHydraException


class LaunchError(CompactHydraException):
    """One or several things that keep members from being launched or brought back; all of them are in `problems`."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class MemberFailed(CompactHydraException):
    """A member that did not complete, in one line: what asking for its return value raises."""
