"""Downloads beside the control loop, a few at a time, none of which keeps the process alive."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from hydra_sagemaker_launcher.jobs.job import Job
from hydra_sagemaker_launcher.jobs.outcome import Outcome

_AT_A_TIME = 4


class OutcomeFetcher:
    """Calls `fetch` for jobs in daemon threads (an executor's would be waited for at the end of the process) and
    `wake` after each."""

    def __init__(self, fetch: Callable[[Job], Outcome], wake: Callable[[], object]) -> None:
        self._fetch, self._wake = fetch, wake
        self._asked: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Job, Outcome | Exception]] = queue.SimpleQueue()
        self._under_way: set[Job] = set()
        self._threads = 0

    def submit(self, job: Job) -> None:
        """Fetches what a job left, unless that is under way."""
        if job in self._under_way:
            return
        self._under_way.add(job)
        self._asked.put(job)
        if self._threads < min(_AT_A_TIME, len(self._under_way)):
            self._threads += 1
            threading.Thread(target=self._run_worker, name=f"sagemaker-fetch-{self._threads}", daemon=True).start()

    def pop_outcomes(self) -> Iterator[tuple[Job, Outcome | Exception]]:
        """What has come in since the last call: outcomes, and the exceptions of fetches that failed."""
        while not self._done.empty():
            job, outcome = self._done.get()
            self._under_way.discard(job)
            yield job, outcome

    def has_outcomes(self) -> bool:
        """Whether something has come in that is not taken yet."""
        return not self._done.empty()

    def shutdown(self) -> None:
        """Begins no other fetch."""
        while not self._asked.empty():
            self._asked.get()
        for _ in range(self._threads):
            self._asked.put(None)

    def _run_worker(self) -> None:
        while (job := self._asked.get()) is not None:
            try:
                outcome: Outcome | Exception = self._fetch(job)
            except Exception as error:
                outcome = error
            self._done.put((job, outcome))
            self._wake()
