"""Jobs and their processes share the cores of this machine. How cores are counted: tests/test_threads.py."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from sagemaker_rehearsal import programs
from sagemaker_rehearsal.container import PASSED


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the two hosts of a job, on a machine of 16 cores."""
    monkeypatch.setattr(programs, "count_cores", lambda: 16)
    (tmp_path / "main.py").touch()
    values = {"sagemaker_program": "main.py", "sagemaker_distributed_dataparallel_enabled": True}

    def build_environment(url: str) -> dict[str, str]:
        return {"PYTHONPATH": "", **{name: os.environ[name] for name in PASSED if name in os.environ}}

    host = SimpleNamespace(
        code=tmp_path,
        parse_hyperparameters=lambda: values,
        build_arguments=list,
        build_environment=build_environment,
    )
    return [host, host]


@pytest.mark.parametrize(("jobs", "processes", "threads"), [(1, 1, 8), (1, 4, 2), (2, 2, 2), (3, 1, 2), (9, 2, 1)])
def test_jobs_and_their_processes_share_the_cores(hosts: list[Any], jobs: int, processes: int, threads: int) -> None:
    with mock.patch.dict(os.environ, clear=True):
        built = programs.build_programs(hosts, "http://127.0.0.1:1", processes, jobs)
    assert len(built) == 2 * processes
    for program in built:
        assert program.env["OMP_NUM_THREADS"] == str(threads)
        assert program.env.items() >= programs.SPINNING.items()


def test_what_the_user_has_set_wins(hosts: list[Any]) -> None:
    with mock.patch.dict(os.environ, {"OMP_NUM_THREADS": "5", "OMP_WAIT_POLICY": "ACTIVE"}, clear=True):
        (program, _) = programs.build_programs(hosts, "http://127.0.0.1:1", 1)
    assert program.env["OMP_NUM_THREADS"] == "5"
    assert program.env["OMP_WAIT_POLICY"] == "ACTIVE"
    assert "GOMP_SPINCOUNT" not in program.env
