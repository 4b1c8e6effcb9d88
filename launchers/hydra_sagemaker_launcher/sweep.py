"""One sweep, from overrides to outcomes: plan, announce, submit, watch, fetch, report."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, configure_log, filter_overrides, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.in_process import LocalRunner
from hydra_sagemaker_launcher.launch_record import format_command
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member, check_single_process
from hydra_sagemaker_launcher.planning import SweepPlanner
from hydra_sagemaker_launcher.signals import get_exit_code, interrupt_on_sigterm, stop_or_detach_jobs

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.display.live_table import Display
    from hydra_sagemaker_launcher.jobs.control_loop import Control
    from hydra_sagemaker_launcher.jobs.job import Job

log = logging.getLogger("sagemaker_launcher")


class Sweep:
    """A sweep, and what its launches share: a sweeper such as Optuna's launches several times."""

    def __init__(self, options: Any, clock: Clock | None = None) -> None:
        """Prepare a sweep.

        Args:
            options: The options of the launcher (SageMakerLauncherConf).
            clock: The time of what runs on SageMaker, by default the real one.
        """
        self._options = options
        self._clock = clock or Clock()
        self._planner = SweepPlanner(options, self._clock)

    def setup(self, context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives a launcher before the first launch. `resume` sets hydra.sweep.dir in the config.

        Raises:
            LaunchError: `resume` is not the directory of a sweep.
        """
        self._context, self._task_function, self._config = context, task_function, config
        self._planner.setup(context, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the members: those without an instance type here, the others as training jobs.

        Args:
            job_overrides: The overrides of each member.
            initial_job_idx: The number of the first member.

        Returns:
            The result of each member, in the same order.

        Raises:
            LaunchError: Something is wrong before the first member has started, or SageMaker refuses to go on.
            SystemExit: After a dry run, after `wait=false`, and after Ctrl-C or SIGTERM.
        """
        with interrupt_on_sigterm() as received:
            try:
                return self._launch(job_overrides, initial_job_idx, received)
            except (Exception, SystemExit):
                self.close()
                raise
            except KeyboardInterrupt as interrupt:  # before a job was submitted, or again at the very end
                log.warning("%s: leaving at once", "SIGTERM" if received else "Ctrl-C")
                raise SystemExit(get_exit_code(interrupt, received)) from None

    def close(self) -> None:
        """Let other processes drive the sweep. Between the launches of a sweeper it stays locked."""
        self._planner.release_lock()

    def _launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int, received: list[int]
    ) -> Sequence[JobReturn]:
        from hydra_sagemaker_launcher.display.live_table import Display

        setup_globals()
        self._configure_log()
        members = self._planner.compose_members(job_overrides, initial_job_idx)
        local = [member for member in members if member.hardware is None]
        remote = [member for member in members if member.hardware is not None]
        if remote:
            check_single_process()
        manifest = self._planner.open_manifest(local)
        jobs = self._planner.plan_jobs(local, remote, manifest)
        self._announce(members, local)
        self._planner.is_completed = False
        display = Display()
        control = self._create_control(jobs, manifest, display) if jobs else None
        returns: dict[int, JobReturn] = {}
        interrupted: int | None = None
        try:
            try:
                self._run_members(local, control, display, manifest, returns)
            except KeyboardInterrupt as interrupt:
                interrupted = get_exit_code(interrupt, received)
                if control is not None:
                    stop_or_detach_jobs(
                        control, display, self._options.on_interrupt, self._resume_hint, self._warn_of_left_jobs
                    )
            if control is not None and control.error is not None:
                raise control.error
        except Exception:
            if control is not None:
                control.detach()
                log.error("jobs of this sweep may run on and cost money: %s", self._resume_hint)
                self._warn_of_left_jobs(jobs)
            raise
        finally:
            display.flush()
            self._report_end(members, returns, jobs, manifest)
        if interrupted is not None:
            raise SystemExit(interrupted)
        return self._collect_returns(members, returns, jobs)

    # --- announce

    def _announce(self, members: list[Member], local: list[Member]) -> None:
        remote = len(members) - len(local)
        log.info("%d members: %d here, %d on SageMaker; %s", len(members), len(local), remote, self._planner.sweep_dir)
        for member in members:
            log.info("\t#%d : %s", member.number, " ".join(filter_overrides(member.overrides)))

    # --- submit, watch, fetch

    def get_max_parallel(self) -> int | None:
        """Return how many jobs may run at a time, None for all. In a rehearsal they share this machine's cores."""
        if self._options.max_parallel or not (self._is_rehearsal and self._options.wait):
            return self._options.max_parallel  # type: ignore[no-any-return]
        from sagemaker_rehearsal.cores import count_cores

        return max(1, count_cores() // 2)

    def _create_control(self, jobs: list[Job], manifest: Manifest, display: Display, is_open: bool = False) -> Control:
        from hydra_sagemaker_launcher.jobs.control_loop import Control

        assert self._planner.remote is not None
        options = self._options
        if self._is_rehearsal and options.wait:
            poll_interval = min(options.poll_interval, 1.0)
            options = dataclasses.replace(options, poll_interval=poll_interval, max_parallel=self.get_max_parallel())
        return Control(
            jobs,
            self._planner.remote.create_job_client(),
            manifest,
            self._planner.remote.fetch,
            options,
            display.say,
            self._clock,
            is_open,
        )

    def _run_members(
        self,
        local: list[Member],
        control: Control | None,
        display: Display,
        manifest: Manifest,
        returns: dict[int, JobReturn],
    ) -> None:
        """Run the local members in this process while the control loop runs the jobs, then watch the loop."""
        runner = LocalRunner(self._context, self._task_function, self._options, manifest, self._configure_log)
        if control is not None and not self._is_rehearsal:
            control.start()
        with display.print_immediately():
            for member in local:
                returns[member.number] = runner.run(member, returns, control)
        if control is not None:
            control.start()  # a rehearsal starts only now, because its jobs share this machine with the local members
            display.watch(control)

    # --- report

    def _report_end(
        self, members: list[Member], returns: dict[int, JobReturn], jobs: list[Job], manifest: Manifest
    ) -> None:
        """Print the summary of a launch that had jobs, and call the app's own report."""
        from hydra_sagemaker_launcher.display.summary import call_on_sweep_end, print_summary

        if jobs:
            assert self._planner.remote is not None
            print_summary(members, returns, jobs, manifest, self._planner.remote.aws, self._is_rehearsal)
        if self._options.on_sweep_end is not None:
            call_on_sweep_end(self._options.on_sweep_end, self._planner.sweep_dir)

    def _warn_of_left_jobs(self, jobs: Sequence[Job]) -> None:
        from hydra_sagemaker_launcher.display.left_running import describe_left_jobs

        for line in describe_left_jobs(jobs, self._planner.sweep_dir):
            log.error(line)

    def _collect_returns(
        self, members: list[Member], returns: dict[int, JobReturn], jobs: list[Job]
    ) -> list[JobReturn]:
        """Return the results in the order of the members. With wait=false there are none, and the process exits."""
        outcomes = [job.outcome for job in jobs if job.outcome is not None]
        all_completed = all(outcome.status == "completed" for outcome in outcomes)
        if len(outcomes) < len(jobs):  # wait=false
            log.info("submitted; %s", self._resume_hint)
            raise SystemExit(0 if all_completed else 1)
        # What a resumed sweep would fetch again is then still there.
        self._planner.is_completed = all_completed and not any(outcome.refused for outcome in outcomes)
        returns |= {job.member.number: job.build_job_return() for job in jobs}
        return [returns[member.number] for member in members]

    # --- facts

    @property
    def _resume_hint(self) -> str:
        sweep_dir = self._planner.sweep_dir
        return (
            f"to go on, give the same command with hydra.launcher.resume={sweep_dir}, or run "
            f"{format_command('resume', sweep_dir)}; to look at its jobs: {format_command('status', sweep_dir)}; "
            f"to stop them: {format_command('stop', sweep_dir)}"
        )

    @property
    def _is_rehearsal(self) -> bool:
        return bool(self._options.service == "rehearsal")

    def _configure_log(self) -> None:
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
