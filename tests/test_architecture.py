"""Test that the house keeps its shape: imports go one way and in no circle, and composing stays light."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
SOURCE = TOP / "src" / "mlqa"
# A room may import the rooms of the lines above its own.
ORDER = """
environment
threads
errors
result distributed
config
data
tokenization
features
models
batching
training
answers
metrics
display
tracking evaluation
report run_directory inference
demo llm steps
experiment on_sweep_end serving
publishing
commands
cli
"""
LEVEL = {room: number for number, line in enumerate(ORDER.strip().splitlines()) for room in line.split()}
MOST_LOOSE_MODULES = 12
HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "evaluate",
    "wandb",
    "trackio",
    "pandas",
    "pyarrow",
    "boto3",
    "botocore",
    "sagemaker",
    "moto",
)
ROOTS = {
    "mlqa": TOP / "src",
    "hydra_sagemaker_launcher": TOP / "launchers",
    "sagemaker_rehearsal": TOP / "launchers",
    "hydra_racing_sweeper": TOP / "sweepers",
}

PRODUCTS = [folder for root in ("launchers", "sweepers") for folder in (TOP / root, *(TOP / root).glob("hydra_[rs]*"))]


def name_module(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


PATHS = {
    name_module(path, root): path for package, root in ROOTS.items() for path in sorted((root / package).rglob("*.py"))
}
MODULES = [path for name, path in PATHS.items() if name.startswith("mlqa.")]


def list_imports(path: Path) -> Iterator[str]:
    """Yield the project's modules that a file imports, also inside functions and for type checkers alone."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in PATHS else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@functools.cache
def read_imports() -> dict[str, set[str]]:
    """Return the project's modules that each of them imports. It takes a second, which finding the tests must not."""
    return {name: {other for other in list_imports(path) if other in PATHS} for name, path in PATHS.items()}


def find_circle(edges: Iterable[tuple[str, str]]) -> str:
    """Return one circle of a graph, or nothing if it has none."""
    graph: dict[str, set[str]] = {}
    for importer, imported in edges:
        if importer != imported:
            graph.setdefault(importer, set()).add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except ValueError as error:
        return " <- ".join(error.args[1])
    return ""


@pytest.mark.parametrize("depth", [2, 3, 4, 9])
def test_no_circle_at_any_level(depth: int) -> None:
    """Depth 2 is the rooms of a package, 9 its modules."""

    def cut(name: str) -> str:
        return ".".join(name.split(".")[:depth])

    assert not find_circle((cut(name), cut(other)) for name, others in read_imports().items() for other in others)


def test_a_circle_would_be_found() -> None:
    assert find_circle([("a", "b"), ("b", "c"), ("c", "a")]) == "a <- c <- b <- a"


@pytest.mark.parametrize("name", [name for name in PATHS if name.startswith("mlqa.")])
def test_imports_go_one_way(name: str) -> None:
    room = name.split(".")[1]
    for other in read_imports()[name]:
        above = other.split(".")[1] if "." in other else ""
        assert not above or above == room or LEVEL[above] < LEVEL[room], f"{name} may not import {other}"


def test_few_modules_are_loose() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= MOST_LOOSE_MODULES


def test_tracking_and_report_take_plain_values() -> None:
    for name, others in read_imports().items():
        rooms = {other.split(".")[1] for other in others if other.count(".")}
        if name.startswith("mlqa.report"):
            assert rooms <= {"errors", "environment", "config", "result", "display", "metrics", "data", "report"}, name
        if name.startswith("mlqa.tracking"):
            assert rooms <= {"errors", "environment", "config", "result", "display", "tracking"}, name


def test_naming_the_report_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom hydra.utils import get_method\nget_method('mlqa.on_sweep_end.finish_sweep')\n"
        f"print([name for name in (*{HEAVY!r}, 'numpy', 'scipy', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=TOP)
    assert done.stdout.strip() == "[]", done.stderr


def test_only_tracking_imports_wandb() -> None:
    import_line = re.compile(r"^\s*(?:import|from) wandb", re.MULTILINE)
    users = [path.relative_to(SOURCE).as_posix() for path in MODULES if import_line.search(path.read_text("utf-8"))]
    parts = ("billing", "dashboard", "panels", "report_pictures")
    parts += ("wandb", "wandb_artifacts", "wandb_connection", "wandb_files")
    assert users == [f"tracking/{part}.py" for part in parts]


def test_a_tracker_is_one_file() -> None:
    import_line = re.compile(r"^\s*(?:import|from) trackio", re.MULTILINE)
    users = [path.relative_to(SOURCE).as_posix() for path in MODULES if import_line.search(path.read_text("utf-8"))]
    assert users == ["tracking/trackio.py"]


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
    line = "train.py model=tiny_"
    done = subprocess.run(
        [sys.executable, str(TOP / "train.py"), "-sc", "query=bash"],
        env={**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line))},
        capture_output=True, text=True, timeout=60, cwd=TOP,
    )  # fmt: skip
    assert set(done.stdout.split()) == {"model=tiny_char", "model=tiny_unigram", "model=tiny_wordpiece"}


def test_the_map_names_files_that_exist() -> None:
    """Every path in docs/architecture.md is there, and every room of src/mlqa and of the launcher is on the map."""
    text = (TOP / "docs" / "architecture.md").read_text("utf-8")
    quoted = re.findall(r"`([\w./-]+(?:\.py|\.yaml|\.md|/))`", text)
    places = (TOP, SOURCE, *PRODUCTS)
    assert len(quoted) > 50
    assert [name for name in quoted if not any((place / name).exists() for place in places)] == []
    rooms = [path for path in SOURCE.iterdir() if path.is_dir() and path.name not in ("__pycache__", "conf")]
    modules = [path for path in SOURCE.glob("*.py") if path.name != "__init__.py"]
    missing = [path.name for path in rooms if f"{path.name}/" not in text]
    assert missing + [path.name for path in modules if path.name not in text] == []


FOREIGN = {"evaluate-v1.1.py", "evaluate-v2.0.py", "run_qa.py"}  # the SQuAD scripts and the transformers example
# What `mlqa card` and `mlqa export` write.
WRITTEN = {
    *("predict.py", "onnx/predict.py", "code/inference.py"),
    *("data_statement.md", "model/README.md", "model/data_statement.md"),
}
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_a_page_names_files_that_exist(page: Path) -> None:
    """Every file of code or data that a page has in back-ticks is there."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    quoted = set(re.findall(r"`([\w./-]+\.(?:py|yaml|md))`", text)) - FOREIGN - WRITTEN
    places = (TOP, TOP / "src", SOURCE, *PRODUCTS, TOP / "docs")
    assert [name for name in sorted(quoted) if not any((place / name).exists() for place in places)] == []


def test_the_walk_takes_no_step_backwards() -> None:
    """The numbered steps of docs/architecture.md follow the order of imports."""
    text = (TOP / "docs" / "architecture.md").read_text("utf-8")
    walk = text.split("## One question, from YAML to report")[1].split("\n## ")[0]
    steps = re.findall(r"^\d+\. .*(?:\n {3}.*)*", walk, re.MULTILINE)
    files = [name for step in steps for name in re.findall(r"`(?:src/mlqa/)?([\w/]+\.py)`", step)]
    levels = [LEVEL[name.split("/")[0].removesuffix(".py")] for name in files]
    assert len(steps) > 10 and levels == sorted(levels), list(zip(files, levels, strict=True))
