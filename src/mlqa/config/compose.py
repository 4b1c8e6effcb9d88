"""Compose configs from overrides. All problems are reported at once, whereas Hydra stops at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.conversion import convert_to_config, validate_composed
from mlqa.config.hydra_errors import explain_override, is_group
from mlqa.config.loader import install_loader
from mlqa.config.overrides import parse_overrides
from mlqa.config.progress import report_progress
from mlqa.config.schema import GROUPS, Config, register_schema
from mlqa.config.validation import find_config_problems
from mlqa.errors import ConfigError, summarize_error

# Besides its own errors, OmegaConf fails an assertion if an override sets a key below a null, and raises AttributeError
# if an override sets a null to a mapping. Hydra raises ValueError if the option of a group is not text.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, AssertionError, AttributeError, ValueError)


def find_conf_dir() -> Path:
    """Return the folder conf/: inside the package if mlqa is installed from a wheel, else at the top of the clone.

    Raises:
        ConfigError: There is no such folder.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "conf", package.parent.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ConfigError(f"conf/config.yaml is neither in {package} nor at the top of a clone: reinstall mlqa")


@contextmanager
def initialize_hydra(job_name: str = "app") -> Iterator[None]:
    """Initialize Hydra with conf/ and the schema inside the block.

    Args:
        job_name: What `hydra.job.name` becomes. For train.py itself Hydra takes the name of the script.
    """
    register_schema()
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(find_conf_dir()), job_name=job_name):
        install_loader()
        yield


def compose_config(
    overrides: Sequence[str], optional: Sequence[str] = (), weights: bool = True
) -> tuple[Config, dict[str, str]]:
    """Return the config that `python train.py <overrides>` would run, and the option chosen in each group.

    Args:
        overrides: Overrides in Hydra's form, e.g. "model=berturk".
        optional: Keys that a run needs but the caller does not. They may be null.
        weights: Whether the caller needs the weights of the model, or only its tokenizer.

    Raises:
        ConfigError: With every problem of the overrides and of their combination.
    """
    left_out = tuple(f"{key}=null:" for key in optional)

    def leave_out(problems: list[str]) -> list[str]:
        return [line for line in problems if not line.startswith(left_out)]

    def check(composed: DictConfig) -> list[str]:
        return leave_out(validate_composed(composed, weights))

    with initialize_hydra():
        composed = compose_all([list(overrides)], check=check)[0]
    config = convert_to_config(composed)
    problems = leave_out(find_config_problems(config, weights))
    if problems:
        raise ConfigError(problems)
    return config, get_choices(composed.hydra)


def get_choices(hydra: Any) -> dict[str, str]:
    """Return the option chosen in each group, e.g. {"model": "berturk"}.

    Args:
        hydra: The node `hydra` of a composed config.
    """
    chosen = hydra.runtime.choices
    return {group: str(chosen[group]) for group in (*GROUPS, "experiment") if chosen.get(group) is not None}


def compose_all(
    members: list[list[str]],
    known: dict[str, None] | None = None,
    check: Callable[[DictConfig], list[str]] | None = None,
) -> list[DictConfig]:
    """Compose each member. If one cannot be composed, try its overrides one by one to name all that fail.

    Args:
        members: The overrides of each member.
        known: Problems that are already known, as keys.
        check: Finds the problems of what remains of a failed member. Default: `validate_composed`.

    Returns:
        The composed member configs, with Hydra's own node. They are not checked.

    Raises:
        ConfigError: With the known problems, all overrides that fail, and what `check` finds in the rest.
    """
    composed: list[DictConfig] = []
    problems: dict[str, None] = {}
    for member in report_progress(members, "composed"):
        try:
            composed.append(_compose(member))
        except ConfigError as error:  # of the sets of a mix
            problems.update(dict.fromkeys(error.problems))
        except COMPOSITION_ERRORS as error:
            problems.update(dict.fromkeys(_explain_composition_failure(member, error, check or validate_composed)))
    if problems:
        raise ConfigError(list({**(known or {}), **problems}))
    return composed


def _explain_composition_failure(
    overrides: list[str], error: Exception, check: Callable[[DictConfig], list[str]]
) -> list[str]:
    problems: list[str] = []
    accepted: list[str] = []
    of_mix: list[str] = []
    groups_first = sorted(parse_overrides(overrides), key=lambda override: not is_group(override.key_or_group))
    for override in groups_first:
        line = str(override.input_line)
        try:
            _compose([*accepted, line])
            accepted.append(line)
        except ConfigError as failure:
            of_mix = failure.problems
        except COMPOSITION_ERRORS as failure:
            problems.append(explain_override(override, failure))
    if of_mix:  # without its sets the rest cannot be judged
        return [*problems, *of_mix]
    try:
        rest = check(_compose(accepted))
    except COMPOSITION_ERRORS:  # an override that failed set what is missing now
        rest = []
    return [*(problems or [summarize_error(error)]), *rest]


def _compose(overrides: list[str]) -> DictConfig:
    return hydra_compose("config", overrides=overrides, return_hydra_config=True)
