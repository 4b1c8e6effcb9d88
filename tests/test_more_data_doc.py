"""docs/more-data.md: each of its commands works, on a few generated questions in the place of every data set."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from row_files import write_rows

from mlqa.config.compose import compose_config, initialize_hydra
from mlqa.config.data_files import iter_sets
from mlqa.config.member_overrides import split_members
from mlqa.config.schema import Config, DatasetConfig
from mlqa.data.examples import Examples
from mlqa.data.load import load_splits
from mlqa.data.sample import generate

pytestmark = pytest.mark.exhaustive

TOP = Path(__file__).resolve().parents[1]
PAGE = (TOP / "docs" / "more-data.md").read_text("utf-8")
COMMANDS = re.findall(r"^(?:python train\.py|mlqa audit) .*$", PAGE, re.MULTILINE)
FILES = {"train.json": 1, "one.json": 2, "two.jsonl": 3, "dev.json": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the commands name, and a model folder."""
    folder = tmp_path_factory.mktemp("page")
    for name, seed in FILES.items():
        write_rows(folder / name, generate(20, seed=seed, split="train"))
    model = folder / "outputs" / "2026-11-29" / "10-00-00" / "model"
    model.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (model / name).write_text("{}", "utf-8")
    return folder


def put_small_files(dataset: DatasetConfig, folder: Path) -> DatasetConfig:
    """Put a file of 20 questions in the place of each source. That of a set also has a paragraph of dev."""
    dev = generate(20, seed=9, split="validation")
    for number, (name, mixed_set) in enumerate(iter_sets(dataset)):
        rows = Examples.join([generate(20, seed=10 + number, split="train"), dev.select([0, 1])])
        mixed_set.train_file = mixed_set.train_file or str(write_rows(folder / f"{name}.jsonl", rows))
    validation = dataset.validation_file or str(write_rows(folder / "validation.jsonl", dev))
    train = dataset.train_file if dataset.mix else dataset.train_file or str(write_rows(folder / "t.jsonl", dev))
    return replace(dataset, train_file=train, validation_file=validation, download=None, hub=None)


def compose_members(command: str) -> list[Config]:
    words = [word for word in shlex.split(command)[2:] if word != "-m" and not word.startswith("hydra.launcher")]
    with initialize_hydra():
        members = split_members(words, multirun=True)
    return [compose_config(member)[0] for member in members]


@pytest.mark.parametrize("command", list(dict.fromkeys(COMMANDS)))
def test_command_trains_on_what_it_names(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for config in compose_members(command)[:: 5 if "turkish_2026" in command else 1]:
        dataset = put_small_files(config.dataset, folder)
        splits = load_splits(dataset, trains=config.training.num_train_epochs > 0)
        assert len(splits.reported) == 20
        if dataset.mix is None:
            continue
        assert [each.name for each in splits.mixed_sets] == list(dataset.mix.sets)
        scored = {context for name in ("validation", "test") for context in splits.get(name).contexts}
        assert not scored & set(splits.train.contexts)
        if "train_file" not in command and len(splits.mixed_sets) > 1:  # the files here bring two rows of dev
            assert sum(sum(each.removed.values()) for each in splits.mixed_sets) >= 2


def test_the_page_has_a_command_for_each_part() -> None:
    assert len(COMMANDS) == 11
    for part in ("train_file=[", "mix.sets=[", "mix.sets={", "turkish_2026", "mix.target=", "num_train_epochs=0"):
        assert any(part in command for command in COMMANDS), part


def test_rows_of_the_recipe_are_those_of_its_options() -> None:
    """The numbers of the table are also in the headers of the options, where they come from."""
    for option, rows in (("tquad", "8,308 / 892"), ("squad_tr", "104,791 / 8,291"), ("xquad_tr", "1,190")):
        assert rows in (TOP / "conf" / "dataset" / f"{option}.yaml").read_text("utf-8")
        assert f"| `{option}` | {rows} |" in PAGE
