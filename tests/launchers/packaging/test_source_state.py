"""Test that a job learns the commit of the program that launched it, and its changes unless they hold a secret."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hydra_sagemaker_launcher.container import _tell_source_state
from hydra_sagemaker_launcher.packaging.source_state import MOST_DIFF, read_source_state
from mlqa.environment import collect_versions
from mlqa.environment import read_source_state as read_source_state_of_mlqa


def call_git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    call_git(tmp_path, "init", "-q")
    (tmp_path / "train.py").write_text("print(1)\n")
    (tmp_path / "settings.yaml").write_text("a: 1\n")
    call_git(tmp_path, "add", ".")
    call_git(tmp_path, "commit", "-qm", "first")
    read_source_state.cache_clear()
    return tmp_path


def test_a_clean_clone_is_its_commit(clone: Path) -> None:
    assert read_source_state(clone) == (call_git(clone, "rev-parse", "--short=12", "HEAD"), "")


def test_changes_travel_to_the_job(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone / "train.py").write_text("print(2)\n")
    (clone / "settings.yaml").write_text("a: 2\n")
    state = read_source_state(clone)
    assert state is not None
    assert state.commit == call_git(clone, "rev-parse", "--short=12", "HEAD") + "-dirty"
    assert "+print(2)" in state.diff and "a: 2" not in state.diff
    for name in ("SAGEMAKER_SOURCE_COMMIT", "SAGEMAKER_SOURCE_DIFF"):
        monkeypatch.setenv(name, "")
    _tell_source_state({"commit": state.commit, "diff": state.diff})
    assert read_source_state_of_mlqa() == state
    assert collect_versions()["commit"] == state.commit
    os.environ.pop("SAGEMAKER_SOURCE_DIFF")
    assert read_source_state_of_mlqa() == (state.commit, "")


@pytest.mark.parametrize("line", ["token = 'hf_" + "aB3dE5gH7jK9" * 3 + "'\n", "x = 1\n" * MOST_DIFF])
def test_secrets_and_long_changes_stay_here(clone: Path, line: str) -> None:
    (clone / "train.py").write_text(line)
    state = read_source_state(clone)
    assert state is not None and state.commit.endswith("-dirty") and state.diff == ""


def test_a_folder_without_a_clone_has_none(tmp_path: Path) -> None:
    read_source_state.cache_clear()
    assert read_source_state(tmp_path / "missing") is None
