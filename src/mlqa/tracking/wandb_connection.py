"""Open a W&B run, online if that is possible, and say in one line why not if it is not."""

from __future__ import annotations

import glob
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlqa.config.schema import TrackingConfig
from mlqa.environment import is_in_container
from mlqa.errors import UnreachableError, summarize_error
from mlqa.tracking.protocol import Logged, RunIdentity
from mlqa.tracking.wandb_mode import PROJECT, Mode, get_key_place, get_server, is_key_refused

log = logging.getLogger(__name__)

START_SECONDS = 60  # an outage must not block a paid machine; tracking.finish_timeout limits the end
READ_SECONDS = 30  # timeout of one request
GRACE_SECONDS = 30  # more than tracking.finish_timeout, within which W&B should end its wait
TAG_LENGTH = 64  # characters: W&B refuses longer tags


def open_run(config: TrackingConfig, identity: RunIdentity, mode: Mode) -> tuple[Any, Mode]:
    """Open the W&B run. If it cannot be online, log one warning and keep it offline.

    Args:
        config: The node `tracking`.
        identity: Identity of the run.
        mode: Of `decide_mode`.

    Returns:
        The W&B run, and how it really runs.
    """
    import wandb

    _warn_of_unknown_variables()
    try:
        return _init(config, identity, mode), mode
    except Exception as error:
        if mode != "online":
            raise
        log.warning("tracking: %s; this run is kept offline", describe_failure(error))
        wandb.teardown()  # its service process keeps the id of a run that it could not start
        return _init(config, identity, "offline"), "offline"


def describe_failure(error: BaseException) -> str:
    """Describe in one line why W&B could not be used: the key is wrong, the server refused, or it does not answer."""
    reason = summarize_error(error)
    if "api key must" in reason.lower() or is_key_refused():
        return (
            f"W&B at {get_server()} refuses the key in {get_key_place()} ({reason}); get the right one by wandb login"
        )
    return f"W&B at {get_server()} could not be used ({reason})"


def resolve_project(config: TrackingConfig) -> str:
    """Return the W&B project of a run: that of the config, of the environment or "mlqa"."""
    return config.project or os.environ.get("WANDB_PROJECT") or PROJECT


def find_run_dirs(run_dir: Path, run_id: str, root: str | None = None) -> list[Path]:
    """Find what W&B keeps of a run on this machine.

    Args:
        run_dir: The run's directory.
        run_id: The run's id in W&B.
        root: The folder that W&B was given. None means WANDB_DIR, else the run's directory.

    Returns:
        Its directories, `run-*` and `offline-run-*`, in their order in time: a resumed run has several.
    """
    folder = _resolve_root(root, run_dir)
    found = [
        path
        for name in ("wandb", ".wandb")
        for path in (folder / name).glob(f"*run-*-{glob.escape(run_id)}")
        if path.is_dir() and not path.is_symlink()
    ]
    return sorted(found, key=lambda path: path.name.removeprefix("offline-"))


def _resolve_root(root: str | None, run_dir: Path) -> Path:
    return Path(root or os.environ.get("WANDB_DIR") or run_dir).expanduser().absolute()


def _init(config: TrackingConfig, identity: RunIdentity, mode: Mode) -> Any:
    import wandb

    root = _resolve_root(config.dir, identity.directory)
    root.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "symlink": not is_in_container(),  # nothing that leaves a container may depend on links
        "sagemaker_disable": True,  # otherwise W&B replaces id and group by the job's name in a container
        "disable_git": True,  # the URL of a remote may hold a token
        "finish_timeout": config.finish_timeout,
        "finish_timeout_raises": True,
        "silent": True,
    }
    if "WANDB_INIT_TIMEOUT" not in os.environ:
        settings["init_timeout"] = START_SECONDS
    if not _hides_code():
        settings["git_commit"] = identity.commit
    return wandb.init(
        project=resolve_project(config),
        entity=config.entity or os.environ.get("WANDB_ENTITY"),
        id=identity.id,
        name=identity.name or identity.id,
        notes=identity.notes,
        group=identity.group,
        job_type=identity.job_type,
        tags=list(dict.fromkeys(tag[:TAG_LENGTH] for tag in identity.tags if tag)),
        config=identity.config,
        dir=str(root),
        mode=mode,
        resume="allow",
        reinit="finish_previous",  # a run that is still open would receive this one's rows
        settings=wandb.Settings(**settings),
    )


def close_run(run: Any, exit_code: int, seconds: float) -> None:
    """Close a run within its time.

    W&B ends its own wait, but its process was seen to give no answer at all. It is killed then: the run would wait for
    it, here and once more at the end of Python.

    Args:
        run: The run.
        exit_code: 0 if it completed.
        seconds: `tracking.finish_timeout`.

    Raises:
        TimeoutError: The upload is not complete.
    """
    killed = threading.Event()

    def stop_waiting() -> None:
        killed.set()
        _kill_service()

    timer = threading.Timer(seconds + GRACE_SECONDS, stop_waiting)
    timer.daemon = True
    timer.start()
    try:
        run.finish(exit_code=exit_code)
    except Exception as error:
        if killed.is_set():
            raise TimeoutError("W&B's process gave no answer") from error
        raise
    finally:
        timer.cancel()


def _kill_service() -> None:
    """Kill the process that W&B uploads by, so that the next run starts another one. W&B has no public names for it."""
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib.service import service_token

    with suppress(AttributeError, OSError):
        setup = wandb_setup.singleton()
        connection, setup._connection = setup._connection, None
        connection._proc._process.kill()
        connection._cleanup()  # nothing is to be said to it at the end of Python
        service_token.clear_service_in_env()


def read_run(config: TrackingConfig, identity: RunIdentity) -> Logged | None:
    """Read what W&B has of a run.

    Args:
        config: The node `tracking`.
        identity: Identity of the run.

    Returns:
        None if W&B does not know the run.

    Raises:
        UnreachableError: W&B cannot be asked.
    """
    import wandb

    try:
        api = wandb.Api(timeout=READ_SECONDS)
        entity = config.entity or os.environ.get("WANDB_ENTITY") or api.default_entity
        try:
            run = api.run(f"{entity}/{resolve_project(config)}/{identity.id}")
        except wandb.errors.CommError as error:
            if "could not find run" in str(error).lower():
                return None
            raise
        rows = [dict(row) for row in run.scan_history(use_cache=False)]
        place = {"mode": "online", "entity": run.entity, "project": run.project, "id": run.id, "url": run.url}
        summary = {key: run.summary.get(key) for key in run.summary.keys()}  # noqa: SIM118
        return Logged(rows, summary, {"wandb": place})
    except (Exception, SystemExit) as error:
        raise UnreachableError(f"sync: {describe_failure(error)}") from error


def save_diff(run: Any, diff: str) -> None:
    """Put the program's changes since its commit among the files of a run, where W&B itself would put them.

    Args:
        run: The W&B run.
        diff: As `git diff` shows them, "" for none.
    """
    if diff and not _hides_code():
        path = Path(run.dir, "diff.patch")
        path.write_text(diff, "utf-8")
        run.save(str(path), base_path=run.dir, policy="now")


def _hides_code() -> bool:
    return any(os.environ.get(f"WANDB_DISABLE_{what}", "").lower() in ("true", "1") for what in ("GIT", "CODE"))


def _warn_of_unknown_variables() -> None:
    """Warn once of a variable that W&B does not know: it would be ignored."""
    import wandb
    from wandb import env

    known = {value for value in vars(env).values() if isinstance(value, str)}
    known |= {f"WANDB_{name.upper()}" for name in wandb.Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith("WANDB_") and name not in known and not name.startswith("WANDB_X_"):
            log.warning("tracking: W&B knows no variable %s, so it is ignored", name)
