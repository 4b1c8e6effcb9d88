"""The rehearsal service inside this process, without sockets, and faults on exactly one call of a launch."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3 import HTTPResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app

from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.clock import Clock
from sagemaker_rehearsal.options import Options

URL = "http://127.0.0.1:1"  # nobody listens there
REGION = "us-east-1"
LOADER = botocore.session.get_session().get_component("data_loader")  # botocore's models are read once
SECONDS_OF_A_JOB = 90.0

# What a service answers if it fails or refuses: HTTP status and code, of the JSON services and of the XML ones.
ANSWERS = {
    "500": ((500, "InternalFailure"), (500, "InternalError")),
    "throttle": ((400, "ThrottlingException"), (503, "SlowDown")),
    "403": ((400, "AccessDeniedException"), (403, "AccessDenied")),
    "expired": ((400, "ExpiredTokenException"), (400, "ExpiredToken")),
}
KINDS = ("reset", "timeout", *ANSWERS, "malformed")
_PORTAL = b"<html><body>Welcome to our network. Please sign in."


@dataclass
class Fault:
    """What happens to the n-th call of an operation, 0 for all: with all attempts that botocore makes of it."""

    operation: str
    kind: str
    occurrence: int


@dataclass
class Calls:
    """The calls of one launch, and the fault among them."""

    fault: Fault | None = None
    counts: Counter[str] = field(default_factory=Counter)
    is_expired: bool = False  # since the fault, until the credentials are read again
    attempts: int = 0  # of the call with the fault


class Service:
    """The endpoint, the launcher's access to it, and its clock.

    Attributes:
        calls: The calls of the current launch.
        endpoint: The service.
    """

    def __init__(self, folder: Path) -> None:
        from sagemaker_rehearsal.server import Endpoint  # moto takes a second, and quick tests need none of it

        output = folder / "output.tar.gz"
        with tarfile.open(output, "w:gz") as archive:
            content = json.dumps({"status": "COMPLETED", "return_value": 0.5, "error": None}).encode()
            entry = tarfile.TarInfo("job_return.json")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        self.calls = Calls()
        self.endpoint = Endpoint(Options(folder, simulate=SECONDS_OF_A_JOB, simulated_output=output))
        own = self._open_session(lambda *_, **__: None, self._send)
        self._session = OneClientPerService(self._open_session(self._count, self._send_with_faults))
        self.endpoint.storage.url = URL
        self.endpoint.storage._s3 = own.client("s3", region_name=REGION, endpoint_url=URL)
        self.s3 = self.endpoint.storage._s3
        self._thread = threading.local()

    def open_aws(self) -> Aws:
        """Stands for the launcher's open_aws: a new session, whose credentials are fresh."""

        def reopen() -> Any:
            self.calls.is_expired = False
            return self._session

        return Aws(reopen(), REGION, URL, reopen)

    def list_jobs(self, sweep_id: str) -> dict[str, str]:
        """{name: status} of all jobs that were ever created for a sweep."""
        jobs = self.endpoint._operations._jobs.values()
        return {job.name: job.status for job in jobs if sweep_id in job.name}

    def advance(self, seconds: float) -> None:
        self.endpoint._clock.advance(seconds)
        self.endpoint.runner.refresh()

    @staticmethod
    def _open_session(count: Callable[..., Any], send: Callable[..., Any]) -> Any:
        core = botocore.session.get_session()
        core.register_component("data_loader", LOADER)
        core.set_credentials("a", "b")
        core.register("before-call", count)
        core.register("before-send", send)
        return boto3.Session(botocore_session=core, region_name=REGION)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls.counts[model.name] += 1
        self._thread.call = (model.name, self.calls.counts[model.name])

    def _send_with_faults(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        fault, (operation, occurrence) = self.calls.fault, self._thread.call
        is_hit = fault is not None and fault.operation == operation and fault.occurrence in (0, occurrence)
        if not is_hit:
            if self.calls.is_expired:
                return self._refuse(request, "expired")
            return self._send(request)
        assert fault is not None
        self.calls.attempts += 1
        if fault.kind in ANSWERS:
            self.calls.is_expired = fault.kind == "expired"
            return self._refuse(request, fault.kind)
        if self.calls.attempts == 1:  # the service has executed the call, and nobody hears of it
            self._send(request)
        if fault.kind == "reset":
            raise ConnectionClosedError(endpoint_url=request.url)
        if fault.kind == "timeout":
            raise ReadTimeoutError(endpoint_url=request.url)
        return _build_response(request, 200, {"content-type": "text/html"}, _PORTAL)

    def _refuse(self, request: AWSPreparedRequest, kind: str) -> AWSResponse:
        is_json = "X-Amz-Target" in request.headers
        status, code = ANSWERS[kind][0 if is_json else 1]
        if is_json:
            body = json.dumps({"__type": code, "message": "said"}).encode()
            return _build_response(request, status, {"content-type": "application/x-amz-json-1.1"}, body)
        error = f"<Error><Code>{code}</Code><Message>said</Message></Error>"
        if self._thread.call[0] in ("GetCallerIdentity", "GetRole", "SimulatePrincipalPolicy"):
            error = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
        body = b"" if request.method == "HEAD" else error.encode()
        return _build_response(request, status, {"content-type": "application/xml"}, body)

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body = request.body
        if hasattr(body, "seek"):
            body.seek(0)
        content = body.read() if hasattr(body, "read") else body
        content = content.encode() if isinstance(content, str) else content
        target = str(request.headers.get("X-Amz-Target", b""), "utf-8") if request.headers.get("X-Amz-Target") else ""
        if target.startswith("Logs_"):  # simulated jobs print nothing
            return _answer_log_call(request, json.loads(content or b"{}"))
        parts = urlsplit(request.url)
        headers = {
            name: value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()
        }
        builder = EnvironBuilder(
            path=parts.path, query_string=parts.query, method=request.method, headers=headers,
            data=content or b"", base_url=f"{parts.scheme}://{parts.netloc}",
        )  # fmt: skip
        answer, status, told = run_wsgi_app(self.endpoint, builder.get_environ(), buffered=True)
        return _build_response(request, int(status.partition(" ")[0]), dict(told), b"".join(answer))


def _answer_log_call(request: AWSPreparedRequest, asked: dict[str, Any]) -> AWSResponse:
    answer: dict[str, Any] = {"events": [{"timestamp": 0, "message": "a line", "ingestionTime": 0}]}
    if "logStreamNamePrefix" in asked:
        answer = {"logStreams": [{"logStreamName": asked["logStreamNamePrefix"] + "algo-1"}]}
    headers = {"content-type": "application/x-amz-json-1.1"}
    return _build_response(request, 200, headers, json.dumps(answer).encode())


def _build_response(request: AWSPreparedRequest, status: int, headers: dict[str, str], body: bytes) -> AWSResponse:
    raw = HTTPResponse(io.BytesIO(body), headers, status, preload_content=False, request_method=request.method)
    return AWSResponse(request.url, status, raw.headers, raw)


class OneClientPerService:
    """A boto3 session that makes each client once: a launch has five, and a matrix hundreds of launches."""

    def __init__(self, session: Any) -> None:
        self._session, self._clients = session, dict[str, Any]()

    def client(self, service: str, **options: Any) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service, **options)
        return self._clients[service]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


class SimulatedClock(Clock):
    """The service's clock: whoever waits moves it on."""

    def __init__(self, service: Service) -> None:
        self._service, self._now = service, 0.0

    def get_time(self) -> float:
        return self._now

    def wait(self, seconds: float, event: threading.Event) -> None:
        if any(thread.name == "sagemaker-fetch" for thread in threading.enumerate()):
            event.wait(1.0)  # downloads take no simulated time
        else:
            self._now += seconds
            self._service.advance(seconds)


class NoSleep:
    """Stands for the module `time` in botocore, which sleeps between two attempts."""

    @staticmethod
    def sleep(seconds: float) -> None:
        pass
