"""Test the rehearsal's access to S3 without a service."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from sagemaker_rehearsal.storage import Checkpoints, Storage


def test_checkpoints_may_disappear_while_they_are_looked_for(tmp_path: Path) -> None:
    """A program removes its older checkpoints at any moment."""
    kept = tmp_path / "kept" / "weights"
    kept.parent.mkdir()
    kept.write_bytes(b"1")
    checkpoints = Checkpoints(Storage(), "s3://bucket/job", tmp_path)
    stop = threading.Event()

    def replace_checkpoints() -> None:
        while not stop.is_set():
            for step in range(20):
                (tmp_path / "run" / f"checkpoint-{step}").mkdir(parents=True)
                (tmp_path / "run" / f"checkpoint-{step}" / "weights").write_bytes(b"1")
            shutil.rmtree(tmp_path / "run")

    program = threading.Thread(target=replace_checkpoints)
    program.start()
    try:
        for _ in range(300):
            assert kept in dict(checkpoints._scan_files())
    finally:
        stop.set()
        program.join()
