"""A sweep by its directory: what members.jsonl records, and what the service says of its jobs now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

from hydra_sagemaker_launcher.attached.member import MemberView
from hydra_sagemaker_launcher.aws.error_text import format_aws_error
from hydra_sagemaker_launcher.aws.failures import classify_failure, find_aws_error, suggest_cure
from hydra_sagemaker_launcher.aws.session import Aws, find_rehearsal, open_aws
from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient
from hydra_sagemaker_launcher.catalog.prices import Price, look_up_prices, mark_rehearsal
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.launch_record import format_command
from hydra_sagemaker_launcher.lock import find_driver
from hydra_sagemaker_launcher.manifest import FILE, Manifest
from hydra_sagemaker_launcher.request.training_job import MEMBER_VARIABLE, SWEEP_VARIABLE

_MAX_CALLS = 8  # at the same time
Item = TypeVar("Item")
Answer = TypeVar("Answer")


class AttachedSweep:
    """A sweep as it is found on disk. Nothing is written.

    Attributes:
        path: Its directory.
        manifest: Its manifest, as of the last `refresh`.
    """

    def __init__(self, sweep_dir: Path, profile: str | None = None) -> None:
        """Read the manifest of a sweep.

        Args:
            sweep_dir: The directory of the sweep.
            profile: A profile of ~/.aws. None: the one that the sweep was launched with, or boto3's usual order.

        Raises:
            LaunchError: The directory is not that of a sweep.
        """
        self.path = sweep_dir.absolute()
        self._profile = profile
        if not (self.path / FILE).is_file():
            raise LaunchError(f"{sweep_dir}: contains no {FILE}; give the directory of a sweep")
        self.refresh()

    def refresh(self) -> None:
        """Read the manifest again."""
        self.manifest = Manifest(self.path, may_repair=False)

    @property
    def driver(self) -> str | None:
        """The process that drives the sweep, None if none does."""
        return find_driver(self.path)

    @property
    def is_rehearsal(self) -> bool:
        """Whether its jobs run on the stand-in."""
        return bool(self.manifest.sweep.get("service") == "rehearsal")

    @cached_property
    def aws(self) -> Aws | None:
        """The clients. None if there is no service: nothing was submitted, or the stand-in has ended with its jobs."""
        facts = self.manifest.sweep
        if not facts:
            return None
        if self.is_rehearsal:
            return find_rehearsal(facts["region"], self.path)
        profile = self._profile or self.manifest.launch.get("options", {}).get("profile")
        return open_aws(SimpleNamespace(region=facts["region"], profile=profile))

    @cached_property
    def jobs(self) -> TrainingJobClient:
        """The client for the sweep's training jobs. Only if there is a service."""
        assert self.aws is not None
        return TrainingJobClient(self.aws, str(self.manifest.sweep["sweep_id"]))

    def list_members(self, numbers: Sequence[int] | None = None) -> list[MemberView]:
        """Return the members by number, without asking the service.

        Args:
            numbers: Those to return. None: all that have been planned.

        Raises:
            LaunchError: No member has one of the numbers.
        """
        records = {number: record for number, record in self.manifest.members.items() if record.plan}
        wanted = sorted(records) if numbers is None else list(dict.fromkeys(numbers))
        if missing := [number for number in wanted if number not in records]:
            raise LaunchError(f"--member {missing[0]}: this sweep has {_format_range(sorted(records))}")
        common = set.intersection(*(set(record.overrides) for record in records.values())) if len(records) > 1 else ()
        return [
            MemberView(
                number,
                [override for override in records[number].overrides if override not in common],
                records[number],
                self.path / records[number].plan.get("directory", str(number)),
            )
            for number in wanted
        ]

    def describe_members(self, numbers: Sequence[int] | None = None) -> list[MemberView]:
        """Return the members by number, with what the service says of jobs that have not been fetched.

        Args:
            numbers: Those to return. None: all that have been planned.

        Raises:
            LaunchError: There is no such member, or the service cannot be asked.
        """
        members = self.list_members(numbers)
        if any(member.is_open for member in members) and self.aws is not None:
            self.ask_each(self._describe, [member for member in members if member.is_open])
            self._add_missing_prices(members)
        return members

    def ask(self, call: Callable[[], Answer]) -> Answer:
        """Make a call to the service.

        Raises:
            LaunchError: It cannot be asked, with the reason and what to do.
        """
        try:
            return call()
        except LaunchError:
            raise
        except Exception as error:
            if classify_failure(error) is None:
                raise
            said = format_aws_error(find_aws_error(error))
            raise LaunchError(f"SageMaker cannot be asked ({said}){suggest_cure(error)}") from error

    def ask_each(self, call: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
        """Make a call per item, several at a time. Raises as `ask` does."""
        with ThreadPoolExecutor(_MAX_CALLS) as pool:
            return list(pool.map(lambda item: self.ask(lambda: call(item)), items))

    def format_command(self, name: str, *arguments: str) -> str:
        """Format another command for this sweep."""
        return format_command(name, self.path, *arguments)

    def _describe(self, member: MemberView) -> None:
        description = self.jobs.describe(str(member.record.job_name))
        environment = (description or {}).get("Environment", {})
        expected = {SWEEP_VARIABLE: self.manifest.sweep["sweep_id"], MEMBER_VARIABLE: str(member.number)}
        if any(environment.get(name) != value for name, value in expected.items()):
            description = None  # a job of somebody else
        member.description, member.is_asked = description, True

    def _add_missing_prices(self, members: Sequence[MemberView]) -> None:
        """Look up the prices of instance types that SageMaker, or a fallback, has chosen."""
        unpriced = [member for member in members if member.description and member.price is None]
        if not unpriced or self.aws is None:
            return
        types = [member.instance_type for member in unpriced]
        prices: dict[str, Price | None] = look_up_prices(types, self.aws.region, self.aws.pricing)
        for member in unpriced:
            price = prices.get(member.instance_type)
            member.looked_up = mark_rehearsal(price) if price is not None and self.is_rehearsal else price


def _format_range(numbers: Sequence[int]) -> str:
    return f"#{numbers[0]} to #{numbers[-1]}" if numbers else "no members yet"
