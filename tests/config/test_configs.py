"""Test that each option in conf/ composes, and that its header gives a command that works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from hydra_sagemaker_launcher.catalog.prices import look_up_prices
from mlqa.config.compose import compose_config, find_conf_dir
from mlqa.config.member_overrides import list_member_overrides
from mlqa.config.preflight import check_command_line
from mlqa.config.validation import find_config_problems
from mlqa.errors import ConfigError

CONF = find_conf_dir()
OPTIONS = [path for path in sorted(CONF.glob("*/*.yaml")) if path.parent.name != "hydra"]
GROUPS = {
    "model": {"berturk", "mbert", "xlmr", "berturk_cased", "mbert_cased", "xlmr_base"}
    | {"tiny_wordpiece", "tiny_unigram", "tiny_char", "llm"},
    "dataset": {"tquad", "xquad_tr", "xquad_en", "multi_wiki_qa_tr", "squad_tr", "tydiqa_fi", "squad_v2_fi", "sample"}
    | {"squad_json", "hub", "mix"},
    "hardware": {"local", "p3", "g4dn", "p3_smddp", "p4d_smddp", "g5", "g5_torchrun", "g6", "g6e", "cpu"},
    "optimizer": {"adamw", "adamw_llrd", "adafactor"},
    "tracking": {"wandb", "files"},
    "experiment": {"quickstart", "blog_models", "blog_hardware", "like_for_like", "turkish_2026", "learning_curve"}
    | {"recipe_original", "recipe_small"},
}
COMMAND = re.compile(r"^#\s+python train\.py ?(.*?)(?:\s{3,}.*)?$", re.MULTILINE)


def list_required(group: str, option: str, tmp_path: Path) -> list[str]:
    """List the overrides that an option requires from the user."""
    file = tmp_path / "squad.json"
    file.write_text("{}")
    train = f"dataset.train_file={file}"
    return {
        ("dataset", "squad_json"): ["dataset.language=tr", train, f"dataset.validation_file={file}"],
        ("dataset", "hub"): ["dataset.language=tr", "dataset.hub.path=a/b"],
        ("dataset", "mix"): ["dataset.mix.sets=[tquad]"],
        ("dataset", "xquad_tr"): [train],
        ("dataset", "xquad_en"): [train],
        ("model", "pretrained"): ["model.pretrained=some/name"],
        ("model", "llm"): ["model.endpoint.base_url=http://127.0.0.1:8000/v1", "model.endpoint.name=some/name"],
    }.get((group, option), [])


@pytest.mark.slow
@pytest.mark.parametrize("path", OPTIONS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_option_composes(path: Path, tmp_path: Path) -> None:
    group, option = path.parent.name, path.stem
    config, choices = compose_config([f"{group}={option}", *list_required(group, option, tmp_path)])
    assert choices[group] == option
    assert find_config_problems(config) == []


def test_the_promised_options_exist() -> None:
    for group, options in GROUPS.items():
        existing = {path.stem for path in OPTIONS if path.parent.name == group}
        assert options <= existing, f"{group} lacks {options - existing}"


@pytest.mark.slow
@pytest.mark.parametrize("path", [CONF / "config.yaml", *OPTIONS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_header_gives_a_command_that_composes(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINING_JOB_NAME", "job")  # as on the instance of a hardware option
    monkeypatch.setenv("SM_CURRENT_HOST", "algo-1")
    text = path.read_text("utf-8")
    header = text[: next(place.start() for place in re.finditer(r"^[^#\n]", text, re.MULTILINE))]
    commands = COMMAND.findall(header)
    assert commands, f"{path.name}: its header has no command `python train.py ...`"
    file = tmp_path / "train.json"
    file.write_text("{}")
    (tmp_path / "model").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / "model" / name).write_text("{}")
    for command in commands:
        command = re.sub(r"\S+\.json\b", lambda found: f"{found[0].split('=')[0]}={file}", command)
        command = command.replace("<folder>", str(tmp_path / "model"))
        arguments = shlex.split(command)
        if path.stem == "xquad_tr":
            arguments = [argument.replace("train-v0.1.json", str(file)) for argument in arguments]
        if "-m" in arguments and not any(argument.startswith("seed=") for argument in arguments):
            arguments.append("seed=1")  # of each member one seed: the others compose alike
        check_command_line(arguments)


def test_original_experiment_names_its_models_exactly() -> None:
    exact = {
        "berturk": "dbmdz/bert-base-turkish-uncased",
        "mbert": "bert-base-multilingual-uncased",
        "xlmr": "deepset/xlm-roberta-base-squad2",
    }
    for option, name in exact.items():
        assert compose_config([f"model={option}"])[0].model.pretrained == name


def test_the_original_experiment_has_its_five_trials() -> None:
    """Test the five trials of its table: three models on one V100, XLM-R on one T4 and on two machines of 8 V100."""
    trials = []
    for experiment in ("blog_models", "blog_hardware"):
        for member in list_member_overrides([f"experiment={experiment}"]):
            config, choices = compose_config(member)
            training = config.training
            assert (training.num_train_epochs, training.per_device_train_batch_size) == (2, 16)
            assert (training.max_seq_length, training.doc_stride, training.batching.value) == (384, 128, "padded")
            assert config.optimizer.learning_rate == 5e-5
            assert config.hardware.precision.value == "fp16"
            trials.append((choices["model"], config.hardware.instance_type, config.hardware.instance_count))
    assert trials == [
        ("xlmr", "ml.p3.2xlarge", 1),
        ("berturk", "ml.p3.2xlarge", 1),
        ("mbert", "ml.p3.2xlarge", 1),
        ("xlmr", "ml.g4dn.xlarge", 1),
        ("xlmr", "ml.p3.16xlarge", 2),
    ]


def test_hardware_is_data_only() -> None:
    for path in CONF.glob("hardware/*.yaml"):
        assert "hydra" not in path.read_text("utf-8")


def test_an_unknown_option_names_the_allowed_ones() -> None:
    with pytest.raises(ConfigError, match=r"model has no option 'bertrk'.*berturk.*did you mean berturk\?"):
        compose_config(["model=bertrk"])


@pytest.mark.slow
def test_like_for_like_compares_equals() -> None:
    """Test that five checkpoints as pre-trained and three seeds are all that differs."""
    members = [compose_config(member) for member in list_member_overrides(["experiment=like_for_like"])]
    assert {config.model.pretrained for config, _ in members} == {
        "dbmdz/bert-base-turkish-uncased", "dbmdz/bert-base-turkish-cased", "bert-base-multilingual-uncased",
        "bert-base-multilingual-cased", "xlm-roberta-base",
    }  # fmt: skip
    assert {config.seed for config, _ in members} == {1, 2, 3} and len(members) == 15
    assert len({(str(config.hardware), str(config.optimizer), str(config.dataset)) for config, _ in members}) == 1


@pytest.mark.slow
def test_turkish_2026_is_what_its_header_says() -> None:
    """Eight encoders by five seeds and nothing else, and the price of its dry run: hours by the launcher's table."""
    everyone = list_member_overrides(["experiment=turkish_2026"])
    seeds = [f"seed={seed}" for seed in range(1, 6)]
    assert sorted(line for member in everyone for line in member if line.startswith("seed=")) == sorted(seeds * 8)
    members = [compose_config(member)[0] for member in everyone if "seed=1" in member]
    assert len({config.model.pretrained for config in members}) == len(members) == 8
    alike = {str((config.hardware, config.optimizer, config.dataset, config.evaluation)) for config in members}
    assert len(alike) == 1
    first = members[0]
    assert (first.training.keep.value, first.dataset.validation_share) == ("best", 0.1)
    assert (first.optimizer.learning_rate, first.optimizer.warmup_ratio) == (3e-5, 0.1)
    assert first.evaluation.sets == ["xquad_tr"]
    instance = str(first.hardware.instance_type)
    price = look_up_prices([instance], "us-east-1", None)[instance]
    assert price is not None
    most = len(everyone) * first.hardware.max_hours * price.usd_per_hour
    header = (CONF / "experiment" / "turkish_2026.yaml").read_text("utf-8")
    assert f"40 jobs on one L4 each, at most ${most:.2f}" in header
