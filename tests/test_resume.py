"""Test that a run that is killed anywhere and started again ends as if it had not been killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from interrupted import STEPS, limit_file_size, run_apart

import mlqa.training.trainer as trainer_module
from mlqa.evaluation import Evaluation
from mlqa.training.trainer import QuestionAnsweringTrainer

pytestmark = pytest.mark.slow

CHECKPOINTS = "checkpoints"
MOMENTS = 9


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    ended = run_apart(folder)
    assert ended.status == 0, ended.said
    return folder, ended.changes


def result_of(run_dir: Path) -> dict[str, Any]:
    return dict(json.loads((run_dir / "result.json").read_text("utf-8")))


def checkpoints_in(run_dir: Path) -> list[str]:
    return sorted(path.name for path in run_dir.glob(f"{CHECKPOINTS}/*/*"))


def assert_same_end(run_dir: Path, undisturbed: Path) -> None:
    """Assert equal weights to the last bit, equal predictions, one history, and no other files."""
    for name in ("predictions.json", "model/model.safetensors", "tokenization.json"):
        assert (run_dir / name).read_bytes() == (undisturbed / name).read_bytes(), name
    assert sorted(path.name for path in run_dir.iterdir()) == sorted(path.name for path in undisturbed.iterdir())
    result, expected = result_of(run_dir), result_of(undisturbed)
    assert result["status"] == "completed"
    assert result["metrics"] == expected["metrics"]
    assert (run_dir / "history.jsonl").read_text().count('"eval_f1":') == 1
    losses = [
        [(row["step"], row["loss"]) for row in map(json.loads, (folder / "history.jsonl").open()) if "loss" in row]
        for folder in (run_dir, undisturbed)
    ]
    assert [step for step, _ in losses[0]] == [step for step, _ in losses[1]] == list(range(2, STEPS + 1, 2))
    assert [loss for _, loss in losses[0]] == pytest.approx([loss for _, loss in losses[1]], rel=1e-6)


@pytest.fixture(scope="module")
def left_behind(undisturbed: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return what SIGKILL would leave at moments that are spread evenly over the changes of a run, all of one run."""
    folder, changes = tmp_path_factory.mktemp("left_behind"), undisturbed[1]
    folders = {1 + moment * (changes - 1) // (MOMENTS - 1): folder / str(moment) for moment in range(MOMENTS)}
    ended = run_apart(folder / "run", copies=folders)
    assert (ended.status, ended.changes) == (0, changes), ended.said
    return list(folders.values())


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_killed_anywhere_it_ends_the_same(left_behind: list[Path], undisturbed: tuple[Path, int], moment: int) -> None:
    run_dir = left_behind[moment]
    there = [name for name in checkpoints_in(run_dir) if name.removeprefix("checkpoint-").isdigit()]
    if (run_dir / "result.json").is_file() and result_of(run_dir)["status"] != "completed":
        assert "or was killed" in result_of(run_dir)["error"]
    again = run_apart(run_dir)
    assert again.status == 0, again.said
    assert_same_end(run_dir, undisturbed[0])
    said = "resuming after step", "steps are already trained", "is skipped", "this run is already completed"
    assert any(part in again.said for part in said) or not there


@pytest.mark.parametrize("seconds", [0.6, 1.6])
def test_killed_by_the_clock_it_ends_the_same(tmp_path: Path, undisturbed: tuple[Path, int], seconds: float) -> None:
    """Test it in the middle of anything, e.g. a file or a forward pass. A run may also have ended by then."""
    run_apart(tmp_path / "run", before=lambda: threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start())
    again = run_apart(tmp_path / "run")
    assert again.status == 0, again.said
    assert_same_end(tmp_path / "run", undisturbed[0])


def test_killed_twice(tmp_path: Path, undisturbed: tuple[Path, int]) -> None:
    reference, changes = undisturbed
    for _ in range(2):
        assert run_apart(tmp_path / "run", kill_at=changes // 3).status == signal.SIGKILL
    assert "resuming after step" in run_apart(tmp_path / "run").said
    assert_same_end(tmp_path / "run", reference)


def stopped_after(steps: int) -> Any:
    """Return a hook that sends Ctrl-C when the step after `steps` begins."""
    training_step, calls = QuestionAnsweringTrainer.training_step, [0]

    def interrupted(self: Any, *arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] > 2 * steps:  # two shares per step
            os.kill(os.getpid(), signal.SIGINT)
        return training_step(self, *arguments, **options)

    def install() -> None:
        trainer_module.QuestionAnsweringTrainer.training_step = interrupted  # type: ignore[method-assign]

    return install


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that Ctrl-C has stopped in its seventh step. checkpoint-6 is its last."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    ended = run_apart(folder, before=stopped_after(6))
    assert ended.status != 0
    assert "a checkpoint is kept" in ended.said
    assert f"hydra.run.dir={folder}" in ended.said
    assert checkpoints_in(folder) == ["checkpoint-6"]
    return folder


@pytest.fixture
def stopped(stopped_once: Path, tmp_path: Path) -> Path:
    """Return a copy of it to go on with."""
    return Path(shutil.copytree(stopped_once, tmp_path / "run"))


@pytest.mark.legacy
def test_ctrl_c_keeps_the_last_checkpoint(stopped: Path, undisturbed: tuple[Path, int]) -> None:
    result = result_of(stopped)
    assert (result["status"], result["error"]) == ("stopped", "stopped by Ctrl-C")
    again = run_apart(stopped)
    assert f"resuming after step 6 of {STEPS}" in again.said
    assert_same_end(stopped, undisturbed[0])
    assert result_of(stopped)["timing"]["resumed_after_step"] == 6


def kill_in_scoring() -> None:
    """Make SIGKILL strike when the trained model is scored."""

    def killed(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    Evaluation.evaluate = killed  # type: ignore[method-assign]


def test_never_past_its_end(tmp_path: Path) -> None:
    """Test that a run killed while scoring trains no further step, if it ended inside an epoch (7 of 10 steps)."""
    whole = run_apart(tmp_path / "whole", "training.max_steps=7")
    assert whole.status == 0, whole.said
    killed = run_apart(tmp_path / "run", "training.max_steps=7", before=kill_in_scoring)
    assert killed.status == signal.SIGKILL, killed.said
    assert "checkpoint-7" in checkpoints_in(tmp_path / "run") and result_of(tmp_path / "run")["status"] == "failed"
    again = run_apart(tmp_path / "run", "training.max_steps=7")
    assert "all 7 steps are already trained" in again.said
    for name in ("predictions.json", "model/model.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("other", ["seed=7", "dataset.sample.train_rows=80"])
def test_another_runs_checkpoint_is_never_used(stopped: Path, tmp_path: Path, other: str) -> None:
    alone = run_apart(tmp_path / "alone", other)
    assert alone.status == 0, alone.said
    beside = run_apart(stopped, other)
    assert beside.status == 0, beside.said
    assert "checkpoints of another run" in beside.said
    for name in ("predictions.json", "model/model.safetensors"):
        assert (stopped / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    assert checkpoints_in(stopped) == ["checkpoint-6"], "the checkpoint of the other run is kept"
    assert "holds a completed run with other settings" in run_apart(stopped).said


def test_a_checkpoint_put_among_anothers_is_not_used(stopped: Path, tmp_path: Path) -> None:
    (mine,) = (stopped / CHECKPOINTS).iterdir()
    other = run_apart(tmp_path / "other", "seed=7", before=stopped_after(4))
    assert other.status != 0
    (foreign,) = (tmp_path / "other" / CHECKPOINTS).iterdir()
    shutil.rmtree(foreign / "checkpoint-4")
    shutil.copytree(mine / "checkpoint-6", foreign / "checkpoint-6")
    again = run_apart(tmp_path / "other", "seed=7")
    assert "it belongs to another run" in again.said
    assert "training on" in again.said


@pytest.mark.legacy
def test_a_half_written_checkpoint_is_skipped(tmp_path: Path, undisturbed: tuple[Path, int]) -> None:
    run_dir = tmp_path / "run"
    run_apart(run_dir, "training.save_total_limit=3", before=stopped_after(6))
    (folder,) = (run_dir / CHECKPOINTS).iterdir()
    assert checkpoints_in(run_dir) == ["checkpoint-2", "checkpoint-4", "checkpoint-6"]
    weights = folder / "checkpoint-6" / "optimizer.pt"
    weights.write_bytes(weights.read_bytes()[:1000])
    (folder / "checkpoint-4" / "manifest.json").unlink()
    again = run_apart(run_dir, "training.save_total_limit=3")
    assert "checkpoint-6 is skipped: optimizer.pt has 1000 of" in again.said
    assert "checkpoint-4 is skipped: it is incomplete" in again.said
    assert f"resuming after step 2 of {STEPS}" in again.said
    assert (run_dir / "predictions.json").read_bytes() == (undisturbed[0] / "predictions.json").read_bytes()


def test_a_spoiled_checkpoint_is_skipped(stopped: Path, undisturbed: tuple[Path, int]) -> None:
    """Test a checkpoint as after a power cut: the size is right and the content is zeros."""
    (weights,) = (stopped / CHECKPOINTS).glob("*/checkpoint-6/model.safetensors")
    weights.write_bytes(bytes(weights.stat().st_size))
    again = run_apart(stopped)
    assert "checkpoint-6 is skipped: the content of model.safetensors has changed" in again.said
    assert "training on" in again.said
    assert_same_end(stopped, undisturbed[0])


def full_after(steps: int) -> Any:
    """Return a hook that fills the disk when the step after `steps` begins."""
    training_step, calls = QuestionAnsweringTrainer.training_step, [0]

    def filling(self: Any, *arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2 * steps + 1:
            limit_file_size(100_000)
        return training_step(self, *arguments, **options)

    def install() -> None:
        trainer_module.QuestionAnsweringTrainer.training_step = filling  # type: ignore[method-assign]

    return install


@pytest.mark.legacy
def test_a_full_disk_keeps_what_was_there(tmp_path: Path, undisturbed: tuple[Path, int]) -> None:
    full = run_apart(tmp_path / "run", before=full_after(5))
    assert full.status != 0
    (line,) = [line for line in full.said.splitlines() if line.startswith("step 6: the checkpoint cannot be written")]
    assert "File too large" in line
    assert "the model cannot be written: " in full.said
    result = result_of(tmp_path / "run")
    assert result["status"] == "failed"
    assert "the model cannot be written" in result["error"]
    assert result["metrics"] == result_of(undisturbed[0])["metrics"], "the scores are not lost"
    assert checkpoints_in(tmp_path / "run") == ["checkpoint-4"]
    assert not (tmp_path / "run" / "model").exists()
    assert "resuming after step 4" in run_apart(tmp_path / "run").said
    assert_same_end(tmp_path / "run", undisturbed[0])
