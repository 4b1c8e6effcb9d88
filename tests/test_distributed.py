"""Test that several processes are one run: the same training, one result, and an end if one of them dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from forked import interpreter, python

from mlqa.data.sample import generate

pytestmark = pytest.mark.slow

TOP = Path(__file__).resolve().parents[1]
TINY = [
    "experiment=quickstart",
    "dataset.sample.train_rows=90",  # not a multiple of the 16 windows of a step
    "dataset.sample.validation_rows=30",
    "training.num_train_epochs=2",
    "training.logging_steps=1",
    "training.save_steps=4",
    "model.scratch.num_hidden_layers=1",
    "optimizer.learning_rate=3e-3",
]
TWO = ["--standalone", "--nproc_per_node=2"]
SCRIPT = str(TOP / "train.py")
SECONDS = 300  # a hang is a failure


def torchrun(*command: str) -> list[str]:
    """Return torchrun's command for two processes. Its own libraries and theirs are loaded already."""
    run = "from torch.distributed.run import main; main()"
    return [*python("training"), "-c", run, *TWO, "--no-python", *python("training"), *command]


def finished(tmp_path: Path, *overrides: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    """Run to the end."""
    command = torchrun(SCRIPT) if processes == 2 else [*python("training"), SCRIPT]
    return execute(tmp_path, *command, *overrides)


def execute(tmp_path: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, cwd=tmp_path, env={**os.environ, "COLUMNS": "200"}
    )


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def losses(run_dir: Path) -> list[float]:
    return [row["loss"] for row in map(json.loads, (run_dir / "history.jsonl").open()) if "loss" in row]


@pytest.mark.legacy
def test_two_processes_train_and_score_as_one(tmp_path: Path) -> None:
    """Test 16 windows per step with one process, with two of 8, and with two of 4 that accumulate 2."""
    one = finished(tmp_path, *TINY, "training.per_device_train_batch_size=16", "hydra.run.dir=one", processes=1)
    assert one.returncode == 0, one.stderr
    assert "windows, grouped" in one.stderr
    ways = {"two": ("8", "1"), "accumulated": ("4", "2")}
    for name, (size, accumulation) in ways.items():
        done = finished(
            tmp_path, *TINY, f"training.per_device_train_batch_size={size}",
            f"training.gradient_accumulation_steps={accumulation}", f"hydra.run.dir={name}",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("exact match") == 1, "one process reports"
        assert losses(tmp_path / name) == pytest.approx(losses(tmp_path / "one"), abs=1e-4)
        predictions = read(tmp_path / name / "predictions.json")
        assert list(predictions) == generate(30, 0, split="validation").ids
        assert predictions == read(tmp_path / "one" / "predictions.json")
        metrics, expected = (read(tmp_path / folder / "result.json")["metrics"] for folder in (name, "one"))
        assert metrics == expected
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "accumulated"}, "one directory per run"
    assert len(list(tmp_path.glob("*/train.log"))) == 3


def write_script(tmp_path: Path, step: int, event: str) -> str:
    """Write a train.py to which something happens.

    Args:
        tmp_path: Where to write it.
        step: Before which step of a process, counted from 1.
        event: Python code, with the names os, rank, signal and DataError.

    Returns:
        The path of the script.
    """
    script = tmp_path / "eventful.py"
    script.write_text(
        "import os, runpy, signal, sys\n"
        f"sys.path.insert(0, {str(TOP / 'src')!r})\n"
        "from mlqa.errors import DataError\n"
        "from mlqa.training.trainer import QuestionAnsweringTrainer as Trainer\n"
        "rank, training_step, calls = int(os.environ['RANK']), Trainer.training_step, [0]\n"
        "def training_step_eventfully(self, *arguments, **options):\n"
        "    calls[0] += 1\n"
        f"    if calls[0] == {step}:\n"
        f"        {event}\n"
        "    return training_step(self, *arguments, **options)\n"
        "Trainer.training_step = training_step_eventfully\n"
        f"sys.argv[0] = {SCRIPT!r}\n"
        f"runpy.run_path({SCRIPT!r}, run_name='__main__')\n"
    )
    return str(script)


class Running:
    """A run of two processes that has taken its first steps."""

    def __init__(self, tmp_path: Path, *command: str) -> None:
        self.run_dir = tmp_path / "run"
        self.process = subprocess.Popen(
            torchrun(*command), stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, "COLUMNS": "200"}
        )
        assert self.process.stderr is not None
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            if "step " in line:
                break

    def ended(self) -> float:
        """Wait for the end and return the seconds it took."""
        began = time.monotonic()
        _, rest = self.process.communicate(timeout=SECONDS)
        self.said += rest
        return time.monotonic() - began


LONG = [*TINY, "training.num_train_epochs=1000", "hydra.run.dir=run"]


def test_a_process_that_dies_ends_the_run(tmp_path: Path) -> None:
    script = write_script(tmp_path, 3, "rank == 1 and os.kill(os.getpid(), signal.SIGKILL)")
    running = Running(tmp_path, script, *LONG)
    assert running.ended() < 60
    assert running.process.returncode != 0
    result = read(running.run_dir / "result.json")
    assert result["status"] == "failed"
    assert "another process of this run has died" in result["error"], running.said


def test_the_error_of_one_process_is_the_runs(tmp_path: Path) -> None:
    """Test that an error of rank 1 in its third step is in result.json, which rank 0 writes."""
    script = write_script(tmp_path, 3, "if rank == 1: raise DataError('row 17 is broken')")
    running = Running(tmp_path, script, *LONG)
    assert running.ended() < 60
    assert running.process.returncode != 0
    assert "rank 1: row 17 is broken" in running.said
    result = read(running.run_dir / "result.json")
    assert (result["status"], result["error"]) == ("failed", "rank 1: row 17 is broken")


@pytest.mark.legacy
def test_a_killed_run_of_two_goes_on(tmp_path: Path) -> None:
    """Test that a resumed run of two processes has the same bits as an undisturbed one, also with dropout."""
    overrides = [*TINY, "training.per_device_train_batch_size=8", "model.scratch.dropout=0.1"]
    whole = finished(tmp_path, *overrides, "hydra.run.dir=whole")
    assert whole.returncode == 0, whole.stderr
    # Both wait in the sixth step, after checkpoint-4, for the signal that torchrun passes on.
    script = write_script(tmp_path, 6, "open(f'waits{rank}', 'w').close(); signal.pause()")
    running = Running(tmp_path, script, *overrides, "hydra.run.dir=run")
    while len(list(tmp_path.glob("waits*"))) < 2:
        assert running.process.poll() is None, running.said
        time.sleep(0.02)
    running.process.send_signal(signal.SIGTERM)
    running.ended()
    assert running.process.returncode != 0
    again = finished(tmp_path, *overrides, "hydra.run.dir=run")
    assert again.returncode == 0, again.stderr
    assert "resuming after step 4" in again.stderr
    for name in ("predictions.json", "model/model.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_options_can_follow_the_overrides(tmp_path: Path) -> None:
    """Test it with torchrun as a user types it: it makes the command of its processes from `train.py` and the rest."""
    (tmp_path / "conf").mkdir()
    overrides = [*TINY, "training.max_steps=1", "hydra.run.dir=run", "--config-dir", str(tmp_path / "conf")]
    torchrun_of_a_user = [str(interpreter("training")), "-m", "torch.distributed.run", *TWO]
    done = execute(tmp_path, *torchrun_of_a_user, SCRIPT, *overrides)
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "run" / "result.json")["status"] == "completed"


def test_a_multirun_is_refused(tmp_path: Path) -> None:
    done = finished(tmp_path, "-m", *TINY, "seed=1,2")
    assert done.returncode != 0
    assert done.stderr.count("error: -m: torchrun starts the processes of one run") == 1
