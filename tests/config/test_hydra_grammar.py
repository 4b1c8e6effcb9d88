"""The whole of Hydra's grammar does what plain Hydra does, or ends with one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import DictConfig

from mlqa.config.preflight import check_command_line, check_member
from mlqa.errors import ConfigError

RUN = ("model=tiny_char", "dataset=sample", "tracking=files")
PICKLE = "hydra.experimental.callbacks.PickleJobInfoCallback"


def check(*arguments: str) -> list[DictConfig]:
    first = [argument for argument in arguments if argument.startswith("-")]
    return check_command_line([*first, *RUN, *(argument for argument in arguments if argument not in first)])


def list_problems(*arguments: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        check(*arguments)
    return refused.value.problems


@pytest.mark.parametrize(
    ("sweep", "members"),
    [
        ("seed=1,2", ["seed=1", "seed=2"]),
        ("seed=range(1,4)", ["seed=1", "seed=2", "seed=3"]),
        ("seed=range(1,10,step=4)", ["seed=1", "seed=5", "seed=9"]),
        ("seed=choice(3,1)", ["seed=3", "seed=1"]),
        ("seed=sort(3,1,2,reverse=true)", ["seed=3", "seed=2", "seed=1"]),
        ("seed=sort(range(1,4),reverse=true)", ["seed=3", "seed=2", "seed=1"]),
        ("seed=tag(a,b,choice(1,2))", ["seed=1", "seed=2"]),
        ("seed=int(choice(1.0,2.0))", ["seed=1", "seed=2"]),
        ("words=[a,b],[c]", ["words=[a,b]", "words=[c]"]),
        ("words=choice([a,b],[c])", ["words=[a,b]", "words=[c]"]),
        ("model=glob(tiny_*)", ["model=tiny_char", "model=tiny_unigram", "model=tiny_wordpiece"]),
        ("model=glob([tiny_*],exclude=*_char)", ["model=tiny_unigram", "model=tiny_wordpiece"]),
        ("optimizer=glob(*)", ["optimizer=adafactor", "optimizer=adamw", "optimizer=adamw_llrd"]),
    ],
)
def test_a_sweep_has_the_members_of_plain_hydra(sweep: str, members: list[str]) -> None:
    found = check("-m", sweep)
    key = sweep.partition("=")[0]
    assert [
        [line for line in member.hydra.overrides.task if line.startswith(f"{key}=")][-1] for member in found
    ] == members


def test_shuffled_values_are_all_there() -> None:
    assert sorted(member.seed for member in check("-m", "seed=shuffle(range(1,5))")) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "override",
    [
        "+hydra.job.env_set.NOTE=X", f"+hydra.callbacks.pickle._target_={PICKLE}", "hydra.output_subdir=null",
        "hydra.job.chdir=true", "hydra/job_logging=none", "hydra.verbose=true",
        "hydra.run.dir=out/${hydra:runtime.choices.model}", "hydra.run.dir=out/${hydra:job.name}_${seed}",
    ],
)  # fmt: skip
def test_settings_of_hydra_itself(override: str) -> None:
    assert len(check(override)) == 1


def test_the_mode_may_be_an_override() -> None:
    assert [member.seed for member in check("hydra.mode=MULTIRUN", "seed=1,2")] == [1, 2]
    assert [member.seed for member in check("-m", "hydra.mode=RUN", "seed=1,2")] == [1, 2]


def test_a_resolver_in_the_directory_of_a_member() -> None:
    assert len(check("-m", "hydra.sweep.subdir=${hydra:runtime.choices.model}_${seed}", "seed=1,2")) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-m", "model=glob(nothing*)"), "model=glob(nothing*): there is no value to sweep over; choose from berturk,"),
        (("-m", "seed=glob(a*)"), "seed=glob(a*): there is no value to sweep over; seed is not a group with options"),
        (("-m", "seed=interval(1,3)"), "BasicSweeper does not support sweep type : INTERVAL_SWEEP; give values"),
        (("model=glob(tiny_*)",), "model=glob(tiny_*): several values need a multirun"),
        (("hydra.run.dir=${nope:1}",), "hydra.run.dir=${nope:1}: Unsupported interpolation type nope"),
        (("hydra.run.dir=${oc.env:MLQA_NOPE}",), "hydra.run.dir=${oc.env:MLQA_NOPE}: KeyError raised while resolving"),
        (("seed=None",), "seed=None: None is a text here; write null, which is Hydra's word for no value"),
        (("model.revision=None",), "model.revision=None: None is a text here; write null"),
        (("training.eval_steps=16.0",), "could not be converted to Integer; write training.eval_steps=16"),
        (("+training.learning_rate=1",), "training.learning_rate is optimizer.learning_rate"),
        (("-m", "seed=range(1,4,0)"), "range() arg 3 must not be zero; give values"),
        (("seed=${nope}",), "Interpolation key 'nope' not found"),
        (("seed=${oc.env:MLQA_NOPE}",), "Environment variable 'MLQA_NOPE' not found"),
        (("words=[a,[b,c]]",), "words: ['b', 'c'] is not one word"),
        (("model=pretrained",), "model.pretrained=null: has no value; give a name on the hub or a folder"),
        (("-m", "hydra.sweep.subdir=x", "seed=1,2,3"), "hydra.sweep.subdir=x: #0 and #1 would share"),
        (("+foo=3",), "+foo=3: there is no key or group 'foo'"),
    ],
)
def test_the_rest_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    (line,) = list_problems(*arguments)
    assert said in line


@pytest.mark.usefixtures("ticking")
def test_directories_with_the_time_are_compared_as_of_one_moment() -> None:
    """Hydra gives all members the time at which the sweep began. Here each look at the clock is a second later."""
    (problem,) = list_problems("-m", "seed=1,2,3", "hydra.sweep.subdir=x")
    assert "#0 and #1 would share" in problem


def test_null_of_a_wandb_sweep_among_other_values() -> None:
    assert list_problems("-m", "dataset.max_train_samples=None,3")[0].startswith(
        "dataset.max_train_samples=None,3: None is"
    )


def test_relative_paths_mean_the_folder_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under hydra.job.chdir=true a run works in its own directory."""
    folder = tmp_path / "command"
    (folder / "model").mkdir(parents=True)
    (folder / "train.json").write_text("{}")
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / "model" / name).write_text("{}")
    monkeypatch.chdir(folder)
    files = [f"dataset.{split}_file=train.json" for split in ("train", "validation")]
    (member,) = check_command_line(
        ["dataset=squad_json", "dataset.language=tr", *files, "model.pretrained=model", "hydra.job.chdir=true",
         "tracking=files"]
    )  # fmt: skip
    member.training.output_dir = ""
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    config = check_member(member, member.hydra)
    assert config.dataset.train_file == config.dataset.validation_file == str(folder / "train.json")
    assert config.model.pretrained == str(folder / "model")


def test_a_config_of_another_machine_is_not_run_again(tmp_path: Path) -> None:
    """A member that came back from SageMaker has pickled the directory of its container."""
    hydra = tmp_path / ".hydra"
    hydra.mkdir()
    (hydra / "config.pickle").write_bytes(b"\x80never unpickled")
    (hydra / "hydra.yaml").write_text("hydra: {runtime: {output_dir: /opt/ml/output/data}}")
    (hydra / "overrides.yaml").write_text("- model=tiny_char\n- words=[a,b]")
    with pytest.raises(ConfigError) as refused:
        check_command_line(["--experimental-rerun", str(hydra / "config.pickle")])
    assert "was in /opt/ml/output/data, which is not on this machine" in str(refused.value)
    assert str(refused.value).endswith("python train.py model=tiny_char 'words=[a,b]'")
    (hydra / "hydra.yaml").write_text(f"hydra: {{runtime: {{output_dir: {tmp_path}}}}}")
    assert check_command_line(["--experimental-rerun", str(hydra / "config.pickle")]) == []
    with pytest.raises(ConfigError, match="there is no such file"):
        check_command_line(["--experimental-rerun", str(tmp_path / "nope.pickle")])


def test_a_file_that_is_no_pickle_is_not_run_again(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 1")
    with pytest.raises(ConfigError, match=r"is not a pickled config; give the .hydra/config.pickle of a run"):
        check_command_line(["--experimental-rerun", str(tmp_path / "config.yaml")])
