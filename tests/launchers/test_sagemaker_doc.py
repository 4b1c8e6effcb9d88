"""docs/sagemaker.md: its commands compose and plan, and its dollars are those of the plan."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest
from forked import python

pytestmark = pytest.mark.exhaustive

TOP = Path(__file__).parents[2]
DOC = (TOP / "docs" / "sagemaker.md").read_text("utf-8")
COMMANDS = re.findall(r"^python train\.py .*$", DOC, re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files are that the commands name."""
    folder = tmp_path_factory.mktemp("work")
    answers = [{"id": "1", "question": "q?", "answers": [{"text": "c", "answer_start": 0}]}]
    for name in ("train.json", "dev.json"):
        content = {"data": [{"title": "t", "paragraphs": [{"context": "c", "qas": answers}]}]}
        (folder / name).write_text(json.dumps(content), "utf-8")
    (folder / "my-model").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / "my-model" / name).write_text("{}", "utf-8")
    return folder


@cache
def plan(command: str, cwd: Path) -> str:
    """What the dry run of a command prints; without an account, so that prices are those of the launcher's table."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    environment |= {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "COLUMNS": "160"}
    done = subprocess.run(
        [*python("training"), str(TOP / "train.py"), *shlex.split(command)[2:]],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def planned(command: str) -> str:
    """A command of the page as a dry run: nothing is submitted, and there is no sweep to resume."""
    words = [word for word in command.split(" ") if not re.search(r"launcher\.(resume|dry_run)=", word)]
    return " ".join([*words, "hydra.launcher.dry_run=true"])


@pytest.mark.parametrize("command", list(dict.fromkeys(map(planned, COMMANDS))))
def test_command_plans(command: str, folder: Path) -> None:
    assert "Nothing was submitted" in plan(command, folder)


@pytest.mark.parametrize(
    ("bound", "dollars"),
    # Three models on each: p3.2xlarge at 3.825 and g4dn.xlarge at 0.7364 dollars an hour.
    [("", f"{3 * 4 * (3.825 + 0.7364):.2f}"), (" hardware.max_hours=1", f"{3 * 1 * (3.825 + 0.7364):.2f}")],
)
def test_dollars(bound: str, dollars: str, folder: Path) -> None:
    assert f"${dollars}" in DOC
    command = f"python train.py -m model=berturk,mbert,xlmr hardware=p3,g4dn{bound} hydra.launcher.dry_run=true"
    assert command in COMMANDS
    (total,) = [line for line in plan(command, folder).splitlines() if "6 jobs, at most" in line]
    assert dollars in total.split()


def test_budget_of_the_paid_command_covers_its_worst_case() -> None:
    (budget,) = set(re.findall(r"budget_usd=(\d+)", DOC))
    assert float(budget) >= 3 * (3.825 + 0.7364)


def test_links_lead_somewhere() -> None:
    readme = (TOP / "launchers" / "README.md").read_text("utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.*)$", readme + DOC, re.M)
    }
    for target in re.findall(r"\]\(([^)]+)\)", DOC):
        path, _, anchor = target.partition("#")
        assert (TOP / "docs" / path).exists(), target
        assert not anchor or anchor in headings, target
