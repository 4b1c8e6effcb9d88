"""Each member of a sweep is composed once, as Hydra itself composes it."""

from __future__ import annotations

from unittest import mock

from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from mlqa.config import compose
from mlqa.config.sweep_loader import SweepLoader

MEMBERS = [
    ["seed=1", "hardware=p3"],
    ["seed=2", "hardware=p3", "model.pretrained=x"],
    ["model=mbert", "+experiment=quickstart"],
    ["hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN", "seed=1", "hardware=p3"],
]


def to_plain(config: DictConfig) -> object:
    return OmegaConf.to_container(config, resolve=False, enum_to_str=True)


def test_it_composes_what_hydra_composes() -> None:
    members = [[line.replace("+exp", "exp") for line in member] for member in MEMBERS]
    with compose.initialize_hydra():
        expected = [to_plain(config) for config in compose.compose_all(members)]
        SweepLoader.install()
        for _ in range(2):
            assert [to_plain(config) for config in compose.compose_all(members)] == expected


def test_nobody_sees_what_another_has_changed() -> None:
    with compose.initialize_hydra():
        SweepLoader.install()
        (first,) = compose.compose_all([["seed=1"]])
        OmegaConf.update(first, "training.num_train_epochs", 99)
        (again,), (other,) = compose.compose_all([["seed=1"]]), compose.compose_all([["seed=2"]])
    assert again.training.num_train_epochs == other.training.num_train_epochs == 2


def test_the_sweep_goes_on_with_what_its_check_has_composed() -> None:
    """The check has the overrides as they were typed. Hydra's sweeper gives its own first and the mode last."""
    with compose.initialize_hydra():
        SweepLoader.install()
        compose.compose_all([["seed=1", "hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN"]])
    with compose.initialize_hydra():
        SweepLoader.reuse()
        loader = GlobalHydra.instance().hydra.config_loader  # type: ignore[union-attr]
        with mock.patch.object(SweepLoader, "_load_configuration_impl", side_effect=AssertionError("composed again")):
            composed = compose.compose_all([["hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN", "seed=1"]])
        assert isinstance(loader, SweepLoader) and composed[0].seed == 1


def test_a_sweeper_sees_the_overrides_of_the_app_alone() -> None:
    with compose.initialize_hydra():
        members = compose.split_members(["seed=1,2", "hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN"], True)
    own = ["hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN"]
    assert members == [[*own, "seed=1"], [*own, "seed=2"]]
