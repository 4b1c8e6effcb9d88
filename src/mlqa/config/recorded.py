"""The config of an earlier run, as Hydra wrote it into the run's directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.absolute_paths import make_paths_absolute
from mlqa.config.hydra_errors import explain_unknown
from mlqa.config.schema import Config, TrainingConfig, build_config, select_numbers
from mlqa.errors import ConfigError, RunError, summarize_error
from mlqa.result import FILE as RESULT

FOLDER = ".hydra"


def read_recorded_config(run_dir: Path, overrides: Sequence[str] = ()) -> Config:
    """Return the config of an earlier run, with the values of this call.

    A relative path means the folder of this command, or else the one in which the run was started.

    Args:
        run_dir: Directory of the run.
        overrides: Settings to change, each `key=value` with a dotted key.

    Returns:
        The config. `training.output_dir` is empty.

    Raises:
        RunError: The run has no config that this version reads.
        ConfigError: An override is not a setting.
    """
    path = run_dir / FOLDER / "config.yaml"
    if not path.is_file():
        raise RunError(f"{path}: the file does not exist, so it is not known how the run was made; copy its {FOLDER}")
    merged: Any = OmegaConf.structured(Config)
    try:
        merged = OmegaConf.merge(merged, OmegaConf.load(path))
    except (OmegaConfBaseException, OSError, ValueError) as error:
        raise RunError(f"{path}: is not a config of this version of mlqa: {summarize_error(error)}") from None
    for override in overrides:
        if "=" not in override:
            raise ConfigError(f"{override}: not a setting; write key=value, such as training.batching=padded")
        try:
            merged = OmegaConf.merge(merged, OmegaConf.from_dotlist([override]))
        except OmegaConfBaseException as error:
            raise ConfigError(_explain_unknown(override) or f"{override}: {summarize_error(error)}") from None
    OmegaConf.update(merged, "training.output_dir", "")  # interpolates Hydra's run directory, and there is none
    try:
        config = build_config(merged)
    except OmegaConfBaseException as error:
        raise RunError(f"{path}: is not a complete config: {summarize_error(error)}") from None
    return _find_files(config, run_dir)


def _explain_unknown(override: str) -> str | None:
    """Return which keys there are instead of that of an override, None if its key is not at fault."""
    try:
        return explain_unknown(OverridesParser.create().parse_override(override))
    except HydraException:  # Hydra cannot read the value
        return None


def read_training_config(run_dir: Path, recorded: Any) -> TrainingConfig:
    """Return the window and decoding settings of a run.

    Args:
        run_dir: The run's directory.
        recorded: The node `training` of its result.json, None if an earlier version wrote it. It counts if the run has
            no .hydra/config.yaml.

    Raises:
        RunError: Neither file has them. Windows other than the run's would silently give other answers.
    """
    training = TrainingConfig(output_dir=str(run_dir), seed=0)
    path = run_dir / FOLDER / "config.yaml"
    if not recorded and not path.is_file():
        raise RunError(
            f"{run_dir}: neither its {RESULT} nor {FOLDER}/config.yaml has the window settings of this run; copy the "
            f"folder {FOLDER} from where it was trained"
        )
    try:
        written = OmegaConf.load(path).training if path.is_file() else recorded
        for name, default in select_numbers(training).items():
            if name in written:
                setattr(training, name, type(default)(written[name]))
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError, OSError) as error:
        raise RunError(f"{path}: cannot be read: {summarize_error(error)}") from None
    return training


def _find_files(config: Config, run_dir: Path) -> Config:
    """Let relative paths that are not here mean the folder in which the run was started."""
    files = (config.dataset.train_file, config.dataset.validation_file)
    if all(Path(file).expanduser().exists() for file in files if file):
        return config
    try:
        started_in = OmegaConf.select(OmegaConf.load(run_dir / FOLDER / "hydra.yaml"), "hydra.runtime.cwd")
    except (OmegaConfBaseException, OSError, ValueError):
        return config
    return make_paths_absolute(config, Path(started_in)) if started_in else config


def write_config(config: Config, run_dir: Path) -> None:
    """Write a config to the file that Hydra would have written, for what reads run directories."""
    (run_dir / FOLDER).mkdir(parents=True, exist_ok=True)
    OmegaConf.save(OmegaConf.structured(config), run_dir / FOLDER / "config.yaml")
