"""Instance types that have no capacity, on a service with simulated time: what runs, on what, and what is billed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from launcher_app import Service
from omegaconf import OmegaConf
from simulated_control import Simulated

from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient
from hydra_sagemaker_launcher.catalog import fallbacks as fallback_catalog
from hydra_sagemaker_launcher.catalog.fallbacks import is_chosen_by_sagemaker, list_candidates
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.images import choose_image
from hydra_sagemaker_launcher.catalog.prices import compute_cost, compute_worst_case, look_up_prices
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.jobs.control_loop import Control
from hydra_sagemaker_launcher.jobs.job import Attempt, Job
from hydra_sagemaker_launcher.jobs.outcome import Outcome, _judge_outcome
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.plan import Candidate
from hydra_sagemaker_launcher.request.training_job import JobSpec, build_training_job_request

G6E, G6, G5 = "ml.g6e.xlarge", "ml.g6.xlarge", "ml.g5.xlarge"
LIST = Hardware(G6E, fallbacks=("g6", "g5"), max_hours=2.0, max_pending_minutes=30)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("simulated"), simulate=3600) as service:
        service.s3.create_bucket(Bucket="bucket")
        service.s3.put_object(Bucket="bucket", Key="code/sourcedir.tar.gz", Body=b"")
        yield service


class Sweep:
    """One member that may run on several types."""

    def __init__(self, service: Service, folder: Path, hardware: Hardware, sweep: str) -> None:
        session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
        self.client = TrainingJobClient(Aws(session, "us-east-1", service.url), sweep)
        self.service, self.manifest, self.said = service, Manifest(folder), list[str]()
        image = choose_image(hardware, "us-east-1")
        candidates = list_candidates(hardware)
        prices = look_up_prices([each.instance_type for each in candidates], "us-east-1", None)
        wanted = [Candidate(each, prices[each.instance_type], 0.0) for each in candidates]
        wanted = [
            Candidate(each.hardware, each.price, compute_worst_case(each.hardware, each.price)) for each in wanted
        ]

        def request(each: Hardware, attempt: int) -> dict[str, Any]:
            spec = JobSpec(
                each, image, 0, f"job-{sweep}-0-r{attempt}", sweep, folder, "arn:aws:iam::123456789012:role/Trainer",
                "us-east-1", {"code": "s3://bucket/code/"}, "s3://bucket",
            )  # fmt: skip
            return build_training_job_request(spec, SageMakerLauncherConf(checkpoints=False))

        member = Member(0, [], OmegaConf.create({}), folder, hardware)
        self.job = Job(member, request(hardware, 1), wanted[0].price, wanted[0].worst_case)
        if is_chosen_by_sagemaker(hardware):
            self.job.choices = wanted
        elif len(wanted) > 1:
            member.hardware, *_ = candidates
            self.job.request = request(candidates[0], 1)
            self.job.fallbacks = [Attempt(each, request(each.hardware, 2 + n)) for n, each in enumerate(wanted[1:])]

    def run(self, poll_interval: float = 300.0) -> Job:
        """Wait for the end of the member. Its hours take no time, but each poll does."""
        job = self.job

        def fetch(job: Job) -> Outcome:
            assert job.description is not None
            status, reason = _judge_outcome(job.description, job.member, True, {})
            node = compute_cost(job.member.job_hardware, job.price, job.description)
            return Outcome(status, reason, None, node["usd"], node["billable_seconds"])

        options = SageMakerLauncherConf(poll_interval=poll_interval)
        control = Control([job], self.client, self.manifest, fetch, options, self.said.append, Simulated(self.service))
        control.start()
        assert control.join(120) and control.error is None
        return job

    def jobs(self) -> list[str]:
        return sorted(name for name in (f"job-{self.client._sweep_id}-0-r{n}" for n in range(1, 6))
                      if self.client.describe(name))  # fmt: skip


@pytest.fixture
def sweep(service: Service, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    def make(hardware: Hardware, **faults: Any) -> Sweep:
        service.faults(**faults)
        return Sweep(service, tmp_path, hardware, f"1124-{abs(hash(request.node.name)) % 10**10:010d}")

    yield make
    service.faults(clear=True)


def test_the_type_that_sagemaker_chose_is_shown_billed_and_recorded(sweep: Any) -> None:
    made = sweep(LIST, no_capacity=[{"instance_type": G6E}])
    before = made.service.calls().get("DescribeTrainingJob", 0)
    job = made.run()
    assert job.outcome is not None and job.outcome.status == "completed"
    assert job.member.hardware is not None and job.member.hardware.instance_type == G6
    assert job.outcome.usd == pytest.approx(3600 * 1.127 / 3600)  # the L4, not the L40S at 2.61
    assert f"#0 runs on {G6}" in made.said
    assert made.jobs() == [job.name]  # one job: SageMaker itself went on to the next type
    assert (
        made.service.calls()["DescribeTrainingJob"] - before <= 3 + 5
    )  # one at the choice, one at the end; the test's
    events = [json.loads(line) for line in made.manifest.path.read_text().splitlines()]
    (ended,) = [event for event in events if event["event"] == "ended"]
    assert (ended["instance_type"], ended["instance_count"], ended["usd"]) == (G6, 1, pytest.approx(1.127))


def test_a_list_waits_for_capacity_and_takes_the_first_type_that_has_it(sweep: Any) -> None:
    lacking = [{"instance_type": G6E, "seconds": 1200}, {"instance_type": G6}, {"instance_type": G5}]
    job = sweep(LIST, no_capacity=lacking).run()
    assert job.outcome is not None and job.outcome.status == "completed"
    assert job.member.hardware is not None and job.member.hardware.instance_type == G6E
    assert job.outcome.seconds == 3600  # waiting is not billed


def test_the_limit_of_waiting_is_the_whole_lists_and_ends_with_a_way_out(sweep: Any) -> None:
    made = sweep(LIST, no_capacity=[{"instance_type": name} for name in (G6E, G6, G5)])
    job = made.run()
    assert job.outcome is not None and job.outcome.status == "failed"
    assert "there was no capacity" in job.outcome.reason and "hardware.max_pending_minutes=30" in job.outcome.reason
    assert not job.outcome.usd
    described = made.client.describe(job.name)
    assert (described["LastModifiedTime"] - described["CreationTime"]).total_seconds() == pytest.approx(1800, abs=1)


def test_for_spot_the_launcher_tries_one_type_after_the_other(sweep: Any) -> None:
    spot = Hardware(G6E, spot=True, fallbacks=("g6", "g5"), max_hours=2.0, max_pending_minutes=30)
    made = sweep(spot, no_capacity=[{"instance_type": G6E, "spot": True}, {"instance_type": G6, "spot": True}])
    job = made.run()
    assert job.outcome is not None and job.outcome.status == "completed"
    assert job.member.hardware is not None and job.member.hardware.instance_type == G5
    assert job.outcome.usd == pytest.approx(0.3 * 1.408, abs=0.001)
    assert [line for line in made.said if "no capacity" in line] == [
        f"#0 no capacity for {G6E}: tries {G6}", f"#0 no capacity for {G6}: tries {G5}",
    ]  # fmt: skip
    assert made.jobs() == [f"job-{made.client._sweep_id}-0-r{attempt}" for attempt in (1, 2, 3)]
    resumed = Manifest(made.manifest.path.parent).get_record(0)
    assert (resumed.attempts, resumed.fallbacks, resumed.status) == (3, 2, "completed")


def test_spot_without_a_limit_of_its_own_goes_on_when_its_whole_waiting_time_is_over(sweep: Any) -> None:
    spot = Hardware(G6E, spot=True, fallbacks=("g6",), max_hours=2.0)
    made = sweep(spot, no_capacity=[{"instance_type": G6E, "spot": True}])
    job = made.run(poll_interval=3600.0)
    assert job.outcome is not None and job.outcome.status == "completed"
    assert job.member.hardware is not None and job.member.hardware.instance_type == G6


def test_a_capacity_error_leads_to_the_next_type_with_an_older_botocore(
    sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback_catalog, "has_preferences", lambda: False)
    made = sweep(Hardware(G6E, fallbacks=("g6",), max_hours=2.0), no_capacity=[{"instance_type": G6E}])
    assert "InstancePreferences" not in made.job.request["ResourceConfig"]
    job = made.run()
    assert job.outcome is not None and job.outcome.status == "completed"
    assert job.member.hardware is not None and job.member.hardware.instance_type == G6
    first = made.client.describe(f"job-{made.client._sweep_id}-0-r1")
    assert first["FailureReason"].startswith("CapacityError: Unable to provision")


def test_the_last_type_without_capacity_ends_the_member(sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback_catalog, "has_preferences", lambda: False)
    lacking = [{"instance_type": name} for name in (G6E, G6)]
    job = sweep(Hardware(G6E, fallbacks=("g6",), max_hours=2.0), no_capacity=lacking).run()
    assert job.outcome is not None and job.outcome.status == "failed"
    assert "CapacityError" in job.outcome.reason


def test_a_failure_of_the_script_is_no_reason_to_try_another_type(sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback_catalog, "has_preferences", lambda: False)
    made = sweep(Hardware(G6E, fallbacks=("g6",), max_hours=2.0), fail=[{"job": "job-", "after_seconds": 60}])
    job = made.run()
    assert job.outcome is not None and job.outcome.status == "failed"
    assert len(made.jobs()) == 1 and job.member.hardware is not None and job.member.hardware.instance_type == G6E
