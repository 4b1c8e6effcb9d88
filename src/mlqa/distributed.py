"""The processes that train together (torchrun, smdistributed): what they agree on, and what ended one of them.

With one process every function is free and imports no torch.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from mlqa.environment import get_rank, get_world_size
from mlqa.errors import MlqaError, RunError, SigtermInterrupt, summarize_error

_FAILURE = "mlqa/failure"
_STORE_SECONDS = 5


@contextlib.contextmanager
def raise_on_sigterm() -> Iterator[None]:
    """Within, SIGTERM raises Terminated, so that a run can still write its result. Main thread only; else nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends at once
        raise SigtermInterrupt

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Within, neither Ctrl-C nor SIGTERM is heard: for the moment in which the result is written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def all_gather_object(value: Any) -> list[Any]:
    """Everyone's value, by rank, on every process."""
    if get_world_size() == 1:
        return [value]
    import torch.distributed

    everyone: list[Any] = [None] * get_world_size()
    torch.distributed.all_gather_object(everyone, value, group=_get_object_group())
    return everyone


def gather_object(value: Any) -> list[Any]:
    """Everyone's value, by rank, on the main process; elsewhere an empty list."""
    if get_world_size() == 1:
        return [value]
    import torch.distributed

    everyone: list[Any] = [None] * get_world_size()
    torch.distributed.gather_object(value, everyone if get_rank() == 0 else None, dst=0, group=_get_object_group())
    return everyone if get_rank() == 0 else []


def broadcast_object(value: Any) -> Any:
    """The main process's value, on every process."""
    if get_world_size() == 1:
        return value
    import torch.distributed

    box = [value]
    torch.distributed.broadcast_object_list(box, src=0, group=_get_object_group())
    return box[0]


@functools.cache
def _get_object_group() -> Any:
    """smdistributed's back end moves the tensors of GPUs and nothing else: objects go by gloo there."""
    import torch.distributed

    return torch.distributed.new_group(backend="gloo") if torch.distributed.get_backend() == "smddp" else None


def destroy_process_group() -> None:
    """Ends the connection of the processes, when all is done: its threads would else abort an exiting process."""
    if get_world_size() == 1:
        return
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def find_root_cause(raised: BaseException) -> BaseException:
    """What really ended this process: where several train together mostly the death of another, and then its error."""
    if get_world_size() == 1 or (isinstance(raised, KeyboardInterrupt) and not isinstance(raised, SigtermInterrupt)):
        return raised
    other = _read_reported_failure()
    if other is not None and not isinstance(raised, MlqaError):
        return RunError(other)
    if isinstance(raised, SigtermInterrupt):
        return RunError("ended by SIGTERM: another process of this run has died, or the launcher was told to stop")
    if type(raised).__name__.startswith("Dist") or "gloo" in str(raised):
        died = "another process of this run has died without a word (killed, or out of memory?)"
        return RunError(f"{died}: {summarize_error(raised).rpartition('] ')[2]}")
    _report_failure(summarize_error(raised))
    return raised


def _report_failure(reason: str) -> None:
    """Tells the other processes, before this one ends, why it does; the first to fail is heard."""
    with contextlib.suppress(Exception):  # whoever kept the store may be gone
        _connect_store().compare_set(_FAILURE, "", f"rank {get_rank()}: {reason}")


def _read_reported_failure() -> str | None:
    """What the first process to fail has reported, e.g. "rank 1: ..."; None where none has."""
    with contextlib.suppress(Exception):
        store = _connect_store()
        if store.check([_FAILURE]):
            return str(store.get(_FAILURE).decode())
    return None


def _connect_store() -> Any:
    """A connection of its own to the key-value store where the processes have met: it works while they fall apart."""
    import torch.distributed

    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    return torch.distributed.TCPStore(  # type: ignore[attr-defined]
        address, port, is_master=False, timeout=timedelta(seconds=_STORE_SECONDS), wait_for_workers=False
    )
