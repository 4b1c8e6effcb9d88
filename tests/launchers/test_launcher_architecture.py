"""The launcher is a product of its own, light to load, and its files stay rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_app import LAUNCHERS, App

pytestmark = pytest.mark.slow

TOP = LAUNCHERS.parent
PLUGIN = LAUNCHERS / "hydra_plugins" / "sagemaker_launcher"
PACKAGE = LAUNCHERS / "hydra_sagemaker_launcher"
HEAVY = ("boto3", "botocore", "sagemaker", "rich", "moto", "torch", "sagemaker_rehearsal")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)


@pytest.mark.parametrize("part", ["hydra_plugins", "hydra_sagemaker_launcher", "sagemaker_rehearsal", "example"])
def test_nothing_of_the_launcher_knows_the_project(part: str) -> None:
    forbidden = {"mlqa", *(("hydra_plugins", "hydra_sagemaker_launcher") if part == "sagemaker_rehearsal" else ())}
    for path in (LAUNCHERS / part).rglob("*.py"):
        assert not forbidden & set(imported(path)), path


def test_the_project_knows_nothing_of_the_launcher() -> None:
    for path in [*(TOP / "src" / "mlqa").rglob("*.py"), TOP / "train.py"]:
        assert not {"hydra_plugins", "hydra_sagemaker_launcher", "sagemaker_rehearsal"} & set(imported(path)), path


def test_hydras_scan_finds_one_public_module() -> None:
    assert [path.name for path in PLUGIN.glob("*.py") if not path.name.startswith("_")] == ["launcher.py"]
    assert not (PLUGIN.parent / "__init__.py").exists()
    assert "from __future__" not in (PLUGIN / "launcher.py").read_text()


@pytest.mark.parametrize("argument", ["--help", "--hydra-help", "--cfg"])
def test_an_app_that_does_not_use_the_launcher_loads_the_shim_alone(tmp_path: Path, argument: str) -> None:
    """Test what every Hydra app on the machine pays: one module, and nothing in the store that Hydra keeps copying."""
    code = (
        "import atexit, sys, hydra\n"
        "from hydra.core.config_store import ConfigStore\n"
        "@hydra.main(version_base='1.3', config_path=None)\n"
        "def main(config): pass\n"
        "loaded = lambda: sorted(name for name in sys.modules if 'sagemaker' in name)\n"
        "stored = lambda: [name for name in ConfigStore.instance().repo['hydra']['launcher'] if 'sage' in name]\n"
        "atexit.register(lambda: print('LOADED', loaded(), stored()))\n"
        "main()\n"
    )
    (tmp_path / "app.py").write_text(code, "utf-8")
    more = ["job"] if argument == "--cfg" else []
    done = App(tmp_path).execute([sys.executable, "app.py", argument, *more])
    shim = ["hydra_plugins.sagemaker_launcher", "hydra_plugins.sagemaker_launcher.launcher"]
    assert f"LOADED {shim} []" in done.output, done.output


@pytest.mark.parametrize("argument", ["--help", "--cfg", "-m"])
def test_composing_imports_nothing_heavy(tmp_path: Path, argument: str) -> None:
    app = App.make(tmp_path)
    code = (
        "import atexit, runpy, sys\n"
        f"heavy = lambda: [name for name in {HEAVY!r} if name in sys.modules]\n"
        "atexit.register(lambda: print('HEAVY', heavy()))\n"
        "sys.argv = ['app.py', *sys.argv[1:]]\n"
        "runpy.run_path('app.py', run_name='__main__')\n"
    )
    more = {"--help": [], "--cfg": ["job", "hardware=m5"], "-m": ["hardware=local"]}[argument]
    done = app.execute([sys.executable, "-c", code, argument, *more])
    assert done.code == 0, done.output
    assert "HEAVY []" in done.output, done.output


def test_the_container_needs_hydra_alone(tmp_path: Path) -> None:
    """The program of a job starts in an image that need not have boto3 or anything of ours."""
    code = (
        f"import sys; sys.path.insert(0, {str(LAUNCHERS)!r})\n"
        "import hydra_sagemaker_launcher.container as c, hydra_sagemaker_launcher.member\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_every_module_says_what_it_is(path: Path) -> None:
    if path.stat().st_size:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_planning_imports_nothing_of_sagemaker_core(tmp_path: Path) -> None:
    """Its modules cost seconds to import. The launcher reads its data, and botocore judges the requests."""
    app = App.make(tmp_path)
    command = [sys.executable, "-X", "importtime", "app.py", "-m", "x=1,2", "hardware=m5,c5"]
    done = app.execute([*command, "hydra.launcher.dry_run=true", "hydra.sweep.dir=sweep"])
    assert done.code == 0, done.output
    assert "4 jobs, at most" in done.output
    imported = {line.rpartition("|")[2].strip() for line in done.output.splitlines() if line.startswith("import time:")}
    assert "botocore.session" in imported
    assert not {name for name in imported if name.partition(".")[0] in ("sagemaker", "pydantic", "pandas", "torch")}
