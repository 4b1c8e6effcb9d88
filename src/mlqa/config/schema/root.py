"""The root of the config, and the one place that registers it with Hydra."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Optional

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from mlqa.config.schema.dataset import DatasetConfig, MixedSetConfig
from mlqa.config.schema.hardware import HardwareConfig
from mlqa.config.schema.model import ModelConfig
from mlqa.config.schema.optimizer import OptimizerConfig
from mlqa.config.schema.tracking import TrackingConfig
from mlqa.config.schema.training import Keep, TrainingConfig, is_trained

# The config groups that every run chooses from. `experiment` bundles their options.
GROUPS = ("model", "dataset", "hardware", "optimizer", "tracking")
# Published results that mlqa ships: the original experiment's, Turkish scores on TQuAD, the baselines of XQuAD.
REFERENCES = ("blog", "turkish", "xquad_tr")


@dataclass
class EvaluationConfig:
    """What a run is scored on besides its own data set."""

    sets: list[str] = field(default_factory=list)  # options of the group dataset


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


def should_keep_best(config: Config) -> bool:
    """Return whether a run chooses its model on the validation split."""
    return config.training.keep is Keep.best and is_trained(config.training)


def register_schema() -> None:
    """Register the schema with Hydra as `mlqa_schema`, the first entry in the defaults of conf/config.yaml."""
    store = ConfigStore.instance()
    if "mlqa_schema.yaml" not in store.repo:  # whoever composes registers it, and that takes 50 ms
        store.store(name="mlqa_schema", node=Config, provider="mlqa")


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
