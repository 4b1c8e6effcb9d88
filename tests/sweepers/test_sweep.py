"""A race with stand-in launchers: one that takes batches, and one that hands members back one by one."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.options import parse_options
from hydra_racing_sweeper.race import Race
from hydra_racing_sweeper.state_file import read_race
from hydra_racing_sweeper.sweep import Sweep

pytestmark = pytest.mark.slow  # they start apps
CONFIG = "m: a\nseed: 0\nepochs: 6\n"
LEVEL = {"a": 80.0, "b": 80.2, "c": 60.0}


def score(overrides: Sequence[str]) -> float:
    """Return what a member reports: near ties scatter, so that the race goes on."""
    given = dict(line.split("=") for line in overrides)
    return LEVEL[given["m"]] + (int(given["seed"]) * 7 + ord(given["m"])) % 5 / 4


class Batches:
    """Runs batches, and notes them."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[list[str]]]] = []
        self.fails: dict[str, list[str]] = {}  # {override: reasons, one per attempt}

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        self.batches.append((initial_job_idx, [list(each) for each in job_overrides]))
        return [self.run(each) for each in job_overrides]

    def run(self, overrides: Sequence[str]) -> JobReturn:
        for override in overrides:
            if self.fails.get(override):
                return JobReturn(status=JobStatus.FAILED, _return_value=RuntimeError(self.fails[override].pop(0)))
        return JobReturn(status=JobStatus.COMPLETED, _return_value=score(overrides))


class Slots(Batches):
    """Has so many slots, and simulated time: a member takes as many seconds as its number modulo 3, plus 1."""

    def __init__(self, slots: int | None) -> None:
        super().__init__()
        self.slots = slots
        self.idle_seconds = 0.0
        self.stopped: list[int] = []

    def launch_as_completed(
        self, job_overrides: Iterable[Sequence[str] | None], initial_job_idx: int = 0
    ) -> Iterator[tuple[int, JobReturn]]:
        offers, number, now = iter(job_overrides), initial_job_idx, 0.0
        running: list[tuple[float, int, list[str]]] = []
        try:
            while True:
                while self.slots is None or len(running) < self.slots:
                    try:
                        offer = next(offers)
                    except StopIteration:
                        if not running:
                            return
                        break
                    if offer is None:
                        break
                    heapq.heappush(running, (now + number % 3 + 1, number, list(offer)))
                    number += 1
                before = now
                now, done, overrides = heapq.heappop(running)
                self.idle_seconds += (now - before) * ((self.slots or 0) - len(running) - 1)
                yield done, self.run(overrides)
        except GeneratorExit:
            self.stopped = sorted(each[1] for each in running)
            raise


def race(tmp_path: Path, launcher: Any, *overrides: str, **options: Any) -> tuple[Race, DictConfig]:
    """Run a race of an app with three keys."""
    conf = tmp_path / "conf"
    conf.mkdir(exist_ok=True)
    (conf / "config.yaml").write_text(CONFIG, "utf-8")
    with initialize_config_dir(version_base="1.3", config_dir=str(conf), job_name="app"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        config = hydra.compose_config("config", [f"hydra.sweep.dir={tmp_path}/sweep"], run_mode=RunMode.MULTIRUN)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
        Sweep(parse_options(options)).run(list(overrides), launcher, config, context)
    return read_race(tmp_path / "sweep"), config


def test_rounds_of_a_launcher_that_takes_batches(tmp_path: Path) -> None:
    launcher = Batches()
    ended, config = race(tmp_path, launcher, "m=a,b,c")
    (first, batch), *others = launcher.batches
    assert first == 0 and len(batch) == 6
    assert [start for start, _ in others] == [6, 8, 10]
    assert all(len(each) == 2 for _, each in others)
    assert ended.treatments[2].state == "dropped"
    assert config.hydra.sweeper.n_trials == 15
    assert (tmp_path / "sweep" / "multirun.yaml").exists()
    assert (tmp_path / "sweep" / "race.html").read_text("utf-8").count("<tr>") == 4


def test_the_same_command_again_launches_nothing(tmp_path: Path) -> None:
    ended, _ = race(tmp_path, Batches(), "m=a,b,c")
    again = Batches()
    assert race(tmp_path, again, "m=a,b,c")[0].members == ended.members
    assert again.batches == []
    with pytest.raises(RaceError, match="the directory holds a race with other treatments"):
        race(tmp_path, again, "m=a,b")


def test_a_larger_budget_goes_on(tmp_path: Path) -> None:
    ended, _ = race(tmp_path, Batches(), "m=a,b", budget_runs=7)
    assert len(ended.members) == 6 and ended.end is not None and ended.end.resumable
    more = Batches()
    ended, _ = race(tmp_path, more, "m=a,b", budget_runs=100)
    assert [start for start, _ in more.batches] == [6, 8]
    assert ended.end is not None and not ended.end.resumable


def test_a_lost_member_runs_again_under_another_number(tmp_path: Path) -> None:
    launcher = Batches()
    launcher.fails = {"seed=2": ["preempted"]}
    ended, _ = race(tmp_path, launcher, "m=a,c")
    assert launcher.batches[1] == (4, [["m=a", "seed=2"]])
    assert [member.status for member in ended.members] == ["completed", "completed", "lost", "completed", "completed"]
    assert ended.end is not None and ended.end.kind == "decided"


def test_a_free_slot_is_refilled_at_once_and_decides_the_same(tmp_path: Path) -> None:
    """Two slots: the leader's next run starts while the last run of a round is still on."""
    in_rounds, _ = race(tmp_path, Batches(), "m=a,b,c")
    waiting, refilled = Slots(2), Slots(2)
    for name, launcher, ahead in (("w", waiting, False), ("r", refilled, True)):
        folder = tmp_path / name
        folder.mkdir()
        ended, _ = race(folder, launcher, "m=a,b,c", run_ahead=ahead)
        assert ended.looks == in_rounds.looks
        assert [each.state for each in ended.treatments] == [each.state for each in in_rounds.treatments]
    assert refilled.idle_seconds < waiting.idle_seconds


def test_nothing_runs_ahead_if_slots_are_not_scarce(tmp_path: Path) -> None:
    ended, _ = race(tmp_path, Slots(None), "m=a,b,c")
    assert len(ended.members) == 12  # as in rounds


def test_what_ran_ahead_is_stopped_when_the_race_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEVEL, "b", 79.0)
    launcher = Slots(2)
    ended, _ = race(tmp_path, launcher, "m=a,b,c", max_replicates=4)
    stopped = [member.number for member in ended.members if member.status == "stopped"]
    assert stopped == launcher.stopped
    assert not ended.list_members(None, "asked")


def test_a_dry_run_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    launcher = Batches()
    with pytest.raises(RaceError, match="does not exist"):
        race(tmp_path, launcher, "m=a,b,c", dry_run=True, usd_per_run=2.0)
    assert launcher.batches == [] and not (tmp_path / "sweep").exists()
    said = capsys.readouterr().out
    assert "At most: 15 runs, about 30.00 USD." in said
    assert "6 runs, about 12.00 USD if one is better than all others by 4" in said


@pytest.mark.parametrize(
    ("overrides", "options", "said"),
    [
        (["m=a,b"], {"replicate_key": "fold"}, "replicate_key=fold: the config has no such key"),
        (["m=a,b"], {"rung_key": "m"}, "rung_key=m: is a for m=a"),
    ],
)
def test_what_the_app_does_not_have(tmp_path: Path, overrides: list[str], options: dict[str, Any], said: str) -> None:
    launcher = Batches()
    with pytest.raises(RaceError, match=said):
        race(tmp_path, launcher, *overrides, **options)
    assert launcher.batches == []


def test_a_short_stage_overrides_the_length_of_a_training(tmp_path: Path) -> None:
    launcher = Batches()
    ended, _ = race(tmp_path, launcher, "m=a,b,c", rung_key="epochs", budget_runs=14)
    assert launcher.batches[0][1][0] == ["m=a", "seed=1", "epochs=2"]
    assert launcher.batches[1][1] == [[f"m={m}", f"seed={s}"] for s in (1, 2) for m in "ab"]
    assert ended.treatments[2].reason is not None and "behind the best in both short runs" in ended.treatments[2].reason
