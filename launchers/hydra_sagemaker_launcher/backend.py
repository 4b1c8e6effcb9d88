"""The AWS side of a sweep: opened for the first member that runs on SageMaker, and kept for later launches."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from omegaconf import DictConfig

from hydra_sagemaker_launcher.aws.failures import find_aws_error, suggest_cure
from hydra_sagemaker_launcher.aws.patience import Patience
from hydra_sagemaker_launcher.aws.rehearsal_secrets import collect_secret_values, store_secrets
from hydra_sagemaker_launcher.aws.s3 import Storage
from hydra_sagemaker_launcher.aws.session import (
    REHEARSAL_REGION,
    Aws,
    find_role,
    format_aws_error,
    open_aws,
    open_rehearsal,
    resolve_role,
    stop_rehearsal,
)
from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient
from hydra_sagemaker_launcher.catalog.expiry import list_expired
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.container import MEMBER_FILE
from hydra_sagemaker_launcher.errors import LaunchError, raise_problems
from hydra_sagemaker_launcher.jobs.archives import ArchiveLimits
from hydra_sagemaker_launcher.jobs.attempts import build_job
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.jobs.outcome import Outcome, fetch_outcome
from hydra_sagemaker_launcher.jobs.safe_extract import check_data_filter
from hydra_sagemaker_launcher.manifest import Manifest, MemberRecord
from hydra_sagemaker_launcher.member import Member, find_distinct_overrides, hash_config, hash_resumable_config
from hydra_sagemaker_launcher.packaging.program import Program, build_member_file, detect_program, pack_program
from hydra_sagemaker_launcher.packaging.source_archive import Source
from hydra_sagemaker_launcher.preflight import find_account_problems
from hydra_sagemaker_launcher.request.channels import DataSource, FileSystem, parse_channel
from hydra_sagemaker_launcher.request.image_check import find_unfit_members
from hydra_sagemaker_launcher.request.plan import PlannedMember, make_plan, resolve_requirements
from hydra_sagemaker_launcher.request.training_job import (
    ARCHIVE,
    JobSpec,
    build_training_job_request,
    find_request_problems,
    make_job_name,
)

log = logging.getLogger("sagemaker_launcher")

ComposeTask = Callable[[list[str]], DictConfig]


class Remote:
    """What the members of one sweep share on AWS: clients, bucket, source archive, uploaded data."""

    def __init__(
        self, options: Any, sweep_dir: Path, manifest: Manifest, compose: ComposeTask, clock: Clock | None = None
    ) -> None:
        """Prepare the AWS side of a sweep. Nothing is opened before it is needed.

        Args:
            options: The options of the launcher.
            sweep_dir: The directory of the sweep.
            manifest: Its manifest.
            compose: Composes the task config of overrides.
            clock: The time, by default the real one.

        Raises:
            LaunchError: `service` is unknown.
        """
        self._options, self._sweep_dir, self._manifest, self._compose = options, sweep_dir, manifest, compose
        self._patience = Patience(options.patience_minutes, manifest.has_jobs, clock or Clock())
        self._uploaded: dict[Path | str, tuple[str, str]] = {}
        self._requirements: set[str] = set()
        self._warned: set[str] = set()
        if options.service not in ("aws", "rehearsal"):
            raise LaunchError(f"hydra.launcher.service={options.service}: choose aws or rehearsal")

    @cached_property
    def aws(self) -> Aws:
        """The clients, of AWS or of the rehearsal service."""
        rehearsal = self._options.service == "rehearsal"
        return open_rehearsal(self._options, self._sweep_dir) if rehearsal else open_aws(self._options)

    @cached_property
    def program(self) -> Program:
        """The app's program."""
        return detect_program(self._options.project_dir)

    @cached_property
    def source(self) -> Source:
        """The source archive of the jobs."""
        return pack_program(self.program, self._options, self._requirements, self._sweep_dir)

    @cached_property
    def account(self) -> str:
        """The number of the account. Raises LaunchError if there are no credentials."""
        try:
            return self._patience.call(self.aws, lambda: self.aws.account)
        except Exception as error:
            raise LaunchError(
                f"AWS cannot be asked who you are ({format_aws_error(find_aws_error(error))}){suggest_cure(error)}, or "
                "try hydra.launcher.service=rehearsal"
            ) from error

    @cached_property
    def storage(self) -> Storage:
        """The bucket, which exists. Raises LaunchError, also if there are no credentials."""
        given, account = self._options.bucket, self.account
        bucket = given or f"sagemaker-{self.aws.region}-{account}"
        # The bucket of another account may be given on purpose, but the default bucket must be ours.
        owner = None if given else account
        storage = Storage(self.aws, bucket, self._options.prefix, self._options.kms_key, owner, self._patience)
        storage.ensure_bucket(may_make=given is None)
        return storage

    def plan_jobs(self, members: Sequence[Member]) -> list[PlannedMember]:
        """Plan the jobs of members, and check everything that can be checked before anything is uploaded.

        Raises:
            LaunchError: All problems together.
        """
        problems: list[str] = []
        planned: list[PlannedMember] = []
        region, pricing = self._resolve_region_and_pricing()
        try:
            planned = make_plan(
                members, self._options, region, pricing, self._manifest.get_done_statuses(self._options.retry_failed)
            )
            resolved = (resolve_requirements(self._options, item.image) for item in planned)
            needed = {name for name in resolved if name is not None}
            if not needed <= self._requirements:  # a later launch may bring another image
                self._requirements |= needed
                self.__dict__.pop("source", None)
        except LaunchError as error:
            problems += error.problems
        problems += dict.fromkeys(find_request_problems(planned, self._options, self._sweep_dir, region))
        done = self._manifest.get_done_statuses(self._options.retry_failed)
        to_come = [item for item in planned if item.member.number not in done]
        problems += dict.fromkeys(find_unfit_members(to_come, self._options, self.program.root))
        steps: list[Callable[[], Any]] = [check_data_filter, lambda: self.source]
        if not self._options.dry_run:
            if self._options.service == "rehearsal":
                steps.append(lambda: collect_secret_values(self._options.secrets))
            steps += [lambda: find_role(self._options, self.aws) or resolve_role(self._options, self.aws)]
            steps += [lambda: self.account]
        if pricing is not None:  # None: a dry run without an account
            steps += [lambda: raise_problems(self._find_account_problems(to_come))]
        for step in steps:
            try:
                step()
            except LaunchError as error:
                problems += error.problems
        if not problems and not self._options.dry_run:  # the bucket may be created, which is the first change
            self.storage  # noqa: B018
        raise_problems(problems)
        self._warn_of_expired(planned, region)
        return planned

    def _find_account_problems(self, planned: Sequence[PlannedMember]) -> list[str]:
        if not self._options.dry_run and "account" not in self.__dict__:
            return []  # nobody answers, which has been said
        return find_account_problems(planned, self._options, self.aws, self._warn_once)

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
            store_secrets(self._options.secrets, self.aws)
        sweep_id = manifest.open_sweep(**self._collect_sweep_facts())
        if different := [
            f"{manifest.path}: this sweep has {key}={manifest.sweep.get(key)}, not {value}; resume it with that"
            for key, value in self._collect_sweep_facts().items()
            if manifest.sweep.get(key) != value
        ]:
            raise LaunchError(different)
        code = self.storage.build_key("code", self.source.sha256, ARCHIVE)
        if not self.storage.has(code):
            self.storage.put(code, self.source.content)
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
        """Create the client for the sweep's training jobs."""
        return TrainingJobClient(self.aws, str(self._manifest.sweep["sweep_id"]))

    def fetch(self, job: Job) -> Outcome:
        """Fetch the output of an ended job, as `fetch_outcome` does."""
        name = job.name or ""
        description = job.description or self.create_job_client().describe(name)
        if description is None:
            raise LaunchError(f"SageMaker no longer knows {name}")
        record = self._manifest.get_record(job.member.number)  # it has the end of this job already
        totals: dict[str, Any] = {}
        if record.attempts > 1 and job.price is not None:
            totals = {
                "billable_seconds": round(record.billed_seconds),
                "usd": round(record.billed_usd, 4),
                "attempts": record.attempts,
            }
        return fetch_outcome(
            job.member,
            description,
            job.price,
            self.aws,
            self.storage,
            self._options.download_model,
            totals,
            limits=ArchiveLimits.from_options(self._options),
            is_again=job.outcome is not None,
        )

    def close(self) -> None:
        """Stop the rehearsal service, if there is one."""
        if self._options.service == "rehearsal" and "aws" in self.__dict__:
            stop_rehearsal(self._sweep_dir)

    # --- parts

    def _warn_of_expired(self, planned: Sequence[PlannedMember], region: str) -> None:
        """Warn once per sweep of each instance type and image that is past its end."""
        today = datetime.date.today()
        for item in planned:
            for line in list_expired(item.hardware, item.image, region, today):
                self._warn_once(line)

    def _warn_once(self, line: str) -> None:
        if line not in self._warned:
            log.warning(line)
        self._warned.add(line)

    def _resolve_region_and_pricing(self) -> tuple[str, Any | None]:
        if self._options.service == "rehearsal" and self._options.dry_run:
            return self._options.region or REHEARSAL_REGION, None
        try:
            if self._options.dry_run and self.aws.session.get_credentials() is None:
                return self.aws.region, None
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
        place = f"{sweep_id}/{member.number}"
        channels: dict[str, str | FileSystem] = {
            "code": storage.build_uri("code", self.source.sha256, ""),
            "member": storage.build_uri(place, "member", ""),
        }
        overrides = member.list_container_overrides()
        for channel, source in item.data.items():
            channels[channel], name = self._upload(source)
            described = parse_channel(options.channels[channel])
            is_piped = described.get_mode(options.input_mode) == "Pipe"  # SM_CHANNEL_<NAME>_0, _1 ... are the pipes
            inside = f"${{oc.env:SM_CHANNEL_{channel.upper()}}}" + (f"/{name}" if name and not is_piped else "")
            if described.key is not None:
                overrides.append(f"{described.key}='{inside}'")
        composed = self._compose(overrides) if item.data else member.task_config  # data changes values
        identity = hash_resumable_config(composed, options.hardware_key)
        self._manifest.check_unchanged(member.number, identity)
        content = build_member_file(member, self.program, overrides, hash_config(composed), options, item.data)
        record = self._manifest.get_record(member.number)
        state, attempt = self._resolve_state(record)
        role = resolve_role(options, self.aws)
        region, prefix = self.aws.region, storage.build_uri(place)

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
        """Upload a local file or folder once, and return where it is and its file name, "" for a folder or prefix."""
        if isinstance(source, FileSystem):
            return source, ""
        if source not in self._uploaded:
            if isinstance(source, Path):
                self._uploaded[source] = self.storage.upload_data(source)
                log.info("data: %s is %s", source, self._uploaded[source][0])
            else:
                name = "" if source.endswith("/") else PurePosixPath(source).name
                self._uploaded[source] = (source, name)
        return self._uploaded[source]
