"""Downloads alongside the control loop, a few at a time, that never keep the process alive."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from hydra_sagemaker_launcher.jobs.job import Job
from hydra_sagemaker_launcher.jobs.outcome import Outcome

_MAX_DOWNLOADS = 4  # at the same time


class OutcomeFetcher:
    """Fetches the outcomes of jobs in daemon threads.

    An executor would not do: the interpreter waits for its threads at exit.
    """

    def __init__(self, fetch: Callable[[Job], Outcome], wake: Callable[[], object]) -> None:
        """Prepare to call `fetch` for each job, and `wake` after each."""
        self._fetch, self._wake = fetch, wake
        self._done: queue.SimpleQueue[tuple[Job, Outcome | Exception]] = queue.SimpleQueue()
        self._in_progress: set[Job] = set()
        self._slots = threading.Semaphore(_MAX_DOWNLOADS)
        self._is_shut_down = False

    def submit(self, job: Job) -> None:
        """Fetch the outcome of a job, unless that is already in progress."""
        if job not in self._in_progress:
            self._in_progress.add(job)
            threading.Thread(target=self._run, args=(job,), name="sagemaker-fetch", daemon=True).start()

    def pop_outcomes(self) -> Iterator[tuple[Job, Outcome | Exception]]:
        """Yield the outcomes that have come in since the last call.

        Yields:
            A job and its outcome, or the exception if it could not be fetched.
        """
        while not self._done.empty():
            job, outcome = self._done.get()
            self._in_progress.discard(job)
            yield job, outcome

    def has_outcomes(self) -> bool:
        """Return whether an outcome has come in since the last call of `pop_outcomes`."""
        return not self._done.empty()

    def shutdown(self) -> None:
        """Start no further fetch."""
        self._is_shut_down = True

    def _run(self, job: Job) -> None:
        with self._slots:
            if self._is_shut_down:
                return
            try:
                outcome: Outcome | Exception = self._fetch(job)
            except Exception as error:
                outcome = error
        self._done.put((job, outcome))
        self._wake()
