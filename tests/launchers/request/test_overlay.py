"""hydra.launcher.request: what the launcher answers for cannot be laid over."""

from __future__ import annotations

from typing import Any

import pytest

from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.request import overlay as overlay_module
from hydra_sagemaker_launcher.request.plan import make_plan

OWNED = [
    ({"TrainingJobName": "x"}, "TrainingJobName", "hydra.launcher.job_name"),
    ({"RoleArn": None}, "RoleArn", "hydra.launcher.role_arn"),
    ({"AlgorithmSpecification": {"TrainingImage": "x"}}, "AlgorithmSpecification.TrainingImage", "hardware.image"),
    ({"ResourceConfig": {"InstanceType": "x"}}, "ResourceConfig.InstanceType", "hardware.instance_type"),
    ({"ResourceConfig": {"InstanceCount": 20}}, "ResourceConfig.InstanceCount", "hardware.instance_count"),
    ({"ResourceConfig": {"InstanceGroups": []}}, "ResourceConfig.InstanceGroups", "hardware.instance_type"),
    ({"ResourceConfig": {"VolumeSizeInGB": 7}}, "ResourceConfig.VolumeSizeInGB", "hardware.volume_gb"),
    (
        {"ResourceConfig": {"KeepAlivePeriodInSeconds": 9}},
        "ResourceConfig.KeepAlivePeriodInSeconds",
        "hydra.launcher.keep_alive_seconds",
    ),
    (
        {"StoppingCondition": {"MaxRuntimeInSeconds": 864000}},
        "StoppingCondition.MaxRuntimeInSeconds",
        "hardware.max_hours",
    ),
    (
        {"StoppingCondition": {"MaxWaitTimeInSeconds": 864000}},
        "StoppingCondition.MaxWaitTimeInSeconds",
        "hydra.launcher.spot_max_wait_hours",
    ),
    ({"EnableManagedSpotTraining": True}, "EnableManagedSpotTraining", "hardware.spot"),
    ({"EnableNetworkIsolation": False}, "EnableNetworkIsolation", "hydra.launcher.network_isolation"),
    ({"OutputDataConfig": {"S3OutputPath": "x"}}, "OutputDataConfig.S3OutputPath", "hydra.launcher.bucket"),
    ({"Tags": []}, "Tags", "hydra.launcher.tags"),
    ({"InputDataConfig": []}, "InputDataConfig", "hydra.launcher.channels"),
    ({"RetryStrategy": {"MaximumRetryAttempts": 9}}, "RetryStrategy.MaximumRetryAttempts", "retry_attempts"),
    ({"HyperParameters": {"sagemaker_program": "x"}}, "HyperParameters.sagemaker_program", "hardware.distribution"),
    ({"Environment": {"SAGEMAKER_MEMBER": "x"}}, "Environment.SAGEMAKER_MEMBER", "hydra.launcher.environment"),
    ({"ResourceConfig": None}, "ResourceConfig", "hardware.instance_type, hardware.instance_count"),
    ({"Environment": None}, "Environment", "hydra.launcher.environment"),
]


@pytest.mark.parametrize(("overlay", "key", "option"), OWNED)
def test_what_the_launcher_answers_for_is_refused(overlay: dict[str, Any], key: str, option: str) -> None:
    (line,) = overlay_module.find_overlay_problems(overlay)
    assert line.startswith(f"hydra.launcher.request.{key}: the launcher sets this itself; use ")
    assert option in line


def test_all_of_them_at_once_while_planning() -> None:
    overlay = {"ResourceConfig": {"InstanceCount": 20}, "StoppingCondition": {"MaxRuntimeInSeconds": 864000}}
    with pytest.raises(LaunchError) as refused:
        make_plan([], SageMakerLauncherConf(request=overlay, budget_usd=0.05), "us-east-1", None)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(
    "overlay",
    [
        {},
        {"CheckpointConfig": None},
        {"StoppingCondition": {"MaxPendingTimeInSeconds": 7200}},
        {"Environment": {"NCCL_DEBUG": "INFO"}},
        {"ResourceConfig": {"InstancePlacementConfig": {"EnableMultipleJobs": True}}},
        {"HyperParameters": {"lr": "1"}},
    ],
)
def test_everything_else_may_be_laid_over(overlay: dict[str, Any]) -> None:
    assert list(overlay_module.find_overlay_problems(overlay)) == []
