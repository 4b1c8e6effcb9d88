"""Test that every benchmark still works from end to end, in its smoke size. Nothing is measured here."""

from __future__ import annotations

import os
import runpy
import shlex
import subprocess
from pathlib import Path

import pytest
from forked import python
from rows import read_rows

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SECONDS = 300  # a hang is a failure

find_benchmarks = runpy.run_path(str(BENCHMARKS / "__main__.py"))["find_benchmarks"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("script", find_benchmarks().values(), ids=lambda path: path.stem)
def test_a_benchmark_works_in_its_smoke_size(script: Path, tmp_path: Path) -> None:
    """Test without a network, without real data and with a stand-in for the peer."""
    start = python("training")
    variables = {
        "BENCHMARK_PYTHON": shlex.join(start),
        "PEER_DIR": str(Path(__file__).parent / "stand_in_peer"),
        "MLQA_ASSETS": "/nowhere",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [*start, str(script), "--smoke", f"--json={tmp_path}/rows.jsonl"],
        cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "its figures mean nothing" in done.stdout
    rows = read_rows(tmp_path / "rows.jsonl")
    assert rows and all(row.what and row.ours for row in rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl"]
