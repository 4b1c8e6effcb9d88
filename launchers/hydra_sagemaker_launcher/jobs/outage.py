"""Calls to SageMaker that survive an outage: it is reported once, and nothing is asked until the next poll."""

from __future__ import annotations

from collections.abc import Callable

from hydra_sagemaker_launcher.aws.session import format_aws_error, is_unreachable
from hydra_sagemaker_launcher.jobs.job import Clock


class OutageGuard:
    """Makes calls, and remembers whether the last one was answered."""

    def __init__(self, say: Callable[[str], None], clock: Clock, poll_interval: float) -> None:
        """Report outages by `say`, and retry `poll_interval` seconds after a call that was not answered."""
        self._say, self._clock, self._poll_interval = say, clock, poll_interval
        self._since: float | None = None
        self._retry_at = 0.0

    def get_retry_time(self) -> float:
        """Return when the next call may be made, 0 if there is no outage."""
        return 0.0 if self._since is None else self._retry_at

    def may_call(self) -> bool:
        """Return whether a call may be made now: during an outage only one per poll interval."""
        return self._clock.get_time() >= self.get_retry_time()

    def try_call(self, call: Callable[[], None]) -> bool:
        """Make a call, and report the begin or the end of an outage.

        Returns:
            Whether the call was answered. Errors that are not an outage are raised.
        """
        try:
            call()
        except Exception as error:
            if not is_unreachable(error):
                raise
            if self._since is None:
                self._since = self._clock.get_time()
                self._say(
                    f"SageMaker cannot be asked ({format_aws_error(error)}); jobs run on, and it is tried again every "
                    f"{self._poll_interval:g} s"
                )
            self._retry_at = self._clock.get_time() + self._poll_interval
            return False
        if self._since is not None:
            self._say(f"SageMaker answers again after {self._clock.get_time() - self._since:.0f} s")
            self._since = None
        return True
