"""Jobs and their processes share the cores of this machine. How cores are counted: tests/test_threads.py."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from mlqa import threads
from sagemaker_rehearsal import programs
from sagemaker_rehearsal.container import Container


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Container]:
    """Return the two hosts of a job, on a machine of 16 cores."""
    monkeypatch.setattr(programs, "count_cores", lambda: 16)
    values = {"sagemaker_program": "main.py", "sagemaker_distributed_dataparallel_enabled": "true"}
    request = {"HyperParameters": values, "AlgorithmSpecification": {"TrainingInputMode": "File"}}
    names = ["algo-1", "algo-2"]
    job: Any = SimpleNamespace(
        name="job", arn="arn:job", region="eu-west-1", instance_type="ml.p4d.24xlarge", hosts=names, request=request
    )
    hosts = [Container(job, name, tmp_path / name) for name in names]
    for host in hosts:
        host.write_config(map_submit_directory=False)
        (host.code / "main.py").touch()
    return hosts


@pytest.mark.parametrize(("jobs", "processes", "threads"), [(1, 1, 8), (1, 4, 2), (2, 2, 2), (3, 1, 2), (9, 2, 1)])
def test_jobs_and_their_processes_share_the_cores(
    hosts: list[Container], jobs: int, processes: int, threads: int
) -> None:
    with mock.patch.dict(os.environ, clear=True):
        built = programs.build_programs(hosts, "http://127.0.0.1:1", processes, jobs)
    assert len(built) == 2 * processes
    for program in built:
        assert program.env["OMP_NUM_THREADS"] == str(threads)
        assert program.env.items() >= programs.SPINNING.items()


def test_threads_of_a_job_spin_as_those_of_any_other_run() -> None:
    assert programs.SPINNING == threads.SPINNING


def test_what_the_user_has_set_wins(hosts: list[Container]) -> None:
    with mock.patch.dict(os.environ, {"OMP_NUM_THREADS": "5", "OMP_WAIT_POLICY": "ACTIVE"}, clear=True):
        (program, _) = programs.build_programs(hosts, "http://127.0.0.1:1", 1)
    assert program.env["OMP_NUM_THREADS"] == "5"
    assert program.env["OMP_WAIT_POLICY"] == "ACTIVE"
    assert "GOMP_SPINCOUNT" not in program.env
