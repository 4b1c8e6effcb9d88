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


class Keep(enum.Enum):
    """Which model a run keeps: the one after the last step, or the best on the validation split."""

    last = "last"
    best = "best"


class EndpointApi(enum.Enum):
    """The route of an endpoint that is asked: chat/completions, or completions for a model without a chat template."""

    chat = "chat"
    completions = "completions"


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
    trackio = "trackio"


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
class EndpointConfig:
    """A language model behind an OpenAI-compatible address. It is asked and not trained. Its key is never a setting."""

    base_url: str = MISSING  # e.g. http://127.0.0.1:8000/v1
    name: str = MISSING  # what the endpoint calls the model
    api: EndpointApi = EndpointApi.chat
    key_variable: Optional[str] = None  # null: MLQA_LLM_API_KEY, or OPENAI_API_KEY, which only api.openai.com gets
    examples: int = 3  # questions of train that are shown with their answers. The seed draws them
    prompt_language: Optional[str] = None  # null: the language of the data set, or English if it has no prompt
    without_context: bool = False  # also ask without the context: what the model remembers or guesses
    temperature: Optional[float] = 0.0  # above 0, each seed is another draw. null: the endpoint decides
    max_tokens: Optional[int] = 64  # of an answer. null: the endpoint decides
    send_seed: bool = True  # false: for endpoints that refuse the field
    parameters: Any = (
        None  # {field: value} to add to each request, e.g. {top_p: 0.9}. Any, so that a dict may replace null
    )
    concurrency: int = 4  # requests at a time
    timeout_seconds: float = 60.0  # per request
    max_retries: int = 6  # per question, after a busy endpoint, an outage or a reply that cannot be read
    usd_per_million_input: Optional[float] = None  # price of a million tokens. null: unknown
    usd_per_million_output: Optional[float] = None
    budget_usd: Optional[float] = None  # ask no more if the answers of this run cost so much. null: no limit


@dataclass
class ModelConfig:
    """A pre-trained model, a model from scratch, or one behind an endpoint."""

    pretrained: Optional[str] = None  # hub name or local folder. null: `scratch` describes the model
    revision: Optional[str] = None  # branch, tag or commit of a hub model
    attn_implementation: Optional[Attention] = None  # null: torch's sdpa if the model has it
    num_hidden_layers: Optional[int] = None  # keep only the first layers of a pre-trained model
    trim_vocabulary: bool = False  # keep only the pieces of the vocabulary that the words of the train split need
    scratch: Optional[ScratchConfig] = None
    endpoint: Optional[EndpointConfig] = None


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
    data_dir: Optional[str] = None  # the folder of its files, if it has several sets and no configurations
    revision: Optional[str] = None
    train_split: Optional[str] = "train"  # null: the data set has none and is only scored on
    validation_split: Optional[str] = "validation"
    test_split: Optional[str] = None
    id_prefix: Optional[str] = None  # only rows whose id begins so, e.g. one language of several


@dataclass
class SampleConfig:
    """How much the generator writes. Its seed is part of the data set and not of the run."""

    train_rows: int = 1000
    validation_rows: int = 200
    seed: int = 0


@dataclass
class MixConfig:
    """Several data sets to train on. What is scored is the target set's own."""

    # Options of the group dataset: a list, {option: weight} or {option: {weight, max_train_samples, a key of its own}}.
    # A composed config has the last form (config/mixing.py), a typed one {option: MixedSetConfig}.
    sets: Any = MISSING
    target: Optional[str] = None  # null: the first set


@dataclass
class DatasetConfig:
    """A data set, its source, and how its answers are compared."""

    language: str = MISSING  # ISO 639-1 or 639-3
    # The path of a file, or a list of paths. They replace a split of any source.
    train_file: Any = None
    validation_file: Any = None
    test_file: Any = None  # only reported. null: the validation split is reported
    validation_share: Optional[float] = None  # cut out of train. The given validation split then is the test split
    folds: Optional[int] = None  # hold out one fold of train, for a data set without a test split
    fold: Optional[int] = None  # which one, to be swept: dataset.fold=range(0,5)
    download: Optional[DownloadConfig] = None
    hub: Optional[HubConfig] = None
    sample: Optional[SampleConfig] = None
    mix: Optional[MixConfig] = None  # train splits of several data sets, instead of one
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
class MixedSetConfig(DatasetConfig):
    """A set of a mix. `max_train_samples` is the most rows that an epoch reads: each reads others."""

    weight: float = 1.0  # rows that an epoch reads, as a share of the set. 2.0: every row twice


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
    name: Optional[str] = None  # null: WANDB_NAME, else e.g. "berturk · tquad · g6 · s42 · 3f2a"
    notes: Optional[str] = None  # null: WANDB_NOTES
    group: Optional[str] = None  # null: WANDB_RUN_GROUP, else the name of the sweep directory
    tags: list[str] = field(default_factory=list)  # []: WANDB_TAGS
    job_type: Optional[str] = None  # null: WANDB_JOB_TYPE, else train
    entity: Optional[str] = None  # null: WANDB_ENTITY, else the key's own
    project: Optional[str] = None  # null: WANDB_PROJECT, else mlqa
    dir: Optional[str] = (
        None  # where the tracker keeps its files. null: WANDB_DIR or TRACKIO_DIR, else see docs/wandb.md
    )
    predictions: int = 10_000  # rows in the table of predictions. 0: no table
    artifacts: bool = False  # upload the model, and name its data set, if the run completes
    finish_timeout: float = 60.0  # seconds to wait for W&B at the end: an outage must not keep a paid machine busy


@dataclass
class EvaluationConfig:
    """What a run is scored on besides its own data set."""

    sets: list[str] = field(default_factory=list)  # options of the group dataset


# Published results that mlqa ships: the original experiment's, Turkish scores on TQuAD, the baselines of XQuAD.
REFERENCES = ("blog", "turkish", "xquad_tr")


@dataclass
class ReportConfig:
    """The report at the end of a multirun. No run depends on it."""

    write: bool = True  # whether a multirun ends with its report
    # Published results to show as well: a name of REFERENCES, or a YAML file of one's own (docs/report.md).
    reference: Optional[str] = None
    usd_per_question: Optional[float] = None  # what it costs to annotate one, for a learning curve. null: unknown


@dataclass
class CalibrationConfig:
    """How sure is sure enough. It is decided after the training and changes no score."""

    risk: float = 0.1  # mean loss of the answers that the model is sure of: 0.1 accepts an F1 of 90


@dataclass
class Config:
    """The root of the config."""

    model: ModelConfig = MISSING
    dataset: DatasetConfig = MISSING
    hardware: HardwareConfig = MISSING
    optimizer: OptimizerConfig = MISSING
    tracking: TrackingConfig = MISSING
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    words: Optional[list[str]] = None  # words whose tokens every run shows. null: words_file, or the language's list
    words_file: Optional[str] = None  # file of such words, possibly with their morphemes: .txt, .csv, .conllu
    report: ReportConfig = field(default_factory=ReportConfig)
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    seed: int = 42


def is_trained(training: TrainingConfig) -> bool:
    """Return whether a run trains, rather than only scores a model."""
    return training.num_train_epochs > 0 or training.max_steps > 0


def keeps_best(config: Config) -> bool:
    """Return whether a run chooses its model on the validation split."""
    return config.training.keep is Keep.best and is_trained(config.training)


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
    config = Config(**{item.name: _to_object(composed, item.name) for item in fields(Config)})
    mix = config.dataset.mix
    if mix is not None and isinstance(mix.sets, dict):
        mix.sets = {name: _build_set(values) for name, values in mix.sets.items()}
    return config


def _build_set(values: dict[str, Any]) -> MixedSetConfig:
    built: Any = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(MixedSetConfig), values))
    mixed_set: MixedSetConfig = built
    return mixed_set


def _to_object(composed: DictConfig, key: str) -> Any:
    value = composed[key]
    return OmegaConf.to_object(value) if OmegaConf.is_config(value) else value
