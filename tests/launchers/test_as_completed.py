"""A sweeper that asks and tells: a freed slot gets the next member while others run."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from apps import CONFIG_OF_STEPS, STEPS
from launcher_app import FAST, LAUNCHERS, App, Done, Service, python, wait_until

SWEEPER = '''
import json, os
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper

ConfigStore.instance().store(
    group="hydra/sweeper",
    name="ask_and_tell",
    node={"_target_": "hydra_plugins.ask_and_tell.sweeper.AskAndTell", "offers": [], "enough": None},
)


class AskAndTell(Sweeper):
    """Offers what its config lists, and notes what it knew when it was asked."""

    def __init__(self, offers, enough):
        self.offers, self.enough, self.told, self.asked = list(offers), enough, [], []

    def setup(self, *, hydra_context, task_function, config):
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def ask(self, arguments):
        for offer in self.offers:
            if offer == "wait":
                while len(self.told) < 2:
                    yield None
                continue
            self.asked.append(len(self.told))
            yield [*arguments, *offer.split()]

    def sweep(self, arguments):
        directory = Path(self.config.hydra.sweep.dir)
        for number, returned in self.launcher.launch_as_completed(self.ask(arguments), 0):
            self.told.append([number, returned.status.name, str(returned._return_value)])
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "told.json").write_text(json.dumps({"told": self.told, "asked": self.asked}))
            if self.enough is not None and len(self.told) >= self.enough:
                break
'''


def make_app(root: Path, service: Service) -> App:
    app = App.make(root, STEPS, CONFIG_OF_STEPS, service.environment())
    plugin = root / "hydra_plugins" / "ask_and_tell"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text("")
    (plugin / "sweeper.py").write_text(SWEEPER)
    app.environment["PYTHONPATH"] = f"{LAUNCHERS}{os.pathsep}{root}"
    return app


def build_command(offers: list[str], *overrides: str) -> list[str]:
    listed = ",".join(f"'{offer}'" for offer in offers)
    settings = ["hydra/sweeper=ask_and_tell", f"hydra.sweeper.offers=[{listed}]", "hydra.sweep.dir=sweep"]
    return [*python(), "app.py", "-m", *FAST, *settings, *overrides]


def run(app: App, offers: list[str], *overrides: str) -> Done:
    return app.execute(build_command(offers, *overrides), timeout=200)


def read_told(app: App) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((app.root / "sweep" / "told.json").read_text())
    return content


@pytest.fixture
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    service.faults(clear=True)
    return make_app(tmp_path_factory.mktemp("app"), service)


def test_a_freed_slot_is_refilled_while_others_run(app: App, service: Service) -> None:
    """One long member and four short ones on two slots: the short ones follow each other beside the long one."""
    offers = ["x=0 steps=400", *(f"x={number}" for number in range(1, 5))]
    done = run(app, offers, "hydra.launcher.max_parallel=2")
    assert done.code == 0, done.output
    told = read_told(app)
    assert [each[0] for each in told["told"]] == [1, 2, 3, 4, 0]
    assert [each[1:] for each in told["told"]] == [["COMPLETED", str(2.0 * n)] for n in (1, 2, 3, 4, 0)]
    assert told["asked"] == [0, 0, 1, 2, 3]  # each was asked for with all results so far
    events = app.sweep().events()
    first_end = next(
        index for index, event in enumerate(events) if event.get("member") == 0 and event["event"] == "ended"
    )
    submitted = [event["member"] for event in events[:first_end] if event["event"] == "submitted"]
    assert submitted == [0, 1, 2, 3, 4]
    done.says("billed for this sweep")
    assert len(service.names(app.sweep())) == 5


def test_a_sweeper_may_wait_for_results_and_members_here_take_part(app: App) -> None:
    done = run(app, ["x=0", "x=1 hardware=local", "wait", "x=2"])
    assert done.code == 0, done.output
    told = read_told(app)
    assert sorted(each[0] for each in told["told"]) == [0, 1, 2]
    assert told["asked"] == [0, 0, 2]


def test_a_later_member_that_cannot_be_planned_fails_alone(app: App) -> None:
    wrong = "x=1 hardware.instance_type=ml.m5.lorge"
    done = run(app, ["x=0", "x=3", "wait", wrong, "x=2"])
    assert done.code == 0, done.output
    told = {each[0]: each[1:] for each in read_told(app)["told"]}
    assert told[2][0] == "FAILED" and "SageMaker has no such training instance" in told[2][1]
    assert told[3][0] == "COMPLETED"
    first = run(app, [wrong], "hydra.sweep.dir=other")
    assert first.code == 1
    first.says("error: hardware.instance_type=ml.m5.lorge")


def test_a_sweeper_that_leaves_stops_its_jobs(app: App, service: Service) -> None:
    done = run(app, ["x=0 steps=2000", "x=1"], "hydra.sweeper.enough=1")
    assert done.code == 0, done.output
    done.says("#0 stopped: the job was stopped")
    statuses = {service.describe(name)["TrainingJobStatus"] for name in service.names(app.sweep())}
    assert statuses == {"Stopped", "Completed"}


def test_ctrl_c_stops_what_runs(app: App, service: Service) -> None:
    import subprocess

    log = app.root / "out"
    with log.open("w") as output:
        client = subprocess.Popen(
            build_command(["x=0 steps=2000", "x=1 steps=2000"], "hydra.launcher.max_parallel=1"),
            cwd=app.root, env=app.env(), stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    wait_until(lambda: "submitted:" in log.read_text(), 60, log.read_text)
    client.send_signal(signal.SIGINT)
    assert client.wait(60) == 130, log.read_text()
    assert "Ctrl-C: submitting no more, stopping 1 jobs" in log.read_text()
    assert [service.describe(name)["TrainingJobStatus"] for name in service.names(app.sweep())] == ["Stopped"]


def test_a_dry_run_shows_the_first_members(app: App) -> None:
    done = run(app, ["x=0", "x=1"], "hydra.launcher.dry_run=true", "hydra.launcher.max_parallel=1")
    assert done.code == 0, done.output
    done.says("1 jobs, at most", "Nothing was submitted")
