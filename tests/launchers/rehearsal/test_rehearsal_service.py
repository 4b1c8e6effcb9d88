"""The service's life: started once, detached, ended by itself; and its light front."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rehearsal_client import Rehearsal

import sagemaker_rehearsal

pytestmark = pytest.mark.slow

LAUNCHERS = Path(sagemaker_rehearsal.__file__).parents[1]


def wait_until_gone(file: Path, seconds: float = 15) -> float:
    began = time.monotonic()
    while file.exists():
        assert time.monotonic() - began < seconds, f"{file} is still there"
        time.sleep(0.05)
    return time.monotonic() - began


def test_an_idle_service_ends_by_itself(tmp_path: Path) -> None:
    service = Rehearsal(tmp_path, idle_minutes=1 / 60)
    service.create("busy", "import time; time.sleep(2.5)")
    assert wait_until_gone(tmp_path / "endpoint.json") > 2  # not while a job runs
    with pytest.raises(OSError, match=r"."):
        sagemaker_rehearsal.call(service.url, "alive")
    assert "closing: idle for 0.0166667 minutes" in (tmp_path / "rehearsal.log").read_text()


def test_a_service_outlives_its_starter_and_is_found_again(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal, sagemaker_rehearsal as r\n"
        f"print(r.start(pathlib.Path({str(tmp_path)!r}), idle_minutes=1), flush=True)\n"
        "os.killpg(0, signal.SIGKILL)"
    )
    env = {**os.environ, "PYTHONPATH": str(LAUNCHERS)}
    starter = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, start_new_session=True, check=False
    )
    assert starter.returncode == -9
    try:
        assert sagemaker_rehearsal.start(tmp_path) == starter.stdout.strip()
    finally:
        sagemaker_rehearsal.stop(tmp_path)
    assert not (tmp_path / "endpoint.json").exists()
    sagemaker_rehearsal.stop(tmp_path)  # nothing serves: nothing to do


def test_a_service_whose_directory_is_removed_ends_without_harm_to_the_next(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = sagemaker_rehearsal.start(state, idle_minutes=1)
    shutil.rmtree(state)
    second = Rehearsal(state, idle_minutes=1)
    second.create("next", "import time; time.sleep(1.5); print('undisturbed')")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            sagemaker_rehearsal.call(first, "alive")
            time.sleep(0.05)
        except OSError:
            break
    else:
        pytest.fail("the first service is still there")
    assert second.wait("next")["TrainingJobStatus"] == "Completed"
    assert sagemaker_rehearsal.start(state) == second.url
    sagemaker_rehearsal.stop(state)


def test_two_starters_share_one_service(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        urls = set(pool.map(lambda _: sagemaker_rehearsal.start(tmp_path, idle_minutes=1), range(3)))
    sagemaker_rehearsal.stop(tmp_path)
    assert len(urls) == 1 and next(iter(urls)).startswith("http://127.0.0.1:")


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(sagemaker_rehearsal.RehearsalError, match="faults: unknown kind 'nonsense'"):
        sagemaker_rehearsal.start(tmp_path, faults={"nonsense": []})
    with pytest.raises(sagemaker_rehearsal.RehearsalError, match=r"No such file or directory: .*faults-elsewhere"):
        sagemaker_rehearsal.start(tmp_path, faults=tmp_path / "faults-elsewhere.json")
    with pytest.raises(sagemaker_rehearsal.RehearsalError, match="unrecognized arguments: --colour red"):
        sagemaker_rehearsal.start(tmp_path, colour="red")


def test_the_front_is_light() -> None:
    code = "import sys, sagemaker_rehearsal; print({'boto3', 'botocore', 'moto', 'flask'} & set(sys.modules))"
    env = {**os.environ, "PYTHONPATH": str(LAUNCHERS)}
    assert subprocess.check_output([sys.executable, "-c", code], env=env, text=True).strip() == "set()"


@pytest.mark.skipif("SAGEMAKER_TOOLKIT_PYTHON" not in os.environ, reason="set it to a Python with sagemaker-training")
def test_the_real_toolkit_runs_a_job(tmp_path: Path) -> None:
    service = Rehearsal(tmp_path, toolkit=os.environ["SAGEMAKER_TOOLKIT_PYTHON"], stop_seconds=1)
    script = (
        "import os, pathlib, sys\n"
        "pathlib.Path(os.environ['SM_OUTPUT_DATA_DIR'], 'argv').write_text(' '.join(sys.argv))\n"
        "if sys.argv[1:] == ['--own', '1']:\n"
        "    pathlib.Path(os.environ['SM_OUTPUT_DIR'], 'failure').write_text('mine')\n"
        "    sys.exit(3)\n"
    )
    try:
        described = service.wait(service.create("toolkit", script, HyperParameters={"epochs": "3"}))
        log = service.log("toolkit")
        assert described["TrainingJobStatus"] == "Completed", log
        assert service.output("toolkit") == {"argv": b"main.py --epochs 3"}
        assert any("Reporting training SUCCESS" in line for line in log)
        failed = service.wait(service.create("toolkit-fails", script, HyperParameters={"own": "1"}))
        assert failed["FailureReason"] == "AlgorithmError: mine, exit code: 1"
    finally:
        sagemaker_rehearsal.stop(tmp_path)
