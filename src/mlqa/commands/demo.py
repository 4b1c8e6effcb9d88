"""`mlqa demo`: ask the models of runs in a browser."""

from __future__ import annotations

import argparse

from mlqa.errors import ConfigError, RunError

EXAMPLE = """\
examples:
  mlqa demo outputs/2026-11-23/10-00-00
  mlqa demo multirun/2026-11-23/10-00-00/0 multirun/2026-11-23/10-00-00/1     two models side by side
  mlqa demo outputs/2026-11-23/10-00-00 --host 0.0.0.0 --port 8080            for everybody who reaches this machine
"""
LOOPBACK = "127.0.0.1"
MOST_RUNS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa demo`."""
    parser.add_argument("run_dir", nargs="+", help="directory of a completed run; several stand side by side")
    parser.add_argument(
        "--host", default=LOOPBACK, help="address to listen on (default: %(default)s, this machine only)"
    )
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860 on)")
    parser.add_argument(
        "--risk",
        type=float,
        metavar="R",
        help="mean loss of the answers that count as sure, 0.1 for an F1 of 90 (default: calibration.risk of the run)",
    )


def run(args: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        ConfigError: If an option is out of range.
        RunError: If a directory holds no trained model, gradio is not installed, or the port is taken.
    """
    problems = []
    if len(args.run_dir) > MOST_RUNS:
        problems.append(f"demo: {len(args.run_dir)} runs: give at most {MOST_RUNS}")
    if args.port is not None and not 0 < args.port < 65536:
        problems.append(f"demo: --port={args.port}: choose 1 ... 65535")
    if args.risk is not None and not 0 < args.risk < 1:
        problems.append(f"demo: --risk={args.risk:g}: choose a mean loss above 0 and below 1, e.g. 0.1")
    if problems:
        raise ConfigError(problems)

    from mlqa.demo.page import build_page, get_launch_options, import_gradio

    gradio = import_gradio()  # a missing package or a taken port is said before a model is loaded
    _check_address(args.host, args.port)

    from pathlib import Path

    from mlqa.demo.asking import find_examples, load_asked

    folders = [Path(folder).expanduser() for folder in args.run_dir]
    page = build_page([load_asked(folder, args.risk) for folder in folders], find_examples(folders[0]))
    try:
        _, address, _ = page.launch(**get_launch_options(gradio, args.host, args.port), prevent_thread_lock=True)
    except OSError:
        raise RunError("demo: no port is free; name another one by --port") from None
    print(f"{address}  (API: {address}?view=api, Ctrl-C ends it)", flush=True)
    if args.host != LOOPBACK:
        print("It has no password: everybody who reaches this machine can ask it.", flush=True)
    page.block_thread()


def _check_address(host: str, port: int | None) -> None:
    """Raise RunError if the port cannot be listened on."""
    import socket

    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        place = host if port is None else f"{host}, port {port}"
        raise RunError(
            f"demo: cannot listen on {place}: {error.strerror or error}; choose another --host or --port"
        ) from None
