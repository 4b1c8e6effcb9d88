"""Exchange objects among the processes that train together (torchrun, smdistributed), and find out why one ended.

If there is only one process, the functions return at once and import no torch.
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
    """Raise SigtermInterrupt inside the block when SIGTERM arrives, so that a run can still write its result.

    Outside the main thread, where Python sets no signal handlers, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second SIGTERM ends the process at once
        raise SigtermInterrupt

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM inside the block, for the moment in which the result is written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def broadcast_weights(model: Any) -> None:
    """Give every process the weights that rank 0 has.

    Args:
        model: A torch module on the device of the process.
    """
    if get_world_size() == 1:
        return
    import torch

    for tensor in model.state_dict().values():
        torch.distributed.broadcast(tensor, 0)


def all_gather_object(value: Any) -> list[Any]:
    """Gather the values of all processes on every process.

    Args:
        value: The value of this process, which can be pickled.

    Returns:
        The values, by rank.
    """
    if get_world_size() == 1:
        return [value]
    import torch.distributed

    values: list[Any] = [None] * get_world_size()
    torch.distributed.all_gather_object(values, value, group=_get_object_group())
    return values


def gather_object(value: Any) -> list[Any]:
    """Gather the values of all processes on rank 0.

    Args:
        value: The value of this process, which can be pickled.

    Returns:
        The values by rank on rank 0, and an empty list on the others.
    """
    if get_world_size() == 1:
        return [value]
    import torch.distributed

    values: list[Any] = [None] * get_world_size()
    torch.distributed.gather_object(value, values if get_rank() == 0 else None, dst=0, group=_get_object_group())
    return values if get_rank() == 0 else []


def broadcast_object(value: Any) -> Any:
    """Return the value of rank 0 on every process.

    Args:
        value: The value, which can be pickled. It is ignored on all ranks but 0.
    """
    if get_world_size() == 1:
        return value
    import torch.distributed

    values = [value]
    torch.distributed.broadcast_object_list(values, src=0, group=_get_object_group())
    return values[0]


@functools.cache
def _get_object_group() -> Any:
    """Return a gloo group under smdistributed, whose own back end moves only the tensors of GPUs, else None."""
    import torch.distributed

    return torch.distributed.new_group(backend="gloo") if torch.distributed.get_backend() == "smddp" else None


def destroy_process_group() -> None:
    """Disconnect the processes at the end. Otherwise the threads of the connection could abort an exiting process."""
    if get_world_size() == 1:
        return
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def find_root_cause(raised: BaseException) -> BaseException:
    """Return the root cause of an exception: if several processes train together, usually the failure of another rank.

    If the cause is in this process, the other processes are told.

    Args:
        raised: The exception that ended this process.

    Returns:
        The same exception, or a RunError that names the failure of the other rank.
    """
    if get_world_size() == 1 or (isinstance(raised, KeyboardInterrupt) and not isinstance(raised, SigtermInterrupt)):
        return raised
    other = _read_reported_failure()
    if other is not None and not isinstance(raised, MlqaError):
        return RunError(other)
    if isinstance(raised, SigtermInterrupt):
        return RunError("ended by SIGTERM: another process of this run has died, or the launcher was told to stop")
    if type(raised).__name__.startswith("Dist") or "gloo" in str(raised):
        died = "another process of this run has died and left no message (killed, or out of memory?)"
        return RunError(f"{died}: {summarize_error(raised).rpartition('] ')[2]}")
    _report_failure(summarize_error(raised))
    return raised


def _report_failure(reason: str) -> None:
    """Tell the other processes why this one ends, unless another has failed before."""
    with contextlib.suppress(Exception):  # the process that keeps the store may be gone
        _connect_store().compare_set(_FAILURE, "", f"rank {get_rank()}: {reason}")


def _read_reported_failure() -> str | None:
    """Return what the first process to fail has reported, e.g. "rank 1: ...", or None if none has."""
    with contextlib.suppress(Exception):
        store = _connect_store()
        if store.check([_FAILURE]):
            return str(store.get(_FAILURE).decode())
    return None


def _connect_store() -> Any:
    """Open a separate connection to the key-value store of the processes, which still works when they fail."""
    import torch.distributed

    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    return torch.distributed.TCPStore(  # type: ignore[attr-defined]
        address, port, is_master=False, timeout=timedelta(seconds=_STORE_SECONDS), wait_for_workers=False
    )
