"""The request of each option of conf/hardware, as a file that is read in review: golden/<option>.json.

They are what a dry run of mlqa would submit. To renew them after a change that is meant:
    RENEW_GOLDEN=1 python -m pytest tests/launchers/request/test_golden_requests.py
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typed_requests
from botocore.validate import ParamValidator
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from hydra_plugins.sagemaker_launcher.launcher import SageMakerLauncher
from hydra_sagemaker_launcher.member import Member, compose_member
from hydra_sagemaker_launcher.request.plan import make_plan
from hydra_sagemaker_launcher.request.training_job import build_trial_request
from mlqa.config.compose import initialize_hydra

OPTIONS = sorted(path.stem for path in (Path(__file__).parents[3] / "conf" / "hardware").glob("*.yaml"))
HERE = {"local"}  # no instances: its members run in this process
GOLDEN = Path(__file__).with_name("golden")
RENEW = "RENEW_GOLDEN=1 python -m pytest tests/launchers/request/test_golden_requests.py"
REGION, SWEEP_DIR = "us-east-1", Path("multirun/2026-11-24/10-00-00")
# Files of one's own, which travel; everything else is mlqa's default.
OVERRIDES = [
    "dataset=squad_json",
    "dataset.language=tr",
    "dataset.train_file=train.json",
    "dataset.validation_file=dev.json",
]


@pytest.fixture(scope="module")
def context() -> Iterator[HydraContext]:
    """What Hydra gives to a launcher of mlqa."""
    with initialize_hydra():
        yield HydraContext(GlobalHydra.instance().config_loader(), Callbacks())


@pytest.fixture(scope="module")
def sweep_config(context: HydraContext) -> DictConfig:
    return context.config_loader.load_configuration("config", [], run_mode=RunMode.MULTIRUN)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data, and an environment that adds nothing."""
    for name in ("train.json", "dev.json"):
        (tmp_path / name).write_text("{}", "utf-8")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("WANDB_", "SAGEMAKER_"))]:
        monkeypatch.delenv(name)


def compose(context: HydraContext, sweep_config: DictConfig, option: str) -> Member:
    return compose_member(context, sweep_config, [f"hardware={option}", *OVERRIDES], 0, "hardware", SWEEP_DIR)


def build(member: Member, sweep_config: DictConfig) -> dict[str, Any]:
    """Build the request as a dry run does, before it is known who submits it and where the files are."""
    options = SageMakerLauncher(**sweep_config.hydra.launcher).sweep._options
    [planned] = make_plan([member], options, REGION, None)
    return build_trial_request(planned, options, SWEEP_DIR, REGION)


@pytest.mark.parametrize("option", [option for option in OPTIONS if option not in HERE])
def test_request_is_the_golden_one(context: HydraContext, sweep_config: DictConfig, option: str) -> None:
    request = build(compose(context, sweep_config, option), sweep_config)
    text = json.dumps(request, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{option}.json"
    if os.environ.get("RENEW_GOLDEN"):
        path.write_text(text, "utf-8")
    golden = path.read_text("utf-8") if path.exists() else ""
    difference = difflib.unified_diff(
        golden.splitlines(), text.splitlines(), f"golden/{path.name}", f"hardware={option}", lineterm=""
    )
    if golden != text:
        pytest.fail("\n".join([*difference, "", f"If this is meant: {RENEW}"]), pytrace=False)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden_request_is_one_that_sagemaker_takes(path: Path) -> None:
    request = json.loads(path.read_text("utf-8"))
    model = botocore.session.get_session().get_service_model("sagemaker")
    report = ParamValidator().validate(request, model.operation_model("CreateTrainingJob").input_shape)
    assert not report.has_errors(), report.generate_report()
    typed_requests.judge(request)


def test_each_golden_request_has_its_option() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(OPTIONS) - HERE


def test_members_of_this_machine_make_no_request(context: HydraContext, sweep_config: DictConfig) -> None:
    assert {option for option in OPTIONS if compose(context, sweep_config, option).hardware is None} == HERE
