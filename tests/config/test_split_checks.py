"""Splits that cannot be: what is said before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlqa.config.compose import compose_config
from mlqa.config.identity import compute_config_hash, extract_configuration_settings, extract_evaluation_settings
from mlqa.config.schema import DatasetConfig, HubConfig
from mlqa.config.split_checks import has_test_split
from mlqa.errors import ConfigError

SAMPLE = ["model=tiny_wordpiece", "dataset=sample"]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["dataset.validation_share=1.5"], "dataset.validation_share=1.5: choose a share above 0 and below 1"),
        (["dataset.folds=5"], "dataset.folds=5: give both"),
        (["dataset.fold=1"], "dataset.fold=1: give both"),
        (["dataset.folds=5", "dataset.fold=5"], r"dataset.fold=5: choose 0 \.\.\. 4"),
        (["dataset.folds=1", "dataset.fold=0"], "dataset.folds=1: choose 2 or more"),
        (["dataset.folds=5", "dataset.fold=0", "dataset.validation_share=0.1"], "already has a test split"),
        (["training.patience=2"], "training.patience=2: is for the best model; add training.keep=best"),
        (["training.keep=best", "training.patience=0"], "training.patience=0: choose 1 or more"),
        (["dataset.test_file=nowhere.json"], "dataset.test_file=nowhere.json: there is no such file"),
    ],
)
def test_what_cannot_be_is_refused(overrides: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        compose_config([*SAMPLE, *overrides])


def test_the_best_model_needs_a_split_to_be_chosen_on(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text("[]")
    files = ["dataset=squad_json", "dataset.language=tr", f"dataset.train_file={file}", f"dataset.test_file={file}"]
    assert compose_config(["model=tiny_wordpiece", *files])[0].dataset.validation_file is None
    with pytest.raises(ConfigError, match=r"training.keep=best: the data set has no validation split to choose on"):
        compose_config(["model=tiny_wordpiece", *files, "training.keep=best"])
    with pytest.raises(ConfigError, match=r"dataset.validation_file=null: has no value; give a file, cut it"):
        compose_config(["model=tiny_wordpiece", *files[:3]])
    files += [f"dataset.validation_file={file}", "dataset.validation_share=0.1"]
    with pytest.raises(ConfigError, match="already has a validation and a test split"):
        compose_config(["model=tiny_wordpiece", *files])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"validation_file": "dev"}, False),
        ({"validation_file": "dev", "validation_share": 0.1}, True),
        ({"validation_share": 0.1}, False),
        ({"validation_file": "dev", "test_file": "test"}, True),
        ({"folds": 5, "fold": 0}, False),
        ({"folds": 5, "fold": 0, "validation_share": 0.1}, True),
        ({"folds": 5, "fold": 0, "validation_file": "dev"}, True),
        ({"hub": HubConfig(path="x", test_split="test")}, True),
        ({"hub": HubConfig(path="x")}, False),
    ],
)
def test_what_is_reported_is_known_beforehand(settings: dict[str, Any], expected: bool) -> None:
    assert has_test_split(DatasetConfig(language="tr", **settings)) is expected


def test_what_cuts_and_chooses_makes_another_run() -> None:
    plain = compute_config_hash(compose_config(SAMPLE)[0])
    for override in ("dataset.validation_share=0.1", "training.keep=best"):
        assert compute_config_hash(compose_config([*SAMPLE, override])[0]) != plain


def test_settings_of_an_earlier_version_are_the_same_configuration() -> None:
    old = {"training": {"num_train_epochs": 2}, "dataset": {"language": "tr"}}
    new = {
        "training": {"num_train_epochs": 2, "keep": "last", "patience": None},
        "dataset": {"language": "tr", "folds": None},
    }
    assert extract_configuration_settings(old) == extract_configuration_settings(new)


def test_questions_cut_out_of_train_depend_on_train() -> None:
    dataset = {"language": "tr", "train_file": "a.json", "validation_file": "dev.json", "validation_share": 0.1}
    asked = extract_evaluation_settings(dataset, "test")
    assert asked == {"dataset.language": "tr", "dataset.validation_file": "dev.json"}
    assert "dataset.train_file" in extract_evaluation_settings({**dataset, "validation_file": None}, "validation")
    folds = {"language": "tr", "train_file": "a.json", "folds": 5, "fold": 3}
    assert extract_evaluation_settings(folds) == {
        "dataset.language": "tr", "dataset.train_file": "a.json", "dataset.folds": "5",
    }  # fmt: skip
