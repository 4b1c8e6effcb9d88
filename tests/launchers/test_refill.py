"""launch_as_completed on the service with simulated time: who is asked when, and what a sweeper may do."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fault_matrix import Matrix
from hydra._internal.callbacks import Callbacks
from hydra.core.utils import JobStatus
from hydra.types import HydraContext
from in_process_service import Calls, SimulatedClock
from omegaconf import open_dict

from hydra_sagemaker_launcher.as_completed import StreamedSweep
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.events import read_events
from hydra_sagemaker_launcher.manifest import Manifest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with Matrix(tmp_path_factory.mktemp("refill")).open() as matrix:
        yield matrix


@contextlib.contextmanager
def open_sweep(matrix: Matrix, name: str, **options: Any) -> Iterator[StreamedSweep]:
    config = copy.deepcopy(matrix._config)
    with open_dict(config):
        config.hydra.sweep.dir = str(matrix.folder / name)
    matrix.service.calls = Calls(None)
    matrix.service.endpoint._faults.add({"clear": True})
    conf = SageMakerLauncherConf(channels={"train": "data"}, job_name=name, **options)
    sweep = StreamedSweep(conf, SimulatedClock(matrix.service))
    with contextlib.redirect_stderr(io.StringIO()):
        sweep.setup(HydraContext(matrix, Callbacks()), lambda _: None, config)  # type: ignore[arg-type]
        yield sweep
    sweep.close()


def test_each_freed_slot_gets_the_next_member_at_once(matrix: Matrix) -> None:
    """Member 0 outlasts all others, which follow each other in the second slot."""
    asked, told = [], []
    with open_sweep(matrix, "refill", max_parallel=2) as sweep:
        matrix.service.endpoint._faults.add({"delay": [{"job": "-0$", "phase": "Starting", "seconds": 60_000}]})

        def ask() -> Iterator[Sequence[str]]:
            for number in range(4):
                asked.append(len(told))
                yield [f"x={number}"]

        for number, returned in sweep.launch_as_completed(ask()):
            assert (returned.status, returned.return_value) == (JobStatus.COMPLETED, 0.5)
            told.append(number)
    assert told == [1, 2, 3, 0]
    assert asked == [0, 0, 1, 2]
    events = read_events(matrix.folder / "refill" / "members.jsonl", may_repair=False)
    order = [(event["event"], event["member"]) for event in events if event["event"] in ("submitted", "ended")]
    assert order == [
        ("submitted", 0), ("submitted", 1), ("ended", 1), ("submitted", 2), ("ended", 2), ("submitted", 3),
        ("ended", 3), ("ended", 0),
    ]  # fmt: skip


def test_a_sweeper_may_wait_for_results(matrix: Matrix) -> None:
    told: list[int] = []
    with open_sweep(matrix, "rungs") as sweep:

        def ask() -> Iterator[Sequence[str] | None]:
            yield from (["x=0"], ["x=1"])
            while len(told) < 2:
                yield None
            yield ["x=2"]

        for number, _ in sweep.launch_as_completed(ask(), 5):
            told.append(number)
    assert sorted(told) == [5, 6, 7] and told[-1] == 7


def test_a_sweeper_that_offers_nothing_is_told(matrix: Matrix) -> None:
    with (
        open_sweep(matrix, "nothing") as sweep,
        pytest.raises(LaunchError, match="offers no member although none runs"),
    ):
        list(sweep.launch_as_completed(iter([None])))


def test_a_later_member_that_cannot_be_planned_fails_alone(matrix: Matrix) -> None:
    told: dict[int, Any] = {}
    with open_sweep(matrix, "wrong", max_parallel=1) as sweep:
        offers = [["x=0"], ["x=1", "hardware.max_hours=1000"], ["x=2"]]
        for number, returned in sweep.launch_as_completed(offers):
            told[number] = returned
    assert [told[number].status for number in range(3)] == [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.COMPLETED]
    assert "hardware.max_hours=1000" in str(told[1]._return_value)


def test_a_sweeper_that_leaves_stops_its_jobs(matrix: Matrix) -> None:
    with open_sweep(matrix, "leaves") as sweep:
        matrix.service.endpoint._faults.add({"delay": [{"job": "-0$", "phase": "Starting", "seconds": 60_000}]})
        results = sweep.launch_as_completed([["x=0"], ["x=1"]])
        assert next(results)[0] == 1
        results.close()  # type: ignore[attr-defined]
    sweep_id = str(Manifest(matrix.folder / "leaves").sweep["sweep_id"])
    statuses = matrix.service.list_jobs(sweep_id)
    assert sorted(statuses.values()) == ["Completed", "Stopped"]


def test_it_needs_to_wait(matrix: Matrix) -> None:
    with open_sweep(matrix, "detached", wait=False) as sweep, pytest.raises(LaunchError, match="wait=false"):
        next(sweep.launch_as_completed([["x=0"]]))
