"""This repository's three distributions, built from a copy of it, and virtual environments to install them into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOP = Path(__file__).parents[2]
OURS = {"mlqa", "hydra-sagemaker-launcher", "hydra-racing-sweeper"}


def copy_repository(folder: Path) -> Path:
    """Copy the files that make the distributions, and return the folder of the copy."""
    skipped = shutil.ignore_patterns("__pycache__", "outputs", "multirun")
    for name in ("src", "conf", "launchers", "sweepers", "requirements"):
        shutil.copytree(TOP / name, folder / name, ignore=skipped)
    for name in ("train.py", "pyproject.toml", "README.md", "LICENSE", "Makefile"):
        shutil.copy(TOP / name, folder)
    return folder


def build(project: Path, hook: str, into: Path) -> Path:
    """Return the wheel that hatchling builds by a hook of PEP 517 or 660."""
    code = f"import sys; from hatchling import build; print(build.{hook}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(into)], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return into / done.stdout.split()[-1]


def clean_environment(**more: str) -> dict[str, str]:
    """Return the variables of this process without those that configure Python, pip, make or AWS."""
    prefixes = ("AWS_", "MAKE", "MFLAGS", "PIP_", "PYTHON", "SAGEMAKER_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)} | more


def list_requirements(project: Path, *extras: str) -> list[str]:
    """Return the dependencies that a pyproject.toml declares, with those of some of its extras."""
    declared = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    optional = declared.get("optional-dependencies", {})
    return [*declared["dependencies"], *(line for extra in extras for line in optional[extra])]


def link_distributions(requirements: Iterable[str], into: Path) -> None:
    """Link everything that some requirements need into a folder, except this repository's own distributions.

    The files come from the running environment, so this takes no network and a second or two.
    """
    waiting = [Requirement(line) for line in requirements]
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        if canonicalize_name(requirement.name) in OURS or str(requirement) in seen:
            continue
        seen.add(str(requirement))
        source = distribution(requirement.name)
        for line in source.requires or []:
            needed = Requirement(line)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
            ):
                needed.marker = None
                waiting.append(needed)
        for file in {_find_whole(source, file) for file in source.files or []}:
            target = into / file
            if ".." not in file.parts and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(source.locate_file(file))


def _find_whole(source: Distribution, file: PurePath) -> PurePath:
    """Return the package of a file, to be linked as a whole; the file itself where distributions share the folder."""
    package = PurePath(file.parts[0])
    return package if Path(str(source.locate_file(package / "__init__.py"))).is_file() else PurePath(file)


@dataclass
class Environment:
    """A virtual environment that holds some requirements, what these need, and nothing else."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, requirements: Iterable[str], wheels: Iterable[Path] = ()) -> Environment:
        """Make the environment, and have pip install the wheels into it."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        environment = cls(folder)
        link_distributions(requirements, environment.site_packages)
        for wheel in wheels:
            environment.pip("install", "--no-deps", "--no-index", "--no-compile", "--quiet", str(wheel))
        return environment

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """The folder of the installed packages."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def pip(self, *arguments: str) -> str:
        """Run the pip of the running environment on this one, and return what it prints."""
        command = [sys.executable, "-m", "pip", "--python", str(self.python), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *arguments: str | Path, cwd: Path, **variables: str) -> str:
        """Run Python, and return what it prints. Fail on an exit code and on any warning."""
        done = subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            env=clean_environment(AWS_EC2_METADATA_DISABLED="true", **variables),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Warning" not in done.stderr
        return done.stdout + done.stderr
