"""What the types of the config cannot say: values and combinations that would fail later, or cost money first.

`problems_of` returns every problem as one line: key=value, what is wrong, what is allowed. It reads no more
than a model folder's config.json and imports nothing heavy.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from mlqa.config import Config, Distribution, Interval, Precision
from mlqa.runtime import in_container

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "spiece.model", "vocab.json")


def problems_of(config: Config) -> list[str]:
    """Everything wrong with a composed config; an empty list means that it can run."""
    parts = (_windows, _ranges, _precision, _model, _dataset, _hardware, _optimizer)
    return [problem for part in parts for problem in part(config)]


def has_gpu() -> bool:
    """Whether this machine shows an NVIDIA GPU; asked without importing torch."""
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def is_local_folder(pretrained: str) -> bool:
    """Whether a model name is meant as a folder: it is one, or is written as a path."""
    return Path(pretrained).expanduser().is_dir() or pretrained.startswith(("/", "./", "../", "~"))


def _windows(config: Config) -> Iterator[str]:
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
    limit = _max_positions(config)
    if limit is not None and length > limit:
        yield (
            f"training.max_seq_length={length}: the model has {limit} positions; "
            f"choose training.max_seq_length={limit} or less"
        )


def _max_positions(config: Config) -> int | None:
    scratch, pretrained = config.model.scratch, config.model.pretrained
    if scratch is not None:
        return scratch.max_position_embeddings
    if pretrained is None or not is_local_folder(pretrained):
        return None
    try:
        described = json.loads((Path(pretrained).expanduser() / "config.json").read_text("utf-8"))
        positions = int(described["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # RoBERTa-type models count positions from the padding index + 1.
    roberta_like = described.get("model_type") in ("roberta", "xlm-roberta", "camembert")
    return positions - 2 if roberta_like else positions


def _ranges(config: Config) -> Iterator[str]:
    training = config.training
    positive = {
        "training.per_device_train_batch_size": training.per_device_train_batch_size,
        "training.per_device_eval_batch_size": training.per_device_eval_batch_size,
        "training.gradient_accumulation_steps": training.gradient_accumulation_steps,
        "training.logging_steps": training.logging_steps,
        "training.save_steps": training.save_steps,
        "training.n_best_size": training.n_best_size,
        "training.pad_to_multiple_of": training.pad_to_multiple_of,
        "dataset.max_train_samples": config.dataset.max_train_samples,
        "dataset.max_eval_samples": config.dataset.max_eval_samples,
        "training.eval_steps": training.eval_steps,
        "hardware.instance_count": config.hardware.instance_count,
        "hardware.max_hours": config.hardware.max_hours,
    }
    for key, value in positive.items():
        if value is not None and value <= 0:
            yield f"{key}={value}: choose 1 or more"
    if training.num_train_epochs < 0:
        yield f"training.num_train_epochs={training.num_train_epochs}: choose 0 (score the untrained model) or more"
    if training.eval_strategy is Interval.steps and training.eval_steps is None:
        yield "training.eval_strategy=steps: needs training.eval_steps; give a number of steps"
    if config.seed < 0 or config.seed >= 2**32:
        yield f"seed={config.seed}: choose 0 ... {2**32 - 1}"


def _precision(config: Config) -> Iterator[str]:
    training, hardware = config.training, config.hardware
    wanted = {
        "training.fp16": training.fp16 is True,
        "hardware.precision": hardware.precision is Precision.fp16,
    }
    if training.fp16 and training.bf16:
        yield "training.fp16=true, training.bf16=true: choose one of them"
    if hardware.instance_type is None and not in_container() and not has_gpu():
        for key, is_wanted in wanted.items():
            if is_wanted:
                value = "true" if key == "training.fp16" else "fp16"
                yield f"{key}={value}: fp16 needs a GPU and this machine shows none; choose hardware.precision=fp32"


def _model(config: Config) -> Iterator[str]:
    model, scratch = config.model, config.model.scratch
    if (model.pretrained is None) == (scratch is None):
        yield (
            f"model.pretrained={model.pretrained}, model.scratch={'null' if scratch is None else '{...}'}: a model is "
            "either pre-trained or made from scratch; choose e.g. model=berturk or model=tiny_wordpiece"
        )
    if model.num_hidden_layers is not None and model.num_hidden_layers < 1:
        yield f"model.num_hidden_layers={model.num_hidden_layers}: choose 1 or more"
    if scratch is not None:
        if scratch.hidden_size % scratch.num_attention_heads:
            yield (
                f"model.scratch.hidden_size={scratch.hidden_size}: must be a multiple of "
                f"model.scratch.num_attention_heads={scratch.num_attention_heads}"
            )
        if model.num_hidden_layers is not None:
            yield f"model.num_hidden_layers={model.num_hidden_layers}: set model.scratch.num_hidden_layers instead"
    if model.pretrained is not None and is_local_folder(model.pretrained):
        yield from _model_folder(model.pretrained)


def _model_folder(pretrained: str) -> Iterator[str]:
    folder = Path(pretrained).expanduser()
    if not folder.is_dir():
        yield f"model.pretrained={pretrained}: there is no such folder; give a model folder or a hub name"
        return
    needed = {"config.json": ("config.json",), "weights": _WEIGHTS, "tokenizer": _VOCABULARIES}
    for what, names in needed.items():
        if not any((folder / name).is_file() for name in names):
            yield f"model.pretrained={pretrained}: the folder holds no {what}; expected {' or '.join(names)}"


def _dataset(config: Config) -> Iterator[str]:
    dataset = config.dataset
    for key in ("train_file", "validation_file"):
        path = getattr(dataset, key)
        if path is not None and not Path(path).expanduser().is_file():
            yield f"dataset.{key}={path}: there is no such file"
    sources = {"download": dataset.download, "hub": dataset.hub, "sample": dataset.sample}
    given = [name for name, source in sources.items() if source is not None]
    if len(given) > 1:
        yield f"dataset.{given[0]}, dataset.{given[1]}: a data set comes from one of them; set the other to null"
    for key in ("train_file", "validation_file"):
        if not given and getattr(dataset, key) is None:
            yield f"dataset.{key}=null: give a file, or choose a data set that has one (dataset=tquad, sample, hub ...)"
    if dataset.hub is not None and dataset.hub.train_split is None and dataset.train_file is None:
        yield "dataset.hub.train_split=null: the data set has no train split; give dataset.train_file"
    if dataset.sample is not None:
        for key in ("train_rows", "validation_rows"):
            if getattr(dataset.sample, key) < 1:
                yield f"dataset.sample.{key}={getattr(dataset.sample, key)}: choose 1 or more"


def _hardware(config: Config) -> Iterator[str]:
    hardware = config.hardware
    if hardware.instance_type is None:
        if hardware.instance_count != 1:
            count = hardware.instance_count
            yield f"hardware.instance_count={count}: this machine is one; choose a hardware option of SageMaker"
        if hardware.spot:
            yield "hardware.spot=true: only SageMaker instances can be spot; choose e.g. hardware=p3"
    elif hardware.instance_count > 1 and hardware.distribution is Distribution.none:
        yield (
            f"hardware.instance_count={hardware.instance_count}: several instances need hardware.distribution=torchrun "
            "or smdistributed"
        )


def _optimizer(config: Config) -> Iterator[str]:
    optimizer = config.optimizer
    if optimizer.learning_rate <= 0:
        yield f"optimizer.learning_rate={optimizer.learning_rate}: choose more than 0, e.g. 5e-5"
    if optimizer.weight_decay < 0:
        yield f"optimizer.weight_decay={optimizer.weight_decay}: choose 0 or more"
    if not 0 <= optimizer.warmup_ratio < 1:
        yield f"optimizer.warmup_ratio={optimizer.warmup_ratio}: choose 0 ... 1, the share of all steps"
    decay = optimizer.layerwise_decay
    if decay is not None and not 0 < decay <= 1:
        yield f"optimizer.layerwise_decay={decay}: choose a factor above 0, at most 1"
