"""Each config is composed once, as Hydra itself composes it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mlqa.config import compose, run_lock
from mlqa.config.loader import RememberingLoader, install_loader
from mlqa.config.member_overrides import split_members
from mlqa.config.run_places import reserve_directory

MEMBERS = [
    ["seed=1", "hardware=p3"],
    ["seed=2", "hardware=p3", "model.pretrained=x"],
    ["model=mbert", "experiment=quickstart"],
    ["hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN", "seed=1", "hardware=p3"],
]


def to_plain(config: DictConfig) -> object:
    return OmegaConf.to_container(config, resolve=False, enum_to_str=True)


def test_it_composes_what_hydra_composes() -> None:
    with compose.initialize_hydra():
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        remembering = hydra.config_loader
        hydra.config_loader = ConfigLoaderImpl(remembering.get_search_path())
        expected = [to_plain(config) for config in compose.compose_all(MEMBERS)]
        hydra.config_loader = remembering
        for _ in range(2):
            assert [to_plain(config) for config in compose.compose_all(MEMBERS)] == expected


def test_nobody_sees_what_another_has_changed() -> None:
    with compose.initialize_hydra():
        (first,) = compose.compose_all([["seed=1"]])
        OmegaConf.update(first, "training.num_train_epochs", 99)
        (again,), (other,) = compose.compose_all([["seed=1"]]), compose.compose_all([["seed=2"]])
    assert again.training.num_train_epochs == other.training.num_train_epochs == 2


@pytest.mark.usefixtures("ticking")
def test_a_later_config_has_a_later_time() -> None:
    directories = []
    for _ in range(3):
        with compose.initialize_hydra():
            directories += [config.hydra.run.dir for config in compose.compose_all([["seed=1"], ["seed=2"]])]
    assert directories == sorted(set(directories))


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize("kind", [ConfigLoaderImpl, RememberingLoader])
def test_the_members_of_a_sweep_have_one_time(kind: type[ConfigLoaderImpl]) -> None:
    """Also if its directory is fixed, so that nothing but a member looks at the clock: Hydra's own loader says so."""
    named = "tracking.group='g_${now:%H-%M-%S}'"
    with compose.initialize_hydra():
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        configs = kind(hydra.config_loader.get_search_path())
        for _ in range(2):
            sweep = configs.load_configuration("config", [named, "hydra.sweep.dir=fixed"], RunMode.MULTIRUN)
            members = [configs.load_sweep_config(sweep, [named, f"seed={seed}"]) for seed in (1, 2, 3)]
            assert len({member.tracking.group for member in members}) == 1


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize("override", [[], ["hydra.run.dir=${hydra.sweep.dir}"]])
def test_the_directory_that_is_reserved_is_the_runs(
    override: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with compose.initialize_hydra():
        (fixed,) = reserve_directory(compose.compose_all([override])[0], multirun=False)
        (again,) = compose.compose_all([[*override, fixed]])
    (lock,) = tmp_path.rglob(run_lock.FILE)
    assert lock == tmp_path / again.hydra.run.dir / run_lock.FILE


def test_the_sweep_goes_on_with_what_its_check_has_composed() -> None:
    """The check has the overrides as they were typed. Hydra's sweeper gives its own first and the mode last."""
    with compose.initialize_hydra():
        compose.compose_all([["seed=1", "hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN"]])
    with compose.initialize_hydra(), forbid_composing():
        composed = compose.compose_all([["hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN", "seed=1"]])
    assert composed[0].seed == 1


@contextmanager
def forbid_composing() -> Iterator[None]:
    with mock.patch.object(RememberingLoader, "_load_configuration_impl", side_effect=AssertionError("composed again")):
        yield


def compose_of(folder: Path, *overrides: str) -> DictConfig:
    with initialize_config_dir(version_base="1.3", config_dir=str(folder)):
        install_loader()
        return hydra_compose("config", overrides=list(overrides))


def test_what_a_file_says_now_is_composed(tmp_path: Path) -> None:
    config, option = tmp_path / "config.yaml", tmp_path / "size" / "small.yaml"
    config.write_text("defaults: [optional size: small]\n", "utf-8")
    assert compose_of(tmp_path) == {}
    option.parent.mkdir()
    option.write_text("width: 1\n", "utf-8")
    assert compose_of(tmp_path) == {"size": {"width": 1}}
    option.write_text("width: 20\n", "utf-8")
    assert compose_of(tmp_path) == {"size": {"width": 20}}
    option.unlink()
    assert compose_of(tmp_path) == {}


def test_folders_are_told_apart(tmp_path: Path) -> None:
    folders = tmp_path / "a", tmp_path / "b"
    for number, folder in enumerate(folders):
        folder.mkdir()
        (folder / "config.yaml").write_text(f"x: {number}\n", "utf-8")
    assert [compose_of(folder).x for folder in folders] == [0, 1]
    assert compose_of(folders[0], f"hydra.searchpath=[file://{folders[1]}]").x == 0


def test_a_sweeper_sees_the_overrides_of_the_app_alone() -> None:
    with compose.initialize_hydra():
        members = split_members(["seed=1,2", "hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN"], True)
    own = ["hydra.launcher.dry_run=true", "hydra.mode=MULTIRUN"]
    assert members == [[*own, "seed=1"], [*own, "seed=2"]]


def test_a_config_that_cannot_be_kept_is_composed_anew() -> None:
    failing = mock.patch("pickle.dumps", side_effect=pickle.PicklingError("not the same object"))
    with failing, compose.initialize_hydra():
        assert [compose.compose_all([["seed=71"]])[0].seed for _ in range(2)] == [71, 71]


def test_what_the_environment_and_code_say_now_is_composed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "size").mkdir()
    for name, width in (("small", 1), ("large", 20)):
        (tmp_path / "size" / f"{name}.yaml").write_text(f"width: {width}\n", "utf-8")
    (tmp_path / "config.yaml").write_text('defaults: [_self_, {size: "${oc.env:SIZE}"}]\n', "utf-8")
    for name, width in (("small", 1), ("large", 20)):
        monkeypatch.setenv("SIZE", name)
        assert compose_of(tmp_path) == {"size": {"width": width}}
    (tmp_path / "config.yaml").write_text("defaults: [stored_later]\n", "utf-8")
    for depth in (1, 2):
        ConfigStore.instance().store("stored_later", {"depth": depth})
        assert compose_of(tmp_path) == {"depth": depth}
    ConfigStore.instance().store("stored_later", {"depth": 2}, package="elsewhere")
    assert compose_of(tmp_path) == {"elsewhere": {"depth": 2}}


def test_what_is_merged_into_a_choice_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merging follows the interpolation, so that what was merged of the same files is another."""
    values = "presets: {a: {rate: 1}, b: {rate: 2}}\nchosen: ${presets.${oc.env:CHOICE}}\n"
    (tmp_path / "config.yaml").write_text(f"defaults: [_self_, {{more: momentum}}]\n{values}", "utf-8")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "momentum.yaml").write_text("# @package _global_\nchosen: {momentum: 0.9}\n", "utf-8")
    for choice, rate in (("a", 1), ("b", 2)):
        monkeypatch.setenv("CHOICE", choice)
        assert compose_of(tmp_path).chosen == {"rate": rate, "momentum": 0.9}
