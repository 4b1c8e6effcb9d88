"""A directory has one living run: another is refused, in this process or another, and nobody once it is dead."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlqa.config.compose import compose_config
from mlqa.config.identity import compute_config_hash
from mlqa.config.preflight import prepare_start
from mlqa.config.run_lock import FILE, lock_directory, unlock_directory
from mlqa.errors import ConfigError, RunError
from mlqa.result import Result
from mlqa.run_directory import claim, compute_run_cost

TOP = Path(__file__).resolve().parents[2]
HOLDS = (
    "import sys\nfrom pathlib import Path\nfrom mlqa.config.run_lock import lock_directory\n"
    "assert lock_directory(Path(sys.argv[1])) is None\nprint('locked', flush=True)\nsys.stdin.readline()\n"
)
RUN = ["model=tiny_char", "dataset=sample", "tracking=files"]


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    """Start another process that has the lock of <tmp_path>/run."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "run")],
        env={"PYTHONPATH": str(TOP / "src")}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.wait()


def claim_by(seed: int, folder: Path) -> None:
    config, choices = compose_config([*RUN, f"seed={seed}"])
    config.training.output_dir = str(folder)
    claim(
        config,
        Result(choices=choices, seed=seed, config_hash=compute_config_hash(config), cost=compute_run_cost(0, None)),
    )


def test_another_process_is_named_until_it_is_killed(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    assert lock_directory(tmp_path / "run") == f"process {holder.pid}"
    with pytest.raises(RunError, match=f"process {holder.pid} is running in it; wait for its end, or choose another"):
        claim_by(1, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [FILE]
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    claim_by(1, tmp_path / "run")
    unlock_directory(tmp_path / "run")
    assert not (tmp_path / "run" / FILE).exists()


def test_a_second_run_takes_nothing_of_a_living_one(tmp_path: Path) -> None:
    """Two runs that started in the same second: the second removed the model of the first."""
    claim_by(1, tmp_path)
    (tmp_path / "model").mkdir()
    with pytest.raises(RunError, match="another run of this process is running in it"):
        claim_by(2, tmp_path)
    assert json.loads((tmp_path / "result.json").read_text("utf-8"))["seed"] == 1
    assert (tmp_path / "model").is_dir()
    unlock_directory(tmp_path)
    claim_by(2, tmp_path)
    unlock_directory(tmp_path)
    assert json.loads((tmp_path / "result.json").read_text("utf-8"))["seed"] == 2


def test_a_directory_of_ones_own_choice_is_refused_and_one_named_by_the_time_gets_a_number(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(ConfigError, match=f"hydra.run.dir={tmp_path}/run: process {holder.pid} is running in it"):
        prepare_start([*RUN, f"hydra.run.dir={tmp_path}/run"])
    with pytest.raises(ConfigError, match=f"hydra.sweep.dir={tmp_path}/run: process {holder.pid} is running in it"):
        prepare_start(["-m", *RUN, "seed=1,2", f"hydra.sweep.dir={tmp_path}/run"])
    argv = [*RUN, f"hydra.run.dir={tmp_path}/${{now:run}}"]  # a name without a directive is the name itself
    assert prepare_start(argv) == [*argv, f"hydra.run.dir='{tmp_path}/run_2'"]
    unlock_directory(tmp_path / "run_2")


def test_the_second_may_pass_before_hydra_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    *given, fixed = prepare_start([*RUN, "seed=7"])
    assert given == [*RUN, "seed=7"]
    folder = Path(fixed.removeprefix("hydra.run.dir='").removesuffix("'"))
    assert folder.parts[0] == "outputs" and (folder / FILE).is_file()
    unlock_directory(folder)
