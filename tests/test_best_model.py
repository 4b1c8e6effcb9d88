"""training.keep=best: the model that was best on the validation split is kept, also by a run that was killed."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from exhaustive import keep_cases
from interrupted import run_apart

pytestmark = pytest.mark.slow

# Five steps an epoch. A rate that spoils the model now and then makes an epoch before the last one the best.
BEST = (
    "training.keep=best",
    "training.num_train_epochs=4",
    "dataset.validation_share=0.3",
    "dataset.sample.train_rows=100",
    "optimizer.learning_rate=1e-2",
)


def read(run_dir: Path) -> dict[str, Any]:
    return dict(json.loads((run_dir / "result.json").read_text("utf-8")))


def read_scores(run_dir: Path) -> dict[float, float]:
    """Return the F1 of each evaluation while it trained, by its step. The last row is the one at the end."""
    rows = [json.loads(line) for line in (run_dir / "history.jsonl").open()]
    return {row["step"]: row["eval_f1"] for row in rows if "eval_f1" in row and "test_f1" not in row}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    folder = tmp_path_factory.mktemp("best") / "run"
    ended = run_apart(folder, *BEST)
    assert ended.status == 0, ended.said
    return folder, ended.changes


def test_the_best_epoch_is_kept_and_scored(undisturbed: tuple[Path, int]) -> None:
    result, scores = read(undisturbed[0]), read_scores(undisturbed[0])
    steps_of_epoch = max(scores) / 4
    first_best = min(step for step, score in scores.items() if score == max(scores.values()))
    assert len(scores) == 4
    assert result["selection"] == {"keep": "best", "split": "validation", "epochs": first_best / steps_of_epoch}
    assert result["reported_split"] == "test"
    assert result["objective"] == result["validation"]["f1"] == pytest.approx(max(scores.values()))
    assert result["metrics"]["total"] == 20
    rows = [json.loads(line) for line in (undisturbed[0] / "scores.jsonl").open()]
    assert [row["split"] for row in rows[-20:]] == ["test"] * 20
    on_validation = [row["f1"] for row in rows if row["split"] == "validation"]
    assert 100 * sum(on_validation) / len(on_validation) == pytest.approx(result["objective"])
    assert not (undisturbed[0] / "checkpoints").exists()


@pytest.mark.parametrize("share", keep_cases([0.5], [0.5, 0.85]))
def test_killed_anywhere_it_keeps_the_same_model(tmp_path: Path, undisturbed: tuple[Path, int], share: float) -> None:
    reference, changes = undisturbed
    assert run_apart(tmp_path / "run", *BEST, kill_at=int(changes * share)).status == signal.SIGKILL
    again = run_apart(tmp_path / "run", *BEST)
    assert again.status == 0, again.said
    for name in ("model/model.safetensors", "predictions.json"):
        assert (tmp_path / "run" / name).read_bytes() == (reference / name).read_bytes()
    assert read(tmp_path / "run")["selection"] == read(reference)["selection"]
    assert read(tmp_path / "run")["metrics"] == read(reference)["metrics"]


def test_patience_ends_the_training(tmp_path: Path) -> None:
    """A rate of almost nothing changes no answer, so that the first evaluation stays the best."""
    settings = (*BEST, "training.num_train_epochs=9", "training.patience=2", "optimizer.learning_rate=1e-12")
    ended = run_apart(tmp_path / "run", *settings)
    assert ended.status == 0, ended.said
    assert read(tmp_path / "run")["selection"]["epochs"] == 1.0
    assert len(read_scores(tmp_path / "run")) == 3


def test_one_split_for_both_is_told(tmp_path: Path) -> None:
    ended = run_apart(tmp_path / "run", "training.keep=best", "training.max_steps=4", "training.num_train_epochs=2")
    assert ended.status == 0, ended.said
    assert "the best model is chosen on the questions that are reported" in ended.said
    result = read(tmp_path / "run")
    assert result["selection"]["split"] == result["reported_split"] == "validation"
    assert result["objective"] == result["metrics"]["f1"] and result["validation"] == {}
