"""The config group `tracking`: the tracker of a run, and what it is told."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Optional


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
    dir: Optional[str] = None  # folder of the tracker's files. null: WANDB_DIR or TRACKIO_DIR, else see docs/wandb.md
    predictions: int = 10_000  # rows in the table of predictions. 0: no table
    artifacts: bool = False  # upload the model, and name its data set, if the run completes
    finish_timeout: float = 60.0  # seconds to wait for W&B at the end: an outage must not keep a paid machine busy
