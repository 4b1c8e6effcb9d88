"""One process drives a sweep: another is refused while it lives, and nobody once it is dead."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fault_matrix import Matrix
from launcher_app import LAUNCHERS

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.lock import FILE, SweepLock

HOLDS = (
    "import sys\nfrom pathlib import Path\nfrom hydra_sagemaker_launcher.lock import SweepLock\n"
    "SweepLock(Path(sys.argv[1])).acquire()\nprint('locked', flush=True)\nsys.stdin.readline()\n"
)


def start_holder(folder: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)],
        env={"PYTHONPATH": str(LAUNCHERS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    return holder


def test_another_process_is_refused_and_named_until_it_is_killed(tmp_path: Path) -> None:
    holder = start_holder(tmp_path)
    try:
        with pytest.raises(LaunchError) as refused:
            SweepLock(tmp_path).acquire()
        assert f"{tmp_path}: process {holder.pid} on {socket.gethostname()} since 20" in str(refused.value)
        assert "drives this sweep; wait for its end, or stop it there" in str(refused.value)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert (tmp_path / FILE).exists()  # nobody could remove it
    lock = SweepLock(tmp_path)
    lock.acquire()
    assert json.loads((tmp_path / FILE).read_text())["pid"] == os.getpid()
    lock.release()
    assert not (tmp_path / FILE).exists()


def test_two_sweeps_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    first, second = SweepLock(tmp_path / "new"), SweepLock(tmp_path / "new")
    first.acquire()
    first.acquire()  # a sweeper's next launch
    with pytest.raises(LaunchError, match=f"process {os.getpid()} on"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_process_that_a_member_forks_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = SweepLock(tmp_path)
    lock.acquire()
    (is_up, tell_up), (is_over, tell_over) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(tell_over)
        os.write(tell_up, b"1")
        os.read(is_over, 1)
        os._exit(0)
    try:
        os.read(is_up, 1)
        lock._drop()  # what the kernel does if this process dies
        other = SweepLock(tmp_path)
        other.acquire()
        other.release()
    finally:
        os.close(tell_over)
        os.waitpid(child, 0)
        for descriptor in (is_up, tell_up, is_over):
            os.close(descriptor)


def test_a_lock_of_another_host_counts_although_the_kernel_does_not_know_it(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"host": "elsewhere", "pid": 1, "since": "2026-11-28"}\n')
    with pytest.raises(LaunchError, match=f"process 1 on elsewhere .* if it has died, remove {tmp_path / FILE}"):
        SweepLock(tmp_path).acquire()


@pytest.mark.parametrize("left", ["", '{"host": "'])
def test_a_file_that_was_never_written_whole_is_no_lock(tmp_path: Path, left: str) -> None:
    (tmp_path / FILE).write_text(left)
    lock = SweepLock(tmp_path)
    lock.acquire()
    lock.release()


def test_without_locks_in_the_file_system_the_process_id_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    owner = {"host": socket.gethostname(), "pid": dead.pid, "since": ""}
    (tmp_path / FILE).write_text(json.dumps(owner))
    SweepLock(tmp_path).acquire()
    with pytest.raises(LaunchError, match="drives this sweep"):
        SweepLock(tmp_path).acquire()


@pytest.mark.slow
def test_a_sweep_that_another_process_drives_is_neither_read_nor_paid_for(tmp_path: Path) -> None:
    sweep_dir = tmp_path / "sweep"
    with Matrix(tmp_path).open() as matrix:
        other = SweepLock(sweep_dir)
        other.acquire()
        refused = matrix.launch(sweep_dir, None)
        assert refused.said.startswith(f"error: {sweep_dir}: process {os.getpid()} on ")
        assert not refused.calls.counts
        other.release()
        assert set(matrix.launch(sweep_dir, None).statuses.values()) == {"completed"}
    assert not (sweep_dir / FILE).exists()
