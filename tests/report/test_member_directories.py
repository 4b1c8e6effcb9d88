"""hydra.sweep.subdir may name the directories of a sweep in any way: each member is found once, with its result."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from made import config, result, write_manifest, write_member

from mlqa.config.compose import compose_config
from mlqa.config.run_places import find_sweep_dir
from mlqa.report.members import read_sweep
from mlqa.tracking.identity import build_run_identity

SUBDIRS = {
    "flat": ("0", "1"),
    "named": ("seed=1", "seed=2"),
    "slash": ("model.pretrained=/a/b/c/m1", "model.pretrained=/a/b/c/m2"),  # five folders deep
    "one in the other's number": ("1", "0"),
}


def make_sweep(sweep: Path, subdirs: tuple[str, ...], numbered: bool = False) -> None:
    events: list[dict[str, object]] = [{"event": "sweep", "sweep": "x", "service": "local"}]
    for number, subdir in enumerate(subdirs):
        overrides = ["tracking=files", f"model.pretrained=/a/b/c/m{number + 1}"]
        folder = sweep / subdir
        write_member(folder, result(f1=50 + number, seed=number), settings=config(seed=number), overrides=overrides)
        if numbered:
            recorded = {"hydra": {"job": {"num": number}}}
            (folder / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump(recorded), "utf-8")
        events += [
            {"event": "planned", "member": number, "overrides": overrides},
            {"event": "finished", "member": number, "status": "completed"},
        ]
    write_manifest(sweep, events)
    (sweep / "multirun.yaml").write_text("{}", "utf-8")


@pytest.mark.parametrize("numbered", [False, True])
@pytest.mark.parametrize("name", list(SUBDIRS)[:3])
def test_each_member_is_there_once(name: str, numbered: bool, tmp_path: Path) -> None:
    make_sweep(tmp_path / "sweep", SUBDIRS[name], numbered)
    members = read_sweep(tmp_path / "sweep").members
    assert [(member.status, member.get_number("metrics", "f1")) for member in members] == [
        ("completed", 50.0),
        ("completed", 51.0),
    ]


def test_one_that_is_missing_keeps_its_number(tmp_path: Path) -> None:
    make_sweep(tmp_path / "sweep", SUBDIRS["named"], numbered=True)
    for file in (tmp_path / "sweep" / "seed=2").rglob("*"):
        if file.is_file():
            file.unlink()
    (tmp_path / "sweep" / "seed=2" / ".hydra").rmdir()
    found = {member.name: member.status for member in read_sweep(tmp_path / "sweep").members}
    assert found == {"seed=1": "completed", "1": "missing"}


def test_members_of_one_sweep_have_one_group(tmp_path: Path) -> None:
    """W&B's group of a member in nested folders was none."""
    settings, choices = compose_config(["model=tiny_char", "dataset=sample"])
    for name in list(SUBDIRS)[:3]:
        make_sweep(tmp_path / name, SUBDIRS[name])
        identities = [build_run_identity(settings, choices, tmp_path / name / subdir) for subdir in SUBDIRS[name]]
        assert [identity.group for identity in identities] == [name, name]
        assert len({identity.id for identity in identities}) == 2
        assert {find_sweep_dir(tmp_path / name / subdir) for subdir in SUBDIRS[name]} == {tmp_path / name}
    assert find_sweep_dir(tmp_path / "alone") is None


def test_the_primary_metric_is_the_data_sets(tmp_path: Path) -> None:
    write_member(tmp_path / "s" / "0", result(f1=1, dataset={"primary_metric": "f1_language"}), settings=config())
    write_member(tmp_path / "s" / "1", result(f1=1), settings=config())
    assert [member.primary_metric for member in read_sweep(tmp_path / "s").members] == ["f1_language", "f1"]
