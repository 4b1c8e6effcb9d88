"""One sweep, from overrides to outcomes: the place that reads like the story."""

from __future__ import annotations

import atexit
import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from hydra_sagemaker_launcher.errors import LaunchError, MemberFailed
from hydra_sagemaker_launcher.in_process import LocalRunner
from hydra_sagemaker_launcher.manifest import FILE, Manifest
from hydra_sagemaker_launcher.member import Member, check_alone, compose_member, hash_config, remove_hydra_node
from hydra_sagemaker_launcher.signals import get_exit_code, interrupt_on_sigterm

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.backend import Remote
    from hydra_sagemaker_launcher.display.live_table import Display
    from hydra_sagemaker_launcher.jobs.control_loop import Control, Job

log = logging.getLogger("sagemaker_launcher")

_PATIENCE = 0.5  # seconds between two looks at the signals while jobs are being stopped


class Sweep:
    """What is kept between the launches of one sweep: a sweeper like Optuna asks for several."""

    def __init__(self, options: Any) -> None:
        self._options = options
        self._manifest: Manifest | None = None
        self._remote: Remote | None = None
        self._completed = False

    def setup(self, context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._context, self._task_function, self._config = context, task_function, config
        resume = self._options.resume
        if resume is None:
            return
        if not Path(resume, FILE).is_file():
            raise LaunchError(f"hydra.launcher.resume={resume}: holds no {FILE}; give the directory of a sweep")
        with open_dict(config):  # the sweeper looks here, too: nothing of a resumed sweep goes elsewhere
            config.hydra.sweep.dir = str(Path(resume).absolute())

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Runs the members and returns what a sweeper expects, in their order.

        Raises LaunchError where anything is wrong before the first has started; SystemExit after a dry run, after
        `wait=false`, and after Ctrl-C or SIGTERM.
        """
        with interrupt_on_sigterm() as caught:
            try:
                return self._launch(job_overrides, initial_job_idx, caught)
            except KeyboardInterrupt as interrupt:  # before a job was submitted, or once more at the very end
                log.warning("%s: leaving at once", "SIGTERM" if caught else "Ctrl-C")
                raise SystemExit(get_exit_code(interrupt, caught)) from None

    def _launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int, caught: list[int]
    ) -> Sequence[JobReturn]:
        setup_globals()
        self._configure_log()
        sweep_dir = Path(str(self._config.hydra.sweep.dir)).absolute()
        key, resumed_dir = self._options.hardware_key, sweep_dir if self._options.resume else None
        members = [
            compose_member(self._context, self._config, overrides, initial_job_idx + number, key, resumed_dir)
            for number, overrides in enumerate(job_overrides)
        ]
        here = [member for member in members if member.hardware is None]
        away = [member for member in members if member.hardware is not None]
        if away:
            check_alone(members)
        if self._manifest is None:
            self._manifest = self._open_manifest(sweep_dir)
            self._here = LocalRunner(
                self._context, self._task_function, self._options, self._manifest, self._configure_log
            )
        if self._options.resume:
            for member in here:
                self._manifest.check_unchanged(member.number, hash_config(member.task_config))
        try:
            planned = self._get_remote(sweep_dir).plan_jobs(away) if away else []
            if self._options.dry_run:
                through = self._manifest.get_done_statuses(self._options.retry_failed) if self._options.resume else {}
                _print_plan(here, planned, through)
                raise SystemExit(0)
            sweep_dir.mkdir(parents=True, exist_ok=True)
            jobs = self._get_remote(sweep_dir).prepare_jobs(planned) if planned else []
        except BaseException:
            if self._remote is not None and not self._manifest.has_jobs():
                self._remote.close()
            raise
        log.info("%d members: %d here, %d on SageMaker; %s", len(members), len(here), len(away), sweep_dir)
        for member in members:
            log.info("\t#%d : %s", member.number, " ".join(filter_overrides(member.overrides)))
        return self._run(members, here, jobs, sweep_dir, caught)

    def _run(
        self, members: list[Member], here: list[Member], jobs: list[Job], sweep_dir: Path, caught: list[int]
    ) -> list[JobReturn]:
        from hydra_sagemaker_launcher.display.live_table import Display

        self._completed = False
        display = Display()
        returns: dict[int, JobReturn] = {}
        control = self._create_control(jobs, display) if jobs else None
        interrupted: int | None = None
        try:
            try:
                rehearsal = self._options.service == "rehearsal"
                if control is not None and not rehearsal:
                    control.start()
                with display.print_immediately():
                    for member in here:
                        returns[member.number] = self._here.run(member, returns, control)
                if control is not None and rehearsal:  # its jobs and the members here share this machine
                    control.start()
                if control is not None:
                    display.watch(control)
            except KeyboardInterrupt as interrupt:
                interrupted = get_exit_code(interrupt, caught)
                if control is not None:
                    self._interrupt(control, display)
            if control is not None and control.error is not None:
                raise control.error
        except Exception:
            if control is not None:
                control.detach()
                log.error("jobs of this sweep may run on and cost money: %s", self._format_resume_hint(sweep_dir))
            raise
        finally:
            display.flush()
            self._report_results(members, returns, jobs, sweep_dir)
        if interrupted is not None:
            raise SystemExit(interrupted)
        if any(job.outcome is None for job in jobs):  # wait=false
            log.info("submitted; %s", self._format_resume_hint(sweep_dir))
            failed = any(job.outcome is not None and job.outcome.status != "completed" for job in jobs)
            raise SystemExit(1 if failed else 0)
        for job in jobs:
            returns[job.member.number] = _build_job_return(job)
        self._completed = all(job.outcome and job.outcome.status == "completed" for job in jobs)
        return [returns[member.number] for member in members]

    # --- parts

    def _open_manifest(self, sweep_dir: Path) -> Manifest:
        """The sweep's manifest. Raises LaunchError where it belongs to another launch that had jobs."""
        manifest = Manifest(sweep_dir)
        if manifest.has_jobs() and self._options.resume is None:
            raise LaunchError(
                f"{manifest.path}: this sweep has jobs on SageMaker already; go on with it by "
                f"hydra.launcher.resume={sweep_dir}, or choose another hydra.sweep.dir"
            )
        return manifest

    def _get_remote(self, sweep_dir: Path) -> Remote:
        from hydra_sagemaker_launcher.backend import Remote

        if self._remote is None:
            assert self._manifest is not None
            self._remote = Remote(self._options, sweep_dir, self._manifest, self._compose_task)
            atexit.register(self._close_at_exit)
        return self._remote

    def _compose_task(self, overrides: list[str]) -> DictConfig:
        return remove_hydra_node(self._context.config_loader.load_sweep_config(self._config, overrides))

    def _create_control(self, jobs: list[Job], display: Display) -> Control:
        from hydra_sagemaker_launcher.jobs.control_loop import Control

        assert self._remote is not None and self._manifest is not None
        options = self._options
        if options.service == "rehearsal" and options.wait:
            at_a_time = options.max_parallel or max(1, (os.cpu_count() or 1) // 2)
            options = dataclasses.replace(
                options, poll_interval=min(options.poll_interval, 1.0), max_parallel=at_a_time
            )
        return Control(jobs, self._remote.create_job_client(), self._manifest, self._remote.fetch, options, display.say)

    def _interrupt(self, control: Control, display: Display) -> None:
        """Says what becomes of the jobs, and does it; a second Ctrl-C does not wait for it."""
        try:
            running = len(control.list_running_jobs())
            sweep_dir = Path(str(self._config.hydra.sweep.dir)).absolute()
            if self._options.on_interrupt == "detach":
                control.detach()
                control.start()  # of a rehearsal it may not have been
                log.warning(
                    "Ctrl-C: leaving; %d jobs run on and cost money: %s", running, self._format_resume_hint(sweep_dir)
                )
                control.join(_PATIENCE)
                return
            control.stop("Ctrl-C")  # first of all: whatever comes now, nothing more is submitted
            control.start()
            log.warning(
                "Ctrl-C: submitting no more, stopping %d jobs; this takes some minutes, Ctrl-C again does not wait",
                running,
            )
            while not control.join(_PATIENCE):
                display.flush()
        except KeyboardInterrupt:
            control.detach()
            sweep_dir = Path(str(self._config.hydra.sweep.dir)).absolute()
            unasked = [job.name for job in control.list_running_jobs() if not job.stop_asked]
            if unasked:
                log.error("these jobs were not asked to stop and cost money: %s", ", ".join(map(str, unasked)))
            log.warning("leaving at once; %s", self._format_resume_hint(sweep_dir))

    def _report_results(
        self, members: list[Member], returns: dict[int, JobReturn], jobs: list[Job], sweep_dir: Path
    ) -> None:
        """The table of a launch with jobs, every failure with its reason and link, and the app's own report."""
        from hydra_sagemaker_launcher.display.summary import call_on_sweep_end, show

        if jobs:
            assert self._manifest is not None and self._remote is not None
            rehearsal = self._options.service == "rehearsal"
            show(members, returns, jobs, self._manifest.sum_billed_usd(), self._remote.aws, rehearsal)
        if self._options.on_sweep_end is not None:
            call_on_sweep_end(self._options.on_sweep_end, sweep_dir)

    def _close_at_exit(self) -> None:
        """Ends what a rehearsal has started, unless the last launch left something to come back for."""
        if self._remote is not None and self._completed:
            self._remote.close()

    def _format_resume_hint(self, sweep_dir: Path) -> str:
        return f"to go on, give the same command with hydra.launcher.resume={sweep_dir}"

    def _configure_log(self) -> None:
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)


def _build_job_return(job: Job) -> JobReturn:
    outcome, member = job.outcome, job.member
    assert outcome is not None
    if outcome.status == "completed":
        return member.build_job_return(JobStatus.COMPLETED, outcome.return_value)
    name = f" ({job.name})" if job.name else ""
    return member.build_job_return(
        JobStatus.FAILED, MemberFailed(f"#{member.number}{name} {outcome.status}: {outcome.reason}")
    )


def _print_plan(here: list[Member], planned: Sequence[Any], through: dict[int, str]) -> None:
    from rich.console import Console

    from hydra_sagemaker_launcher.display.plan_table import build_plan_table

    console = Console()
    console.print(build_plan_table(here, planned, through))
    console.print("Nothing was submitted (hydra.launcher.dry_run).")
