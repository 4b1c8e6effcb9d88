"""Hydra finds the plugin in a bare clone, in mlqa's wheel, in a wheel of its own and in an editable install.

Each is tried without this environment's own installation, whose .pth file `python -S` does not read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LAUNCHERS = TOP / "launchers"
PLUGIN = "hydra_plugins/sagemaker_launcher"
LIBRARIES = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))

APP = """
import hydra
import hydra_plugins.sagemaker_launcher.launcher as plugin
from omegaconf import OmegaConf

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    from hydra.core.hydra_config import HydraConfig
    launcher = HydraConfig.get().launcher
    print("plugin", plugin.__file__)
    print("launcher", launcher._target_, launcher.job_name, launcher.prefix, launcher.poll_interval)

if __name__ == "__main__":
    main()
"""
# Reads .pth files of a folder, as Python does with site-packages, and runs a script.
WITH_SITE = """
import runpy, site, sys
site.addsitedir(sys.argv[1])
sys.argv[:] = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def python(*arguments: str | Path, path: tuple[Path, ...] = (), cwd: Path) -> str:
    """What a Python prints that has the libraries, `path` and nothing of this installation; fails on any warning."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environment["PYTHONPATH"] = os.pathsep.join([*map(str, path), *map(str, LIBRARIES)])
    done = subprocess.run(
        [sys.executable, "-S", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the repository that make the distribution, elsewhere."""
    folder = tmp_path_factory.mktemp("clone") / "mlqa"
    skipped = shutil.ignore_patterns("__pycache__", "outputs", "multirun")
    for name in ("src", "conf", "launchers", "requirements"):
        shutil.copytree(TOP / name, folder / name, ignore=skipped)
    for name in ("train.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, folder)
    return folder


def built(clone: Path, hook: str, into: Path) -> Path:
    """The folder of an unpacked wheel that hatchling builds by one of the hooks of PEP 517 and 660."""
    code = f"import sys; from hatchling import build; print(build.{hook}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(into)], cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    unpacked = into / "unpacked"
    with zipfile.ZipFile(into / done.stdout.split()[-1]) as wheel:
        wheel.extractall(unpacked)
    return unpacked


@pytest.fixture(scope="module")
def mlqa_wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(clone, "build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def own_wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of launchers/ alone."""
    return built(clone / "launchers", "build_wheel", tmp_path_factory.mktemp("own-wheel"))


@pytest.fixture(params=["mlqa_wheel", "own_wheel"])
def wheel(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def required(unpacked: Path) -> list[str]:
    """Requires-Dist of a wheel."""
    (metadata,) = unpacked.glob("*.dist-info")
    return PathDistribution(metadata).requires or []


@pytest.fixture(scope="module")
def editable(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(clone, "build_editable", tmp_path_factory.mktemp("editable"))


@pytest.fixture(params=["bare", "own settings"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A script that prints where the plugin is from, and what its launcher's options must be: an app's own file of
    settings comes before the plugin's."""
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "config.yaml").write_text("a: 1\n", "utf-8")
    script = tmp_path / "app.py"
    script.write_text(APP, "utf-8")
    target = "hydra_plugins.sagemaker_launcher.launcher.SageMakerLauncher"
    if request.param == "bare":
        return script, f"launcher {target} app hydra-sagemaker 30.0"
    own = conf / "hydra" / "launcher"
    own.mkdir(parents=True)
    (own / "sagemaker.yaml").write_text("defaults: [sagemaker_schema]\nprefix: mine\npoll_interval: 60\n", "utf-8")
    return script, f"launcher {target} app mine 60.0"


def test_mlqa_runs_from_a_bare_clone(clone: Path, tmp_path: Path) -> None:
    shown = python(clone / "train.py", "--cfg", "hydra", "--package", "hydra.launcher", cwd=tmp_path)
    assert "_target_: hydra_plugins.sagemaker_launcher.launcher.SageMakerLauncher" in shown
    assert "prefix: mlqa" in shown  # mlqa's conf/hydra/launcher/sagemaker.yaml, not the plugin's
    plan = python(
        *(clone / "train.py", "-m", "experiment=quickstart", "hardware=local,g4dn", "hydra.launcher.dry_run=true"),
        cwd=tmp_path,
    )
    assert "ml.g4dn.xlarge" in plan
    assert "Nothing was submitted" in plan


def test_found_in_a_clone_on_the_path(clone: Path, app: tuple[Path, str], tmp_path: Path) -> None:
    shown = python(app[0], "hydra/launcher=sagemaker", path=(clone / "launchers",), cwd=tmp_path)
    assert f"plugin {clone / 'launchers' / PLUGIN}" in shown
    assert app[1] in shown


def test_found_in_a_wheel(wheel: Path, app: tuple[Path, str], tmp_path: Path) -> None:
    shown = python(app[0], "hydra/launcher=sagemaker", path=(wheel,), cwd=tmp_path)
    assert f"plugin {wheel / PLUGIN}" in shown
    assert app[1] in shown


def test_found_in_an_editable_install(editable: Path, clone: Path, app: tuple[Path, str], tmp_path: Path) -> None:
    shown = python("-c", WITH_SITE, editable, app[0], "hydra/launcher=sagemaker", cwd=tmp_path)
    assert f"plugin {clone / 'launchers' / PLUGIN}" in shown
    assert app[1] in shown


def test_multirun_of_a_wheel_plans(wheel: Path, app: tuple[Path, str], tmp_path: Path) -> None:
    plan = python(
        *(app[0], "-m", "hydra/launcher=sagemaker", "+hardware.instance_type=ml.g5.xlarge", "a=1,2"),
        "hydra.launcher.dry_run=true",
        path=(wheel,),
        cwd=tmp_path,
    )
    assert "2 jobs, at most" in plan
    assert "11.26" in plan  # two jobs of four hours at 1.408 dollars


def test_wheel_holds_all_that_is_needed(wheel: Path) -> None:
    held = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*") if path.is_file()}
    for package in ("hydra_plugins", "sagemaker_rehearsal"):
        files = {
            path.relative_to(LAUNCHERS).as_posix()
            for path in (LAUNCHERS / package).rglob("*")
            if path.suffix in (".py", ".yaml")
        }
        assert files, package
        assert files <= held
    assert f"{PLUGIN}/conf/hydra/launcher/sagemaker.yaml" in held
    assert "hydra_plugins/__init__.py" not in held  # a namespace package: other plugins live in it, too
    assert not [name for name in held if name.startswith(("example/", "tests/", "launchers/"))]


def test_mlqas_wheel_holds_its_config(mlqa_wheel: Path) -> None:
    assert (mlqa_wheel / "mlqa" / "conf" / "hydra" / "launcher" / "sagemaker.yaml").is_file()


def test_the_launchers_own_wheel_asks_for_what_mlqas_does_and_nothing_of_mlqa(
    own_wheel: Path, mlqa_wheel: Path
) -> None:
    """The same bounds in both, and each library that the launcher imports is one of them."""
    own, mlqas = (set(required(unpacked)) for unpacked in (own_wheel, mlqa_wheel))
    assert own <= mlqas
    names = {re.split(r"[^\w.-]", line)[0] for line in own if "extra ==" not in line}
    assert names == {"hydra-core", "omegaconf", "rich", "boto3", "sagemaker-core"}
    assert not [path for path in own_wheel.iterdir() if path.name == "mlqa"]


@pytest.mark.parametrize("build", ["mlqa_wheel", "own_wheel", "editable"])
def test_entry_point_for_hydra_1_4(build: str, request: pytest.FixtureRequest) -> None:
    unpacked: Path = request.getfixturevalue(build)
    (metadata,) = unpacked.glob("*.dist-info")
    found = PathDistribution(metadata).entry_points
    assert [(point.name, point.value) for point in found if point.group == "hydra.plugins"] == [
        ("sagemaker_launcher", "hydra_plugins.sagemaker_launcher.launcher")
    ]
