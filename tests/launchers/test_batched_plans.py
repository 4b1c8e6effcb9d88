"""Sweepers that work in batches are priced as a whole, with the real sweepers."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher_app import CONFIG, App

pytestmark = pytest.mark.slow  # each starts an app with its sweeper
# An ml.m5.large for 6 minutes at $0.115 an hour.
USD = 0.115 * 0.1


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    return App.make(tmp_path_factory.mktemp("app"))


def plan(app: App, *overrides: str) -> str:
    done = app.run("hydra.launcher.service=rehearsal", "hydra.launcher.dry_run=true", "hardware=m5", *overrides)
    assert done.code == 0, done.output
    return " ".join(done.output.split())


def test_the_basic_sweeper_in_batches_is_planned_whole(app: App) -> None:
    said = plan(app, "x=range(1,5)", "hardware=glob(m*)", "hydra.sweeper.max_batch_size=1", "task=a,b")
    assert f"8 jobs, at most {8 * USD:.2f}" in said
    for number, words in enumerate(f"x={x} task={task}" for x in range(1, 5) for task in "ab"):
        assert f"{number} {words} 1 x ml.m5.large" in said


def test_the_params_of_the_sweeper_count(tmp_path: Path) -> None:
    app = App.make(tmp_path, config=CONFIG + "hydra: {sweeper: {params: {x: '1,2,3'}}}\n")
    said = plan(app, "task=a,b", "hydra.sweeper.max_batch_size=4")
    assert f"6 jobs, at most {6 * USD:.2f}" in said


def test_optuna_is_priced_for_all_its_trials(app: App) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    said = plan(app, "hydra/sweeper=optuna", "x=interval(0,1)", "hydra.sweeper.n_trials=20", "hydra.sweeper.n_jobs=2")
    assert f"2 jobs, at most {2 * USD:.2f}" in said
    assert f"This is the first batch. All 20 members of the sweeper cost at most ${20 * USD:.2f}" in said


@pytest.mark.parametrize(("trials", "total"), [(20, 6), (4, 4)])
def test_optunas_grid_ends_with_its_last_point(app: App, trials: int, total: int) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    said = plan(
        app,
        *("hydra/sweeper=optuna", "hydra/sweeper/sampler=grid", "x=choice(1,2,3)", "task=choice(a,b)"),
        *(f"hydra.sweeper.n_trials={trials}", "hydra.sweeper.n_jobs=2"),
    )
    assert f"All {total} members of the sweeper cost at most ${total * USD:.2f}" in said


def test_values_in_brackets_are_shown_as_typed(app: App) -> None:
    said = plan(app, "+words=[kedi,evler],[ankara],[/data/a,/data/b]")
    for words in ("[kedi,evler]", "[ankara]", "[/data/a,/data/b]"):
        assert f"words={words}" in said
