"""Check the directory that each member will write, and reserve the first one for this process."""

from __future__ import annotations

import atexit
import contextlib
import copy
import os
import pickle
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from mlqa.config.absolute_paths import make_paths_absolute
from mlqa.config.conversion import convert_to_config
from mlqa.config.data_files import iter_data_files
from mlqa.config.identity import compute_config_hash
from mlqa.config.run_lock import lock_directory, unlock_directory
from mlqa.errors import ConfigError, RunError, summarize_error
from mlqa.result import FILE, find_completed

MIN_FREE_BYTES = 1 << 20  # the files of a run besides its model


def check_run_dir(composed: DictConfig, multirun: bool) -> list[str]:
    """Refuse a run directory that cannot be created, or that has an input of the run in it."""
    key = "sweep" if multirun else "run"
    try:
        chosen = _resolve(composed, key, "dir")
    except (OmegaConfBaseException, ValueError) as error:
        return [f"hydra.{key}.dir={_get_raw_dir(composed, key)}: {summarize_error(error)}"]
    if not chosen:
        return [f"hydra.{key}.dir=: is empty; choose a directory for the files of the run"]
    place = Path(chosen).expanduser().absolute()
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return [f"hydra.{key}.dir={chosen}: {existing} is not a writable directory; choose another"]
    inputs = [("model.pretrained", composed.model.pretrained), *iter_data_files(composed.dataset)]
    inside = [f"{name}={value}" for name, value in inputs if value and place in Path(value).absolute().parents]
    if inside and place != Path.cwd():
        return [
            f"{item}: is inside the run directory, which the run may clear; choose another hydra.{key}.dir"
            for item in inside
        ]
    if shutil.disk_usage(existing).free < MIN_FREE_BYTES:
        return [f"hydra.{key}.dir={chosen}: its disk is full; free some space or choose another directory"]
    return []


def check_claims(members: Sequence[DictConfig], multirun: bool) -> list[str]:
    """Refuse directories that two members would share, and those of other completed runs.

    Only now is it early enough: Hydra writes its .hydra and train.log there before a member starts.

    Args:
        members: The composed members.
        multirun: Whether a sweep starts.
    """
    problems: list[str] = []
    owners: dict[Path, int] = {}
    clock = _read_clock(members[0]) if members else {}
    for number, member in enumerate(members):
        OmegaConf.set_cache(member, copy.deepcopy(clock))
        run_dir = _find_claim(member, multirun, number)
        if run_dir is None:
            continue
        if (owner := owners.setdefault(run_dir, number)) == number:
            problems.extend(_check_claim(member, run_dir))
        elif not any(line.startswith("hydra.sweep.subdir") for line in problems):
            problems.append(
                f"hydra.sweep.subdir={run_dir.name}: #{owner} and #{number} would share {run_dir}; make it of "
                "${hydra.job.num} or ${hydra.job.override_dirname}"
            )
    return problems


def _read_clock(composed: DictConfig) -> dict[str, Any]:
    """Return the moments of a sweep: Hydra gives them to each member after it has resolved the sweep's directory."""
    with contextlib.suppress(OmegaConfBaseException, ValueError):
        _resolve(composed, "sweep", "dir")
    return copy.deepcopy(OmegaConf.get_cache(composed))


def _find_claim(composed: DictConfig, multirun: bool, number: int) -> Path | None:
    """Return the directory of a member, None if others check it or only the start decides it."""
    hydra = composed.hydra
    if multirun and (composed.hardware.instance_type is not None or hydra.launcher.get("resume")):
        return None  # the launcher knows its own sweeps
    if multirun and "basic_sweeper" not in hydra.sweeper._target_:
        return None  # only the overrides that all members share are known
    with open_dict(hydra), read_write(hydra):
        hydra.job.num = number
    try:
        run_dir = Path(_resolve(composed, "sweep" if multirun else "run", "dir"))
        return run_dir / str(_resolve(composed, "sweep", "subdir")) if multirun else run_dir
    except (OmegaConfBaseException, ValueError):  # it depends on what is known only when the member starts
        return None


def _check_claim(composed: DictConfig, run_dir: Path) -> list[str]:
    if not (run_dir / FILE).exists():  # nearly always, and then the hash of hundreds of members is not needed
        return []
    try:
        config = convert_to_config(composed)
        is_anchored = composed.hydra.job.chdir
        find_completed(run_dir, compute_config_hash(make_paths_absolute(config, Path.cwd()) if is_anchored else config))
    except RunError as error:
        return [str(error)]
    return []


def check_rerun(pickled: Path) -> None:
    """Refuse to rerun a pickled config whose directory is not on this machine, such as that of a SageMaker job.

    Only Hydra opens the pickle. The YAML files beside it have the same content.

    Args:
        pickled: The argument of --experimental-rerun.

    Raises:
        ConfigError: The file or the directory is missing, or the file is not a pickle.
    """
    if not pickled.is_file():
        raise ConfigError(f"--experimental-rerun={pickled}: there is no such file")
    with pickled.open("rb") as file:
        if file.read(1) != pickle.PROTO:
            raise ConfigError(
                f"--experimental-rerun={pickled}: is not a pickled config; give the .hydra/config.pickle of a run "
                "whose hydra.callbacks had a PickleJobInfoCallback"
            )
    try:
        ran_in = OmegaConf.load(pickled.parent / "hydra.yaml").hydra.runtime.output_dir
        overrides = [str(line) for line in OmegaConf.load(pickled.parent / "overrides.yaml")]
    except (OSError, OmegaConfBaseException, AttributeError):
        return
    if not Path(ran_in).is_dir():
        raise ConfigError(
            f"--experimental-rerun={pickled}: this run was in {ran_in}, which is not on this machine; run it again by "
            f"its overrides: python train.py {shlex.join(overrides)}"
        )


def reserve_directory(composed: DictConfig, multirun: bool) -> list[str]:
    """Reserve the run directory, or the sweep's, until this process ends.

    A directory that is named by the time may be taken: another process started in the same second. Then the name gets
    a number, as in 12-30-59_2. Such a name is fixed, because the second may pass before Hydra asks.

    Args:
        composed: The first member.
        multirun: Whether a sweep starts.

    Returns:
        The overrides that fix the directory.

    Raises:
        ConfigError: A living process has a directory that the user named.
    """
    key = "sweep" if multirun else "run"
    raw = _get_raw_dir(composed, key)
    resumed = multirun and composed.hydra.launcher.get("resume")
    moments = OmegaConf.get_cache(composed)
    moments.pop("now", None)
    chosen = str(resumed or _resolve(composed, key, "dir"))
    is_named_by_time = bool(moments.get("now")) and not resumed  # itself, or what it refers to
    if resumed and not Path(chosen).is_dir():  # as the launcher will say
        return []
    folder, number = Path(chosen), 1
    while (holder := lock_directory(folder)) is not None:
        if not is_named_by_time:
            raise ConfigError(
                f"{'hydra.launcher.resume' if resumed else f'hydra.{key}.dir'}={chosen}: {holder} is running in it; "
                "wait for its end, or choose another directory"
            )
        number += 1
        folder = Path(f"{chosen}_{number}")
    atexit.register(unlock_directory, folder)
    if resumed or not (
        is_named_by_time or (multirun and "${hydra:" in raw)
    ):  # which Hydra resolves only for single runs
        return []
    return [f"hydra.{key}.dir={QuotedString(str(folder), Quote.single).with_quotes()}"]


def _resolve(composed: DictConfig, key: str, name: str) -> Any:
    """Return hydra.<key>.<name>. ${hydra:...} resolves as it does when Hydra starts a job of this config."""
    try:
        return composed.hydra[key][name]
    except (OmegaConfBaseException, ValueError):
        hydra_config = HydraConfig.instance()
        before = hydra_config.cfg
        hydra_config.set_config(composed)  # copies Hydra's node, so only if something asks
        try:
            return composed.hydra[key][name]
        finally:
            hydra_config.cfg = before


def _get_raw_dir(composed: DictConfig, key: str) -> str:
    """Return a directory as it is written, with its interpolations."""
    raw = OmegaConf.to_container(composed.hydra[key], resolve=False)
    assert isinstance(raw, dict)
    return str(raw["dir"])


def find_sweep_dir(run_dir: Path) -> Path | None:
    """Return the directory of the sweep that a run is a member of, or None. Members may be several folders below it."""
    folders: Sequence[Path] = run_dir.absolute().parents
    for folder in folders:
        if (folder / "multirun.yaml").is_file():
            return folder
        if folder == Path.cwd():
            break
    return None
