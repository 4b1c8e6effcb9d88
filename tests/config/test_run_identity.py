"""What makes two runs the same run: hashes that stay, and settings that count."""

from __future__ import annotations

import pytest

from mlqa.config.compose import compose_config
from mlqa.config.identity import (
    compute_config_hash,
    compute_run_identity,
    extract_configuration_settings,
    extract_evaluation_settings,
    is_configuration_setting,
)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "60a069238d7a"),
        (["model=tiny_wordpiece", "dataset=sample", "seed=7"], "42d905afcb89"),
        (["model=mbert", "hardware=p3", "optimizer.learning_rate=6e-5"], "c960ed95dea9"),
    ],
)
def test_the_hash_of_a_config_stays(overrides: list[str], expected: str) -> None:
    """A run directory of an earlier version is recognized by it. A new setting changes it, another order does not."""
    assert compute_config_hash(compose_config(overrides)[0]) == expected


@pytest.mark.parametrize(
    "overrides",
    [
        ["tracking=files"],
        ["hydra.run.dir=/tmp/elsewhere"],
        ["words=[kedi]"],
        ["training.auto_find_batch_size=false"],
        ["training.ddp_bucket_cap_mb=100"],
        ["training.windows_without_answer=1"],
        ["report.reference=blog"],
        ["hardware.spot=true", "hardware.max_hours=9", "hardware.volume_gb=90", "hardware.usd_per_hour=3"],
    ],
)
def test_what_is_not_computed_does_not_change_the_hash(overrides: list[str]) -> None:
    base, other = (compose_config(["hardware=p3", *more])[0] for more in ([], overrides))
    assert compute_config_hash(other) == compute_config_hash(base)


def test_a_later_setting_at_its_default_is_no_setting() -> None:
    earlier, now = {"training": {"max_steps": 3}}, {"training": {"max_steps": 3, "windows_without_answer": 1.0}}
    assert extract_configuration_settings(earlier) == extract_configuration_settings(now)
    now["training"]["windows_without_answer"] = 0.25
    assert extract_configuration_settings(now)["training.windows_without_answer"] == "0.25"


@pytest.mark.parametrize(
    "override",
    ["training.windows_without_answer=0.5", "seed=1", "optimizer.learning_rate=6e-5", "dataset.max_train_samples=5"],
)
def test_what_is_computed_changes_the_hash(override: str) -> None:
    assert compute_config_hash(compose_config([override])[0]) != compute_config_hash(compose_config([])[0])


def test_a_checkpoint_is_for_the_same_config_data_and_number_of_processes() -> None:
    same = compute_run_identity("a", "b", 2)
    assert same == compute_run_identity("a", "b", 2)
    others = {compute_run_identity(*parts) for parts in (("x", "b", 2), ("a", "x", 2), ("a", "b", 3))}
    assert len(others) == 3 and same not in others


def test_a_configuration_of_a_report_is_all_but_seed_places_and_limits() -> None:
    config = {
        "seed": 1,
        "training": {"seed": 1, "output_dir": "x", "num_train_epochs": 2.0},
        "hardware": {"max_hours": 4, "spot": True, "image": None},
        "tracking": {"backend": "files"},
        "words": ["kedi"],
        "dataset": {"segmentation_file": "x.tsv", "language": "tr"},
    }
    assert extract_configuration_settings(config) == {
        "training.num_train_epochs": "2.0", "hardware.spot": "True", "dataset.language": "tr",
    }  # fmt: skip
    assert not is_configuration_setting("tracking") and is_configuration_setting("seeds")


def test_an_evaluation_is_all_of_the_data_set_but_its_train_split() -> None:
    dataset = {"language": "tr", "train_file": "a", "sample": {"train_rows": 3, "validation_rows": 4}, "hub": None}
    assert extract_evaluation_settings(dataset) == {"dataset.language": "tr", "dataset.sample.validation_rows": "4"}
