"""Threads: which cores a process may use, how processes share them, and what is set before torch is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa import threads
from mlqa.threads import Cores, bound_spinning, count_cores
from sagemaker_rehearsal.cores import count_cores as count_cores_of_rehearsal

TOP = Path(__file__).resolve().parents[1]
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
# mlqa and the launcher know nothing of each other, so both count. They must agree.
COUNTERS: list[Callable[[Path, Path], int]] = [lambda *folders: count_cores(*folders).usable, count_cores_of_rehearsal]


class Machine:
    """The kernel's files of a made-up machine."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.sys_cpu, self.mount = folder / "proc", folder / "cpu", folder / "cgroup"

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", "utf-8")

    def set_siblings(self, *siblings: str) -> None:
        """Give each processor the list of the hyperthreads of its core, e.g. "0,4"."""
        for number, text in enumerate(siblings):
            self.write(self.sys_cpu / f"cpu{number}" / "topology" / "thread_siblings_list", text)

    def join_cgroup(self, line: str, mounted: str) -> None:
        """Put the process into a cgroup. `mounted` is root, type and options of the mount, e.g. "/ cgroup2 rw"."""
        root, kind, options = mounted.split()
        self.write(self.proc / "self" / "cgroup", f"7:memory:/other\n{line}")
        mounts = [
            "21 1 0:5 / /proc rw,nosuid - proc proc rw",
            "22 1 0:6 / /elsewhere rw - cgroup cgroup rw,memory",
            f"23 1 0:7 {root} {self.mount} rw,nosuid shared:4 - {kind} cgroup {options}",
        ]
        self.write(self.proc / "self" / "mountinfo", "\n".join(mounts))

    def set_quota(self, group: str, quota: str, period: int = 100_000) -> None:
        self.write(self.mount / group / "cpu.max", f"{quota} {period}")

    def set_old_quota(self, group: str, quota: int, period: int = 100_000) -> None:
        self.write(self.mount / group / "cpu.cfs_quota_us", str(quota))
        self.write(self.mount / group / "cpu.cfs_period_us", str(period))

    def count(self) -> int:
        counted = {count(self.proc, self.sys_cpu) for count in COUNTERS}
        assert len(counted) == 1
        return counted.pop()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine of eight processors without hyperthreads, affinity and quotas."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return Machine(tmp_path)


def test_without_limits_every_core_counts(machine: Machine) -> None:
    assert machine.count() == 8
    assert count_cores(machine.proc, machine.sys_cpu) == Cores(machine=8, usable=8, limit="machine")


def test_without_affinity_every_core_counts(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has no affinity, no /proc and no cgroups."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert machine.count() == 8


def test_hyperthreads_of_a_core_count_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.set_siblings("0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7")
    assert machine.count() == 4
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 4, 1})
    assert machine.count() == 2
    assert count_cores(machine.proc, machine.sys_cpu) == Cores(machine=4, usable=2, limit="affinity")


@pytest.mark.parametrize(("quota", "cores"), [("max", 8), ("200000", 2), ("150000", 2), ("50000", 1), ("1600000", 8)])
def test_a_quota_counts_as_the_cores_that_it_pays_for(machine: Machine, quota: str, cores: int) -> None:
    machine.join_cgroup("0::/", "/ cgroup2 rw")
    machine.set_quota(".", quota)
    assert machine.count() == cores
    limit = "quota" if cores < 8 else "machine"
    assert count_cores(machine.proc, machine.sys_cpu) == Cores(machine=8, usable=cores, limit=limit)


def test_the_smallest_quota_of_nested_groups_counts(machine: Machine) -> None:
    machine.join_cgroup("0::/slurm/job_7/step_0", "/ cgroup2 rw")
    machine.set_quota("slurm", "600000")
    machine.set_quota("slurm/job_7", "300000")
    machine.set_quota("slurm/job_7/step_0", "max")
    assert machine.count() == 3


def test_a_quota_of_version_1_counts(machine: Machine) -> None:
    machine.join_cgroup("4:cpu,cpuacct:/a/b", "/ cgroup rw,cpu,cpuacct")
    machine.set_old_quota("a/b", -1)
    machine.set_old_quota("a", 125_000, 50_000)
    assert machine.count() == 3


@pytest.mark.parametrize(("path", "root"), [("/docker/1f", "/docker/1f"), ("/docker/1f", "/other"), ("/../x", "/")])
def test_a_container_sees_its_own_group_as_the_top(machine: Machine, path: str, root: str) -> None:
    """The path of a group may be that outside of the container. The mount shows the group itself."""
    machine.join_cgroup(f"4:cpu:{path}", f"{root} cgroup rw,cpu")
    machine.set_old_quota(".", 400_000)
    assert machine.count() == 4


def test_a_group_of_another_controller_does_not_count(machine: Machine) -> None:
    machine.join_cgroup("4:cpuset:/", "/ cgroup rw,cpuset")
    machine.set_old_quota(".", 100_000)
    assert machine.count() == 8


@given(group=st.text(max_size=60), mounts=st.text(max_size=120), quota=st.text(max_size=30))
def test_whatever_the_files_hold_there_is_a_core(
    tmp_path_factory: pytest.TempPathFactory, group: str, mounts: str, quota: str
) -> None:
    folder = tmp_path_factory.mktemp("machine")
    machine = Machine(folder)
    machine.join_cgroup("0::/", "/ cgroup2 rw")
    (machine.mount / "x").mkdir(parents=True)
    for path, text in (("proc/self/cgroup", f"0::/x\n{group}"), ("cgroup/x/cpu.max", quota)):
        (folder / path).write_text(text, "utf-8", errors="replace")
    with (folder / "proc/self/mountinfo").open("a", encoding="utf-8", errors="replace") as file:
        file.write(mounts)
    assert 1 <= machine.count() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("usable", "processes", "before", "count"),
    [(8, 1, 8, 8), (8, 2, 8, 4), (8, 3, 8, 2), (2, 4, 8, 1), (8, 1, 3, 3), (8, 2, 3, 3)],
)
def test_processes_of_a_machine_share_its_cores(
    monkeypatch: pytest.MonkeyPatch, usable: int, processes: int, before: int, count: int
) -> None:
    """What torch would take itself is an upper bound."""
    import torch

    chosen = [before]
    monkeypatch.setattr(torch, "get_num_threads", lambda: chosen[-1])
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    monkeypatch.setattr(threads, "count_cores", lambda: Cores(8, usable, "quota" if usable < 8 else "machine"))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for large in (768, None):
        entry = threads.limit_threads(large)
        assert chosen[-1] == count
        assert (entry["count"], entry["processes"], entry["set_by"]) == (count, processes, None)


@pytest.mark.parametrize(
    ("usable", "processes", "count", "set_by"),
    [
        (8, 1, 4, "small model"),
        (8, 2, 2, "small model"),
        (3, 1, 2, "small model"),
        (2, 1, 2, None),
        (1, 1, 1, None),
        (2, 4, 1, None),
    ],
)
def test_a_small_model_takes_half_of_the_share_and_two_cores_if_there_are_two(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    usable: int,
    processes: int,
    count: int,
    set_by: str | None,
) -> None:
    import torch

    chosen = [8]
    monkeypatch.setattr(torch, "get_num_threads", lambda: chosen[-1])
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    monkeypatch.setattr(threads, "count_cores", lambda: Cores(8, usable, "affinity"))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with caplog.at_level("INFO", logger="mlqa.threads"):
        entry = threads.limit_threads(128)
    assert (entry["count"], entry["set_by"], entry["cores"]["usable"]) == (count, set_by, usable)
    assert chosen[-1] == count
    assert caplog.messages == [f"computing with {count * processes} of 8 cores ({set_by or 'affinity'})"]


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_the_number_of_the_user_wins(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    import torch

    for other in VARIABLES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "5")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: pytest.fail("the user's number was changed"))
    monkeypatch.setattr(threads, "count_cores", lambda: Cores(8, 2, "quota"))
    with caplog.at_level("INFO", logger="mlqa.threads"):
        entry = threads.limit_threads(128)
    assert (entry["count"], entry["set_by"], entry["cores"]["usable"]) == (5, name, 2)
    assert caplog.messages == [f"computing with 5 of 8 cores ({name})"]


@pytest.mark.parametrize(
    ("given_by_user", "expected"),
    [
        ({}, threads.SPINNING),
        ({"GOMP_SPINCOUNT": "7"}, {**threads.SPINNING, "GOMP_SPINCOUNT": "7"}),
        ({"KMP_BLOCKTIME": "infinite"}, {**threads.SPINNING, "KMP_BLOCKTIME": "infinite"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
    ],
)
def test_spinning_is_bounded_unless_the_user_decides(
    monkeypatch: pytest.MonkeyPatch, given_by_user: dict[str, str], expected: dict[str, str]
) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with mock.patch.dict(os.environ, given_by_user, clear=True):
        bound_spinning()
        assert dict(os.environ) == expected


def test_spinning_is_left_alone_if_torch_is_loaded() -> None:
    import torch  # noqa: F401

    with mock.patch.dict(os.environ, clear=True):
        bound_spinning()
        assert dict(os.environ) == {}


LOOK = """
import sys
class Look:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            import json, os
            print("SEEN", json.dumps({key: os.environ.get(key) for key in %r}), flush=True)
            os._exit(0)
sys.meta_path.insert(0, Look())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "start",
    [
        f"import runpy; sys.argv = ['train.py', 'experiment=quickstart', 'dataset.sample.train_rows=8', "
        f"'dataset.sample.validation_rows=8']; runpy.run_path({str(TOP / 'train.py')!r}, run_name='__main__')",
        "from mlqa.cli import main; main(['predict', '.', '--context', 'a b', '--question', 'a?'])",
        "from mlqa.inference import Predictor",
        "import mlqa.training.trainer",
    ],
    ids=["train.py", "mlqa predict", "inference", "trainer"],
)
def test_the_variables_are_set_when_torch_is_loaded(tmp_path: Path, start: str) -> None:
    """Of the whole environment at the moment in which a process imports torch."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment["PYTHONPATH"] = os.pathsep.join([str(TOP / "src"), str(TOP / "launchers")])
    done = subprocess.run(
        [sys.executable, "-c", LOOK % (tuple(threads.SPINNING),) + start],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    seen = [line.removeprefix("SEEN ") for line in done.stdout.splitlines() if line.startswith("SEEN ")]
    assert len(seen) == 1, done.stderr
    assert json.loads(seen[0]) == threads.SPINNING
