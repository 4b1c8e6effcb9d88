"""Values and combinations of settings that would fail later, or cost money before they fail.

`find_config_problems` returns each problem as one line: key=value, what is wrong, what is allowed. It reads only the
config.json of a model folder and imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlqa.config.data_files import find_ending_problem
from mlqa.config.data_problems import find_file_problems, find_mix_problems
from mlqa.config.endpoint import check_endpoint
from mlqa.config.language_codes import find_code_problem
from mlqa.config.machine import check_machine
from mlqa.config.model_facts import count_stated_positions, is_local_folder, read_model_config
from mlqa.config.ranges import check_ranges
from mlqa.config.schema import REFERENCES, Batching, Config, Distribution, TrackingBackend, is_trained
from mlqa.config.split_checks import check_splits

_WEIGHTS = tuple(name + end for name in ("model.safetensors", "pytorch_model.bin") for end in ("", ".index.json"))
MOST_CHARACTERS, MOST_TAG_CHARACTERS, MOST_PREDICTIONS = 128, 64, 10_000  # W&B's
ANSWERING = ("ForQuestionAnswering", "WithSpanHead")  # ends of classes with a head: of transformers, of models/heads.py
_SENTENCEPIECE = ("sentencepiece.bpe.model", "spiece.model", "spm.model", "sentencepiece.model", "tokenizer.model")
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", *_SENTENCEPIECE)


def find_config_problems(config: Config, weights: bool = True) -> list[str]:
    """Return all problems of a config, one line each. If the list is empty, the config can run.

    Args:
        config: The config of one run.
        weights: If false, accept a model folder that has only a tokenizer.
    """
    checks = (
        _check_windows,
        _check_untrained,
        check_ranges,
        check_machine,
        _check_model,
        check_endpoint,
        _check_dataset,
        check_splits,
        _check_hardware,
        _check_tracking,
        _check_report,
        _check_words,
    )
    problems = [problem for check in checks for problem in check(config)]
    if config.model.pretrained and is_local_folder(config.model.pretrained):
        problems.extend(_check_model_folder(config.model.pretrained, weights))
    return problems


def _check_untrained(config: Config) -> Iterator[str]:
    """Refuse to pay for a model that nothing has trained to answer. On this machine it may be scored as a control."""
    training = config.training
    if config.hardware.instance_type is None or is_trained(training):
        return
    architectures = read_model_config(config.model.pretrained, config.model.revision).get("architectures") or []
    new_head = architectures and not any(str(name).endswith(ANSWERING) for name in architectures)
    if config.model.scratch is not None or new_head:
        yield (
            f"training.num_train_epochs={training.num_train_epochs:g}: the model's head would be new and its answers "
            "chance, which is not worth paying for; train it, or score it with hardware=local"
        )


def _check_words(config: Config) -> Iterator[str]:
    yield from _check_file("words_file", config.words_file)
    files = {"words_file": config.words_file, "dataset.segmentation_file": config.dataset.segmentation_file}
    for key, path in files.items():
        if path is not None and Path(path).expanduser().is_file() and (problem := find_ending_problem(path)):
            yield f"{key}={path}: {problem}"
    for word in config.words or ():
        if not isinstance(word, str) or word.split() != [word]:
            yield f"words: {word!r} is not one word; give words without white space, e.g. words=[Kedileri,evlerimizden]"


def _check_windows(config: Config) -> Iterator[str]:
    training = config.training
    length = training.max_seq_length
    if length < 16:
        yield f"training.max_seq_length={length}: too short to hold a question and a context; choose 16 or more"
        return
    if not 0 <= training.doc_stride < length:
        yield (
            f"training.doc_stride={training.doc_stride}: must be smaller than training.max_seq_length={length}; "
            f"choose 0 ... {length - 1}"
        )
    if not 1 <= training.max_answer_length < length:
        yield f"training.max_answer_length={training.max_answer_length}: choose 1 ... {length - 1} tokens"
    limit = _get_max_positions(config)
    if limit is not None and length > limit:
        yield (
            f"training.max_seq_length={length}: the model has {limit} positions; "
            f"choose training.max_seq_length={limit} or less"
        )


def _get_max_positions(config: Config) -> int | None:
    if config.model.scratch is not None:
        return config.model.scratch.max_position_embeddings
    return count_stated_positions(read_model_config(config.model.pretrained, config.model.revision))


def _check_model(config: Config) -> Iterator[str]:
    model, scratch = config.model, config.model.scratch
    if model.endpoint is not None:
        return
    if model.pretrained is None and scratch is None:
        yield "model.pretrained=null: has no value; give a name on the hub or a folder: model.pretrained=..."
    elif model.pretrained is not None and scratch is not None:
        yield (
            f"model.pretrained={model.pretrained}, model.scratch={{...}}: a model is "
            "either pre-trained or made from scratch; choose one, e.g. model=berturk or model=tiny_wordpiece"
        )
    if model.pretrained == "":
        yield "model.pretrained=: is empty; give a hub name or a local folder"
        return
    layers = read_model_config(model.pretrained, model.revision).get("num_hidden_layers")
    if model.num_hidden_layers is not None and isinstance(layers, int) and model.num_hidden_layers > layers:
        yield f"model.num_hidden_layers={model.num_hidden_layers}: the model has {layers}; choose {layers} or less"
    if scratch is not None:
        if scratch.num_attention_heads > 0 and scratch.hidden_size % scratch.num_attention_heads:
            yield (
                f"model.scratch.hidden_size={scratch.hidden_size}: must be a multiple of "
                f"model.scratch.num_attention_heads={scratch.num_attention_heads}"
            )
        if config.training.batching is Batching.packed:
            yield (
                "training.batching=packed: a model from scratch is a ConvBERT, whose convolutions would see the "
                "neighbouring window; choose training.batching=grouped"
            )
        if model.num_hidden_layers is not None:
            yield (
                f"model.num_hidden_layers={model.num_hidden_layers}: cuts pre-trained models only; set "
                "model.scratch.num_hidden_layers instead"
            )
        if model.trim_vocabulary:
            yield (
                "model.trim_vocabulary=true: a vocabulary made from scratch has nothing to trim; set "
                "model.scratch.vocab_size, or choose a pre-trained model"
            )


def _check_model_folder(pretrained: str, weights: bool) -> Iterator[str]:
    folder = Path(pretrained).expanduser()
    if not folder.is_dir():
        yield f"model.pretrained={pretrained}: there is no such folder; give a model folder or a hub name"
        return
    needed: dict[str, tuple[str, ...]] = {"tokenizer": _VOCABULARIES}
    if weights:
        needed = {"config.json": ("config.json",), "weights": _WEIGHTS, **needed}
    for part, names in needed.items():
        if not any((folder / name).is_file() for name in names):
            yield f"model.pretrained={pretrained}: the folder has no {part}; expected {' or '.join(names)}"


def _check_dataset(config: Config) -> Iterator[str]:
    dataset = config.dataset
    if problem := find_code_problem(dataset.language):
        yield f"dataset.language={dataset.language}: {problem}"
    words = dataset.question_words
    if words is not None and not _is_table(words):
        yield (
            f"dataset.question_words={words}: not a table of words; give {{type: [word, stem*, ...], ...}}, "
            "e.g. {who: [wer, wen]}"
        )
    yield from find_file_problems(dataset)
    sources = {"download": dataset.download, "hub": dataset.hub, "sample": dataset.sample}
    given = [name for name, source in sources.items() if source is not None]
    if len(given) > 1:
        yield f"dataset.{given[0]}, dataset.{given[1]}: a data set has only one of them; set the other to null"
    yield from find_mix_problems(config)


def _check_file(key: str, path: str | None) -> Iterator[str]:
    if path is not None and Path(path).expanduser().is_dir():
        yield f"{key}={path}: is a folder; give a file"
    elif path is not None and not Path(path).expanduser().is_file():
        yield f"{key}={path}: there is no such file; give the path of a file"


def _is_table(words: Any) -> bool:
    return isinstance(words, dict) and all(
        isinstance(forms, list) and all(isinstance(form, str) for form in forms) for forms in words.values()
    )


def _check_tracking(config: Config) -> Iterator[str]:
    project = config.tracking.project
    if project and (len(project) > 128 or set(project) & set("/\\#?%:")):
        yield f"tracking.project={project}: W&B refuses this name; choose at most 128 characters without / \\ # ? % :"
    if config.tracking.backend is TrackingBackend.trackio and config.hardware.instance_type is not None:
        yield (
            "tracking=trackio: keeps a run on the machine that trains it, and a job's is gone when it ends; choose "
            "tracking=files, and then `mlqa sync --to trackio <sweep dir>`"
        )
    for name in ("name", "job_type", "group"):
        if (text := getattr(config.tracking, name)) is not None and not 0 < len(text.strip()) <= MOST_CHARACTERS:
            yield f"tracking.{name}={text}: W&B takes 1 to {MOST_CHARACTERS} characters"
    for tag in config.tracking.tags:
        if not 0 < len(tag) <= MOST_TAG_CHARACTERS:
            yield f"tracking.tags: {tag!r}: W&B takes 1 to {MOST_TAG_CHARACTERS} characters per tag"
    if config.tracking.predictions > MOST_PREDICTIONS:
        yield f"tracking.predictions={config.tracking.predictions}: W&B shows at most {MOST_PREDICTIONS} rows"


def _check_report(config: Config) -> Iterator[str]:
    reference = config.report.reference
    if reference is not None and reference not in REFERENCES and not reference.endswith((".yaml", ".yml")):
        yield f"report.reference={reference}: choose one of {', '.join(REFERENCES)}, or give the path of a YAML file"


def _check_hardware(config: Config) -> Iterator[str]:
    hardware = config.hardware
    if hardware.instance_type is None:
        if hardware.instance_count != 1:
            count = hardware.instance_count
            yield f"hardware.instance_count={count}: this is one machine; choose SageMaker hardware, e.g. g5_torchrun"
        if hardware.distribution is not Distribution.none:
            value = hardware.distribution.value
            yield f"hardware.distribution={value}: is for SageMaker; leave it out, and start train.py by torchrun"
        if hardware.spot:
            yield "hardware.spot=true: only SageMaker instances can be spot; choose one, e.g. hardware=g6"
        if hardware.fallbacks:
            value = f"[{','.join(hardware.fallbacks)}]"
            yield f"hardware.fallbacks={value}: only SageMaker instances have fallbacks; choose one, e.g. hardware=g6"
    elif hardware.instance_count > 1 and hardware.distribution is Distribution.none:
        yield (
            f"hardware.instance_count={hardware.instance_count}: several instances need a distribution; choose "
            "hardware.distribution=torchrun or smdistributed"
        )
