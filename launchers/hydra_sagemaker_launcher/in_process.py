"""A member of this machine, run in this process as Hydra's own launcher runs it, and kept in the manifest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.types import HydraContext, TaskFunction

from hydra_sagemaker_launcher.errors import MemberFailed
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member, hash_config

if TYPE_CHECKING:
    from hydra_sagemaker_launcher.jobs.control_loop import Control

log = logging.getLogger("sagemaker_launcher")


class LocalRunner:
    """Runs members one after the other; `configure_log` gives the launcher its log back after each."""

    def __init__(
        self,
        context: HydraContext,
        task_function: TaskFunction,
        options: Any,
        manifest: Manifest,
        configure_log: Callable[[], None],
    ) -> None:
        self._context, self._task_function, self._options = context, task_function, options
        self._manifest, self._configure_log = manifest, configure_log

    def run(self, member: Member, returns: Mapping[int, JobReturn], control: Control | None) -> JobReturn:
        """Runs a member, unless an earlier launch has, or `fail_fast` has stopped the sweep after one of `returns`.

        Raises what has ended the loop of the jobs, if anything has.
        """
        if control is not None and control.error is not None:
            raise control.error
        why = control.stopping if control is not None else None
        failed = [number for number, each in returns.items() if each.status is not JobStatus.COMPLETED]
        if self._options.fail_fast and failed and why is None:
            why = f"#{failed[0]} failed, and hydra.launcher.fail_fast is set"
        if why is not None:
            return member.build_job_return(JobStatus.FAILED, MemberFailed(f"#{member.number} stopped: not run: {why}"))
        returned = self._restore_job_return(member) or self._run(member)
        if self._options.fail_fast and control is not None and returned.status is not JobStatus.COMPLETED:
            control.stop(f"#{member.number} failed, and hydra.launcher.fail_fast is set")
        return returned

    def _restore_job_return(self, member: Member) -> JobReturn | None:
        """What an earlier launch has left of a member that does not run again."""
        record = self._manifest.get_record(member.number)
        if not self._options.resume or not record.is_done(self._options.retry_failed):
            return None
        if record.status == "completed":
            return member.build_job_return(JobStatus.COMPLETED, record.return_value)
        return member.build_job_return(
            JobStatus.FAILED, MemberFailed(f"#{member.number} {record.status}: {record.reason}")
        )

    def _run(self, member: Member) -> JobReturn:
        digest = hash_config(member.task_config)
        self._manifest.write(
            "planned", member.number, overrides=member.task_overrides, config_sha256=digest, instance_type=None
        )
        try:
            returned = run_job(
                hydra_context=self._context,
                task_function=self._task_function,
                config=member.config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
            )
        except SystemExit as error:  # run_job lets it through, and the members to come would be lost
            if error.code in (None, 0):
                returned = member.build_job_return(JobStatus.COMPLETED, None)
            else:
                failure = MemberFailed(f"#{member.number} ended by exit code {error.code}")
                returned = member.build_job_return(JobStatus.FAILED, failure)
        except Exception as error:  # before the task function was called: a directory, logging, job.env_set
            failure = MemberFailed(f"#{member.number} cannot be run: {_format_error(error)}")
            returned = member.build_job_return(JobStatus.FAILED, failure)
        finally:
            self._configure_log()
        value, failed = returned._return_value, returned.status is not JobStatus.COMPLETED
        self._manifest.write(
            "finished",
            member.number,
            status="failed" if failed else "completed",
            reason=_format_error(value) if failed else None,
            return_value=None if failed else _convert_return_value(value),
        )
        if failed:
            log.error("#%d failed: %s", member.number, _format_error(value))
        return returned


def _convert_return_value(value: Any) -> Any:
    """A return value as a resumed sweep gets it, the same as a container sends; None for what is no JSON."""
    from hydra_sagemaker_launcher.container import convert_to_json_value

    try:
        return convert_to_json_value(value)
    except ValueError:
        return None


def _format_error(error: Any) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__
