"""What can go wrong with a sweep without a bug in the launcher. Each message is one line that names the way out."""

from __future__ import annotations

from collections.abc import Sequence

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


class MemberFailed(CompactHydraException):
    """A member did not complete. Asking for its return value raises this one line."""
