"""The sweeper's wheel: what it holds and asks for, and that mlqa asks for it as a distribution."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SWEEPERS = TOP / "sweepers"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    project = shutil.copytree(SWEEPERS, folder / "sweepers", ignore=shutil.ignore_patterns("__pycache__"))
    code = "import sys; from hatchling import build; print(build.build_wheel(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shutil.unpack_archive(folder / done.stdout.split()[-1], folder / "unpacked", "zip")
    return folder / "unpacked"


@pytest.mark.exhaustive
def test_the_wheel_holds_the_plugin_and_its_package(unpacked: Path) -> None:
    held = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    for package in ("hydra_plugins", "hydra_racing_sweeper"):
        files = {path.relative_to(SWEEPERS).as_posix() for path in (SWEEPERS / package).rglob("*") if path.is_file()}
        assert {name for name in files if "__pycache__" not in name} <= held
    assert "hydra_plugins/__init__.py" not in held  # a namespace package: other plugins also live in it
    assert {"hydra_racing_sweeper/py.typed", "hydra_plugins/racing_sweeper/py.typed"} <= held


@pytest.mark.exhaustive
def test_the_wheel_says_what_it_is(unpacked: Path) -> None:
    (folder,) = unpacked.glob("*.dist-info")
    built = PathDistribution(folder)
    assert built.metadata["Name"] == "hydra-racing-sweeper"
    assert built.metadata["License-Expression"] == "Apache-2.0"
    assert (folder / "licenses" / "LICENSE").read_bytes() == (TOP / "LICENSE").read_bytes()
    assert sorted(line.split(">")[0].split("<")[0] for line in built.requires or []) == [
        "hydra-core",
        "omegaconf",
        "rich",
    ]
    points = {(point.group, point.name, point.value) for point in built.entry_points}
    assert points == {
        ("console_scripts", "hydra-racing", "hydra_racing_sweeper.cli:main"),
        ("hydra.plugins", "racing_sweeper", "hydra_plugins.racing_sweeper.sweeper"),
    }
    assert f"## {built.metadata['Version']}" in (SWEEPERS / "CHANGELOG.md").read_text("utf-8")


def test_mlqa_asks_for_the_sweeper() -> None:
    assert '"hydra-racing-sweeper"' in (TOP / "pyproject.toml").read_text("utf-8")
    assert "--editable ./sweepers" in (TOP / "Makefile").read_text("utf-8")
