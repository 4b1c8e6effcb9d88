"""Members that a sweeper decides on while others run: a freed slot gets the next one at once.

Hydra's `launch` takes a batch and returns when its last member has ended, so slots stay empty until then. A sweeper
that asks and tells calls `launch_as_completed` instead, which needs neither threads nor callbacks: both sides are
generators.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from hydra.core.utils import JobReturn, JobStatus, filter_overrides, setup_globals

from hydra_sagemaker_launcher.errors import LaunchError, MemberFailed
from hydra_sagemaker_launcher.in_process import LocalRunner
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.member import Member, check_single_process
from hydra_sagemaker_launcher.signals import get_exit_code, interrupt_on_sigterm, stop_or_detach_jobs
from hydra_sagemaker_launcher.sweep import Sweep

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.display.live_table import Display
    from hydra_sagemaker_launcher.jobs.control_loop import Control

log = logging.getLogger("sagemaker_launcher")

Offers = Iterable[Sequence[str] | None]
_JOIN_INTERVAL = 0.5  # seconds between two updates of the terminal while jobs are being stopped


class StreamedSweep(Sweep):
    """A sweep whose members may also come one by one."""

    def launch_as_completed(self, job_overrides: Offers, initial_job_idx: int = 0) -> Iterator[tuple[int, JobReturn]]:
        """Run members as slots become free, and yield the result of each when it has ended.

        Slots are `max_parallel`, without limit if that is null. Members that run in this process run one at a time, and
        nothing is yielded meanwhile. If the caller leaves the iterator, all jobs are stopped.

        Args:
            job_overrides: Gives the overrides of the next member each time there is a free slot. None in place of
                overrides: no member before the next result.
            initial_job_idx: The number of the first member. The others follow in the order in which they are given.

        Yields:
            The number of a member that has ended, and its result.

        Raises:
            LaunchError: Something is wrong with the first members, or SageMaker refuses to go on. What is wrong with
                later members is their own failed result.
            SystemExit: After a dry run, which shows the members of the first slots, and after Ctrl-C or SIGTERM.
        """
        with interrupt_on_sigterm() as received:
            try:
                yield from self._stream(iter(job_overrides), count(initial_job_idx), received)
            except (Exception, SystemExit, GeneratorExit):
                self.close()
                raise
            except KeyboardInterrupt as interrupt:
                log.warning("%s: leaving at once", "SIGTERM" if received else "Ctrl-C")
                raise SystemExit(get_exit_code(interrupt, received)) from None

    def _stream(
        self, offers: Iterator[Sequence[str] | None], numbers: Iterator[int], received: list[int]
    ) -> Iterator[tuple[int, JobReturn]]:
        from hydra_sagemaker_launcher.display.live_table import Display

        if not self._options.wait:
            raise LaunchError("hydra.launcher.wait=false: this sweeper needs the result of each member; wait")
        setup_globals()
        self._configure_log()
        self._planner.is_completed = False
        stream = _Stream(self, offers, numbers, Display())
        interrupted: int | None = None
        try:
            try:
                yield from stream.run()
            except KeyboardInterrupt as interrupt:
                interrupted = get_exit_code(interrupt, received)
                if stream.control is not None:
                    stream.control.close()
                    stop_or_detach_jobs(
                        stream.control,
                        stream.display,
                        self._options.on_interrupt,
                        self._resume_hint,
                        self._warn_of_left_jobs,
                    )
        except GeneratorExit:
            stream.stop("the sweeper takes no more results")
            raise
        except Exception:
            if stream.control is not None:
                stream.control.detach()
                log.error("jobs of this sweep may run on and cost money: %s", self._resume_hint)
                self._warn_of_left_jobs(stream.jobs)
            raise
        finally:
            stream.display.flush()
            if stream.members:
                self._report_end(stream.members, stream.returns, stream.jobs, self._planner.open_manifest([]))
        if interrupted is not None:
            raise SystemExit(interrupted)
        self._collect_returns(stream.members, stream.returns, stream.jobs)

    def add_members(self, stream: _Stream, batch: list[tuple[int, Sequence[str]]]) -> list[Member]:
        """Plan members and hand their jobs to the control loop.

        Args:
            stream: The launch.
            batch: Number and overrides of each member.

        Returns:
            Those that run in this process.
        """
        members = [
            member for number, overrides in batch for member in self._planner.compose_members([overrides], number)
        ]
        local = [member for member in members if member.hardware is None]
        remote = [member for member in members if member.hardware is not None]
        if remote:
            check_single_process()
        manifest = self._planner.open_manifest(local)
        try:
            jobs = self._planner.plan_jobs(local, remote, manifest, stream.members)
        except LaunchError as error:
            if not stream.members:
                raise
            jobs = []
            for member in remote:
                reason = "; ".join(error.problems)
                log.error("#%d failed: %s", member.number, reason)
                failure = MemberFailed(f"#{member.number} failed: {reason}")
                stream.returns[member.number] = member.build_job_return(JobStatus.FAILED, failure)
        for member in members:
            log.info("\t#%d : %s", member.number, " ".join(filter_overrides(member.overrides)))
        stream.members += members
        stream.jobs += jobs
        if jobs and stream.control is None:
            stream.control = self._create_control([], manifest, stream.display, is_open=True)
            stream.control.start()
        for job in jobs:
            assert stream.control is not None
            stream.control.add(job)
        return local

    def run_here(self, stream: _Stream, member: Member) -> JobReturn:
        """Run a member in this process."""
        runner = LocalRunner(
            self._context, self._task_function, self._options, self._planner.open_manifest([]), self._configure_log
        )
        with stream.display.print_immediately():
            return runner.run(member, stream.returns, stream.control)


class _Stream:
    """The state of one `launch_as_completed`."""

    def __init__(
        self,
        sweep: StreamedSweep,
        offers: Iterator[Sequence[str] | None],
        numbers: Iterator[int],
        display: Display,
    ) -> None:
        self._sweep, self._offers, self._numbers, self.display = sweep, offers, numbers, display
        self._is_exhausted = False
        self._limit = sweep.get_max_parallel()
        self._yielded: set[int] = set()
        self.members: list[Member] = []
        self.jobs: list[Job] = []
        self.returns: dict[int, JobReturn] = {}  # of members that run here, and of those that could not be planned
        self.control: Control | None = None

    def run(self) -> Iterator[tuple[int, JobReturn]]:
        """Fill free slots and yield results, until no member is offered any more and all have ended."""
        while True:
            known = len(self._yielded)
            yield from self._pop_results()  # the sweeper is asked with all results in hand
            batch = self._take_offers()
            # The first members are planned together, so that all their problems are said at once. What is wrong with a
            # later one must not concern the others.
            for group in [[each] for each in batch] if self.members or not batch else [batch]:
                for member in self._sweep.add_members(self, group):
                    self.returns[member.number] = self._sweep.run_here(self, member)
                    yield from self._pop_results()
            if self._is_exhausted and self.control is not None:
                self.control.close()
            yield from self._pop_results()
            if not self._list_open_jobs() and not self._has_news():
                if self._is_exhausted:
                    break
                if not batch and len(self._yielded) == known:  # otherwise the sweeper knows more when it is asked again
                    raise LaunchError("the sweeper offers no member although none runs: its iterator must end instead")
                continue
            assert self.control is not None
            self.display.watch(self.control, self._has_news)
            if self.control.error is not None:
                raise self.control.error
        if self.control is not None:
            self.display.watch(self.control)

    def stop(self, reason: str) -> None:
        """Stop all jobs and wait for their outcomes."""
        if self.control is None:
            return
        self.control.stop(reason)
        self.control.close()
        while not self.control.join(_JOIN_INTERVAL):
            self.display.flush()

    def _take_offers(self) -> list[tuple[int, Sequence[str]]]:
        """Take a member from the sweeper for each free slot."""
        batch: list[tuple[int, Sequence[str]]] = []
        if self.control is not None and self.control.stopping:  # fail_fast
            self._is_exhausted = True
        taken = sum(job.member.number not in self._yielded for job in self.jobs)
        while not self._is_exhausted and (self._limit is None or taken + len(batch) < self._limit):
            try:
                offer = next(self._offers)
            except StopIteration:
                self._is_exhausted = True
                break
            if offer is None:
                break
            batch.append((next(self._numbers), list(offer)))
        return batch

    def _list_open_jobs(self) -> list[Job]:
        return [job for job in self.jobs if job.state is not State.finished]

    def _has_news(self) -> bool:
        return any(job.state is State.finished and job.member.number not in self._yielded for job in self.jobs)

    def _pop_results(self) -> Iterator[tuple[int, JobReturn]]:
        finished = {job.member.number: job for job in self.jobs if job.state is State.finished}
        for number in sorted({*self.returns, *finished} - self._yielded):
            self._yielded.add(number)
            yield number, self.returns[number] if number in self.returns else finished[number].build_job_return()
