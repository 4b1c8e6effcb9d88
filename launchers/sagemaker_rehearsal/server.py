"""The endpoint: one port on loopback for all services. SageMaker, quotas and prices are ours, the others moto's."""

from __future__ import annotations

import io
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
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.ssm.models import SimpleSystemManagerBackend
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sagemaker_rehearsal.clients import AGENT
from sagemaker_rehearsal.clock import Clock
from sagemaker_rehearsal.errors import ServiceError
from sagemaker_rehearsal.faults import Faults
from sagemaker_rehearsal.iam import answer_iam
from sagemaker_rehearsal.operations import Operations
from sagemaker_rehearsal.options import Options
from sagemaker_rehearsal.pricing import get_products
from sagemaker_rehearsal.runner import ProcessRunner
from sagemaker_rehearsal.service import Service
from sagemaker_rehearsal.simulation import SimulatedRunner
from sagemaker_rehearsal.storage import Storage
from sagemaker_rehearsal.validation import validate_request

HOST = "127.0.0.1"
ACCESS_DENIED = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

Handler = Callable[[dict[str, Any], str], dict[str, Any]]


class Endpoint:
    """The WSGI application.

    Attributes:
        storage: The service's own access to S3, once it is connected.
        runner: What makes the jobs run.
    """

    def __init__(self, options: Options) -> None:
        """Build the service. Raises ValueError or OSError if the file of faults cannot be used."""
        self._calls: Counter[str] = Counter()
        self._last_request = 0.0
        self._clock = clock = Clock(simulated=options.simulate is not None)
        self._faults = Faults(clock)
        if options.faults is not None:
            self._faults.add(json.loads(options.faults.read_text("utf-8")))
        self.storage = Storage()
        service = Service(options, clock, self._faults, self.storage, threading.Event())
        self.runner = ProcessRunner(service) if options.simulate is None else SimulatedRunner(service)
        self._operations = Operations(service, self.runner)
        # By the prefix of X-Amz-Target: botocore's name of the service, and its operations.
        self._services: dict[str, tuple[str, dict[str, Handler]]] = {
            "SageMaker": ("sagemaker", self._operations.handlers),
            "ServiceQuotasV20190624": ("service-quotas", self._operations.quota_handlers),
            "AmazonEC2ContainerRegistry_V20150921": ("ecr", {"DescribeImages": self._describe_images}),
            "AWSPriceListService": ("pricing", {"GetProducts": lambda request, _: get_products(request)}),
        }
        self._moto: Any = DomainDispatcherApplication(create_backend_app)
        # moto looks through the folders of its package for each request.
        self._moto.get_backend_for_host = cache(self._moto.get_backend_for_host)
        # A job asks for a parameter by the ARN of the user's account, which is not moto's.
        SimpleSystemManagerBackend._strip_parameter_arn = _strip_parameter_arn

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a WSGI request."""
        response = self._answer(Request(environ))
        content: Iterable[bytes] = (self._moto if response is None else response)(environ, start_response)
        return content

    def connect(self, url: str) -> None:
        """Connect the service to its own address, and count idleness from now."""
        self.storage.connect(url)
        self._last_request = time.monotonic()

    def is_idle(self, seconds: float) -> bool:
        """Return whether there was no request for so long, and no process runs."""
        if time.monotonic() - self._last_request < seconds:
            return False
        return self._clock.simulated or not self._operations.list_running_jobs()

    def _answer(self, request: Request) -> Response | None:
        """Answer a request, or return None if it is for moto."""
        if request.path.startswith("/_rehearsal/"):
            return self._handle_control(request.path.removeprefix("/_rehearsal/"), request)
        region, signed_service = _parse_credential_scope(request)
        target, _, operation = request.headers.get("X-Amz-Target", "").rpartition(".")
        if AGENT not in request.headers.get("User-Agent", ""):
            self._last_request = time.monotonic()
            self._calls[operation or f"{signed_service}:{request.method}"] += 1
            if self._faults.is_down():
                _drop_connection(request)
        if signed_service == "iam":
            form = request.get_data()
            request.environ["wsgi.input"] = io.BytesIO(form)  # moto reads it again
            if (answer := answer_iam(dict(parse_qsl(form.decode())), self._faults)) is not None:
                return Response(answer[1], answer[0], content_type="text/xml")
        if target in self._services:
            return self._handle_operation(*self._services[target], operation, request, region)
        if self._faults.should_deny(request.path.lstrip("/")):
            return Response(ACCESS_DENIED, 403, content_type="application/xml")
        return None

    def _describe_images(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        tags = [each["imageTag"] for each in request.get("imageIds", [])]
        if missing := [tag for tag in tags if not self._faults.has_image(tag)]:
            raise ServiceError("ImageNotFoundException", f"The image with tag {missing[0]} does not exist.")
        return {"imageDetails": [{"imageTags": tags}]}

    def _handle_operation(
        self, service: str, handlers: dict[str, Handler], operation: str, request: Request, region: str
    ) -> Response:
        try:
            if operation not in handlers:
                raise ServiceError(
                    "UnknownOperationException", f"{operation}: the rehearsal service supports {', '.join(handlers)}"
                )
            if self._faults.should_throttle(operation):
                raise ServiceError("ThrottlingException", "Rate exceeded")
            try:
                parameters = json.loads(request.get_data() or b"{}")
            except ValueError:
                raise ServiceError("SerializationException", "The request is not JSON.") from None
            validate_request(service, operation, parameters)
            self.runner.refresh()
            answer = handlers[operation](parameters, region)
        except ServiceError as error:
            return _build_response({"__type": error.code, "message": error.message}, 400)
        except Exception as error:  # the client must get an answer that it can read, not a page of HTML
            traceback.print_exc()
            return _build_response({"__type": "InternalFailure", "message": f"{type(error).__name__}: {error}"}, 500)
        if self._faults.should_lose_response(operation):
            _drop_connection(request)
        return _build_response(answer)

    def _handle_control(self, name: str, request: Request) -> Response:
        try:
            if name == "alive":
                return _build_response({"pid": os.getpid()})
            if name == "calls":
                return _build_response(dict(self._calls))
            if name == "faults":
                self._faults.add(json.loads(request.get_data()))
                return _build_response({})
            if name == "clock":
                now = self._clock.advance(float(json.loads(request.get_data())["advance_seconds"]))
                self.runner.refresh()
                return _build_response({"now": now})
        except (ValueError, KeyError, TypeError) as error:
            return _build_response({"message": str(error)}, 400)
        return _build_response({"message": f"{name}: choose from alive, calls, faults, clock"}, 404)


def serve(options: Options) -> None:
    """Serve until SIGTERM, SIGINT, idleness, or the removal of the state directory, then end all jobs.

    `endpoint.json` exists while the service runs.

    Raises:
        OSError: The port is in use, or a file cannot be read or written.
        ValueError: The faults are invalid.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per request would bury the rest
    closing = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: closing.set())
    options.state.mkdir(parents=True, exist_ok=True)
    endpoint = Endpoint(options)
    server = make_server(HOST, options.port, endpoint, threaded=True, request_handler=MotoRequestHandler)
    endpoint.connect(f"http://{HOST}:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file = options.state / "endpoint.json"
    file.write_text(json.dumps({"url": endpoint.storage.url, "pid": os.getpid()}), "utf-8")
    print(f"serving at {endpoint.storage.url}", flush=True)
    idle_seconds = options.idle_minutes * 60
    reason = "on request"
    while not closing.wait(min(1.0, idle_seconds / 4)):
        if not _is_own(file):  # another service may use a new directory of this name, and no client finds this one
            reason = f"{file} is gone"
            break
        if endpoint.is_idle(idle_seconds):
            reason = f"idle for {options.idle_minutes:g} minutes"
            break
    print(f"closing: {reason}", flush=True)
    if _is_own(file):
        file.unlink()
    endpoint.runner.close()
    server.shutdown()


def _is_own(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_text("utf-8"))["pid"] == os.getpid())
    except OSError:
        return False


def _parse_credential_scope(request: Request) -> tuple[str, str]:
    """Return region and service of a signed request: Credential=<key>/<date>/<region>/<service>/aws4_request."""
    header = request.environ.get("HTTP_AUTHORIZATION", "")
    parts = header.partition("Credential=")[2].partition(",")[0].split("/")
    return (parts[2], parts[3]) if len(parts) == 5 else ("us-east-1", "unsigned")


def _drop_connection(request: Request) -> None:
    """Close the connection without an answer. The server takes the error for the client's leaving."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def _build_response(content: dict[str, Any], status: int = 200) -> Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    if "__type" in content:
        headers["x-amzn-ErrorType"] = content["__type"]
    return Response(json.dumps(content), status, headers, content_type="application/x-amz-json-1.1")


def _strip_parameter_arn(backend: Any, name: str) -> str:
    """Return the name of a parameter of Systems Manager, whatever account its ARN names."""
    return name.partition(":parameter")[2] or name
