"""Test that all problems of a command line are reported at once, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlqa.config import machine
from mlqa.config.compose import compose_config
from mlqa.config.identity import compute_config_hash
from mlqa.config.model_label import resolve_model_label
from mlqa.config.preflight import build_rank_argv, check_command_line
from mlqa.config.schema import ModelConfig
from mlqa.config.wandb_key import warn_of_offline_jobs
from mlqa.errors import ConfigError
from mlqa.result import Result


def list_problems(*arguments: str) -> list[str]:
    """Return what `check_command_line` reports."""
    with pytest.raises(ConfigError) as caught:
        check_command_line(arguments)
    return caught.value.problems


def test_a_valid_command_line_passes() -> None:
    check_command_line(["model=mbert", "optimizer.learning_rate=3e-5"])
    check_command_line(["-m", "model=berturk,mbert", "seed=1,2", "training.doc_stride=64,128"])


def test_a_missing_compiler_is_reported_before_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    check_command_line(["-m", "hardware=g5", "training.torch_compile=true"])
    monkeypatch.setattr(machine.shutil, "which", lambda _: None)
    assert "needs a C++ compiler" in list_problems("training.torch_compile=true")[0]


@pytest.mark.parametrize("flag", ["--help", "--hydra-help", "--cfg=job", "--info=config", "-sc"])
def test_what_starts_nothing_is_left_to_hydra(flag: str) -> None:
    check_command_line([flag, "training.nonsense=1"])


def test_all_problems_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "has_gpu", lambda: False)
    reported = list_problems(
        "model=bertrk",
        "training.num_epochs=2",
        "optimizer.learning_rate=fast",
        "training.batching=foo",
        "training.doc_stride=384",
        "training.fp16=true",
    )
    expected = [
        ("model=bertrk", "did you mean berturk?"),
        ("training.num_epochs=2", "did you mean num_train_epochs?"),
        ("optimizer.learning_rate=fast", "could not be converted to Float"),
        ("training.batching=foo", "expected one of [grouped"),
        ("training.doc_stride=384", "must be smaller than training.max_seq_length=384"),
        ("training.fp16=true", "needs a GPU"),
    ]
    assert len(reported) == len(expected)
    for line, (start, part) in zip(reported, expected, strict=True):
        assert line.startswith(start), line
        assert part in line
        assert "\n" not in line


def test_every_member_of_a_multirun_is_checked_before_the_first_starts() -> None:
    reported = list_problems("-m", "training.doc_stride=64,400,500", "model=berturk,mbert")
    assert [line.split(":")[0] for line in reported] == ["training.doc_stride=400", "training.doc_stride=500"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["traning.seed=1"], "did you mean training?"),
        (["+experimnt=quickstart"], "+experimnt=quickstart: there is no key or group 'experimnt'; choose one of model"),
        (["+optimizer.learning_rate=1"], "optimizer.learning_rate is already set; leave out the +"),
        (["+model=mbert"], "model is already set; leave out the +"),
        (["+model=mbrt"], "did you mean mbert?"),
        (["model=berturk,mbert"], "give one value, or put -m before the overrides of train.py"),
        (["training.output_dir=/tmp/x"], "hydra.run.dir"),
        (["model.scratch.vocab_size=7"], "model.scratch is null"),
        (["seed=-1"], "seed=-1"),
        (["dataset.hub={path: x}"], "dataset.hub is null"),
        (["model=tiny_char", "training.batching=packed"], "convolutions would see the neighbouring window"),
        (["model=tiny_char", "model.attn_implementation=sdpa"], "which has eager attention only"),
        (["model.attn_implementation=flash_attention_2"], "flash-attn is not installed"),
        (["-m", "hardware=g5", "model.attn_implementation=flash_attention_2"], "images do not have flash-attn"),
        (["model.attn_implementation=flash_attention_2", "training.batching=packed"], "takes no block mask"),
        (["dataset.language=turkish"], "is not a language code; Turkish is tr"),
        (["dataset.question_words=[who]"], "dataset.question_words=['who']: not a table of words; give {type: [word"),
        (["training.null_score_diff_threshold=nan"], "training.null_score_diff_threshold=nan"),
        (["training.seed=7"], "set seed=... instead"),
        (["++training.foo=1"], "training has no key 'foo'"),
        (["+dataset.foo=1"], "dataset has no key 'foo'"),
        (["+training.learning_rate=1e-3"], "training.learning_rate is optimizer.learning_rate"),
        (["training.weight_decay=0.1"], "training.weight_decay is optimizer.weight_decay"),
        (["pretrained=x"], "pretrained is model.pretrained"),
        (["tracking.tags=a"], "tracking.tags=a: is one value, and tracking.tags is a list; write 'tracking.tags=[a]'"),
        (["training.max_steps=0"], "is not a number of steps to train"),
        (["-m", "model=tiny_char", "hardware=g4dn", "training.num_train_epochs=0"], "answers chance"),
        (["dataset.language=jp"], "jp is a country (Japan), Japanese is ja"),
        (["~seed"], "cannot be removed"),
        (["~model"], "cannot be removed"),
        (["model=null"], "choose one of berturk"),
        (["seed='"], "write key=value"),
        (["dataset=hub"], "dataset.hub.path=..."),
        (["hydra.run.dir="], "choose a directory"),
        (["optimizer.learning_rate=nan"], "choose more than 0"),
        (["training.num_train_epochs=nan"], "choose 0 or more"),
        (["optimizer.adam_beta1=2"], "optimizer.adam_beta1=2.0"),
        (["training.dataloader_num_workers=-1"], "choose 0 or more"),
        (["tracking.project=a/b"], "tracking.project=a/b"),
        (["model=tiny_char", "model.scratch.num_attention_heads=0"], "choose 1 or more"),
        (["model=tiny_char", "model.scratch.dropout=2"], "below 1"),
        (["hardware.distribution=torchrun"], "start train.py by torchrun"),
        (["model.pretrained="], "hub name or a local folder"),
        (["experiment=quickstart", "dataset=squad_json", "dataset.language=tr"], "dataset.train_file"),
        (["dataset.train_file=/"], "is a folder"),
        (["foo"], "foo"),
        (["training.max_answer_length=384"], "choose 1 ... 383"),
        (["training.per_device_train_batch_size=0"], "choose 1 or more"),
        (["model=tiny_wordpiece", "model.pretrained=x/y"], "either pre-trained or made from scratch"),
        (["model=tiny_wordpiece", "model.scratch.hidden_size=130"], "multiple of model.scratch.num_attention_heads"),
        (["model=tiny_wordpiece", "training.max_seq_length=1024"], "512 positions"),
        (["dataset=squad_json", "dataset.language=tr"], "dataset.train_file"),
        (["dataset.train_file=missing.json"], "no such file"),
        (["model.pretrained=./missing"], "no such folder"),
        (["hardware=g5_torchrun", "hardware.distribution=none", "hardware.instance_count=2"], "hardware.distribution"),
        (["hardware.instance_count=2"], "this is one machine"),
        (["words=[Kedileri,'kedi evi']"], "words: 'kedi evi' is not one word"),
        (["words=['']"], "words: '' is not one word"),
        (["hardware=p3"], "ml.p3.2xlarge is a SageMaker instance; put -m before the overrides"),
        (["-m", "hardware=local,g4dn", "hydra/launcher=basic"], "hydra/launcher=basic runs on this machine"),
        (["-m", "hardware=p3", "hydra.launcher.network_isolation=true"], "dataset.download: cannot be fetched"),
        (["-m", "hardware=p3", "tracking.mode=online"], "give +hydra.launcher.secrets.WANDB_API_KEY=<ARN"),
        (
            ["-m", "hardware=p3", "tracking.mode=online", "hydra.launcher.network_isolation=true"],
            "(hydra.launcher.network_isolation) cannot reach W&B",
        ),
        (["training.eval_strategy=steps"], "training.eval_steps"),
        (["optimizer.layerwise_decay=1.5"], "optimizer.layerwise_decay=1.5"),
        (["training.fp16=true", "training.bf16=true"], "choose one of them"),
    ],
)
def test_one_line_names_the_key_and_what_to_do(arguments: list[str], part: str) -> None:
    assert any(part in line for line in list_problems(*arguments))


@pytest.mark.parametrize(
    ("more", "variable", "said"),
    [
        (
            ["tracking.mode=online", "+hydra.launcher.secrets.WANDB_API_KEY=arn:aws:ssm:us-east-1:1:parameter/key"],
            None,
            "",
        ),
        (["tracking.mode=online", "hydra.launcher.service=rehearsal"], None, ""),
        (["tracking.mode=offline"], None, ""),
        (["tracking=files"], "online", ""),
        ([], "offline", ""),
        ([], None, "the jobs on SageMaker have no W&B key, so they track offline"),
        (["+hydra.launcher.secrets.WANDB_API_KEY=arn:aws:ssm:us-east-1:1:parameter/key"], None, ""),
    ],
)
def test_jobs_without_a_wandb_key_are_warned_of_unless_they_must_be_online(
    more: list[str],
    variable: str | None,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    if variable:
        monkeypatch.setenv("WANDB_MODE", variable)
    warn_of_offline_jobs(check_command_line(["-m", "hardware=local,p3", *more]))
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == bool(said)


def test_wandb_mode_of_the_shell_asks_for_a_key_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    (line,) = list_problems("-m", "hardware=p3,g4dn")
    assert line.startswith("WANDB_MODE=online: the jobs on SageMaker have no W&B key")


def test_an_agents_member_needs_a_key_in_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test that a W&B sweep does not search blind: it draws its members by the scores that it receives."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep0")
    (line,) = list_problems("-m", "hardware=p3")
    assert line.startswith(
        "WANDB_SWEEP_ID: the jobs on SageMaker have no W&B key; give +hydra.launcher.secrets.WANDB_API_KEY="
    )
    check_command_line(["-m", "hardware=p3", "tracking.mode=offline"])


def test_an_unknown_key_is_reported_once() -> None:
    assert len(list_problems("++foo=1")) == 1


def test_a_model_folder_without_weights_or_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert", "max_position_embeddings": 256}')
    reported = list_problems(f"model.pretrained={tmp_path}")
    assert any("has no weights; expected model.safetensors" in line for line in reported)
    assert any("has no tokenizer; expected tokenizer.json" in line for line in reported)
    assert any("the model has 256 positions" in line for line in reported)


def test_roberta_positions_begin_after_the_padding_index(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 514, "model_type": "xlm-roberta"}')
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_text("")
    check_command_line([f"model.pretrained={tmp_path}", "training.max_seq_length=512"])
    assert "512 positions" in list_problems(f"model.pretrained={tmp_path}", "training.max_seq_length=513")[0]


def test_a_file_where_the_run_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (line,) = list_problems(f"hydra.run.dir={tmp_path}/file/out")
    assert "is not a writable directory" in line
    (line,) = list_problems("-m", f"hydra.sweep.dir={tmp_path}/file", "seed=1,2")
    assert line.startswith("hydra.sweep.dir=")


def test_more_layers_than_the_folders_model_has(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 12}')
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_text("")
    (line,) = list_problems(f"model.pretrained={tmp_path}", "model.num_hidden_layers=13")
    assert "has 12" in line


@pytest.mark.parametrize(
    ("overrides", "label"),
    [
        (["model=berturk"], "berturk"),
        (["model=tiny_wordpiece", "dataset=sample"], "tiny_wordpiece"),
        (["model=berturk", "model.pretrained=dbmdz/bert-base-turkish-uncased"], "berturk"),
        (["model=berturk", "model.pretrained=dbmdz/convbert-base-turkish-cased"], "dbmdz/convbert-base-turkish-cased"),
        (["model=mbert", "model.pretrained=gpt2"], "gpt2"),
    ],
)
def test_a_model_is_called_by_what_was_loaded(overrides: list[str], label: str) -> None:
    config, choices = compose_config(overrides)
    assert resolve_model_label(config.model, choices) == label


def test_a_model_of_a_folder_is_called_by_the_end_of_its_path() -> None:
    model = ModelConfig(pretrained="/home/user/outputs/2026-11-23/10-00-00/model/")
    assert resolve_model_label(model, {"model": "berturk"}) == "10-00-00/model"
    assert resolve_model_label(model, {"model": "an_option_of_the_users_own_folder"}) == (
        "an_option_of_the_users_own_folder"
    )


def test_one_seed_for_all() -> None:
    config = compose_config(["seed=7"])[0]
    assert (config.seed, config.training.seed) == (7, 7)


def test_what_the_caller_does_not_need_is_not_required() -> None:
    """Test it also with other problems, when every override is tried on its own."""
    needless = ("dataset.train_file", "dataset.validation_file")
    assert compose_config(["dataset=squad_json", "dataset.language=tr"], needless)[0].dataset.train_file is None
    with pytest.raises(ConfigError) as caught:
        compose_config(["dataset=squad_json", "dataset.language=tr", "model=bertrk"], needless)
    assert [line.split(":")[0] for line in caught.value.problems] == ["model=bertrk"]


def test_question_words_can_be_set_on_the_command_line() -> None:
    config, _ = compose_config(["dataset.question_words={who: [wer, wen], what: ['was*']}"])
    assert config.dataset.question_words == {"who": ["wer", "wen"], "what": ["was*"]}


def test_only_rank_0_keeps_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["seed=1", "hydra.run.dir=out"]
    assert build_rank_argv(argv) == argv
    monkeypatch.setenv("RANK", "1")
    assert "hydra.output_subdir=null" in build_rank_argv(argv)
    chosen = [argument for argument in build_rank_argv(argv) if argument.startswith("hydra.run.dir=")]
    assert chosen[-1] == "hydra.run.dir=."


def test_a_multirun_of_several_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "by its own torchrun" in list_problems("-m", "seed=1,2")[0]


def test_the_directory_of_another_completed_run_is_refused_before_hydra_writes_there(tmp_path: Path) -> None:
    """Hydra writes .hydra and train.log before the run itself can look at the directory."""

    def complete(folder: Path, *overrides: str) -> None:
        config_hash = compute_config_hash(compose_config(overrides)[0])
        Result(status="completed", config_hash=config_hash, dataset={"fingerprint": "0"}).write(folder)

    quick = "experiment=quickstart"
    complete(tmp_path / "run", quick)
    check_command_line([quick, f"hydra.run.dir={tmp_path}/run"])
    (line,) = list_problems(quick, "seed=7", f"hydra.run.dir={tmp_path}/run")
    assert line.startswith(f"{tmp_path}/run holds a completed run with other settings")
    for number, seed in enumerate((1, 2)):
        complete(tmp_path / "sweep" / str(number), quick, f"seed={seed}")
    check_command_line(["-m", quick, "seed=1,2", f"hydra.sweep.dir={tmp_path}/sweep"])
    (line,) = list_problems("-m", quick, "seed=1,3", f"hydra.sweep.dir={tmp_path}/sweep")
    assert line.startswith(f"{tmp_path}/sweep/1 holds a completed run with other settings")


def test_a_local_model_has_the_same_name_in_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_CHANNEL_MODEL", "/opt/ml/input/data/model")
    monkeypatch.setenv("SAGEMAKER_SOURCE_MODEL", "10-00-00/model")
    model = ModelConfig(pretrained="/opt/ml/input/data/model")
    assert resolve_model_label(model, {"model": "berturk"}) == "10-00-00/model"
    other = ModelConfig(pretrained="gpt2")
    assert resolve_model_label(other, {"model": "berturk"}) == "gpt2"
