"""Every call of the launcher to AWS, failed once in every way: `python tests/launchers/fault_matrix.py` prints it.

A cell is one sweep of three members on the rehearsal service, in this process and with simulated time. One call fails
with all of its attempts: the first, a middle or the last one of its operation. Then the sweep must either complete, or
end with a message that names what to do, and complete by `resume`. No job may exist twice.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import pickle
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "launchers"))

import hydra  # noqa: E402
from hydra._internal.callbacks import Callbacks  # noqa: E402
from hydra.core.global_hydra import GlobalHydra  # noqa: E402
from hydra.core.hydra_config import HydraConfig  # noqa: E402
from hydra.core.utils import JobRuntime, JobStatus  # noqa: E402
from hydra.types import HydraContext, RunMode  # noqa: E402
from in_process_service import KINDS, Calls, Fault, NoSleep, Service, SimulatedClock  # noqa: E402
from omegaconf import OmegaConf, open_dict  # noqa: E402

from hydra_sagemaker_launcher import backend, member  # noqa: E402
from hydra_sagemaker_launcher import sweep as sweep_module  # noqa: E402
from hydra_sagemaker_launcher.aws.session import Aws  # noqa: E402
from hydra_sagemaker_launcher.config import SageMakerLauncherConf  # noqa: E402
from hydra_sagemaker_launcher.errors import LaunchError  # noqa: E402
from hydra_sagemaker_launcher.manifest import FILE, Manifest  # noqa: E402
from hydra_sagemaker_launcher.packaging.program import Program  # noqa: E402
from hydra_sagemaker_launcher.sweep import Sweep  # noqa: E402

MEMBERS = 3
CONFIG = """
hardware: {instance_type: ml.m5.large, max_hours: 1}
data: %s
x: 0
hydra: {job: {name: matrix}}
"""
# The operations of a sweep that completes, and of one whose first failure stops the others.
COMPLETING = (
    *("GetProducts", "GetCallerIdentity", "HeadBucket", "CreateBucket", "PutPublicAccessBlock", "PutBucketEncryption"),
    *("HeadObject", "PutObject", "CreateTrainingJob", "ListTrainingJobs", "DescribeTrainingJob"),
    *("DescribeLogStreams", "GetLogEvents", "GetObject", "ListServiceQuotas"),
)
STOPPING = ("StopTrainingJob",)
_NOT_NEEDED = ("help", "hydra_help", "job_logging", "hydra_logging", "env", "launcher", "sweeper", "callbacks")
OCCURRENCES = ("first", "middle", "last")


@dataclass(frozen=True)
class Cell:
    operation: str
    kind: str
    occurrence: str


@dataclass
class Ended:
    """How a launch has ended.

    Attributes:
        statuses: Of the members, by number. Empty if the launch has raised.
        said: Everything that the user has read.
        calls: What was called.
    """

    statuses: dict[int, str]
    said: str
    calls: Calls


class Matrix:
    """Launches sweeps against one service."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.service, self._number = folder, Service(folder), 0
        data = folder / "data.csv"
        data.write_text("1,2\n", "utf-8")
        (folder / "conf").mkdir()
        (folder / "conf" / "config.yaml").write_text(CONFIG % data, "utf-8")
        (folder / "app.py").write_text("", "utf-8")
        self._composed: dict[tuple[str, ...], Any] = {}
        self._packed: list[Any] = []
        self._counts: dict[bool, dict[str, int]] = {}

    @contextlib.contextmanager
    def open(self) -> Iterator[Matrix]:
        """Compose the app's config, and put the service in the place of AWS."""
        pack = backend.pack_program

        def pack_once(*arguments: Any) -> Any:
            if not self._packed:
                self._packed.append(pack(*arguments))
            return self._packed[0]

        with (
            hydra.initialize_config_dir(str(self.folder / "conf"), version_base="1.3", job_name="matrix"),
            mock.patch.object(backend, "open_aws", self._open_aws),
            mock.patch.object(backend, "detect_program", return_value=Program(self.folder, "app.py", False, ())),
            mock.patch.object(backend, "pack_program", pack_once),
            mock.patch.object(Sweep, "_configure_log"),
            mock.patch.object(member, "remove_hydra_node", _select_task),
            mock.patch.object(sweep_module, "remove_hydra_node", _select_task),
            mock.patch("botocore.endpoint.time", NoSleep),
            mock.patch.dict("os.environ", SAGEMAKER_ROLE_ARN="arn:aws:iam::123456789012:role/Trainer"),
        ):
            JobRuntime.instance().set("name", "matrix")
            self._loader = GlobalHydra.instance().config_loader()
            self._config = self._loader.load_configuration("config", [], RunMode.MULTIRUN)
            HydraConfig.instance().set_config(self._config)
            OmegaConf.set_readonly(self._config.hydra, None)  # as Hydra does for a multirun
            for name in _NOT_NEEDED:
                self._config.hydra._content.pop(name, None)  # each cell copies the rest some thirty times
            self._config.hydra.runtime.config_sources = []
            self._config.hydra.output_subdir = None
            yield self

    def _open_aws(self, options: Any) -> Aws:
        return self.service.open_aws()

    def load_sweep_config(self, master: Any, overrides: list[str]) -> Any:
        """Hydra's method, which composes each member once for all cells."""
        key = tuple(overrides)
        if key not in self._composed:
            composed = self._loader.load_sweep_config(self._config, overrides)
            composed._content["hydra"] = copy.deepcopy(self._config.hydra)
            composed.hydra.overrides.task = overrides
            self._composed[key] = pickle.dumps(copy.deepcopy(composed))  # copies in a fifth of the time
        config = pickle.loads(self._composed[key])
        with open_dict(config):
            config.hydra.sweep.dir = master.hydra.sweep.dir
        return config

    def launch(self, sweep_dir: Path, fault: Fault | None, **options: Any) -> Ended:
        """Launch the sweep of a directory, or resume it if it has begun."""
        config = copy.deepcopy(self._config)
        with open_dict(config):
            config.hydra.sweep.dir = str(sweep_dir)
        self.service.calls = Calls(fault)
        chosen = SageMakerLauncherConf(channels={"train": "data"}, job_name="matrix", **options)
        if (sweep_dir / FILE).exists():
            chosen.resume = str(sweep_dir)
        sweep, said, statuses = Sweep(chosen, SimulatedClock(self.service)), io.StringIO(), dict[int, str]()
        handler, logger = logging.StreamHandler(said), logging.getLogger()
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                sweep.setup(HydraContext(self, Callbacks()), lambda _: None, config)  # type: ignore[arg-type]
                returns = sweep.launch([[f"x={number}"] for number in range(MEMBERS)], 0)
                statuses = {number: _name_status(returned) for number, returned in enumerate(returns)}
            except LaunchError as error:
                print(f"error: {error}")
            finally:
                sweep.close()
                logger.removeHandler(handler)
        return Ended(statuses, said.getvalue(), self.service.calls)

    def count(self, is_stopping: bool) -> dict[str, int]:
        """How often each operation is called by a launch without a fault, on an account without a bucket."""
        if is_stopping not in self._counts:
            self._counts[is_stopping] = dict(self.run_sweep(None, is_stopping, "count")[0].calls.counts)
        return self._counts[is_stopping]

    def list_cells(self) -> list[Cell]:
        """Every operation x kind x occurrence that exists."""
        cells = []
        for operation in (*COMPLETING, *STOPPING):
            count = self.count(operation in STOPPING)[operation]
            for kind in KINDS:
                names = OCCURRENCES if count >= 3 else ("first", "last") if count == 2 else ("first",)
                cells += [Cell(operation, kind, name) for name in names]
        return cells

    def run(self, cell: Cell) -> tuple[Ended, Ended | None, dict[str, str]]:
        """Run a cell: its launch, a second one if the first has not completed, and the jobs that exist then."""
        is_stopping = cell.operation in STOPPING
        count = self.count(is_stopping)[cell.operation]
        occurrence = {"first": 1, "middle": (count + 1) // 2, "last": count}[cell.occurrence]
        return self.run_sweep(Fault(cell.operation, cell.kind, occurrence), is_stopping, "-".join(vars(cell).values()))

    def run_sweep(
        self, fault: Fault | None, is_stopping: bool, name: str
    ) -> tuple[Ended, Ended | None, dict[str, str]]:
        from moto.backends import get_backend

        get_backend("s3")["123456789012"]["aws"].reset()
        self._number += 1
        sweep_dir = self.folder / f"{self._number}-{name}"
        self.service.endpoint._faults.add(
            {"clear": True, **({"fail": {"job": "-0$", "after_seconds": 60}} if is_stopping else {})}
        )
        first, second = self.launch(sweep_dir, fault, fail_fast=is_stopping), None
        if set(first.statuses.values()) != {"completed"}:
            self.service.endpoint._faults.add({"clear": True})
            second = self.launch(sweep_dir, None, retry_failed=is_stopping)
        return first, second, self.service.list_jobs(str(Manifest(sweep_dir).sweep["sweep_id"]))


def _select_task(config: Any) -> Any:
    """The launcher's remove_hydra_node, which copies Hydra's node only to remove it from the copy."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def _name_status(returned: Any) -> str:
    if returned.status is JobStatus.COMPLETED:
        return "completed"
    return "stopped" if " stopped: " in str(returned._return_value) else "failed"


def main() -> None:
    """Print the matrix, and exit with 1 if a member was lost or doubled."""
    from rich.console import Console
    from rich.table import Table
    from test_fault_matrix import find_problems

    began, problems, marks = time.process_time(), list[str](), dict[tuple[str, str], str]()
    with tempfile.TemporaryDirectory() as folder, Matrix(Path(folder)).open() as matrix:
        cells = matrix.list_cells()
        for cell in cells:
            ran = matrix.run(cell)
            found = find_problems(cell, *ran)
            problems += found
            mark = "X" if found else "." if ran[1] is None or cell.operation in STOPPING else "r"
            marks[cell.operation, cell.kind] = marks.get((cell.operation, cell.kind), "") + mark
    table = Table(title=f"{len(cells)} cells, {time.process_time() - began:.0f} CPU s")
    for heading in ("call", *KINDS):
        table.add_column(heading)
    for operation in (*COMPLETING, *STOPPING):
        table.add_row(operation, *(marks[operation, kind] for kind in KINDS))
    table.caption = (
        "one mark for the first, middle and last call: . the sweep goes on by itself, r it ends with a message and "
        "completes by resume, X a member is lost or doubled"
    )
    Console(width=140).print(table)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
