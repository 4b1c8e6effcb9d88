"""Starts apps as processes of their own without loading their libraries each time, which takes seconds.

`python(loaded)` stands for `python` in a command: `[*python("training"), "train.py", ...]`. The app has a process,
working directory, environment, streams, signals and exit code of its own; only its libraries are there already. That an
app starts from nothing, too, is for the tests that name `sys.executable`.

Behind it `python forked.py SOCKET LOADED` is a server that has everything loaded and forks, and `python forked.py
SOCKET SCRIPT ...` its client, in the place of `python SCRIPT ...`; also with `-c CODE` and `-m MODULE` for SCRIPT. When
the client is killed, so is the app.

`interpreter(loaded)` is an executable file that does the same, for what takes a Python by its path.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib.util
import json
import os
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
LIVES_WITH = "FORKED_LIVES_WITH"  # tells a server of the process with whose end it ends


@functools.cache
def python(loaded: str, top: Path = TOP) -> list[str]:
    """What stands for `python` in a command.

    loaded: "launcher" for boto3 and the judge of requests, "service" for the rehearsal service, "training" for mlqa's
    libraries, and for jobs, which bring our code with them, "job" for Hydra and "training job" for the libraries alone.
    top: The project whose mlqa and launcher are loaded.

    All processes of a test run share a server, which ends with the run.
    """
    under_xdist = "PYTEST_XDIST_WORKER" in os.environ
    lives_with = int(os.environ.get(LIVES_WITH) or (os.getppid() if under_xdist else os.getpid()))
    folder = Path(
        tempfile.gettempdir(), f"forked-{lives_with}", f"{loaded}-{zlib.crc32(bytes(top)):08x}".replace(" ", "-")
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "socket"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _start_server(path, loaded, top, lives_with)
    return [sys.executable, "-S", __file__, str(path)]


def _start_server(path: Path, loaded: str, top: Path, lives_with: int) -> None:
    """Returns when it serves."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env["PYTHONPATH"] = os.pathsep.join(str(top / name) for name in SEEN[loaded])
    env[LIVES_WITH] = str(lives_with)
    start = python(BELOW[loaded]) if loaded in BELOW else [sys.executable]
    server = subprocess.Popen(
        [*start, __file__, str(path), loaded],
        env=env,
        start_new_session=True,  # Ctrl-C is for the tests, whose end it then is
    )
    until = time.monotonic() + 600  # a machine may have much else to do
    while not path.exists():
        assert server.poll() is None and time.monotonic() < until, f"{server.args} does not serve"
        time.sleep(0.05)


@functools.cache
def interpreter(loaded: str, top: Path = TOP) -> Path:
    """A file that stands for a Python; torchrun takes it for its workers, too."""
    command = python(loaded, top)
    path = Path(command[-1]).with_name("python")
    path.write_text(f'#!/bin/sh\nPYTHON_EXEC="$0" exec {shlex.join(command)} "$@"\n', "utf-8")
    path.chmod(0o755)
    return path


def _load_launcher() -> None:
    import boto3.s3.transfer  # noqa: F401
    import hydra._internal.core_plugins.importlib_resources_config_source  # noqa: F401
    import sagemaker.core.resources  # noqa: F401

    import hydra_sagemaker_launcher.backend
    import hydra_sagemaker_launcher.display.live_table
    import hydra_sagemaker_launcher.display.summary
    import hydra_sagemaker_launcher.sweep  # noqa: F401
    from hydra_sagemaker_launcher.catalog.instances import list_offered_types, load_instances
    from hydra_sagemaker_launcher.catalog.releases import load_releases

    load_instances()
    list_offered_types()
    load_releases()
    sys.path.append(str(TOP / "tests" / "launchers"))
    import typed_requests

    typed_requests.watch()  # also the requests of the apps that start here
    _load_botocore_models("sagemaker", "s3", "sts", "iam", "logs", "service-quotas", "pricing")
    fork_services()


def _load_service() -> None:
    import moto.s3.responses  # noqa: F401

    import sagemaker_rehearsal.server  # noqa: F401

    _load_botocore_models("sagemaker", "s3")


def _load_botocore_models(*services: str) -> None:
    """Each session reads its own otherwise, for 0.1 s."""
    import boto3
    from botocore.loaders import Loader

    read: dict[object, object] = {}
    initialize = Loader.__init__

    def initialize_with_what_was_read(loader: Loader, *arguments: object, **options: object) -> None:
        initialize(loader, *arguments, **options)
        loader._cache = read

    Loader.__init__ = initialize_with_what_was_read
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    for service in services:
        session.client(service)


def fork_services() -> None:
    """Let the rehearsal services that this process starts have their libraries loaded, if they are installed."""
    import sagemaker_rehearsal

    if importlib.util.find_spec("moto") is not None:
        sagemaker_rehearsal.PYTHON = python("service")


def _load_training() -> None:
    import datasets  # noqa: F401
    import hydra  # noqa: F401
    import torch.distributed.run  # noqa: F401
    from transformers import ConvBertForQuestionAnswering, PreTrainedTokenizerFast, Trainer  # noqa: F401

    import mlqa.experiment
    import mlqa.report.build
    import mlqa.training.trainer  # noqa: F401
    from mlqa.config import readiness
    from mlqa.config.compose import compose_config
    from mlqa.data.language import load_language
    from mlqa.data.sample_vocabulary import load_vocabulary
    from mlqa.data.unicode_oddities import Oddities
    from mlqa.tokenization.analyses import load_analyzer

    load_analyzer()  # zeyrek reads its dictionaries for seconds
    load_vocabulary()
    load_language("tr")
    Oddities().scan_texts([""], str)
    compose_config(["experiment=quickstart"])  # the files of conf/ are read
    fork_services()
    readiness.PYTHON = [sys.executable, "-S", __file__, sys.argv[1]]  # the audits before a launch start from here


def _load_job() -> None:
    import hydra.main  # noqa: F401


def _load_training_job() -> None:
    import accelerate  # noqa: F401
    import datasets  # noqa: F401
    import hydra.main  # noqa: F401
    import zeyrek
    from transformers import ConvBertForQuestionAnswering, PreTrainedTokenizerFast, Trainer  # noqa: F401

    analyzer = zeyrek.MorphAnalyzer()  # reads its dictionaries for seconds, and no job finds another's cache
    zeyrek.MorphAnalyzer = lambda: analyzer

    with contextlib.suppress(ImportError):  # transformers 5 builds this once in a process
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping

        get_checkpoint_conversion_mapping("convbert")


SEEN = {
    "launcher": ["launchers"],
    "service": ["launchers"],
    "training": ["src", "launchers", "sweepers"],
    "job": [],
    "training job": [],
}
BELOW = {"training": "training job"}  # a server that is forked from another has all that the other has loaded
LOAD = {
    "launcher": _load_launcher,
    "service": _load_service,
    "training": _load_training,
    "job": _load_job,
    "training job": _load_training_job,
}


def serve(path: str, loaded: str) -> None:
    """Until the run of tests is gone."""
    lives_with = int(os.environ[LIVES_WITH])
    LOAD[loaded]()
    gc.collect()
    gc.freeze()  # no collection in an app touches, and so copies, what was loaded
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(1)
        while _lives(lives_with):
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _monitor(connection)
            connection.close()
    folder = Path(path).parent
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # not the last
        folder.parent.rmdir()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _monitor(connection: socket.socket) -> None:
    """Forks the app, and tells the client its pid and how it ended."""
    head, streams, _, _ = socket.recv_fds(connection, 8, 2)
    length = int(head)
    body = b""
    while len(body) < length:
        body += connection.recv(1 << 20)
    asked = json.loads(body)
    pid = os.fork()
    if pid == 0:
        connection.close()
        os.dup2(streams[0], 1)
        os.dup2(streams[1], 2)
        code = 1
        try:
            code = _run(asked)
        except BaseException:
            traceback.print_exc()
        _leave(code)
    for stream in streams:
        os.close(stream)
    connection.sendall(f"{pid:8d}".encode())
    threading.Thread(target=_kill_with_client, args=(connection, pid), daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    connection.sendall(f"{code:8d}".encode())
    os._exit(0)


def _kill_with_client(connection: socket.socket, pid: int) -> None:
    connection.recv(1)  # it sends nothing more: this returns when it has gone
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _leave(code: int) -> None:
    """Ends as any process does, but destroys no object: that would copy all that was loaded, which takes seconds."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or read by nobody any more
            stream.flush()
    os._exit(code)


def _run(asked: dict[str, object]) -> int:
    os.chdir(str(asked["cwd"]))
    os.environ.clear()
    os.environ.update(asked["env"])  # type: ignore[call-overload]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores Ctrl-C
    if os.environ.get("PYTHONUNBUFFERED"):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    name, *arguments = [argument for argument in asked["argv"] if argument != "-u"]  # type: ignore[attr-defined]
    try:
        if name == "-c":
            sys.argv, sys.path[:0] = ["-c", *arguments[1:]], [""]
            exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})
        elif name == "-m":
            sys.argv, sys.path[:0] = arguments, [os.getcwd()]
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv, sys.path[:0] = [name, *arguments], [os.path.dirname(os.path.abspath(name))]
            runpy.run_path(name, run_name="__main__")
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
            return 1
        return int(error.code or 0)
    return 0


def ask(path: str, argv: list[str]) -> int:
    body = json.dumps({"cwd": os.getcwd(), "env": dict(os.environ), "argv": argv}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [f"{len(body):8d}".encode()], [1, 2])
        connection.sendall(body)
        pid = int(connection.recv(8, socket.MSG_WAITALL))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _: os.kill(pid, received))
        code = int(connection.recv(8, socket.MSG_WAITALL))
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    if sys.argv[2] in LOAD:
        serve(*sys.argv[1:])
    else:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
