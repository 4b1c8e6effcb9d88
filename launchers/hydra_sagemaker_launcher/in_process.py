"""Local members: run in this process as Hydra's own launcher runs them, and recorded in the manifest."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.types import HydraContext, TaskFunction

from hydra_sagemaker_launcher.container import convert_to_json_value
from hydra_sagemaker_launcher.errors import MemberFailed
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member, hash_config

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.jobs.control_loop import Control

log = logging.getLogger("sagemaker_launcher")


@dataclass(frozen=True)
class LocalRunner:
    """Runs members in this process, one after the other.

    Attributes:
        context: Hydra's context.
        task_function: The app's function.
        options: The options of the launcher.
        manifest: The manifest of the sweep.
        configure_log: Restores the launcher's logging, called after each member.
    """

    context: HydraContext
    task_function: TaskFunction
    options: Any
    manifest: Manifest
    configure_log: Callable[[], None]

    def run(self, member: Member, returns: Mapping[int, JobReturn], control: Control | None) -> JobReturn:
        """Run a member, unless an earlier launch has finished it or the sweep is being stopped.

        Args:
            member: The member.
            returns: The results of the members that ran before, by number.
            control: The loop of the sweep's jobs, None if there are none.

        Returns:
            The member's result. A member that is not run counts as failed.

        Raises:
            Exception: What ended the loop of the jobs, if it ended early.
        """
        if control is not None and control.error is not None:
            raise control.error
        reason = control.stopping if control is not None else None
        failed = [number for number, returned in returns.items() if returned.status is not JobStatus.COMPLETED]
        if self.options.fail_fast and failed and reason is None:
            reason = _format_fail_fast(failed[0])
        if reason is not None:
            return _build_failure(member, f"stopped: not run: {reason}")
        returned = self._restore_job_return(member) or self._run(member)
        if self.options.fail_fast and control is not None and returned.status is not JobStatus.COMPLETED:
            control.stop(_format_fail_fast(member.number))
        return returned

    def _restore_job_return(self, member: Member) -> JobReturn | None:
        """Return the recorded result of a member that does not run again."""
        record = self.manifest.get_record(member.number)
        if not self.options.resume or not record.is_done(self.options.retry_failed):
            return None
        if record.status == "completed":
            return member.build_job_return(JobStatus.COMPLETED, record.return_value)
        return _build_failure(member, f"{record.status}: {record.reason}")

    def _run(self, member: Member) -> JobReturn:
        digest = hash_config(member.task_config)
        self.manifest.write(
            "planned",
            member.number,
            overrides=member.task_overrides,
            config_sha256=digest,
            instance_type=None,
            directory=os.path.relpath(member.directory, self.manifest.path.parent),
        )
        try:
            returned = run_job(
                hydra_context=self.context,
                task_function=self.task_function,
                config=member.config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
            )
        except SystemExit as error:  # run_job lets it through, which would skip the next members
            if error.code in (None, 0):
                returned = member.build_job_return(JobStatus.COMPLETED, None)
            else:
                returned = _build_failure(member, f"ended with exit code {error.code}")
        except Exception as error:  # before the task function was called: a directory, logging, job.env_set
            returned = _build_failure(member, f"cannot be run: {_format_error(error)}")
        finally:
            self.configure_log()
        value, failed = returned._return_value, returned.status is not JobStatus.COMPLETED
        self.manifest.write(
            "finished",
            member.number,
            status="failed" if failed else "completed",
            reason=_format_error(value) if failed else None,
            return_value=None if failed else convert_to_json_value(value),
        )
        if failed:
            log.error("#%d failed: %s", member.number, _format_error(value))
        return returned


def _build_failure(member: Member, reason: str) -> JobReturn:
    return member.build_job_return(JobStatus.FAILED, MemberFailed(f"#{member.number} {reason}"))


def _format_fail_fast(number: int) -> str:
    return f"#{number} failed, and hydra.launcher.fail_fast is set"


def _format_error(error: Any) -> str:
    return " ".join(str(error).split()) or type(error).__name__
