"""sweepers/README.md says what the code does. The product knows nothing of mlqa, and costs other apps nothing."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hydra_racing_sweeper.config import ItemsConf, RacingSweeperConf
from hydra_racing_sweeper.race import End, Look, Member, Race, Treatment
from hydra_racing_sweeper.standings import Standing

TOP = Path(__file__).parents[2]
SWEEPERS = TOP / "sweepers"
README = (SWEEPERS / "README.md").read_text("utf-8")


def default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default is not dataclasses.MISSING else field.default_factory()  # type: ignore[misc]


def read_section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_option_is_in_the_readme_with_its_default() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in read_section("Options").splitlines()]
    told = {row[0].strip("`"): row[1].strip("`") for row in rows if len(row) == 2 and row[0].startswith("`")}
    options = {field.name: default(field) for field in dataclasses.fields(RacingSweeperConf)}
    options |= {f"items.{field.name}": default(field) for field in dataclasses.fields(ItemsConf)}
    for name in ("_target_", "items"):
        del options[name]
    assert told.pop("repeat_on").startswith("see ")
    del options["repeat_on"]
    assert {name: yaml.safe_load(value) for name, value in told.items()} == options


def test_every_key_of_the_state_is_in_the_readme() -> None:
    named = set(re.findall(r"`(\w+)`", read_section("race.json")))
    unnamed = {
        f"{kind.__name__}.{field.name}"
        for kind in (Race, Member, Look, End, Standing)
        for field in dataclasses.fields(kind)
        if field.name not in named
    }
    assert unnamed == {"Race.resumed_at", "Standing.name", "Standing.state", "Standing.reason"} - {
        f"Standing.{name}" for name in named
    }
    assert {field.name for field in dataclasses.fields(Treatment)} - named == {"rung_override"}


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", README, flags=re.DOTALL)):
        assert target.startswith("https://") or (SWEEPERS / target).exists(), target
    headings = {
        re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.*)$", README, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", README)) <= headings


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)


def test_the_sweeper_needs_hydra_and_rich_alone() -> None:
    known = {"hydra", "omegaconf", "rich", "hydra_racing_sweeper", *sys.stdlib_module_names}
    for path in SWEEPERS.rglob("*.py"):
        assert set(imported(path)) <= known, path


def test_the_project_knows_nothing_of_the_sweeper() -> None:
    for path in [*(TOP / "src" / "mlqa").rglob("*.py"), *(TOP / "launchers").rglob("*.py"), TOP / "train.py"]:
        assert "hydra_racing_sweeper" not in set(imported(path)), path


def test_hydras_scan_finds_one_public_module() -> None:
    plugin = SWEEPERS / "hydra_plugins" / "racing_sweeper"
    assert [path.name for path in plugin.glob("*.py") if not path.name.startswith("_")] == ["sweeper.py"]
    assert not (plugin.parent / "__init__.py").exists()
    assert "from __future__" not in (plugin / "sweeper.py").read_text("utf-8")


def run_example(*arguments: str, **variables: str) -> str:
    code = (
        "import atexit, runpy, sys\n"
        "loaded = lambda: sorted(name for name in sys.modules if 'racing' in name or name.startswith('rich'))\n"
        "atexit.register(lambda: print('LOADED', loaded()))\n"
        f"runpy.run_path({str(SWEEPERS / 'example' / 'classifiers.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(SWEEPERS), **variables},
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.slow
def test_an_app_that_does_not_race_loads_the_shim_alone() -> None:
    shim = ["hydra_plugins.racing_sweeper", "hydra_plugins.racing_sweeper.sweeper"]
    assert f"LOADED {shim}" in run_example("--help")


@pytest.mark.slow
def test_the_config_shows_every_option() -> None:
    shown = run_example(
        "hydra/sweeper=racing", "hydra.sweeper.alpha=0.1", "--cfg", "hydra", "--package", "hydra.sweeper"
    )
    config = (
        yaml.safe_load(shown.partition("LOADED")[0])["hydra"]["sweeper"]
        if "hydra:" in shown
        else yaml.safe_load(shown.partition("LOADED")[0])
    )
    assert config["alpha"] == 0.1
    assert set(config) == {field.name for field in dataclasses.fields(RacingSweeperConf)}


@pytest.mark.slow
def test_completion_offers_the_sweeper() -> None:
    line = "classifiers.py hydra/sweeper=ra"
    assert "hydra/sweeper=racing" in run_example("-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("hydra.sweeper.budget=3", "error: hydra.sweeper.budget: the sweeper has no such option; did you mean budget_"),
        ("hydra.sweeper.alpha=2", "error: hydra.sweeper.alpha=2.0: is not a level"),
    ],
)
def test_a_wrong_option_on_the_command_line_is_one_line(argument: str, said: str) -> None:
    shown = run_example("-m", "hydra/sweeper=racing", "model=stump,centroid", argument)
    assert said in shown
    assert "Traceback" not in shown and "HYDRA_FULL_ERROR" not in shown
