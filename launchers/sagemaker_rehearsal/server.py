"""The endpoint: one port on loopback for every service. SageMaker and Pricing are ours, all others are moto's."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sagemaker_rehearsal.clients import AGENT, Clients, forget_users_account
from sagemaker_rehearsal.clock import Clock
from sagemaker_rehearsal.errors import ServiceError
from sagemaker_rehearsal.faults import Faults
from sagemaker_rehearsal.job_run import Service
from sagemaker_rehearsal.operations import OPERATIONS, Operations
from sagemaker_rehearsal.options import Options
from sagemaker_rehearsal.pricing import get_products
from sagemaker_rehearsal.runner import ProcessRunner
from sagemaker_rehearsal.simulation import SimulatedRunner
from sagemaker_rehearsal.storage import Storage
from sagemaker_rehearsal.validation import validate_request

HOST = "127.0.0.1"
ENDPOINT_FILE = "endpoint.json"
OURS = {"SageMaker": "sagemaker", "AWSPriceListService": "pricing"}
KNOWN = {"sagemaker": OPERATIONS, "pricing": ("GetProducts",)}
JSON = "application/x-amz-json-1.1"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Endpoint:
    """The WSGI application."""

    def __init__(self, options: Options) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.clients = Clients()
        self.calls: Counter[str] = Counter()
        self.last_request = time.monotonic()
        self.clock = Clock(simulated=options.simulate is not None)
        self.faults = Faults(self.clock)
        if options.faults is not None:
            self.faults.add(json.loads(options.faults.read_text("utf-8")))
        storage = Storage(self.clients)
        service = Service(options, self.clock, self.faults, self.clients, storage, threading.Event())
        self.runner = ProcessRunner(service) if options.simulate is None else SimulatedRunner(service)
        self.operations = Operations(self.clock, self.faults, storage, self.runner, options.quotas)
        self._moto: Any = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path.startswith("/_rehearsal/"):
            return self._handle_control(path.removeprefix("/_rehearsal/"), environ, start_response)
        target, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
        if AGENT not in environ.get("HTTP_USER_AGENT", ""):
            self.last_request = time.monotonic()
            self.calls[operation or _derive_call_name(environ)] += 1
            if self.faults.is_down():
                _drop_connection(environ)
        if target in OURS:
            return self._handle_operation(OURS[target], operation, environ, start_response)
        if self.faults.should_deny(path.lstrip("/")):
            return _refuse_access(start_response)
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer

    def _handle_operation(
        self, service: str, operation: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        region = _parse_credential_scope(environ)[0]
        body = _read_body(environ)
        try:
            if operation not in KNOWN[service]:
                known = ", ".join(KNOWN[service])
                raise ServiceError("UnknownOperationException", f"{operation}: the rehearsal service knows {known}")
            if self.faults.should_throttle(operation):
                raise ServiceError("ThrottlingException", "Rate exceeded")
            try:
                request = json.loads(body or b"{}")
            except ValueError:
                raise ServiceError("SerializationException", "The request is not JSON.") from None
            validate_request(service, operation, request)
            if service == "sagemaker":
                answer = self.operations.answer(operation, request, region)
            else:
                answer = get_products(request)
        except ServiceError as error:
            content = {"__type": error.code, "message": error.message}
            return _answer(start_response, error.status, content, {"x-amzn-ErrorType": error.code})
        except Exception as error:  # a client must get an answer to read, not a page of HTML
            traceback.print_exc()
            content = {"__type": "InternalFailure", "message": f"{type(error).__name__}: {error}"}
            return _answer(start_response, 500, content)
        if self.faults.should_lose_response(operation):
            _drop_connection(environ)
        return _answer(start_response, 200, answer)

    def _handle_control(self, what: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            if what == "alive":
                content: dict[str, Any] = {"pid": os.getpid()}
            elif what == "calls":
                content = dict(self.calls)
            elif what == "faults":
                self.faults.add(json.loads(_read_body(environ)))
                content = {}
            elif what == "clock":
                content = {"now": self.clock.advance(float(json.loads(_read_body(environ))["advance_seconds"]))}
                self.runner.refresh()
            else:
                return _answer(start_response, 404, {"message": f"{what}: choose from alive, calls, faults, clock"})
        except (ValueError, KeyError, TypeError) as error:
            return _answer(start_response, 400, {"message": str(error)})
        return _answer(start_response, 200, content)

    def is_idle(self, seconds: float) -> bool:
        """Whether nothing has been asked for so long, and no process runs."""
        if time.monotonic() - self.last_request < seconds:
            return False
        return self.clock.simulated or not self.operations.running


def serve(options: Options) -> None:
    """Serves until SIGTERM, SIGINT, idleness, or its state directory's removal; then ends all jobs.

    `endpoint.json` is there while it serves.
    """
    forget_users_account()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request would bury the rest
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    closing = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: closing.set())
    options.state.mkdir(parents=True, exist_ok=True)
    endpoint = Endpoint(options)
    server = make_server(HOST, options.port, endpoint, threaded=True, request_handler=MotoRequestHandler)
    endpoint.clients.url = f"http://{HOST}:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file = options.state / ENDPOINT_FILE
    _write(file, {"url": endpoint.clients.url, "pid": os.getpid()})
    print(f"serving at {endpoint.clients.url}", flush=True)
    idle_seconds = options.idle_minutes * 60
    why = "told to"
    while not closing.wait(min(1.0, idle_seconds / 4)):
        if not _is_mine(file):  # another may serve from a directory made anew: nobody finds this one any more
            why = f"{file} is gone"
            break
        if endpoint.is_idle(idle_seconds):
            why = f"idle for {options.idle_minutes:g} minutes"
            break
    print(f"closing: {why}", flush=True)
    if _is_mine(file):
        file.unlink()
    endpoint.runner.close()
    server.shutdown()


def _write(file: Path, content: dict[str, Any]) -> None:
    temporary = file.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(content), "utf-8")
    temporary.replace(file)


def _is_mine(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_text("utf-8"))["pid"] == os.getpid())
    except OSError:
        return False


def _parse_credential_scope(environ: Environ) -> tuple[str, str]:
    """Region and service of a signed request: Credential=<key>/<date>/<region>/<service>/aws4_request."""
    parts = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    return (parts[2], parts[3]) if len(parts) == 5 else ("us-east-1", "unsigned")


def _derive_call_name(environ: Environ) -> str:
    """How a call without an operation's name in its headers is counted, e.g. s3:PUT."""
    return f"{_parse_credential_scope(environ)[1]}:{environ['REQUEST_METHOD']}"


def _read_body(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def _drop_connection(environ: Environ) -> None:
    """Closes the connection without an answer; the server takes the error as the client's going away."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def _answer(
    start_response: StartResponse, status: int, content: dict[str, Any], headers: dict[str, str] | None = None
) -> Iterable[bytes]:
    body = json.dumps(content).encode()
    fixed = {"Content-Type": JSON, "Content-Length": str(len(body)), "x-amzn-RequestId": str(uuid.uuid4())}
    start_response(f"{status} {'OK' if status == 200 else 'Error'}", list({**fixed, **(headers or {})}.items()))
    return [body]


def _refuse_access(start_response: StartResponse) -> Iterable[bytes]:
    body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]
