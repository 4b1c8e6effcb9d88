"""Calls to SageMaker that survive whatever AWS answers: it is said once, and tried again until the patience is over.

A call that fails for want of an answer or of credentials holds up all calls, because the others would meet the same. A
call that is denied holds up only its own kind: who may not list jobs may still stop them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hydra_sagemaker_launcher.aws.error_text import format_aws_error
from hydra_sagemaker_launcher.aws.failures import Failure, classify_failure, find_aws_error, suggest_cure
from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.errors import LaunchError

_OF_ALL_CALLS = (Failure.unreachable, Failure.credentials, Failure.clock)


@dataclass
class Outage:
    """Since when a kind of call has failed, when it may be made again, and what the user has been told."""

    since: float
    retry_at: float
    failure: Failure
    code: str


class OutageGuard:
    """Makes calls, and remembers which kinds of them are not answered."""

    def __init__(
        self,
        say: Callable[[str], None],
        clock: Clock,
        poll_interval: float,
        patience_minutes: float,
        renew: Callable[[], None],
    ) -> None:
        """Begin without an outage.

        Args:
            say: Takes a line for the user.
            clock: The time of the loop.
            poll_interval: The seconds from a failed call to the next attempt.
            patience_minutes: How long calls of one kind may fail.
            renew: Reads the credentials again.
        """
        self._say, self._clock, self._poll_interval = say, clock, poll_interval
        self._patience_minutes, self._renew = patience_minutes, renew
        self._outages: dict[str, Outage] = {}

    def get_retry_time(self, kind: str) -> float:
        """Return when the next call of a kind may be made, 0 if it need not wait."""
        moments = [
            outage.retry_at
            for other, outage in self._outages.items()
            if other == kind or outage.failure in _OF_ALL_CALLS
        ]
        return max(moments, default=0.0)

    def may_call(self, kind: str) -> bool:
        """Return whether a call of a kind may be made now: during an outage only one per poll interval."""
        return self._clock.get_time() >= self.get_retry_time(kind)

    def try_call(self, kind: str, call: Callable[[], None]) -> bool:
        """Make a call, and report the begin or the end of an outage.

        Args:
            kind: submit, watch, stop ..., whatever may be denied by itself.
            call: The call.

        Returns:
            Whether the call was answered.

        Raises:
            LaunchError: The patience is over.
            Exception: What the call has raised, unless AWS or boto3 is the origin.
        """
        try:
            call()
        except Exception as error:
            failure = classify_failure(error)
            if failure is None:
                raise
            self._record_failure(kind, failure, find_aws_error(error))
            return False
        self._record_answer(kind)
        return True

    def _record_failure(self, kind: str, failure: Failure, error: BaseException) -> None:
        now, said = self._clock.get_time(), format_aws_error(error)
        before, code = self._outages.get(kind), said.partition(":")[0]
        since = before.since if before else now
        if now - since >= self._patience_minutes * 60:
            raise LaunchError(
                f"SageMaker cannot be asked ({said}) for {(now - since) / 60:.0f} minutes, "
                f"which is hydra.launcher.patience_minutes{suggest_cure(error)}"
            ) from error
        is_told = any((other.failure, other.code) == (failure, code) for other in self._outages.values())
        self._outages[kind] = Outage(since, now + self._poll_interval, failure, code)
        if not is_told:
            self._say(
                f"SageMaker cannot be asked ({said}); jobs run on, and it is tried again every "
                f"{self._poll_interval:g} s for {self._patience_minutes:g} minutes{suggest_cure(error)}"
            )
        if failure is not Failure.unreachable:
            self._renew()

    def _record_answer(self, kind: str) -> None:
        """Forget the outage of this kind, and those that an answer to any call ends."""
        ended = {
            other: outage for other, outage in self._outages.items() if other == kind or outage.failure in _OF_ALL_CALLS
        }
        if ended:
            first = min(outage.since for outage in ended.values())
            self._say(f"SageMaker answers again after {self._clock.get_time() - first:.0f} s")
            self._outages = {other: outage for other, outage in self._outages.items() if other not in ended}
