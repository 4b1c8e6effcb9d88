"""One sweep, from overrides to outcomes: plan, announce, submit, watch, fetch, report."""

from __future__ import annotations

import atexit
import dataclasses
import logging
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, configure_log, filter_overrides, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict, read_write

from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.directories import find_directory_problems
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.in_process import LocalRunner
from hydra_sagemaker_launcher.launch_record import describe_launch, format_command
from hydra_sagemaker_launcher.lock import SweepLock
from hydra_sagemaker_launcher.manifest import FILE, Manifest
from hydra_sagemaker_launcher.member import (
    Member,
    check_single_process,
    compose_member,
    hash_config,
    remove_hydra_node,
)
from hydra_sagemaker_launcher.signals import get_exit_code, interrupt_on_sigterm, stop_or_detach_jobs
from hydra_sagemaker_launcher.sweep_loader import SweepLoader
from hydra_sagemaker_launcher.trials import count_trials, launches_once, list_all_batches

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.backend import Remote
    from hydra_sagemaker_launcher.display.live_table import Display
    from hydra_sagemaker_launcher.jobs.control_loop import Control
    from hydra_sagemaker_launcher.jobs.job import Job
    from hydra_sagemaker_launcher.preparation import JobPreparer

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
        self._lock: SweepLock | None = None
        self._manifest: Manifest | None = None
        self._remote: Remote | None = None
        self._preparer: JobPreparer | None = None
        self._is_completed = False
        self._is_recorded = False

    def setup(self, context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives a launcher before the first launch. `resume` sets hydra.sweep.dir in the config.

        Raises:
            LaunchError: `resume` is not the directory of a sweep.
        """
        self._context, self._task_function, self._config = context, task_function, config
        context.config_loader = SweepLoader(context.config_loader, config)  # type: ignore[assignment]
        resume = self._options.resume
        if resume is None:
            return
        if not Path(resume, FILE).is_file():
            raise LaunchError(f"hydra.launcher.resume={resume}: contains no {FILE}; give the directory of a sweep")
        sweep = config.hydra.sweep  # which Hydra 1.4 has made read-only
        with read_write(sweep), open_dict(sweep):  # the sweeper also reads it, so nothing goes elsewhere
            sweep.dir = str(Path(resume).absolute())

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
        if self._lock is not None:
            self._lock.release()

    def _launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int, received: list[int]
    ) -> Sequence[JobReturn]:
        from hydra_sagemaker_launcher.display.live_table import Display

        setup_globals()
        self._configure_log()
        self._sweep_dir = Path(str(self._config.hydra.sweep.dir)).absolute()
        if self._options.dry_run and initial_job_idx == 0:  # this launch is the only one
            job_overrides = list_all_batches(self._config, self._context.config_loader) or job_overrides
        members = self._compose_members(job_overrides, initial_job_idx)
        local = [member for member in members if member.hardware is None]
        remote = [member for member in members if member.hardware is not None]
        if remote:
            check_single_process()
        manifest = self._open_manifest(local)
        jobs = self._plan_jobs(local, remote, manifest)
        self._announce(members, local)
        self._is_completed = False
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
            self._report(members, returns, jobs, manifest)
        if interrupted is not None:
            raise SystemExit(interrupted)
        return self._collect_returns(members, returns, jobs)

    # --- plan

    def _compose_members(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Member]:
        key, resumed_dir = self._options.hardware_key, self._sweep_dir if self._options.resume else None
        return [
            compose_member(self._context, self._config, overrides, number, key, resumed_dir)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]

    def _open_manifest(self, local: list[Member]) -> Manifest:
        """Return the manifest of the sweep, unless it belongs to another launch or to other local members."""
        if self._manifest is None:
            if not self._options.dry_run:
                self._lock = SweepLock(self._sweep_dir)
                self._lock.acquire()
                weakref.finalize(self, self._lock.release)  # at the latest when the process ends
            manifest = Manifest(self._sweep_dir)
            if manifest.has_jobs() and self._options.resume is None:
                raise LaunchError(
                    f"{manifest.path}: this sweep already has jobs on SageMaker; go on with it by "
                    f"hydra.launcher.resume={self._sweep_dir}, or choose another hydra.sweep.dir"
                )
            self._manifest = manifest
        if self._options.resume:
            for member in local:
                self._manifest.check_unchanged(member.number, hash_config(member.task_config))
        return self._manifest

    def _plan_jobs(
        self, local: list[Member], remote: list[Member], manifest: Manifest, launched: Sequence[Member] = ()
    ) -> list[Job]:
        """Return the jobs of the remote members, all checked, with everything uploaded. A dry run ends here."""
        try:
            planned = []
            if remote:
                problems = find_directory_problems([*local, *remote], launched)
                planned = self._get_remote(manifest).plan_jobs(remote, problems)
            if self._options.dry_run:
                from hydra_sagemaker_launcher.display.plan_table import print_plan

                done = manifest.get_done_statuses(self._options.retry_failed) if self._options.resume else {}
                trials = count_trials(self._config, self._context.config_loader)
                print_plan(local, planned, done, self._options.budget_usd, trials)
                raise SystemExit(0)
            jobs = self._get_preparer(manifest).prepare_jobs(planned) if planned else []
        except BaseException:
            if self._remote is not None and not manifest.has_jobs():
                self._remote.close()
            raise
        left_out = self._find_left_out([*local, *remote], manifest)
        if left_out:
            log.warning(
                "not in this command, and left as recorded: %s; %s resumes all members",
                ", ".join(f"#{number}" for number in left_out), format_command("resume", self._sweep_dir),
            )  # fmt: skip
        elif jobs and not self._is_recorded:  # once per process, whatever its sweeper launches
            manifest.write("launch", **describe_launch(str(self._config.hydra.runtime.cwd), self._options))
            self._is_recorded = True
        return jobs

    def _find_left_out(self, members: list[Member], manifest: Manifest) -> list[int]:
        """Return the members of earlier launches that this command lacks, unless its sweeper may launch them later."""
        if not launches_once(self._config):
            return []
        known = (number for number, record in manifest.members.items() if record.config_sha256)
        return sorted(set(known) - {member.number for member in members})

    def _get_remote(self, manifest: Manifest) -> Remote:
        from hydra_sagemaker_launcher.backend import Remote

        if self._remote is None:
            self._remote = Remote(self._options, self._sweep_dir, manifest, self._clock)
            atexit.register(self._close_at_exit)
        return self._remote

    def _get_preparer(self, manifest: Manifest) -> JobPreparer:
        from hydra_sagemaker_launcher.preparation import JobPreparer

        if self._preparer is None:
            remote = self._get_remote(manifest)
            self._preparer = JobPreparer(remote, self._options, self._sweep_dir, manifest, self._compose_task)
        return self._preparer

    def _compose_task(self, overrides: list[str]) -> DictConfig:
        return remove_hydra_node(self._context.config_loader.load_sweep_config(self._config, overrides))

    # --- announce

    def _announce(self, members: list[Member], local: list[Member]) -> None:
        remote = len(members) - len(local)
        log.info("%d members: %d here, %d on SageMaker; %s", len(members), len(local), remote, self._sweep_dir)
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

        assert self._remote is not None
        options = self._options
        if self._is_rehearsal and options.wait:
            poll_interval = min(options.poll_interval, 1.0)
            options = dataclasses.replace(options, poll_interval=poll_interval, max_parallel=self.get_max_parallel())
        return Control(
            jobs,
            self._remote.create_job_client(),
            manifest,
            self._remote.fetch,
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

    def _report(
        self, members: list[Member], returns: dict[int, JobReturn], jobs: list[Job], manifest: Manifest
    ) -> None:
        """Print the summary of a launch that had jobs, and call the app's own report."""
        from hydra_sagemaker_launcher.display.summary import call_on_sweep_end, print_summary

        if jobs:
            assert self._remote is not None
            print_summary(members, returns, jobs, manifest, self._remote.aws, self._is_rehearsal)
        if self._options.on_sweep_end is not None:
            call_on_sweep_end(self._options.on_sweep_end, self._sweep_dir)

    def _warn_of_left_jobs(self, jobs: Sequence[Job]) -> None:
        from hydra_sagemaker_launcher.display.left_running import describe_left_jobs

        for line in describe_left_jobs(jobs, self._sweep_dir):
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
        self._is_completed = all_completed and not any(outcome.refused for outcome in outcomes)
        returns |= {job.member.number: job.build_job_return() for job in jobs}
        return [returns[member.number] for member in members]

    def _close_at_exit(self) -> None:
        """Stop the rehearsal service, unless the last launch left something to come back for."""
        if self._remote is not None and self._is_completed:
            self._remote.close()

    # --- facts

    @property
    def _resume_hint(self) -> str:
        return (
            f"to go on, give the same command with hydra.launcher.resume={self._sweep_dir}, or run "
            f"{format_command('resume', self._sweep_dir)}; to look at its jobs: "
            f"{format_command('status', self._sweep_dir)}; to stop them: {format_command('stop', self._sweep_dir)}"
        )

    @property
    def _is_rehearsal(self) -> bool:
        return bool(self._options.service == "rehearsal")

    def _configure_log(self) -> None:
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
