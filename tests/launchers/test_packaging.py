"""Test the wheels: what they hold and ask for, and that Hydra finds the launcher however it is installed.

Each way is tried in a virtual environment of its own, which holds the declared dependencies and nothing else.
"""

from __future__ import annotations

import importlib
import re
import shutil
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from distributions import Environment, build, copy_repository, list_requirements
from hydra.plugins.plugin import Plugin
from packaging.requirements import Requirement

pytestmark = pytest.mark.exhaustive

TOP = Path(__file__).parents[2]
LAUNCHERS = TOP / "launchers"
PLUGIN = "hydra_plugins/sagemaker_launcher"
PACKAGES = ("hydra_plugins", "hydra_sagemaker_launcher", "sagemaker_rehearsal")

APP = """
import hydra
import hydra_plugins.sagemaker_launcher.launcher as plugin

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    from hydra.core.hydra_config import HydraConfig
    launcher = HydraConfig.get().launcher
    print("plugin", plugin.__file__)
    print("launcher", launcher._target_, launcher.job_name, launcher.prefix, launcher.poll_interval)

if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("clone") / "mlqa")


@pytest.fixture(scope="module")
def mlqa_wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(clone, "build_wheel", tmp_path_factory.mktemp("mlqa-wheel"))


@pytest.fixture(scope="module")
def launcher_wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(clone / "launchers", "build_wheel", tmp_path_factory.mktemp("launcher-wheel"))


@pytest.fixture(scope="module")
def alone(clone: Path, launcher_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The launcher's wheel with its extra, and nothing of mlqa."""
    needed = list_requirements(clone / "launchers", "rehearsal")
    return Environment.make(tmp_path_factory.mktemp("alone"), needed, [launcher_wheel])


@pytest.fixture(scope="module")
def bare(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What the launcher needs, and nothing of ours."""
    return Environment.make(tmp_path_factory.mktemp("bare"), list_requirements(clone / "launchers"))


@pytest.fixture(scope="module")
def editable_wheels(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheels that link to the clone: the launcher's and mlqa's."""
    folder = tmp_path_factory.mktemp("editable-wheels")
    return [build(project, "build_editable", folder) for project in (clone / "launchers", clone)]


@pytest.fixture(scope="module")
def editable(clone: Path, editable_wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Both, as a developer installs them."""
    needed = list_requirements(clone / "launchers")
    return Environment.make(tmp_path_factory.mktemp("editable"), needed, editable_wheels)


def unpack(wheel: Path, into: Path) -> Path:
    shutil.unpack_archive(wheel, into, "zip")
    return into


def read_metadata(unpacked: Path) -> PathDistribution:
    (metadata,) = unpacked.glob("*.dist-info")
    return PathDistribution(metadata)


def list_plugins(wheel: Path, into: Path) -> list[tuple[str, str]]:
    points = read_metadata(unpack(wheel, into)).entry_points
    return [(point.name, point.value) for point in points if point.group == "hydra.plugins"]


@pytest.fixture(params=["bare", "own settings"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """Return a script that prints where the plugin is from, and what it must print of the launcher's options.

    An app's own file of settings comes before the plugin's.
    """
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


# --- what the wheels hold


def test_the_launchers_wheel_holds_everything_that_it_needs(launcher_wheel: Path, tmp_path: Path) -> None:
    unpacked = unpack(launcher_wheel, tmp_path)
    held = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    for package in PACKAGES:
        files = {
            path.relative_to(LAUNCHERS).as_posix()
            for path in (LAUNCHERS / package).rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        }
        assert files
        assert files <= held
    for typed in (PLUGIN, "hydra_sagemaker_launcher", "sagemaker_rehearsal"):
        assert f"{typed}/py.typed" in held
    assert "hydra_plugins/__init__.py" not in held  # a namespace package: other plugins also live in it
    assert {name.partition("/")[0] for name in held} - {*PACKAGES} == {
        name.partition("/")[0] for name in held if ".dist-info/" in name
    }


def test_the_launchers_licence_is_the_projects(launcher_wheel: Path, tmp_path: Path) -> None:
    (held,) = unpack(launcher_wheel, tmp_path).glob("*.dist-info/licenses/LICENSE")
    assert held.read_bytes() == (LAUNCHERS / "LICENSE").read_bytes() == (TOP / "LICENSE").read_bytes()


def test_the_launcher_says_what_it_is(launcher_wheel: Path, tmp_path: Path) -> None:
    metadata = read_metadata(unpack(launcher_wheel, tmp_path)).metadata
    assert metadata["Name"] == "hydra-sagemaker-launcher"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Author"] == "The mlqa authors"
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert metadata["Keywords"]
    assert f"## {metadata['Version']}" in (LAUNCHERS / "CHANGELOG.md").read_text("utf-8")
    assert metadata.get_payload().startswith("# hydra-sagemaker-launcher")


def test_mlqas_wheel_holds_its_config_and_nothing_of_the_launcher(mlqa_wheel: Path, tmp_path: Path) -> None:
    unpacked = unpack(mlqa_wheel, tmp_path)
    assert (unpacked / "mlqa" / "conf" / "hydra" / "launcher" / "sagemaker.yaml").is_file()
    assert (unpacked / "mlqa" / "py.typed").is_file()
    assert {path.name for path in unpacked.iterdir() if path.suffix != ".dist-info"} == {"mlqa"}


def test_mlqa_asks_for_the_launcher_as_a_distribution(mlqa_wheel: Path, tmp_path: Path) -> None:
    required = [Requirement(line) for line in read_metadata(unpack(mlqa_wheel, tmp_path)).requires or []]
    launchers = [needed for needed in required if needed.name == "hydra-sagemaker-launcher"]
    assert {(*needed.extras, str(needed.marker or "")) for needed in launchers} == {
        ("",),
        ("rehearsal", 'extra == "rehearsal"'),
        ("rehearsal", 'extra == "dev"'),  # which names it by mlqa[rehearsal]
    }
    assert not {"boto3", "sagemaker-core", "moto"} & {needed.name for needed in required}


def test_the_launcher_asks_for_nothing_of_mlqa(launcher_wheel: Path, tmp_path: Path) -> None:
    required = read_metadata(unpack(launcher_wheel, tmp_path)).requires or []
    always = {re.split(r"[^\w.-]", line)[0] for line in required if "extra ==" not in line}
    assert always == {"hydra-core", "omegaconf", "rich", "boto3", "sagemaker-core"}
    assert [line for line in required if "extra ==" in line] == ["moto[s3,server]>=5.2.5; extra == 'rehearsal'"]


def test_entry_point_for_hydra_1_4(launcher_wheel: Path, mlqa_wheel: Path, tmp_path: Path) -> None:
    values = [value for _, value in list_plugins(launcher_wheel, tmp_path / "launcher")]
    for value in values:  # Hydra 1.4 takes concrete classes only
        module, _, name = value.partition(":")
        assert issubclass(getattr(importlib.import_module(module), name), Plugin)
    assert [value.partition(":")[2] for value in values] == [
        "SageMakerLauncher", "SageMakerConfigSource", "SageMakerSearchPath",
    ]  # fmt: skip
    assert list_plugins(mlqa_wheel, tmp_path / "mlqa") == []


# --- where Hydra finds the launcher


def test_mlqa_runs_from_a_bare_clone(clone: Path, tmp_path: Path) -> None:
    needed = [*list_requirements(clone), *list_requirements(clone / "launchers", "rehearsal")]
    bare = Environment.make(tmp_path / "bare", needed)
    shown = bare.run(clone / "train.py", "--cfg", "hydra", "--package", "hydra.launcher", cwd=tmp_path)
    assert "_target_: hydra_plugins.sagemaker_launcher.launcher.SageMakerLauncher" in shown
    assert "prefix: mlqa" in shown  # mlqa's conf/hydra/launcher/sagemaker.yaml, not the plugin's
    plan = bare.run(
        *(clone / "train.py", "-m", "experiment=quickstart", "hardware=local,g4dn", "hydra.launcher.dry_run=true"),
        cwd=tmp_path,
    )
    assert "ml.g4dn.xlarge" in plan
    assert "Nothing was submitted" in plan


def test_found_in_a_clone_on_the_path(bare: Environment, clone: Path, app: tuple[Path, str], tmp_path: Path) -> None:
    shown = bare.run(app[0], "hydra/launcher=sagemaker", cwd=tmp_path, PYTHONPATH=str(clone / "launchers"))
    assert f"plugin {clone / 'launchers' / PLUGIN}" in shown
    assert app[1] in shown


def test_found_in_a_wheel(alone: Environment, app: tuple[Path, str], tmp_path: Path) -> None:
    shown = alone.run(app[0], "hydra/launcher=sagemaker", cwd=tmp_path)
    assert f"plugin {alone.site_packages / PLUGIN}" in shown
    assert app[1] in shown


def test_found_in_an_editable_install(
    editable: Environment, clone: Path, app: tuple[Path, str], tmp_path: Path
) -> None:
    shown = editable.run(app[0], "hydra/launcher=sagemaker", cwd=tmp_path)
    assert f"plugin {clone / 'launchers' / PLUGIN}" in shown
    assert app[1] in shown


def test_an_editable_install_leads_to_the_sources(
    editable: Environment, editable_wheels: list[Path], clone: Path, tmp_path: Path
) -> None:
    places = "import mlqa, hydra_sagemaker_launcher as launcher; print(mlqa.__path__, launcher.__path__)"
    assert f"[{str(clone / 'src/mlqa')!r}] " in editable.run("-c", places, cwd=tmp_path)
    mlqas_own = Environment.make(tmp_path / "mlqa", [], editable_wheels[1:])  # its link leads to src/ alone
    held = "import importlib.util as u; print([bool(u.find_spec(name)) for name in ('mlqa', 'hydra_plugins')])"
    assert mlqas_own.run("-c", held, cwd=tmp_path).strip() == "[True, False]"


def test_multirun_of_a_wheel_plans(alone: Environment, app: tuple[Path, str], tmp_path: Path) -> None:
    plan = alone.run(
        *(app[0], "-m", "hydra/launcher=sagemaker", "+hardware.instance_type=ml.g5.xlarge", "a=1,2"),
        "hydra.launcher.dry_run=true",
        cwd=tmp_path,
    )
    assert "2 jobs, at most" in plan
    assert "11.26" in plan  # two jobs of four hours at 1.408 dollars


def test_a_wheel_alone_runs_its_example_on_the_rehearsal_service(alone: Environment, tmp_path: Path) -> None:
    shutil.copytree(LAUNCHERS / "example", tmp_path / "example")
    assert "No broken requirements found" in alone.pip("check")
    assert alone.run("-c", "import importlib.util as u; print(u.find_spec('mlqa'))", cwd=tmp_path).strip() == "None"
    shown = alone.run(
        *("example/app.py", "-m", "x=1,2", "hardware=here,m5", "hydra.launcher.service=rehearsal"), cwd=tmp_path
    )
    assert "best of 4: #2 x=2 hardware=here, error 0.1250" in shown
    written = sorted(path.parent.name for path in tmp_path.glob("multirun/*/*/*/result.json"))
    assert written == ["1", "3"]  # the jobs: the launcher completes what they have left
