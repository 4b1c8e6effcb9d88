"""The AWS side of a sweep: opened for the first member that runs on SageMaker, and kept for later launches."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra_sagemaker_launcher.aws.error_text import format_aws_error
from hydra_sagemaker_launcher.aws.failures import find_aws_error, suggest_cure
from hydra_sagemaker_launcher.aws.patience import Patience
from hydra_sagemaker_launcher.aws.rehearsal_secrets import collect_secret_values
from hydra_sagemaker_launcher.aws.roles import require_role
from hydra_sagemaker_launcher.aws.s3 import Storage
from hydra_sagemaker_launcher.aws.session import REHEARSAL_REGION, Aws, open_aws, open_rehearsal, stop_rehearsal
from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient
from hydra_sagemaker_launcher.catalog.expiry import list_expired
from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.errors import LaunchError, raise_problems
from hydra_sagemaker_launcher.jobs.archives import ArchiveLimits
from hydra_sagemaker_launcher.jobs.job import Job
from hydra_sagemaker_launcher.jobs.outcome import Outcome, fetch_outcome
from hydra_sagemaker_launcher.jobs.safe_extract import check_data_filter
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.packaging.program import Program, detect_program, find_secrets_in_configs, pack_program
from hydra_sagemaker_launcher.packaging.source_archive import Source
from hydra_sagemaker_launcher.preflight import find_account_problems
from hydra_sagemaker_launcher.request.image_check import find_unfit_members
from hydra_sagemaker_launcher.request.plan import PlannedMember, make_plan, resolve_requirements
from hydra_sagemaker_launcher.request.training_job import (
    find_request_problems,
)

log = logging.getLogger("sagemaker_launcher")


class Remote:
    """What the members of one sweep share on AWS: clients, account, bucket, source archive."""

    def __init__(self, options: Any, sweep_dir: Path, manifest: Manifest, clock: Clock | None = None) -> None:
        """Prepare the AWS side of a sweep. Nothing is opened before it is needed.

        Args:
            options: The options of the launcher.
            sweep_dir: The directory of the sweep.
            manifest: Its manifest.
            clock: The time, by default the real one.

        Raises:
            LaunchError: `service` is unknown.
        """
        self._options, self._sweep_dir, self._manifest = options, sweep_dir, manifest
        self._patience = Patience(options.patience_minutes, manifest.has_jobs, clock or Clock())
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
        """The bucket, which exists. Raises LaunchError, even if there are no credentials."""
        given, account = self._options.bucket, self.account
        bucket = given or f"sagemaker-{self.aws.region}-{account}"
        # The bucket of another account may be given on purpose, but the default bucket must be ours.
        owner = None if given else account
        storage = Storage(self.aws, bucket, self._options.prefix, self._options.kms_key, owner, self._patience)
        storage.ensure_bucket(may_make=given is None)
        return storage

    def plan_jobs(self, members: Sequence[Member], known: Sequence[str] = ()) -> list[PlannedMember]:
        """Plan the jobs of members, and check everything that can be checked before anything is uploaded.

        Args:
            members: The members.
            known: Problems that were found before, to be reported with the others.

        Raises:
            LaunchError: All problems together.
        """
        problems = list(known)
        planned: list[PlannedMember] = []
        region, pricing, unreached = self._resolve_region_and_pricing()
        problems += unreached
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
        problems += dict.fromkeys(find_secrets_in_configs([item.member for item in to_come]))
        problems += dict.fromkeys(find_unfit_members(to_come, self._options, self.program.root))
        steps: list[Callable[[], Any]] = [check_data_filter, lambda: self.source]
        if not self._options.dry_run:
            if self._options.service == "rehearsal":
                steps.append(lambda: collect_secret_values(self._options.secrets))
            steps += [lambda: require_role(self._options, None if unreached else self.aws)]
            steps += [] if unreached else [lambda: self.account]
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
        self._warn_of_unknown_prices(to_come)
        return planned

    def _find_account_problems(self, planned: Sequence[PlannedMember]) -> list[str]:
        if not self._options.dry_run and "account" not in self.__dict__:
            return []  # the service does not answer, which has been reported
        return find_account_problems(planned, self._options, self.aws, self._warn_once)

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

    def _warn_of_unknown_prices(self, planned: Sequence[PlannedMember]) -> None:
        """Warn once per instance type without a price. With a budget such a member is refused."""
        for item in planned:
            prices = {each.hardware.instance_type: each.price for each in item.candidates}
            for name, price in (prices or {item.hardware.instance_type: item.price}).items():
                if price is None:
                    self._warn_once(
                        f"no price is known for {name}, so no worst case and no cost either; give "
                        "hardware.usd_per_hour, or run `hydra-sagemaker catalog update`"
                    )

    def _warn_once(self, line: str) -> None:
        if line not in self._warned:
            log.warning(line)
        self._warned.add(line)

    def _resolve_region_and_pricing(self) -> tuple[str, Any | None, list[str]]:
        """Return the region, the client for prices, and why AWS cannot be reached, which a dry run mostly needs not."""
        options = self._options
        if options.service == "rehearsal" and options.dry_run:
            return options.region or REHEARSAL_REGION, None, []
        try:
            aws = self.aws
        except LaunchError as error:
            is_wrong = not options.dry_run or options.profile is not None
            return REHEARSAL_REGION, None, error.problems if is_wrong else []
        if options.dry_run and aws.session.get_credentials() is None:
            return aws.region, None, []
        return aws.region, aws.pricing, []
