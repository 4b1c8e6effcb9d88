"""evaluation.sets: data sets that are composed before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlqa.config.compose import compose_config
from mlqa.config.further_sets import compose_set, find_set_problems, name_set
from mlqa.config.identity import compute_config_hash
from mlqa.config.preflight import check_command_line
from mlqa.errors import ConfigError

HERE = ["model=tiny_wordpiece", "dataset=sample", "tracking=files"]


def test_a_typo_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match=r"evaluation.sets: .*xquad_tx.*did you mean xquad_tr"):
        check_command_line([*HERE, "evaluation.sets=[xquad_tx]"])


def test_a_set_without_a_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"dataset=squad_json: dataset.language has no value"):
        check_command_line([*HERE, "evaluation.sets=[squad_json]"])


def test_options_are_accepted() -> None:
    assert len(check_command_line([*HERE, "evaluation.sets=[xquad_tr,tquad]"])) == 1


def test_a_set_needs_no_train_split() -> None:
    dataset = compose_set("xquad_tr")
    assert dataset.hub is not None and dataset.hub.name == "xquad.tr" and dataset.train_file is None


def test_overrides_of_a_set(tmp_path: Path) -> None:
    file = tmp_path / "exam.json"
    file.write_text("[]")
    overrides = ["dataset.language=tr", f"dataset.validation_file={file}"]
    assert compose_set("squad_json", overrides).validation_file == str(file)
    assert name_set("squad_json", overrides) == "exam"
    assert name_set("xquad_tr", []) == "xquad_tr"
    with pytest.raises(ConfigError, match="no such file"):
        compose_set("squad_json", ["dataset.language=tr", "dataset.validation_file=nowhere.json"])
    with pytest.raises(ConfigError, match="langauge"):
        compose_set("squad_json", ["dataset.langauge=tr"])


def test_a_container_without_a_network_cannot_fetch_a_set() -> None:
    assert find_set_problems("xquad_tr", True, False) == ()
    (line,) = find_set_problems("xquad_tr", True, True)
    assert "without a network" in line and "mlqa evaluate <run dir> dataset=xquad_tr" in line


def test_what_a_run_is_also_scored_on_makes_no_other_run() -> None:
    plain, more = (compose_config([*HERE, *sets])[0] for sets in ([], ["evaluation.sets=[tquad]"]))
    assert compute_config_hash(plain) == compute_config_hash(more)
