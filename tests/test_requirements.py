"""Test that the container installs, pinned, what src/mlqa imports and the image lacks, for every image."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TOP = Path(__file__).resolve().parents[1]
FILES = sorted((TOP / "requirements").glob("*.txt"))
# Only dashboards, reports, endpoints, exports, the demo and trackio use these, which do not run in a job.
NOT_IN_A_JOB = {"httpx", "wandb-workspaces", "scipy", "jinja2", "markupsafe"}
NOT_IN_A_JOB |= {"onnx", "onnxruntime", "gradio", "trackio", "huggingface-hub"}
BY_OMEGACONF = {"pyyaml"}
# The Dockerfiles of the images install these. They are never pinned here, because pip would replace them.
OF_ITS_TORCH = {"torch", "numpy"}
OF_THE_IMAGE = {*OF_ITS_TORCH, "transformers", "tokenizers", "datasets", "accelerate", "pyarrow", "safetensors"}


def of_the_image(path: Path) -> set[str]:
    return OF_ITS_TORCH if path.stem == "pytorch" else OF_THE_IMAGE


def pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    found = [re.fullmatch(r"([a-z0-9-]+)==([0-9.]+)", line) for line in lines]
    assert all(found), f"{path}: every line pins one package: {lines}"
    return {match[1]: match[2] for match in found if match}


def imported() -> set[str]:
    """Return the distributions that src/mlqa imports, at the top or inside functions."""
    modules: set[str] = set()
    for file in (TOP / "src" / "mlqa").rglob("*.py"):
        if file.parent.name == "shipped":  # files that travel with a model and run without mlqa
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    known = packages_distributions()
    third_party = modules - set(sys.stdlib_module_names) - {"mlqa"}
    # Python 3.10 does not know the modules of a distribution without a top_level.txt. Such ones have its name.
    return {known.get(module, [module])[0].lower().replace("_", "-") for module in third_party}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_everything_that_is_imported_is_pinned_or_the_images(path: Path) -> None:
    assert imported() - of_the_image(path) - BY_OMEGACONF - NOT_IN_A_JOB - set(pins(path)) == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_of_the_image_is_replaced(path: Path) -> None:
    assert of_the_image(path).isdisjoint(pins(path))


def test_every_hardware_option_finds_its_file() -> None:
    """Test the files against the launcher's table of images, read as text because mlqa does not import it."""
    table = (TOP / "launchers/hydra_sagemaker_launcher/catalog/images.yaml").read_text("utf-8")
    transformers = set(re.findall(r"transformers: ([\d.]+)", table))
    assert {"pytorch", *(f"transformers-{version}" for version in transformers)} == {path.stem for path in FILES}
    assert transformers >= {"4.36.0", "5.3.0"}
