"""The typed configuration: one module per config group, with one dataclass per node. Hydra checks every key by them.

A YAML in `conf/` can set only the fields defined here, with the types defined here. What a type cannot express
(`doc_stride` is below `max_seq_length`, fp16 needs a GPU ...) is checked in `validation.py`, `ranges.py` and
`machine.py`. `root.py` joins the groups and registers them. Everybody imports from this package, not from its modules.
"""

from mlqa.config.schema.dataset import (
    DatasetConfig,
    DownloadConfig,
    HubConfig,
    MixConfig,
    MixedSetConfig,
    PrimaryMetric,
    SampleConfig,
)
from mlqa.config.schema.hardware import Distribution, HardwareConfig, Precision
from mlqa.config.schema.model import (
    Attention,
    EndpointApi,
    EndpointConfig,
    ModelConfig,
    ScratchConfig,
    TokenizerAlgorithm,
)
from mlqa.config.schema.optimizer import OptimizerConfig, OptimizerName, Schedule
from mlqa.config.schema.root import (
    GROUPS,
    REFERENCES,
    CalibrationConfig,
    Config,
    EvaluationConfig,
    ReportConfig,
    build_config,
    disable_schema_copies,
    register_schema,
    should_keep_best,
)
from mlqa.config.schema.tracking import TrackingBackend, TrackingConfig, WandbMode
from mlqa.config.schema.training import Batching, Interval, Keep, TrainingConfig, is_trained, select_numbers

__all__ = [
    "GROUPS",
    "REFERENCES",
    "Attention",
    "Batching",
    "CalibrationConfig",
    "Config",
    "DatasetConfig",
    "Distribution",
    "DownloadConfig",
    "EndpointApi",
    "EndpointConfig",
    "EvaluationConfig",
    "HardwareConfig",
    "HubConfig",
    "Interval",
    "Keep",
    "MixConfig",
    "MixedSetConfig",
    "ModelConfig",
    "OptimizerConfig",
    "OptimizerName",
    "Precision",
    "PrimaryMetric",
    "ReportConfig",
    "SampleConfig",
    "Schedule",
    "ScratchConfig",
    "TokenizerAlgorithm",
    "TrackingBackend",
    "TrackingConfig",
    "TrainingConfig",
    "WandbMode",
    "build_config",
    "disable_schema_copies",
    "is_trained",
    "register_schema",
    "select_numbers",
    "should_keep_best",
]
