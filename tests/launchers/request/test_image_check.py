"""A member that its image cannot run is refused in the plan, with the image that could."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.backend import Remote
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.images import choose_image
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.image_check import find_unfit_members, list_software
from hydra_sagemaker_launcher.request.plan import PlannedMember


def check(config: Any, software: Mapping[str, str]) -> list[str]:
    """Stand in for an app: its config names the first version of transformers that will do."""
    installed = software.get("transformers", "0")
    needed, had = (tuple(map(int, text.split("."))) for text in (config.needs, installed))
    return [f"needs={config.needs}: transformers {installed} is too old"] if had < needed else []


@pytest.fixture(autouse=True)
def _app(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ModuleType("an_app")
    app.check = check  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "an_app", app)


def plan(number: int, needs: str, instance_type: str, image: str | None = None) -> PlannedMember:
    hardware = Hardware(instance_type, image=image)
    member = Member(number, [], OmegaConf.create({"needs": needs}), Path(str(number)), hardware)
    return PlannedMember(member, choose_image(hardware, "us-east-1"), None, None, {})


def refuse(*planned: PlannedMember, project: Path = Path(), **options: Any) -> list[str]:
    return list(find_unfit_members(planned, SageMakerLauncherConf(check_image="an_app.check", **options), project))


def test_members_whose_image_can_run_them_pass() -> None:
    assert refuse(plan(0, "4.36.0", "ml.p3.2xlarge"), plan(1, "5.3.0", "ml.g5.xlarge")) == []


def test_an_image_for_the_same_instance_is_named() -> None:
    planned = plan(3, "5.0.0", "ml.g5.xlarge", image="transformers-4.49")
    expected = "#3: needs=5.0.0: transformers 4.49.0 is too old; choose hardware.image=transformers-5.3"
    assert refuse(planned) == [expected]


def test_without_one_for_the_instance_another_instance_is_the_way_out() -> None:
    """A V100 is served by images up to transformers 4.49 (the catalog's column of CUDA builds)."""
    assert refuse(plan(0, "5.3.0", "ml.p3.2xlarge")) == [
        "#0: needs=5.3.0: transformers 4.49.0 is too old; transformers-5.3 can, but it is not made for ml.p3.2xlarge, "
        "so choose another instance type"
    ]
    assert refuse(plan(0, "99.0", "ml.p3.2xlarge"))[0].endswith("is too old; no image of the catalog can")


def test_the_versions_are_the_images_and_the_pins_of_its_requirements(tmp_path: Path) -> None:
    (tmp_path / "pytorch.txt").write_text("# transformers==1.0\ntransformers==5.24.0\nrich>=13\nwandb==0.31.0  # why\n")
    (tmp_path / "transformers-4.49.0.txt").write_text("wandb==0.31.0\n")
    options = SageMakerLauncherConf(requirements="{framework}.txt")
    with_none = choose_image(Hardware("ml.m5.large"), "us-east-1")
    software = list_software(with_none, options, tmp_path)
    assert software["torch"] == with_none.release.torch
    assert {name: software[name] for name in ("transformers", "wandb")} == {"transformers": "5.24.0", "wandb": "0.31.0"}
    with_one = choose_image(Hardware("ml.p3.2xlarge"), "us-east-1")
    assert list_software(with_one, options, tmp_path) == {
        "python": "py311", "torch": "2.5.1", "transformers": "4.49.0", "wandb": "0.31.0"
    }  # fmt: skip


@pytest.mark.parametrize("dotted", ["an_app.nothing", "no_such_module.check", "an_app.number"])
def test_a_function_that_is_not_there_is_named_in_one_line(
    dotted: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys.modules["an_app"], "number", 1, raising=False)
    (line,) = find_unfit_members([], SageMakerLauncherConf(check_image=dotted), Path())
    assert line.startswith(f"hydra.launcher.check_image={dotted}: is not a function") and "\n" not in line
    assert not caplog.messages


def test_a_function_that_is_not_there_is_one_problem_of_the_plan(tmp_path: Path) -> None:
    options = SageMakerLauncherConf(
        service="rehearsal", dry_run=True, check_image="an_app.nothing", keep_alive_seconds=100_000
    )
    remote = Remote(options, tmp_path, Manifest(tmp_path))
    remote.__dict__["source"] = None  # there is no program to pack
    composed = OmegaConf.create({"hydra": {"overrides": {"task": []}}})
    with pytest.raises(LaunchError) as refused:
        remote.plan_jobs([Member(0, [], composed, Path("0"), Hardware("ml.m5.large"))])
    keep_alive, check_image = refused.value.problems
    assert "KeepAlivePeriodInSeconds" in keep_alive and "check_image=an_app.nothing" in check_image
