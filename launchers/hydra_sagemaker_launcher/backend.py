"""The AWS side of a sweep: opened when the first member goes to SageMaker, kept for the sweeper's later launches."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hydra_sagemaker_launcher.aws.s3 import Storage
from hydra_sagemaker_launcher.aws.session import (
    REHEARSAL_REGION,
    Aws,
    format_aws_error,
    open_aws,
    open_rehearsal,
    resolve_role,
    stop_rehearsal,
)
from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient
from hydra_sagemaker_launcher.container import MEMBER_FILE
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs import outcome as outcome_module
from hydra_sagemaker_launcher.jobs.control_loop import Job, State
from hydra_sagemaker_launcher.manifest import Manifest, MemberRecord
from hydra_sagemaker_launcher.member import find_distinct_overrides, hash_config, hash_resumable_config
from hydra_sagemaker_launcher.packaging.program import Program, detect_program, pack_program
from hydra_sagemaker_launcher.packaging.source_archive import Source
from hydra_sagemaker_launcher.request.member_request import build_member_request, find_request_problems
from hydra_sagemaker_launcher.request.plan import PlannedMember, make_plan, resolve_requirements
from hydra_sagemaker_launcher.request.training_job import ARCHIVE, make_job_name
from hydra_sagemaker_launcher.secret_scan import find_secrets

log = logging.getLogger("sagemaker_launcher")

ComposeTask = Callable[[list[str]], DictConfig]


class Remote:
    """What the members of one sweep share on AWS: clients, bucket, source archive, uploaded data."""

    def __init__(self, options: Any, sweep_dir: Path, manifest: Manifest, compose: ComposeTask) -> None:
        self._options, self._sweep_dir, self._manifest, self._compose = options, sweep_dir, manifest, compose
        self._uploaded: dict[Path | str, tuple[str, str]] = {}
        self._requirements: set[str] = set()
        if options.service not in ("aws", "rehearsal"):
            raise LaunchError(f"hydra.launcher.service={options.service}: choose aws or rehearsal")

    @cached_property
    def aws(self) -> Aws:
        rehearsal = self._options.service == "rehearsal"
        return open_rehearsal(self._options, self._sweep_dir) if rehearsal else open_aws(self._options)

    @cached_property
    def program(self) -> Program:
        return detect_program(self._options.project_dir)

    @cached_property
    def source(self) -> Source:
        return pack_program(self.program, self._options, self._requirements, self._sweep_dir)

    @cached_property
    def storage(self) -> Storage:
        """The bucket, seen to be there. Raises LaunchError, also where there are no credentials."""
        given = self._options.bucket
        try:
            account = self.aws.account
        except Exception as error:
            raise LaunchError(
                f"AWS cannot be asked who you are ({format_aws_error(error)}); set up credentials (aws configure, "
                "AWS_PROFILE), or try hydra.launcher.service=rehearsal"
            ) from error
        bucket = given or f"sagemaker-{self.aws.region}-{account}"
        # A bucket of another account may be given on purpose; the default one must be ours.
        storage = Storage(self.aws, bucket, self._options.prefix, self._options.kms_key, None if given else account)
        storage.ensure_bucket(may_make=given is None)
        return storage

    def plan_jobs(self, members: Sequence[Any]) -> list[PlannedMember]:
        """What would be submitted. Raises LaunchError with everything that can be known to be wrong."""
        problems: list[str] = []
        planned: list[PlannedMember] = []
        region, pricing = self._resolve_region_and_pricing()
        try:
            planned = make_plan(
                members, self._options, region, pricing, self._manifest.get_done_statuses(self._options.retry_failed)
            )
            found = (resolve_requirements(self._options, item.image) for item in planned)
            needed = {name for name in found if name is not None}
            if not needed <= self._requirements:  # a later launch may bring another image
                self._requirements |= needed
                self.__dict__.pop("source", None)
        except LaunchError as error:
            problems += error.problems
        problems += dict.fromkeys(find_request_problems(planned, self._options, self._sweep_dir, region))
        steps: list[Callable[[], Any]] = [lambda: self.source]
        if not self._options.dry_run:
            steps += [lambda: resolve_role(self._options, self.aws), lambda: self.storage]
        for step in steps:
            try:
                step()
            except LaunchError as error:
                problems += error.problems
        if problems:
            raise LaunchError(problems)
        return planned

    def prepare_jobs(self, planned: Sequence[PlannedMember]) -> list[Job]:
        """Uploads what the members need and makes their jobs, as far as an earlier launch has not brought them.

        Raises LaunchError with all that SageMaker would refuse of any request, before one is sent.
        """
        manifest = self._manifest
        sweep_id = manifest.open_sweep(**self._collect_sweep_facts())
        if different := [
            f"{manifest.path}: this sweep has {key}={manifest.sweep.get(key)}, not {value}; resume it with that"
            for key, value in self._collect_sweep_facts().items()
            if manifest.sweep.get(key) != value
        ]:
            raise LaunchError(different)
        code = self.storage.build_key("code", self.source.sha256, ARCHIVE)
        if self.storage.put_once(code, self.source.content):
            log.info(
                "uploaded the source: %d files, %.0f kB, s3://%s/%s",
                len(self.source.names), len(self.source.content) / 1000, self.storage.bucket, code,
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

    def create_job_client(self) -> TrainingJobClient:
        return TrainingJobClient(self.aws, str(self._manifest.sweep["sweep_id"]))

    def fetch(self, job: Job) -> outcome_module.Outcome:
        assert job.description is not None
        return outcome_module.fetch_outcome(
            job.member, job.description, job.price, self.aws, self.storage, self._options.download_model
        )

    def close(self) -> None:
        """Ends the rehearsal's service, if there is one."""
        if self._options.service == "rehearsal" and "aws" in self.__dict__:
            stop_rehearsal(self._sweep_dir)

    # --- parts

    def _resolve_region_and_pricing(self) -> tuple[str, Any | None]:
        if self._options.service == "rehearsal" and self._options.dry_run:
            return self._options.region or REHEARSAL_REGION, None
        try:
            return self.aws.region, self.aws.pricing
        except LaunchError:
            if not self._options.dry_run:
                raise
            return REHEARSAL_REGION, None  # a plan needs no account

    def _collect_sweep_facts(self) -> dict[str, Any]:
        return {
            "service": self._options.service,
            "region": self.aws.region,
            "bucket": self.storage.bucket,
            "prefix": self._options.prefix,
        }

    def _prepare_job(self, item: PlannedMember, sweep_id: str, distinct: list[str]) -> Job:
        member, options, storage = item.member, self._options, self.storage
        assert member.hardware is not None
        place = f"{sweep_id}/{member.number}"
        channels = {
            "code": storage.build_uri("code", self.source.sha256, ""),
            "member": storage.build_uri(place, "member", ""),
        }
        overrides = member.list_container_overrides()
        for channel, source in item.data.items():
            uri, name = self._upload(source)
            channels[channel] = uri
            inside = f"${{oc.env:SM_CHANNEL_{channel.upper()}}}" + (f"/{name}" if name else "")
            overrides.append(f"{options.channels[channel]}='{inside}'")
        composed = self._compose(overrides)
        identity = hash_resumable_config(composed, options.hardware_key)
        self._manifest.check_unchanged(member.number, identity)
        body = {
            "program": self.program.name,
            "module": self.program.module,
            "flags": self.program.flags,
            "overrides": overrides,
            "config_sha256": hash_config(composed),
            "number": member.number,
            "checkpoints": options.checkpoints,
            "secrets": dict(options.secrets),
        }
        content = json.dumps(body, ensure_ascii=False, indent=1).encode()
        task = OmegaConf.to_yaml(member.task_config).encode()
        if found := next(iter([*find_secrets("config.yaml", task), *find_secrets(MEMBER_FILE, content)]), None):
            raise LaunchError(
                f"#{member.number}: its config holds what looks like {found[1]}; a config is stored and shown in many "
                "places: put the value into Secrets Manager and its ARN into hydra.launcher.secrets"
            )
        record = self._manifest.get_record(member.number)
        state, attempt = self._resolve_state(record)
        name = make_job_name(options.job_name, sweep_id, member.number, attempt, distinct)
        role = resolve_role(options, self.aws)
        request = build_member_request(
            item, options, self._sweep_dir, name, sweep_id, role, self.aws.region, channels, storage.build_uri(place)
        )
        if state is State.unknown:  # its name may have been made of other words
            request["TrainingJobName"] = record.job_name
        job = Job(member, request, item.price, item.worst_case, state)
        if state is State.finished:
            job.outcome = outcome_module.Outcome(record.status or "failed", record.reason, record.return_value)
            job.name = record.job_name
            return job
        storage.put(storage.build_key(place, "member", MEMBER_FILE), content)
        self._manifest.write(
            "planned",
            member.number,
            overrides=member.task_overrides,
            config_sha256=identity,
            instance_type=member.hardware.instance_type,
            instance_count=member.hardware.instance_count,
        )
        return job

    def _resolve_state(self, record: MemberRecord) -> tuple[State, int]:
        """Where an earlier launch has brought a member, and the attempt that it is at."""
        if record.is_done(self._options.retry_failed):
            return State.finished, record.attempts
        if record.status or (record.is_lost and self._options.retry_failed):
            return State.waiting, record.attempts + 1
        return (State.unknown, record.attempts) if record.job_name else (State.waiting, record.attempts + 1)

    def _upload(self, source: Path | str) -> tuple[str, str]:
        """(S3 prefix of a channel, file name in it or "") of a local file or folder, or of a place in S3."""
        if source not in self._uploaded:
            if isinstance(source, Path):
                self._uploaded[source] = self.storage.upload_data(source)
                log.info("data: %s is %s", source, self._uploaded[source][0])
            else:
                name = "" if source.endswith("/") else PurePosixPath(source).name
                self._uploaded[source] = (source, name)
        return self._uploaded[source]
