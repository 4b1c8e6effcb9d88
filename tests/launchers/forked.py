"""Starts apps as processes of their own without loading the SageMaker SDK each time, which takes seconds.

`python forked.py SOCKET` is a server that has everything loaded and forks; `python forked.py SOCKET SCRIPT ...` is a
client that stands for `python SCRIPT ...`: same working directory, environment, streams, signals and exit code. With
`-c CODE` in the place of SCRIPT it stands for `python -c CODE ...`.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
import traceback


def serve(path: str) -> None:
    import boto3
    import sagemaker.core.image_uris
    import sagemaker.core.shapes  # noqa: F401

    boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    boto3.DEFAULT_SESSION = None
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _monitor(connection)
            connection.close()


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
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        sys.exit(code)  # by way of atexit, as any process
    connection.sendall(f"{pid:8d}".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    connection.sendall(f"{code:8d}".encode())
    os._exit(0)


def _run(asked: dict[str, object]) -> int:
    os.chdir(str(asked["cwd"]))
    os.environ.clear()
    os.environ.update(asked["env"])  # type: ignore[call-overload]
    name, *arguments = asked["argv"]  # type: ignore[misc]
    try:
        if name == "-c":
            sys.argv, sys.path[:0] = ["-c", *arguments[1:]], [""]
            exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})
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
    if len(sys.argv) == 2:
        serve(sys.argv[1])
    else:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
