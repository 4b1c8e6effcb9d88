"""Races of an app in processes of its own: killed in every round, and on the launchers that are installed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parents[2]
APP = Path(__file__).with_name("app.py")


def build_environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(TOP / "sweepers"), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "120", **more}


def build_command(folder: Path, *overrides: str) -> list[str]:
    fixed = ["hydra/sweeper=racing", "hydra.sweep.dir=sweep", f"+log={folder}/ran.txt", "+seed=1", "+m=a,b,c"]
    return [sys.executable, str(APP), "-m", *fixed, *overrides]


def run(folder: Path, *overrides: str) -> str:
    done = subprocess.run(
        build_command(folder, *overrides), cwd=folder, env=build_environment(), text=True, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def read_state(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "sweep" / "race.json").read_text("utf-8"))
    return content


@pytest.mark.slow
def test_a_race_that_is_killed_in_every_round_asks_nobody_twice(tmp_path: Path) -> None:
    ran = tmp_path / "ran.txt"
    for hung in ("b 2", "b 3", "a 5"):  # in the first round, the second and the fourth
        client = subprocess.Popen(
            build_command(tmp_path), cwd=tmp_path, env=build_environment(HANG_AT=hung), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until = time.monotonic() + 120
        while not (ran.exists() and hung in ran.read_text()):
            assert client.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        os.killpg(client.pid, signal.SIGKILL)
        client.wait()
    run(tmp_path)
    lines = ran.read_text().splitlines()
    assert sorted(lines) == sorted([*set(lines), "b 2", "b 3", "a 5"])  # who was running when the process was killed
    state = read_state(tmp_path)
    assert [member["number"] for member in state["members"]] == list(range(12))
    assert {member["status"] for member in state["members"]} == {"completed"}
    assert [(look["replicates"], look["dropped"]) for look in state["looks"]] == [
        (2, [[2, 0]]),
        (3, []),
        (4, []),
        (5, []),
    ]


@pytest.mark.exhaustive
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_other_launchers(launcher: str, tmp_path: Path) -> None:
    package = "hydra_plugins.hydra_" + launcher.removesuffix("_local") + "_launcher"
    try:
        found = find_spec(package)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"hydra-{launcher.removesuffix('_local')}-launcher is not installed")
    run(tmp_path, f"hydra/launcher={launcher}")
    state = read_state(tmp_path)
    assert {member["status"] for member in state["members"]} == {"completed"}
    assert [each["state"] for each in state["treatments"]][2] == "dropped"
    assert len((tmp_path / "ran.txt").read_text().splitlines()) == 12
    assert all((tmp_path / "sweep" / "race" / f"{number}.json").exists() for number in range(12))
