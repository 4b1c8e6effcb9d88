"""The house keeps its shape: imports go one way, composing stays light, files stay rooms."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
SOURCE = TOP / "src" / "mlqa"
# Each layer may import those before it; modules of one layer may import each other.
LAYERS = [
    {
        "errors",
        "config",
        "runtime",
        "processes",
        "result",
        "machine",
        "checks",
        "ranges",
        "compose",
        "command_line",
        "explain",
    }
    | {"tokenizer_columns", "tokenizer_tables", "tokenizer_page"},
    {"tracking"},
    {"data"},
    {"tokenization"},
    {"qa"},
    {"training", "summary", "report"},
    {"run_directory", "experiment", "prediction", "sweep_end", "commands", "cli"},
]
LEVEL = {name: number for number, names in enumerate(LAYERS) for name in names}
HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "evaluate",
    "wandb",
    "pandas",
    "pyarrow",
    "boto3",
    "botocore",
    "sagemaker",
    "moto",
)
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def part_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return {name.split(".")[1] for name in names if name.startswith("mlqa.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_one_way(path: Path) -> None:
    mine = part_of(path)
    for other in imported_parts(path):
        assert LEVEL[other] <= LEVEL[mine], f"{mine} may not import {other}"
        if other == "tracking":
            assert mine in {"tracking", "training", "experiment", "commands", "sweep_end"}, (
                f"{mine} may not import tracking"
            )


def test_a_report_takes_plain_values() -> None:
    allowed = {"errors", "result", "runtime", "config", "tokenizer_columns", "data", "qa", "report"}
    for path in (SOURCE / "report").glob("*.py"):
        assert imported_parts(path) <= allowed, path.name
    for path in MODULES:
        assert part_of(path) in {"report", "commands", "sweep_end"} or "report" not in imported_parts(path), path.name


def test_naming_the_report_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom hydra.utils import get_method\nget_method('mlqa.on_sweep_end.after_sweep')\n"
        f"print([name for name in (*{HEAVY!r}, 'numpy', 'plotly', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=TOP)
    assert done.stdout.strip() == "[]", done.stderr


def test_only_tracking_imports_wandb() -> None:
    import_line = re.compile(r"^\s*(?:import|from) wandb", re.MULTILINE)
    users = [path.relative_to(SOURCE).as_posix() for path in MODULES if import_line.search(path.read_text("utf-8"))]
    assert users == ["tracking/billing.py", "tracking/dashboard.py", "tracking/wandb.py"]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--cfg", "job"], ["-m", "model=berturk,nope"], ["--info", "config"]]
)
def test_composing_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import atexit, runpy, sys\n"
        f"heavy = lambda: [name for name in {HEAVY!r} if name in sys.modules]\n"
        "atexit.register(lambda: print('HEAVY', heavy(), file=sys.stderr))\n"
        f"sys.argv = ['train.py', *{arguments!r}]\n"
        f"runpy.run_path({str(TOP / 'train.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=TOP)
    assert "HEAVY []" in done.stderr, done.stderr


def test_shell_completion_offers_the_options() -> None:
    import os

    line = "train.py model=tiny_"
    done = subprocess.run(
        [sys.executable, str(TOP / "train.py"), "-sc", "query=bash"],
        env={**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line))},
        capture_output=True, text=True, timeout=60, cwd=TOP,
    )  # fmt: skip
    assert set(done.stdout.split()) == {"model=tiny_char", "model=tiny_unigram", "model=tiny_wordpiece"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_says_what_it_is(path: Path) -> None:
    if path.name != "__init__.py" or path.stat().st_size:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), f"{path.name} has no docstring"
