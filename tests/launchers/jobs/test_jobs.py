"""Submitting and watching: what it asks of SageMaker, and how often, on a service with simulated time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.exceptions import RetriesExceededError
from botocore.exceptions import ClientError, EndpointConnectionError, IncompleteReadError
from botocore.parsers import ResponseParserError
from launcher_app import LAUNCHERS, Service
from omegaconf import OmegaConf

import sagemaker_rehearsal
from hydra_sagemaker_launcher.aws.failures import is_unreachable
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.aws.training_jobs import NameTakenError, QuotaError, TrainingJobClient
from hydra_sagemaker_launcher.catalog import images as image_catalog
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.jobs.control_loop import Control
from hydra_sagemaker_launcher.jobs.job import Job, State
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.training_job import MEMBER_VARIABLE, SWEEP_VARIABLE, build_training_job_request
from hydra_sagemaker_launcher.request.training_job import JobSpec as Requested

HARDWARE = Hardware("ml.m5.large")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("simulated"), simulate=3000) as service:
        service.s3.create_bucket(Bucket="bucket")
        service.s3.put_object(Bucket="bucket", Key="code/sourcedir.tar.gz", Body=b"")
        yield service


@pytest.fixture
def jobs(service: Service, request: pytest.FixtureRequest) -> TrainingJobClient:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    return TrainingJobClient(
        Aws(session, "us-east-1", service.url), f"1124-{abs(hash(request.node.name)) % 10**10:010d}"
    )


def asked(jobs: TrainingJobClient, number: int, **changes: Any) -> dict[str, Any]:
    """A request of a member of the sweep."""
    made = build_training_job_request(
        Requested(
            hardware=HARDWARE,
            image=image_catalog.choose_image(HARDWARE, "us-east-1"),
            number=number,
            name=f"job-{jobs._sweep_id}-{number}",
            sweep_id=jobs._sweep_id,
            sweep_dir=Path("sweep"),
            role="arn:aws:iam::123456789012:role/Trainer",
            region="us-east-1",
            channels={"code": "s3://bucket/code/"},
            prefix="s3://bucket",
        ),
        SageMakerLauncherConf(checkpoints=False),
    )
    return made | changes


class Simulated(Clock):
    """The service's clock: waiting moves it on, and takes no time."""

    def __init__(self, service: Service) -> None:
        self._service, self._now = service, 0.0

    def get_time(self) -> float:
        return self._now

    def wait(self, seconds: float, event: threading.Event) -> None:
        if not event.wait(0.01):
            self._now += seconds
            sagemaker_rehearsal.call(self._service.url, "clock", {"advance_seconds": seconds})


def control(
    jobs: TrainingJobClient, service: Service, path: Path, members: int, said: list[str] | None = None, **options: Any
) -> Control:
    made = [
        Job(Member(number, [], OmegaConf.create({}), path, HARDWARE), asked(jobs, number), None, 1.0)
        for number in range(members)
    ]
    return Control(
        made, jobs, Manifest(path), lambda job: Outcome("completed"), SageMakerLauncherConf(**options),
        [].append if said is None else said.append, Simulated(service),
    )  # fmt: skip


def counted(service: Service, before: dict[str, int]) -> dict[str, int]:
    now = service.calls()
    return {name: now[name] - before.get(name, 0) for name in now if now[name] != before.get(name, 0)}


def test_watching_does_not_cost_more_with_every_member(
    service: Service, jobs: TrainingJobClient, tmp_path: Path
) -> None:
    before = service.calls()
    watched = control(jobs, service, tmp_path, 60)
    watched.start()
    assert watched.join(120)
    assert watched.error is None
    assert {job.outcome for job in watched.jobs} == {Outcome("completed")}
    calls = counted(service, before)
    assert calls["CreateTrainingJob"] == calls["DescribeTrainingJob"] == 60
    # Some 3,060 s at one look in 30 s, and a look at all that runs every 600 s: not 60 members times that.
    assert 90 <= calls["ListTrainingJobs"] <= 125
    assert set(calls) == {"CreateTrainingJob", "DescribeTrainingJob", "ListTrainingJobs"}


def test_each_submission_is_announced_on_disk(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    seen: list[list[str]] = []
    create = jobs.create

    def looking(request: dict[str, Any]) -> str:
        text = (tmp_path / "members.jsonl").read_text()
        seen.append([line for line in text.splitlines() if request["TrainingJobName"] in line])
        return create(request)

    jobs.create = looking  # type: ignore[method-assign]
    watched = control(jobs, service, tmp_path, 3, wait=False)
    watched.start()
    assert watched.join(60) and watched.detached
    assert [len(lines) for lines in seen] == [1, 1, 1]
    assert all('"submitting"' in lines[0] for lines in seen)


def test_what_may_have_been_submitted_is_looked_for_first(
    service: Service, jobs: TrainingJobClient, tmp_path: Path
) -> None:
    jobs.create(asked(jobs, 1))
    before = service.calls()
    watched = control(jobs, service, tmp_path, 3, max_parallel=1)
    watched.jobs[1].state = State.unknown
    watched.start()
    assert watched.join(60)
    assert watched.error is None
    assert counted(service, before)["CreateTrainingJob"] == 2
    described = [jobs.describe(job.request["TrainingJobName"]) or {} for job in watched.jobs]
    # The one that was there counts for max_parallel: none began before it had ended.
    assert described[0]["CreationTime"] >= described[1]["TrainingEndTime"]


def test_a_stranger_of_the_same_name_is_left_alone(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    jobs.create(asked(jobs, 0, Environment={SWEEP_VARIABLE: "other", MEMBER_VARIABLE: "0"}))
    said: list[str] = []
    watched = control(jobs, service, tmp_path, 1, said)
    watched.start()
    assert watched.join(60)
    outcome = watched.jobs[0].outcome
    assert outcome is not None and outcome.status == "failed"
    assert "is not of this sweep; choose another hydra.launcher.job_name" in str(outcome.reason)
    assert not Manifest(tmp_path).has_jobs()


def test_refusals_have_types(service: Service, jobs: TrainingJobClient) -> None:
    jobs.create(asked(jobs, 0))
    with pytest.raises(NameTakenError):
        jobs.create(asked(jobs, 0))
    service.faults(quota={"instance_type": "ml.m5.large", "instances": 1})
    with pytest.raises(
        QuotaError, match=r"quota 'ml.m5.large for training job usage' in us-east-1 is 1 and"
    ) as refused:
        jobs.create(asked(jobs, 1))
    service.faults(clear=True)
    assert refused.value.limit == 1 and "are in use" in str(refused.value)
    assert jobs.describe("nobody") is None
    jobs.stop("nobody")  # nothing to stop is no error


def test_what_iam_denies_is_asked_once_a_kind(
    service: Service, jobs: TrainingJobClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 members would otherwise hear 500 times that the account may not use p3."""
    watched = control(jobs, service, tmp_path, 5, said := [])
    watched.jobs[3].member = Member(3, [], OmegaConf.create({}), tmp_path, Hardware("ml.c5.large"))
    create, asked_for = jobs._aws.sagemaker.create_training_job, []

    def denied(**request: Any) -> Any:
        asked_for.append(int(request["Environment"][MEMBER_VARIABLE]))
        if asked_for[-1] == 3:
            return create(**request)
        message = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: sagemaker:CreateTrainingJob"
        told = {
            "Error": {"Code": "AccessDeniedException", "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        }
        raise ClientError(told, "CreateTrainingJob")

    monkeypatch.setattr(jobs._aws.sagemaker, "create_training_job", denied)
    watched.start()
    assert watched.join(60)
    assert watched.error is None
    assert asked_for == [0, 3]
    outcomes = {job.member.number: job.outcome for job in watched.jobs}
    assert outcomes[3] == Outcome("completed")
    first = outcomes[0]
    assert first is not None and first.reason is not None
    assert "is not authorized to perform: sagemaker:CreateTrainingJob" in first.reason and "README" in first.reason
    for number in (1, 2, 4):
        assert outcomes[number] == Outcome("failed", "not submitted: #0 was not allowed")
    assert not {
        job.member.number for job in watched.jobs if Manifest(tmp_path).get_record(job.member.number).job_name
    } - {3}
    assert len(said) == 6  # an end each, and one submission


def test_a_job_that_is_known_but_not_shown_yet_is_not_given_up(
    service: Service, jobs: TrainingJobClient, tmp_path: Path
) -> None:
    """SageMaker's lists and descriptions lag behind what it has taken on."""
    jobs.create(asked(jobs, 0))
    describe, unseen = jobs.describe, [None, None]
    jobs.describe = lambda name: unseen.pop() if unseen else describe(name)  # type: ignore[method-assign]
    before = service.calls()
    watched = control(jobs, service, tmp_path, 1)
    watched.start()
    assert watched.join(60)
    assert watched.jobs[0].outcome == Outcome("completed")
    assert counted(service, before).get("CreateTrainingJob", 0) <= 2  # refused by name


def quota_error(name: str, limit: int) -> QuotaError:
    said = f"The account-level service limit '{name}' is {limit} Instances, with current utilization of {limit}"
    return QuotaError(said, "us-east-1")


@pytest.mark.parametrize(
    ("quota", "spot", "waits"),
    [
        ("ml.c5.xlarge for training job usage", False, False),  # what the others hold is of another type
        ("ml.m5.large for spot training job usage", True, False),  # ... or on demand
        ("Number of instances across training jobs", False, True),  # counts them all
    ],
)
def test_a_quota_is_waited_for_where_jobs_of_ours_hold_it(
    service: Service, jobs: TrainingJobClient, tmp_path: Path, quota: str, spot: bool, waits: bool
) -> None:
    create = jobs.create
    watched = control(jobs, service, tmp_path, 2)
    watched.jobs[1].member.hardware = Hardware("ml.m5.large", spot=True) if spot else Hardware("ml.c5.xlarge")

    def limited(request: dict[str, Any]) -> str:
        if request["TrainingJobName"].endswith("-1") and watched.jobs[0].state is State.running:
            raise quota_error(quota, 1)
        return create(request)

    jobs.create = limited  # type: ignore[method-assign]
    watched.start()
    assert watched.join(60) and watched.error is None
    outcomes = [job.outcome for job in watched.jobs]
    assert [outcome and outcome.status for outcome in outcomes] == ["completed", "completed" if waits else "failed"]


def test_an_instance_that_is_not_given_back_yet_is_waited_for(
    service: Service, jobs: TrainingJobClient, tmp_path: Path
) -> None:
    """A quota goes on counting a job for a moment after its end."""
    create, late = jobs.create, [True]

    def lagging(request: dict[str, Any]) -> str:
        if request["TrainingJobName"].endswith("-1") and late:
            late.clear()
            raise quota_error("ml.m5.large for training job usage", 1)
        return create(request)

    jobs.create = lagging  # type: ignore[method-assign]
    said: list[str] = []
    watched = control(jobs, service, tmp_path, 2, said, max_parallel=1)
    watched.start()
    assert watched.join(60)
    assert [job.outcome for job in watched.jobs] == [Outcome("completed")] * 2
    assert "#1 waits for a free ml.m5.large: one of this sweep was released a moment ago" in said


def test_a_quota_that_others_hold_is_a_failure(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    service.faults(quota={"instance_type": "ml.m5.large", "instances": 0})
    watched = control(jobs, service, tmp_path, 1)
    watched.start()
    assert watched.join(60)
    service.faults(clear=True)
    assert watched.jobs[0].outcome is not None and watched.jobs[0].outcome.status == "failed"


@pytest.mark.parametrize("stopping", [False, True])
def test_a_job_that_somebody_deleted_is_not_waited_for(
    service: Service, jobs: TrainingJobClient, tmp_path: Path, stopping: bool
) -> None:
    jobs.list_changed = lambda: iter(())  # type: ignore[method-assign]
    jobs.list_in_progress = set  # type: ignore[method-assign]
    jobs.describe = lambda name: None  # type: ignore[method-assign]
    watched = control(jobs, service, tmp_path, 1)
    watched._submission.submit(lambda: True)
    if stopping:
        watched.stop("Ctrl-C")
    watched.start()
    assert watched.join(60) and watched.error is None
    outcome, name = watched.jobs[0].outcome, watched.jobs[0].name
    assert outcome is not None and outcome.status == "failed"
    assert str(outcome.reason).startswith(f"the job is gone: SageMaker knows of no {name}; resume with retry_failed")
    record = Manifest(tmp_path).get_record(0)
    assert (record.job_status, record.status) == ("Failed", "failed")
    # Two looks at all, 600 s apart; where it was asked to stop, the next look is enough.
    assert (30 <= watched.clock.get_time() < 100) if stopping else (1200 <= watched.clock.get_time() < 1300)


def test_an_outage_is_met_once_and_not_once_a_job(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    create, stop, answers = jobs.create, jobs.stop, [False, True]
    asked_to_stop: list[str] = []

    def answering(request: dict[str, Any]) -> str:
        announced.append((tmp_path / "members.jsonl").read_text().count('"submitting"'))
        if answers and not answers.pop(0):
            raise EndpointConnectionError(endpoint_url="https://aws")
        return create(request)

    def stopping(name: str) -> None:
        asked_to_stop.append(name)
        if len(asked_to_stop) == 1:
            raise EndpointConnectionError(endpoint_url="https://aws")
        stop(name)

    announced: list[int] = []
    jobs.create, jobs.stop = answering, stopping  # type: ignore[method-assign]
    said: list[str] = []
    watched = control(jobs, service, tmp_path, 3, said)
    watched._run_iteration()
    assert announced == [1]
    assert [job.state for job in watched.jobs] == [State.unknown, State.waiting, State.waiting]
    watched._run_iteration()
    assert announced == [1]
    watched.clock.wait(40, threading.Event())
    while len(announced) < 4:
        watched._run_iteration()
        watched.clock.wait(5, threading.Event())
    assert [job.state for job in watched.jobs] == [State.running] * 3
    watched.stop("Ctrl-C")
    watched._run_iteration()
    assert len(asked_to_stop) == 1
    watched.start()
    assert watched.join(60) and watched.error is None
    assert len(asked_to_stop) <= 4
    assert sum("SageMaker cannot be asked" in line for line in said) == 2


def test_one_members_odd_result_ends_no_sweep(service: Service, jobs: TrainingJobClient, tmp_path: Path) -> None:
    watched = control(jobs, service, tmp_path, 3)

    def fetch(job: Job) -> Outcome:
        if job.member.number == 1:
            raise RecursionError("maximum recursion depth exceeded")
        return Outcome("completed")

    watched._fetches._fetch = fetch
    watched.start()
    assert watched.join(60) and watched.error is None
    outcomes = [job.outcome for job in watched.jobs]
    assert [outcome and outcome.status for outcome in outcomes] == ["completed", "failed", "completed"]
    assert "its output could not be fetched: RecursionError: maximum recursion depth" in str(outcomes[1])
    assert Manifest(tmp_path).get_record(1).is_lost


def test_a_fetch_does_not_keep_the_process_alive() -> None:
    code = (
        "import time\n"
        "from hydra_sagemaker_launcher.jobs.downloads import OutcomeFetcher\n"
        "begun = []\n"
        "fetches = OutcomeFetcher(lambda job: (begun.append(job), time.sleep(60)), lambda: None)\n"
        "for job in range(6): fetches.submit(job)\n"
        "while len(begun) < 4: time.sleep(0.01)\n"
        "fetches.shutdown()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20, env={"PYTHONPATH": str(LAUNCHERS)})


class Endless(BaseHTTPRequestHandler):
    """Has one large object, and stops in the middle of it."""

    begun = threading.Event()
    over = threading.Event()

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "50000000")
        self.send_header("ETag", '"a"')
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(b"a" * 1000)
        self.begun.set()
        self.over.wait(60)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_download_does_not_keep_the_process_alive(tmp_path: Path) -> None:
    code = (
        "import boto3, sys\n"
        "from pathlib import Path\n"
        "from hydra_sagemaker_launcher.aws.session import Aws\n"
        "from hydra_sagemaker_launcher.jobs.downloads import OutcomeFetcher\n"
        "from hydra_sagemaker_launcher.aws.s3 import Storage\n"
        "session = boto3.Session(aws_access_key_id='a', aws_secret_access_key='b', region_name='us-east-1')\n"
        "storage = Storage(Aws(session, 'us-east-1', sys.argv[1]), 'bucket', 'prefix', None)\n"
        "fetch = lambda job: storage.download('s3://bucket/key', Path(sys.argv[2]), 10**9)\n"
        "OutcomeFetcher(fetch, lambda: None).submit('job')\n"
        "sys.stdin.readline()\n"
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [sys.executable, "-c", code, f"http://127.0.0.1:{server.server_port}", str(tmp_path / "key")]
    with subprocess.Popen(command, env={"PYTHONPATH": str(LAUNCHERS)}, stdin=subprocess.PIPE) as process:
        try:
            assert Endless.begun.wait(40)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(10) == 0
        finally:
            process.kill()
            Endless.over.set()
            server.shutdown()


def answered(code: str, status: int, operation: str = "CreateTrainingJob") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "said"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


LATER = ("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *((answered(code, 400), True) for code in (*LATER, "RequestTimeout", "ExpiredTokenException")),
        (answered("InternalFailure", 500), True),
        (answered("ValidationException", 400), False),
        (answered("400", 400, "HeadObject"), True),
        (answered("403", 403, "HeadObject"), False),
        (RetriesExceededError(EndpointConnectionError(endpoint_url="https://aws")), True),
        (ResponseParserError("half an answer"), True),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), True),
        (ValueError("a bug"), False),
    ],
)
def test_what_says_nothing_about_the_request_is_asked_again(error: Exception, expected: bool) -> None:
    assert is_unreachable(error) is expected


@pytest.mark.parametrize("code", LATER)
def test_throttling_is_no_refusal(jobs: TrainingJobClient, code: str) -> None:
    class Throttled:
        def create_training_job(self, **_: Any) -> None:
            raise answered(code, 400)

    jobs._aws.__dict__["sagemaker"] = Throttled()
    with pytest.raises(ClientError):
        jobs.create({})
