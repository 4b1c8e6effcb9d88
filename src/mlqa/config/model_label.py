"""What a run's model is called in rows, charts and trackers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath

from omegaconf import OmegaConf

from mlqa.config.compose import find_conf_dir
from mlqa.config.schema import ModelConfig


def resolve_model_label(model: ModelConfig, choices: Mapping[str, str]) -> str:
    """Return what a run's model is called: its option, or what was loaded if that is not what the option names.

    Returns:
        The option of the group `model`. If an endpoint is asked or `model.pretrained` was set to something else, the
        last two parts of its name: a name of the hub, or the end of a folder's path. In a SageMaker job these are the
        parts of the path on the machine that launched it, so that a model has one name wherever it is trained.
    """
    option = choices.get("model", "model")
    if model.endpoint is not None:
        return "/".join(PurePath(model.endpoint.name).parts[-2:])
    file = find_conf_dir() / "model" / f"{option}.yaml"
    if model.pretrained is None or not file.is_file():  # an option from a config folder of the user's own
        return option
    chosen = OmegaConf.to_container(OmegaConf.load(file))
    is_own = isinstance(chosen, dict) and chosen.get("pretrained") == model.pretrained
    if model.pretrained == os.environ.get("SM_CHANNEL_MODEL"):
        return os.environ.get("SAGEMAKER_SOURCE_MODEL", option)
    return option if is_own else "/".join(PurePath(model.pretrained).parts[-2:])
