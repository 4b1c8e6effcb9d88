"""The launcher's options as Hydra hands them over, and what is wrong with their names."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_sagemaker_launcher.config import RehearsalConf, SageMakerLauncherConf
from hydra_sagemaker_launcher.errors import LaunchError


def parse_options(given: Mapping[str, Any]) -> SageMakerLauncherConf:
    """Build the options from the config node `hydra.launcher`.

    Raises:
        LaunchError: An option does not exist or has a value of another type. All unknown names are reported together.
    """
    rehearsal = given.get("rehearsal") or {}
    problems = [
        *_find_unknown("hydra.launcher", given, SageMakerLauncherConf),
        *_find_unknown("hydra.launcher.rehearsal", rehearsal, RehearsalConf),
    ]
    if problems:
        raise LaunchError(problems)
    try:
        options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(SageMakerLauncherConf), dict(given)))
    except OmegaConfBaseException as error:
        raise LaunchError(f"hydra.launcher.{error.full_key}: {str(error).splitlines()[0]}") from error
    assert isinstance(options, SageMakerLauncherConf)
    return options


def _find_unknown(node: str, given: Mapping[str, Any], schema: type[Any]) -> Iterator[str]:
    names = [field.name for field in dataclasses.fields(schema) if field.name != "_target_"]
    for name in given:
        if name in names or name == "_target_":
            continue
        close = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(names)}"
        yield f"{node}.{name}: the launcher has no such option; {hint}"
