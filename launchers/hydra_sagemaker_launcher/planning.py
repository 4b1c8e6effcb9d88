"""The members of a sweep before they run: composed, checked, planned, and their jobs prepared."""

from __future__ import annotations

import atexit
import logging
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write

from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.directories import find_directory_problems, make_sweep_dir
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.launch_record import describe_launch, format_command
from hydra_sagemaker_launcher.lock import SweepLock
from hydra_sagemaker_launcher.manifest import FILE, Manifest
from hydra_sagemaker_launcher.member import Member, compose_member, hash_config, remove_hydra_node
from hydra_sagemaker_launcher.sweep_loader import SweepLoader
from hydra_sagemaker_launcher.trials import count_trials, is_launched_at_once, list_all_batches

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.backend import Remote
    from hydra_sagemaker_launcher.jobs.job import Job
    from hydra_sagemaker_launcher.preparation import JobPreparer

log = logging.getLogger("sagemaker_launcher")


class SweepPlanner:
    """Plans each launch of a sweep, and keeps what the launches share.

    Attributes:
        sweep_dir: The directory of the sweep, once members were composed.
        remote: The way to SageMaker, None before the first member that runs there.
        is_completed: Whether nothing of the sweep is left to come back for.
    """

    def __init__(self, options: Any, clock: Clock) -> None:
        """Prepare for a sweep.

        Args:
            options: The options of the launcher (SageMakerLauncherConf).
            clock: The time of what runs on SageMaker.
        """
        self._options, self._clock = options, clock
        self.sweep_dir = Path()
        self.remote: Remote | None = None
        self.is_completed = False
        self._lock: SweepLock | None = None
        self._manifest: Manifest | None = None
        self._preparer: JobPreparer | None = None
        self._is_recorded = False

    def setup(self, context: HydraContext, config: DictConfig) -> None:
        """Take what Hydra gives a launcher before the first launch. `resume` sets hydra.sweep.dir in the config.

        Raises:
            LaunchError: `resume` is not the directory of a sweep, or the directory cannot be made.
        """
        self._context, self._config = context, config
        context.config_loader = SweepLoader(context.config_loader, config)  # type: ignore[assignment]
        resume = self._options.resume
        if resume is None:
            make_sweep_dir(Path(str(config.hydra.sweep.dir)))  # the sweeper would end with a stack trace
            return
        if not Path(resume, FILE).is_file():
            raise LaunchError(f"hydra.launcher.resume={resume}: contains no {FILE}; give the directory of a sweep")
        sweep = config.hydra.sweep  # which Hydra 1.4 has made read-only
        with read_write(sweep), open_dict(sweep):  # the sweeper also reads it, so nothing goes elsewhere
            sweep.dir = str(Path(resume).absolute())

    def release_lock(self) -> None:
        """Let other processes drive the sweep. Between the launches of a sweeper it stays locked."""
        if self._lock is not None:
            self._lock.release()

    def compose_members(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Member]:
        """Compose the members of a launch, in a dry run those of all batches.

        Args:
            job_overrides: The overrides of each member.
            initial_job_idx: The number of the first member.
        """
        self.sweep_dir = Path(str(self._config.hydra.sweep.dir)).absolute()
        if self._options.dry_run and initial_job_idx == 0:  # this launch is the only one
            job_overrides = list_all_batches(self._config, self._context.config_loader) or job_overrides
        key, resumed_dir = self._options.hardware_key, self.sweep_dir if self._options.resume else None
        return [
            compose_member(self._context, self._config, overrides, number, key, resumed_dir)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]

    def open_manifest(self, local: list[Member]) -> Manifest:
        """Lock the sweep and return its manifest.

        Args:
            local: The members that run in this process.

        Raises:
            LaunchError: It belongs to another launch, to another process, or to other local members.
        """
        if self._manifest is None:
            if not self._options.dry_run:
                self._lock = SweepLock(self.sweep_dir)
                self._lock.acquire()
                weakref.finalize(self, self._lock.release)  # at the latest when the process ends
            manifest = Manifest(self.sweep_dir)
            if manifest.has_jobs() and self._options.resume is None:
                raise LaunchError(
                    f"{manifest.path}: this sweep already has jobs on SageMaker; go on with it by "
                    f"hydra.launcher.resume={self.sweep_dir}, or choose another hydra.sweep.dir"
                )
            self._manifest = manifest
        if self._options.resume:
            for member in local:
                self._manifest.check_unchanged(member.number, hash_config(member.task_config))
        return self._manifest

    def plan_jobs(
        self, local: list[Member], remote: list[Member], manifest: Manifest, launched: Sequence[Member] = ()
    ) -> list[Job]:
        """Return the jobs of members, all checked, with everything uploaded.

        Args:
            local: The members that run in this process.
            remote: Those that run on SageMaker.
            manifest: The manifest of the sweep.
            launched: Members that were launched before.

        Raises:
            LaunchError: All problems together.
            SystemExit: After a dry run, which has printed the plan.
        """
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
            if self.remote is not None and not manifest.has_jobs():
                self.remote.close()
            raise
        left_out = self._find_left_out([*local, *remote], manifest)
        if left_out:
            log.warning(
                "not in this command, and left as recorded: %s; %s resumes all members",
                ", ".join(f"#{number}" for number in left_out), format_command("resume", self.sweep_dir),
            )  # fmt: skip
        elif jobs and not self._is_recorded:  # once per process, whatever its sweeper launches
            manifest.write("launch", **describe_launch(str(self._config.hydra.runtime.cwd), self._options))
            self._is_recorded = True
        return jobs

    def _find_left_out(self, members: list[Member], manifest: Manifest) -> list[int]:
        """Return the members of earlier launches that this command lacks, unless its sweeper may launch them later."""
        if not is_launched_at_once(self._config):
            return []
        known = (number for number, record in manifest.members.items() if record.config_sha256)
        return sorted(set(known) - {member.number for member in members})

    def _get_remote(self, manifest: Manifest) -> Remote:
        from hydra_sagemaker_launcher.backend import Remote

        if self.remote is None:
            self.remote = Remote(self._options, self.sweep_dir, manifest, self._clock)
            atexit.register(self._close_at_exit)
        return self.remote

    def _get_preparer(self, manifest: Manifest) -> JobPreparer:
        from hydra_sagemaker_launcher.preparation import JobPreparer

        if self._preparer is None:
            remote = self._get_remote(manifest)
            self._preparer = JobPreparer(remote, self._options, self.sweep_dir, manifest, self._compose_task)
        return self._preparer

    def _compose_task(self, overrides: list[str]) -> DictConfig:
        return remove_hydra_node(self._context.config_loader.load_sweep_config(self._config, overrides))

    def _close_at_exit(self) -> None:
        """Stop the rehearsal service, unless the last launch left something to come back for."""
        if self.remote is not None and self.is_completed:
            self.remote.close()
