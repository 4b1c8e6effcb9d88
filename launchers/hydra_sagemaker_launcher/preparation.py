"""What a sweep puts into S3 before its jobs start, and the jobs themselves with their requests."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from omegaconf import DictConfig

from hydra_sagemaker_launcher.aws.data_files import LocalFiles
from hydra_sagemaker_launcher.aws.rehearsal_secrets import store_secrets
from hydra_sagemaker_launcher.aws.roles import resolve_role
from hydra_sagemaker_launcher.backend import Remote
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.container import MEMBER_FILE
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.attempts import build_job
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.manifest import Manifest, MemberRecord
from hydra_sagemaker_launcher.member import find_distinct_overrides, hash_config, hash_resumable_config
from hydra_sagemaker_launcher.packaging.program import build_member_file
from hydra_sagemaker_launcher.request.channels import (
    DataSource,
    FileSystem,
    find_sources,
    parse_channel,
)
from hydra_sagemaker_launcher.request.container_paths import build_path_overrides
from hydra_sagemaker_launcher.request.plan import PlannedMember
from hydra_sagemaker_launcher.request.training_job import ARCHIVE, JobSpec, build_training_job_request, make_job_name

log = logging.getLogger("sagemaker_launcher")

ComposeTask = Callable[[list[str]], DictConfig]


class JobPreparer:
    """Uploads source and data, each content once, and builds the jobs of planned members."""

    def __init__(self, remote: Remote, options: Any, sweep_dir: Path, manifest: Manifest, compose: ComposeTask) -> None:
        """Take what the launches of a sweep share.

        Args:
            remote: The way to the service.
            options: The options of the launcher.
            sweep_dir: The directory of the sweep.
            manifest: Its manifest.
            compose: Composes the task config of overrides.
        """
        self._remote, self._options, self._sweep_dir = remote, options, sweep_dir
        self._manifest, self._compose = manifest, compose
        self._uploaded: dict[Path | LocalFiles | str, tuple[str, str]] = {}

    def prepare_jobs(self, planned: Sequence[PlannedMember]) -> list[Job]:
        """Upload what the members need, and build their jobs.

        Returns:
            The jobs, each in the state in which an earlier launch has left it.

        Raises:
            LaunchError: All problems of all requests together, before the first is sent. Or the sweep was started with
                another service, region, bucket or prefix.
        """
        manifest = self._manifest
        if self._options.service == "rehearsal":
            store_secrets(self._options.secrets, self._remote.aws)
        sweep_id = manifest.open_sweep(**self._collect_sweep_facts())
        if different := [
            f"{manifest.path}: this sweep has {key}={manifest.sweep.get(key)}, not {value}; resume it with that"
            for key, value in self._collect_sweep_facts().items()
            if manifest.sweep.get(key) != value
        ]:
            raise LaunchError(different)
        source, storage = self._remote.source, self._remote.storage
        code = storage.build_key("code", source.sha256, ARCHIVE)
        if not storage.has(code):
            storage.put(code, source.content)
            log.info(
                "uploaded the source: %d files, %.0f kB, s3://%s/%s",
                len(source.names), len(source.content) / 1000, storage.bucket, code,
            )  # fmt: skip
        overrides = find_distinct_overrides([item.member for item in planned])
        jobs, problems = [], dict[str, None]()
        for item in planned:
            try:
                job = self._prepare_job(item, sweep_id, overrides[item.member.number])
            except LaunchError as error:
                problems.update(dict.fromkeys(error.problems))
                continue
            jobs.append(job)
        if problems:
            raise LaunchError(list(problems))
        return jobs

    # --- parts

    def _collect_sweep_facts(self) -> dict[str, Any]:
        return {
            "service": self._options.service,
            "region": self._remote.aws.region,
            "bucket": self._remote.storage.bucket,
            "prefix": self._options.prefix,
        }

    def _prepare_job(self, item: PlannedMember, sweep_id: str, distinct: list[str]) -> Job:
        member, options, storage = item.member, self._options, self._remote.storage
        place = f"{sweep_id}/{member.number}"
        channels: dict[str, str | FileSystem] = {
            "code": storage.build_uri("code", self._remote.source.sha256, ""),
            "member": storage.build_uri(place, "member", ""),
        }
        paths: dict[str, dict[str, str]] = {}
        for channel, source in item.data.items():
            channels[channel], name = self._upload(source)
            described = parse_channel(options.channels[channel])
            is_piped = described.get_mode(options.input_mode) == "Pipe"  # SM_CHANNEL_<NAME>_0, _1 ... are the pipes
            inside = f"${{oc.env:SM_CHANNEL_{channel.upper()}}}"
            if described.key is None:
                continue
            if isinstance(source, LocalFiles):
                found, names = find_sources(member.config, channel, described.key), source.name_files()
                paths[described.key] = {
                    place: f"{inside}/{names[path]}" for place, path in found.items() if isinstance(path, Path)
                }
            else:
                paths[described.key] = {described.key: f"{inside}/{name}" if name and not is_piped else inside}
        overrides = [*member.list_container_overrides(), *build_path_overrides(member.config, paths)]
        composed = self._compose(overrides) if item.data else member.task_config  # data changes values
        identity = hash_resumable_config(composed, options.hardware_key)
        self._manifest.check_unchanged(member.number, identity)
        content = build_member_file(member, self._remote.program, overrides, hash_config(composed), options, item.data)
        record = self._manifest.get_record(member.number)
        state, attempt = self._resolve_state(record)
        role = resolve_role(options, self._remote.aws)
        region, prefix = self._remote.aws.region, storage.build_uri(place)

        def build_request(hardware: Hardware, number: int) -> dict[str, Any]:
            name = make_job_name(options.job_name, sweep_id, member.number, number, distinct)
            spec = JobSpec(
                hardware, item.image, member.number, name, sweep_id, self._sweep_dir, role, region, channels, prefix
            )
            return build_training_job_request(spec, options)

        job = build_job(item, state, attempt, record, build_request)
        if state is State.unknown:  # the earlier launch may have built the name from other overrides
            job.request["TrainingJobName"] = record.job_name
        if state in (State.finished, State.ended):
            job.outcome = Outcome(
                record.status or "failed",
                record.reason,
                record.return_value,
                record.billed_usd or None,
                record.billed_seconds or None,
                record.refused,
            )
            job.name = record.job_name
            return job
        member.write_hydra_files()  # so that the results can be fetched without the app's code
        storage.put(storage.build_key(place, "member", MEMBER_FILE), content)
        self._manifest.write(
            "planned",
            member.number,
            overrides=member.task_overrides,
            config_sha256=identity,
            instance_type=member.job_hardware.instance_type,
            instance_count=member.job_hardware.instance_count,
            directory=os.path.relpath(member.directory, self._sweep_dir),
            choices=member.choices,
            price=dataclasses.asdict(job.price) if job.price is not None else None,
        )
        return job

    def _resolve_state(self, record: MemberRecord) -> tuple[State, int]:
        """Return the state in which an earlier launch has left a member, and the number of its current attempt."""
        if record.is_done(self._options.retry_failed):
            return State.ended if record.refused else State.finished, record.attempts
        if record.status or (record.is_lost and self._options.retry_failed):
            return State.waiting, record.attempts + 1
        return (State.unknown, record.attempts) if record.job_name else (State.waiting, record.attempts + 1)

    def _upload(self, source: DataSource) -> tuple[str | FileSystem, str]:
        """Upload local data once, and return its address and its file name, "" for a folder, several or a prefix."""
        if isinstance(source, FileSystem):
            return source, ""
        if source not in self._uploaded:
            if isinstance(source, Path | LocalFiles):
                self._uploaded[source] = self._remote.storage.upload_data(source)
                log.info("data: %s is %s", source, self._uploaded[source][0])
            else:
                name = "" if source.endswith("/") else PurePosixPath(source).name
                self._uploaded[source] = (source, name)
        return self._uploaded[source]
