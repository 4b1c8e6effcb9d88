"""What Hydra's sweeper has composed to check a member is what the launcher gets, without composing again."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.display.plan_table import print_plan
from hydra_sagemaker_launcher.sweep_loader import SweepLoader
from hydra_sagemaker_launcher.trials import count_trials


class Loader:
    """Stands for Hydra's loader, and counts."""

    def __init__(self) -> None:
        self.composed: list[list[str]] = []

    def load_sweep_config(self, master_config: Any, sweep_overrides: list[str]) -> Any:
        self.composed.append(sweep_overrides)
        return OmegaConf.create({"x": len(self.composed), "path": "${now:}"})

    def get_sources(self) -> list[str]:
        return ["here"]


def test_the_second_who_asks_gets_a_config_of_its_own() -> None:
    sweep, hydras = OmegaConf.create(), Loader()
    loader = SweepLoader(hydras, sweep)
    checked = loader.load_sweep_config(sweep, ["x=1"])
    checked.x = 99
    assert loader.load_sweep_config(sweep, ("x=1",)).x == 1
    assert hydras.composed == [["x=1"]]
    assert loader.load_sweep_config(sweep, ["x=1"]).x == 2  # a later batch may have the same overrides
    assert loader.get_sources() == ["here"]


def test_another_sweep_is_not_mixed_in() -> None:
    sweep, hydras = OmegaConf.create(), Loader()
    loader = SweepLoader(hydras, sweep)
    loader.load_sweep_config(sweep, ["x=1"])
    loader.load_sweep_config(OmegaConf.create({"other": 1}), ["x=1"])
    assert len(hydras.composed) == 2


@pytest.mark.parametrize(
    ("sweeper", "trials"),
    [
        ({"n_trials": 20, "n_jobs": 2}, 20),
        ({"ax_config": {"max_trials": 12}}, 12),
        ({"optim": {"budget": 80}}, 80),
        ({"max_batch_size": None, "params": None}, None),
    ],
)
def test_the_number_of_trials_is_read_where_sweepers_keep_it(sweeper: dict[str, Any], trials: int | None) -> None:
    assert count_trials(OmegaConf.create({"hydra": {"sweeper": sweeper}}), None) == trials


def test_a_plan_without_jobs_has_no_price_of_batches(capsys: pytest.CaptureFixture[str]) -> None:
    print_plan([], [], {}, None, 20)
    assert "batch" not in capsys.readouterr().out
