"""Files and splits that a config lacks: said before anything starts, and only what a run reads is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlqa.config.absolute_paths import make_paths_absolute
from mlqa.config.compose import compose_config
from mlqa.errors import ConfigError

OWN = ["dataset=squad_json", "dataset.language=tr"]


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "a.json").write_text("{}")
    return str(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[]", "dataset.train_file=[]: is no path; give the path of a file, or a list of paths: [a.json,b.json]"),
        ("5", "dataset.train_file=5: is no path"),
        ("[5]", "dataset.train_file=[5]: is no path"),
        ("{a: b}", "dataset.train_file={'a': 'b'}: is no path"),
        ("[{file},{file}]", "dataset.train_file={file}: is in the list twice; leave one of them out"),
        ("[{file},none.json]", "dataset.train_file=none.json: there is no such file; give the path of a file"),
        ("[{file},/]", "dataset.train_file=/: is a folder; give a file"),
    ],
)
def test_a_list_of_files_is_checked(file: str, value: str, said: str) -> None:
    given = value.replace("{file}", file)
    with pytest.raises(ConfigError) as refused:
        compose_config([*OWN, f"dataset.train_file={given}", f"dataset.validation_file={file}"])
    assert [problem for problem in refused.value.problems if problem.startswith(said.replace("{file}", file))]


def test_relative_paths_of_lists_and_sets_mean_the_folder_of_the_command(file: str, tmp_path: Path) -> None:
    sets = f"dataset.mix.sets={{squad_json: {{language: tr, train_file: [{file}], validation_file: {file}}}}}"
    config, _ = compose_config(["dataset=mix", sets])
    config.dataset.mix.sets["squad_json"].train_file = ["a.json", "/b.json"]  # type: ignore[union-attr]
    config.dataset.validation_file = "a.json"
    make_paths_absolute(config, tmp_path)
    assert config.dataset.mix.sets["squad_json"].train_file == [file, "/b.json"]  # type: ignore[union-attr]
    assert config.dataset.validation_file == file


ZERO = "training.num_train_epochs=0"


def test_a_model_that_is_not_trained_needs_no_train_split(file: str) -> None:
    dev = f"dataset.validation_file={file}"
    assert compose_config([*OWN, dev, ZERO])[0].dataset.train_file is None
    assert compose_config(["dataset=xquad_tr", ZERO])[0].dataset.train_file is None
    with pytest.raises(ConfigError, match=r"train_file=null: has no value; .* or score a model as it is: .*_epochs=0"):
        compose_config([*OWN, dev])
    with pytest.raises(ConfigError, match=r"hub\.train_split=null: is missing; set dataset\.train_file"):
        compose_config(["dataset=xquad_tr"])
    with pytest.raises(ConfigError, match=r"train_split=null: is missing; it trains the tokenizer of a model from scr"):
        compose_config(["dataset=xquad_tr", ZERO, "model=tiny_wordpiece"])
    with pytest.raises(ConfigError, match=r"model\.trim_vocabulary=true: trims to the words of the train split"):
        compose_config(["dataset=xquad_tr", ZERO, "model.trim_vocabulary=true"])
