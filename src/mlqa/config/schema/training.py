"""The node `training`: steps, windows, decoding, evaluation and checkpoints."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from typing import Any, Optional


class Batching(enum.Enum):
    """How windows share a forward pass: by similar length, several per row, or padded to max_seq_length."""

    grouped = "grouped"
    packed = "packed"
    padded = "padded"


class Interval(enum.Enum):
    """When to evaluate or to save, by transformers' names."""

    no = "no"
    steps = "steps"
    epoch = "epoch"


class Keep(enum.Enum):
    """Which model a run keeps: the one after the last step, or the best on the validation split."""

    last = "last"
    best = "best"


@dataclass
class TrainingConfig:
    """How to train, by the names of transformers' TrainingArguments and of its question-answering example."""

    output_dir: Any = "${hydra:runtime.output_dir}"  # a text, but null under --cfg, which starts no run
    seed: int = "${seed}"  # type: ignore[assignment]  # an interpolation of the root's seed
    num_train_epochs: float = 2.0
    max_steps: int = -1
    per_device_train_batch_size: int = 16
    per_device_eval_batch_size: int = 32
    gradient_accumulation_steps: int = 1
    max_grad_norm: float = 1.0
    gradient_checkpointing: bool = False
    auto_find_batch_size: bool = True  # if a step does not fit into memory, read it in parts. It stays the same step
    torch_compile: bool = False  # one graph of kernels per shape
    fp16: Optional[bool] = None  # null: as hardware.precision says
    bf16: Optional[bool] = None
    dataloader_num_workers: Optional[int] = None  # processes that make batches. null: 2 if there is a GPU, else 0
    logging_steps: int = 50
    eval_strategy: Interval = Interval.no
    eval_steps: Optional[int] = None
    keep: Keep = Keep.last  # best: by the primary metric on the validation split, after each evaluation
    patience: Optional[int] = None  # stop after so many evaluations without a better model. null: train to the end
    save_strategy: Interval = Interval.steps  # to resume an interrupted run. A completed run removes its checkpoints
    save_steps: int = 500
    save_total_limit: int = 1
    max_seq_length: int = 384
    doc_stride: int = 128
    max_answer_length: int = 30
    n_best_size: int = 20
    null_score_diff_threshold: float = 0.0  # SQuAD 2.0: no answer if its score exceeds the best answer's by more
    batching: Optional[Batching] = None  # null: packed if the model allows it, else grouped. It trains alike
    pad_to_multiple_of: int = 8  # of a batch's width. Choose more if kernels are compiled per shape (torch_compile: 64)
    windows_without_answer: float = 1.0  # share to train on of the windows that have not got their question's answer
    ddp_bucket_cap_mb: Optional[int] = None  # gradients that processes exchange at a time. null: torch's 25 MB
    shuffled_questions_control: bool = False  # also score with the questions of each context shuffled


def is_trained(training: TrainingConfig) -> bool:
    """Return whether a run trains, rather than only scores a model."""
    return training.num_train_epochs > 0 or training.max_steps > 0


def select_numbers(training: TrainingConfig) -> dict[str, int | float]:
    """Return the numbers of the group training, by name, without the seed: how windows are cut and answers decoded."""
    names = [item.name for item in fields(TrainingConfig) if item.type in ("int", "float") and item.name != "seed"]
    return {name: getattr(training, name) for name in names}
