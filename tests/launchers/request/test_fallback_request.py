"""A list of instance types as CreateTrainingJob takes it, in its plan and in the stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.catalog import fallbacks as fallback_catalog
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.images import choose_image
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.display.plan_table import build_plan_table
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.plan import make_plan
from hydra_sagemaker_launcher.request.quota_rules import find_quota_problems
from hydra_sagemaker_launcher.request.training_job import JobSpec, build_training_job_request
from sagemaker_rehearsal.operations import _find_problem

LIST = Hardware("ml.g6e.xlarge", fallbacks=("g6", "g5"), max_pending_minutes=60)


def build(hardware: Hardware, **options: Any) -> dict[str, Any]:
    spec = JobSpec(
        hardware, choose_image(hardware, "us-east-1"), 0, "job-0", "0000-0000000000", Path("sweep"),
        "arn:aws:iam::123456789012:role/Trainer", "us-east-1", {"code": "s3://bucket/code/"}, "s3://bucket",
    )  # fmt: skip
    request = build_training_job_request(spec, SageMakerLauncherConf(**options))
    assert _find_problem(request) is None  # the stand-in holds it against the same rules
    return request


def plan(hardware: Hardware, **options: Any) -> Any:
    member = Member(0, [], OmegaConf.create({"hydra": {"overrides": {"task": []}}}), Path("sweep/0"), hardware)
    return make_plan([member], SageMakerLauncherConf(**options), "us-east-1", None)


def test_one_count_for_all_types() -> None:
    request = build(LIST, keep_alive_seconds=600)
    assert request["ResourceConfig"] == {
        "InstanceCount": 1,
        "InstancePreferences": [{"InstanceType": f"ml.{family}.xlarge"} for family in ("g6e", "g6", "g5")],
        "VolumeSizeInGB": 50,
        "KeepAlivePeriodInSeconds": 600,  # a warm pool of whichever type is selected
    }
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 14400, "MaxPendingTimeInSeconds": 3600}
    assert "sagemaker_instance_type" not in request["HyperParameters"]  # nobody knows it yet


def test_or_one_count_for_each() -> None:
    request = build(Hardware("ml.g5.12xlarge", 1, "torchrun", fallbacks=("ml.g5.xlarge:4",)))
    assert request["ResourceConfig"] == {
        "InstancePreferences": [
            {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1},
            {"InstanceType": "ml.g5.xlarge", "InstanceCount": 4},
        ],
        "VolumeSizeInGB": 50,
    }


def test_spot_and_an_older_botocore_name_one_type(monkeypatch: pytest.MonkeyPatch) -> None:
    spot = build(Hardware("ml.g6.xlarge", spot=True, fallbacks=("g5",), max_pending_minutes=60))
    assert spot["ResourceConfig"]["InstanceType"] == "ml.g6.xlarge"
    assert "MaxPendingTimeInSeconds" not in spot["StoppingCondition"]  # the launcher itself keeps it
    assert spot["CheckpointConfig"] and spot["StoppingCondition"]["MaxWaitTimeInSeconds"] == 86400
    monkeypatch.setattr(fallback_catalog, "has_preferences", lambda: False)
    assert build(LIST)["ResourceConfig"]["InstanceType"] == "ml.g6e.xlarge"


def test_the_worst_case_is_that_of_the_dearest_type() -> None:
    (item,) = plan(Hardware("ml.g6.xlarge", fallbacks=("g6e", "g5"), max_hours=2.0))
    assert item.worst_case == pytest.approx(2 * 2.61)
    assert item.price is not None and item.price.usd_per_hour == 1.127
    (caption,) = [line for line in str(build_plan_table([], [item], {}).caption).splitlines() if "fallbacks" in line]
    assert "SageMaker chooses" in caption and "1 x ml.g6e.xlarge at 2.61 $/h" in caption
    with pytest.raises(LaunchError, match=r"#0 alone may cost \$5.22 \(1 x ml.g6e.xlarge for hardware.max_hours=2\)"):
        plan(Hardware("ml.g6.xlarge", fallbacks=("g6e", "g5"), max_hours=2.0), budget_usd=4.0)
    with pytest.raises(LaunchError, match=r"no price is known for ml.g7.2xlarge; remove it from hardware.fallbacks"):
        plan(Hardware("ml.g6.2xlarge", fallbacks=("g7",)), budget_usd=40.0)


def test_every_types_quota_is_looked_at_before() -> None:
    planned = plan(Hardware("ml.g5.12xlarge", 2, "torchrun", fallbacks=("g6", "ml.g6.48xlarge:1")))
    quotas = {("ml.g5.12xlarge", False): 2.0, ("ml.g6.12xlarge", False): 1.0}  # none is known of the third
    (problem,) = find_quota_problems(planned, quotas, "us-east-1")
    assert "quota 'ml.g6.12xlarge for training job usage' in us-east-1 is 1" in problem and "2 here" in problem
    spot = plan(Hardware("ml.g5.12xlarge", 2, "torchrun", spot=True, fallbacks=("g6",)))
    assert list(find_quota_problems(spot, quotas, "us-east-1")) == []  # each is asked for alone


def test_a_key_for_volumes_and_disks_of_their_own_do_not_go_together() -> None:
    with pytest.raises(LaunchError, match=r"hydra.launcher.kms_key"):
        plan(Hardware("ml.g4dn.2xlarge", fallbacks=("p3",)), kms_key="key")
    assert plan(Hardware("ml.g5.xlarge", fallbacks=("g6",)), kms_key="key")
