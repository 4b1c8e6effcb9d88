"""Test that a run keeps its identity after an interruption, and that every member has its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.config.compose import compose_config
from mlqa.tracking.identity import _shorten, build_run_identity

pytestmark = pytest.mark.usefixtures("no_account")


def identity(run_dir: Path, *overrides: str):  # type: ignore[no-untyped-def]
    config, choices = compose_config(["experiment=quickstart", "tracking=wandb", *overrides])
    return build_run_identity(config, choices, run_dir)


def member(tmp_path: Path, number: str = "0") -> Path:
    sweep = tmp_path / "2026-11-24" / "10-00-00"
    (sweep / number).mkdir(parents=True)
    (sweep / "multirun.yaml").write_text("")
    return sweep / number


def test_a_member_is_named_after_its_sweep_and_a_single_run_after_itself(tmp_path: Path) -> None:
    found = identity(member(tmp_path), "seed=7")
    assert found.group == "2026-11-24_10-00-00"
    assert found.id.startswith("2026-11-24_10-00-00-0-tiny_wordpiece-local-s7-")
    assert found.tags == ("model:tiny_wordpiece", "hardware:local", "dataset:sample")
    assert found.config["seed"] == 7
    assert found.config["cfg"]["optimizer"]["learning_rate"] == 1e-3
    alone = identity(tmp_path / "2026-11-24" / "11-00-00")
    assert alone.group is None
    assert alone.id.startswith("2026-11-24_11-00-00-tiny_wordpiece-local-s42-")


def test_members_differ_and_the_same_member_does_not(tmp_path: Path) -> None:
    first, second = member(tmp_path, "0"), tmp_path / "2026-11-24" / "10-00-00" / "1"
    assert identity(first).id == identity(first).id
    assert identity(first).id != identity(second).id
    assert identity(first).id != identity(first, "seed=1").id


def test_sagemakers_environment_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(member(tmp_path))
    monkeypatch.setenv("SM_TRAINING_ENV", json.dumps({"job_name": "job", "hyperparameters": {"model": "x"}}))
    monkeypatch.setenv("TRAINING_JOB_NAME", "job")
    assert identity(tmp_path / "2026-11-24" / "10-00-00" / "0") == before


def test_in_a_container_the_launcher_says_which_member_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_SWEEP_ID", "10-00-00-abc")
    monkeypatch.setenv("SAGEMAKER_MEMBER", "3")
    one, other = identity(tmp_path / "opt/ml/output/data"), identity(tmp_path / "elsewhere")
    assert one.id == other.id  # a spot restart
    assert one.id.startswith("10-00-00-abc-3-tiny_wordpiece-")
    assert one.group == "10-00-00-abc"
    monkeypatch.setenv("SAGEMAKER_SWEEP_DIR", "2026-11-24/10-00-00")
    assert identity(tmp_path / "opt/ml/output/data").group == "2026-11-24_10-00-00"  # as members that ran here


def test_the_group_of_a_wandb_sweep_is_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_SWEEP_ID", "10-00-00-abc")
    monkeypatch.setenv("WANDB_SWEEP_ID", "s1")
    assert identity(tmp_path).group == "s1"
    monkeypatch.setenv("WANDB_RUN_GROUP", "mine")
    assert identity(tmp_path).group == "mine"
    assert identity(tmp_path, "tracking.group=chosen").group == "chosen"


@given(st.text(min_size=1, max_size=300))
def test_names_are_short_and_stay_different(text: str) -> None:
    assert len(_shorten(text)) <= 128
    assert _shorten(text) != _shorten(text + "x")


def test_directories_of_any_name_make_an_id_that_wandb_takes(tmp_path: Path) -> None:
    sweep = tmp_path / "mein Lauf: #1?%"
    (sweep / "0").mkdir(parents=True)
    (sweep / "multirun.yaml").write_text("")
    assert set(identity(sweep / "0").id).isdisjoint(r" /\#?%:")


def test_a_name_says_what_was_run_and_fits_a_list(tmp_path: Path) -> None:
    found = identity(tmp_path, "seed=7")
    assert found.name == f"tiny_wordpiece · sample · local · s7 · {found.config['config_hash'][:4]}"
    assert identity(tmp_path, "seed=7").name == identity(tmp_path / "another", "seed=7").name
    name = "ein-sehr-langer-name-" * 4
    long = identity(tmp_path, f"model.pretrained=owner/{name}", "model.scratch=null")
    assert len(long.name) == 64
    assert long.name.startswith("…") and " · sample · local · s42 · " in long.name
    assert long.config["label"] == f"owner/{name}"  # whole


def test_what_is_asked_for_wins_over_the_environment_as_in_wandb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (identity(tmp_path).notes, identity(tmp_path).job_type) == (None, "train")
    for name in ("NAME", "NOTES", "JOB_TYPE"):
        monkeypatch.setenv(f"WANDB_{name}", f"environment {name}")
    monkeypatch.setenv("WANDB_TAGS", "one,two")
    found = identity(tmp_path)
    assert (found.name, found.notes, found.job_type) == (
        "environment NAME", "environment NOTES", "environment JOB_TYPE",
    )  # fmt: skip
    assert found.tags[3:] == ("one", "two")
    asked = [f"tracking.{key}=asked" for key in ("name", "notes", "job_type")]
    found = identity(tmp_path, *asked, "tracking.tags=[three]")
    assert (found.name, found.notes, found.job_type, found.tags[3:]) == ("asked", "asked", "asked", ("three",))
