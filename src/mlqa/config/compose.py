"""Overrides to typed configs. All problems are reported at once, whereas Hydra stops at the first."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path, PurePath
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.data_files import list_paths
from mlqa.config.hydra_errors import (
    explain_empty_sweep,
    explain_override,
    explain_unknown,
    is_empty_sweep,
    is_group,
    suggest_choices,
)
from mlqa.config.language_codes import suggest_language
from mlqa.config.loader import install_loader
from mlqa.config.mixing import FORM
from mlqa.config.progress import report_progress
from mlqa.config.schema import GROUPS, Config, ModelConfig, build_config, register_schema
from mlqa.config.validation import find_config_problems
from mlqa.errors import ConfigError, summarize_error

# Besides its own errors, OmegaConf fails an assertion if an override sets a key below a null, and raises AttributeError
# if an override sets a null to a mapping. Hydra raises ValueError if the option of a group is not text.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, AssertionError, AttributeError, ValueError)
# Parts of the _target_ of the sweepers whose members are the cells of the swept keys.
GRID_SWEEPERS = ("basic_sweeper", "racing_sweeper")
_FULL_KEY = re.compile(r"full_key:\s*(\S+)")


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

    def check(composed: DictConfig) -> list[str]:
        return [line for line in validate_composed(composed, weights) if not line.startswith(left_out)]

    with initialize_hydra():
        composed = compose_all([list(overrides)], check=check)[0]
    problems = check(composed)
    if problems:
        raise ConfigError(problems)
    return convert_to_config(composed), get_choices(composed.hydra)


def get_choices(hydra: Any) -> dict[str, str]:
    """Return the option chosen in each group, e.g. {"model": "berturk"}.

    Args:
        hydra: The node `hydra` of a composed config.
    """
    chosen = hydra.runtime.choices
    return {group: str(chosen[group]) for group in (*GROUPS, "experiment") if chosen.get(group) is not None}


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


def list_member_overrides(overrides: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each member that `python train.py -m <overrides>` would run, in order.

    Raises:
        ConfigError: An override is not valid, or the part that all members share cannot be composed.
    """
    with initialize_hydra():
        return split_members(list(overrides), multirun=True)


def split_members(overrides: list[str], multirun: bool) -> list[list[str]]:
    """Return the overrides of each member, as Hydra's basic sweeper will make them.

    A race makes the same members and repeats them with other seeds. Under another sweeper only the overrides that all
    members share are known, and they are returned as one member.
    Hydra must be initialized.

    Raises:
        ConfigError: An override is not valid, or the part that all members share cannot be composed.
    """
    if not multirun:
        return [overrides]
    parsed = parse_overrides(overrides)
    fixed = [override for override in parsed if not override.is_sweep_override()]
    base = compose_all([[str(override.input_line) for override in fixed]])[0]
    if not any(sweeper in base.hydra.sweeper._target_ for sweeper in GRID_SWEEPERS):
        return [[str(override.input_line) for override in fixed]]
    sweeper_params = [f"{key}={value}" for key, value in (base.hydra.sweeper.get("params") or {}).items()]
    of_hydra = [override for override in fixed if override.is_hydra_override()]  # the sweeper never sees them
    of_task = [override for override in parsed if override not in of_hydra]
    asked = parse_overrides(sweeper_params) + of_task
    try:
        members = BasicSweeper.split_arguments(asked, None)[0]
    except (HydraException, ValueError) as error:  # interval(), which other sweepers draw from, or a step of 0
        raise ConfigError(
            f"{summarize_error(error)}; give values, or choose a hydra/sweeper that draws them"
        ) from error
    if not members:
        raise ConfigError([explain_empty_sweep(override) for override in asked if is_empty_sweep(override)])
    return [[*(str(override.input_line) for override in of_hydra), *member] for member in members]


def parse_overrides(overrides: list[str]) -> list[Override]:
    """Parse overrides in Hydra's form.

    Raises:
        ConfigError: An override is not in this form.
    """
    hydra = GlobalHydra.instance()  # whose groups a glob chooses from
    loader = hydra.config_loader() if hydra.is_initialized() else None
    try:
        return OverridesParser.create(config_loader=loader).parse_overrides(overrides)
    except HydraException as error:
        wrong = summarize_error(error).removeprefix("LexerNoViableAltException: ")
        advice = "write key=value, and quote a value with special characters"
        if wrong.startswith("words="):  # letters outside ASCII are special to Hydra's grammar
            advice = """quote each word: 'words=["kâğıdı"]', or give words_file=, or mlqa tokenizers --words kâğıdı"""
        raise ConfigError(f"{wrong}: not a valid override; {advice}") from error


def _compose(overrides: list[str]) -> DictConfig:
    return hydra_compose("config", overrides=overrides, return_hydra_config=True)


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


def convert_to_config(composed: DictConfig) -> Config:
    """Return the composed member as dataclasses. The run directory is empty, because only the start decides it.

    Raises:
        ConfigError: A value is missing, a key is unknown, or an interpolation cannot be resolved.
    """
    try:
        problems = _find_missing_and_unknown(composed)
        if not problems:
            return build_config(composed)
    except OmegaConfBaseException as error:
        full_key = _FULL_KEY.search(str(error))
        prefix = f"{full_key.group(1)}: " if full_key else ""
        raise ConfigError(prefix + summarize_error(error)) from error
    raise ConfigError(problems)


def _find_missing_and_unknown(composed: DictConfig) -> list[str]:
    known = [item.name for item in fields(Config)]
    unknown = [str(key) for key in composed if key != "hydra" and key not in known]
    overrides = parse_overrides(list(composed.hydra.overrides.task))
    typed = {override.key_or_group.partition(".")[0]: override.input_line for override in overrides}
    added = [override for override in overrides if override.is_add() or override.is_force_add()]
    unread = [problem for override in added if "." in override.key_or_group and (problem := explain_unknown(override))]
    OmegaConf.update(composed, "training.output_dir", "")  # interpolates Hydra's run directory, which is not set yet
    missing = sorted(_iter_missing(composed, known))
    if "dataset.mix.sets" in missing and "dataset.language" in missing:  # it is that of the target set
        missing.remove("dataset.language")
    return [
        *(
            f"{typed.get(key, key)}: there is no key or group {key!r}; {suggest_choices(key, [*known, 'experiment'])}"
            for key in unknown
        ),
        *unread,
        *(f"{key}: has no value; {_suggest_value(composed, key)}" for key in missing),
    ]


def _suggest_value(composed: DictConfig, key: str) -> str:
    if key == "dataset.mix.sets":
        return f"set {FORM}"
    if key != "dataset.language":
        return f"set {key}=..."
    files = (OmegaConf.select(composed, f"dataset.{split}_file") for split in ("validation", "train"))
    return suggest_language(next((path for file in files for path in list_paths(file)), None))


def _iter_missing(composed: DictConfig, known: Sequence[str]) -> Iterator[str]:
    """Yield the keys of known nodes that have no value. Hydra's own node has some before a run starts."""
    for key in composed:
        if key not in known:
            continue
        if OmegaConf.is_missing(composed, str(key)):
            yield str(key)
        elif OmegaConf.is_config(composed[key]):
            yield from OmegaConf.missing_keys(composed[key])


def validate_composed(composed: DictConfig, weights: bool = True) -> list[str]:
    """Return all problems of a composed config, one line each.

    Args:
        composed: The composed config of a member.
        weights: Whether the weights of the model are needed, or only its tokenizer.
    """
    try:
        return find_config_problems(convert_to_config(composed), weights)
    except ConfigError as error:
        return error.problems
