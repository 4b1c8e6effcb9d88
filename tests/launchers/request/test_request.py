"""CreateTrainingJob requests against botocore's service model, the toolkit's hyperparameters and SageMaker's limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_sagemaker_launcher.catalog import images as image_catalog
from hydra_sagemaker_launcher.catalog.hardware import Hardware, parse_hardware
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.request.training_job import (
    JobSpec,
    build_training_job_request,
    collect_environment,
    make_job_name,
)

HARDWARE = Path(__file__).resolve().parents[3] / "conf" / "hardware"
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # of CreateTrainingJob's reference
SWEEP = "1124-0a1b2c3d4e"


def request(hardware: Hardware, **changes: Any) -> dict[str, Any]:
    job = JobSpec(
        hardware=hardware,
        image=image_catalog.choose_image(hardware, "us-east-1"),
        number=1,
        name="job-1",
        sweep_id=SWEEP,
        sweep_dir=Path("/multirun/2026-11-24/10-00-00"),
        role="arn:aws:iam::123456789012:role/Trainer",
        region="us-east-1",
        channels={"code": "s3://b/code/", "member": "s3://b/member/", "train": "s3://b/data/"},
        prefix="s3://b/prefix",
    )
    return build_training_job_request(job, SageMakerLauncherConf(**changes))


P3 = Hardware("ml.p3.2xlarge")


@pytest.mark.parametrize(
    ("option", "instance_type", "count", "framework"),
    [
        ("p3", "ml.p3.2xlarge", 1, {}),
        ("g4dn", "ml.g4dn.xlarge", 1, {}),
        ("g5", "ml.g5.xlarge", 1, {}),
        ("g5_torchrun", "ml.g5.12xlarge", 1, {"sagemaker_torch_distributed_enabled": "true"}),
        ("p3_smddp", "ml.p3.16xlarge", 2, {"sagemaker_distributed_dataparallel_enabled": "true"}),
        ("p4d_smddp", "ml.p4d.24xlarge", 2, {"sagemaker_distributed_dataparallel_enabled": "true"}),
    ],
)
def test_each_hardware_option_makes_a_valid_request(
    option: str, instance_type: str, count: int, framework: dict[str, str]
) -> None:
    hardware = parse_hardware(yaml.safe_load((HARDWARE / f"{option}.yaml").read_text("utf-8")))
    assert hardware is not None
    made = request(hardware)
    model = botocore.session.get_session().get_service_model("sagemaker")
    report = ParamValidator().validate(made, model.operation_model("CreateTrainingJob").input_shape)
    assert not report.has_errors(), report.generate_report()
    assert made["ResourceConfig"]["InstanceType"] == instance_type
    assert made["ResourceConfig"]["InstanceCount"] == count
    # What sagemaker-training reads; the values are JSON.
    expected = {
        "sagemaker_program": '"sagemaker_member.py"',
        "sagemaker_submit_directory": '"/opt/ml/input/data/code/sourcedir.tar.gz"',
        "sagemaker_region": '"us-east-1"',
        "sagemaker_container_log_level": "20",
        "sagemaker_instance_type": json.dumps(instance_type),
        **framework,
    }
    if "smddp" in option:
        expected["sagemaker_distributed_dataparallel_custom_mpi_options"] = '""'
    assert made["HyperParameters"] == expected
    assert made["ProfilerConfig"] == {"DisableProfiler": True}
    assert made["StoppingCondition"] == {"MaxRuntimeInSeconds": round(hardware.max_hours * 3600)}
    assert made["EnableManagedSpotTraining"] is False
    assert [channel["ChannelName"] for channel in made["InputDataConfig"]] == ["code", "member", "train"]


def test_spot_waits_at_least_as_long_as_it_runs() -> None:
    made = request(Hardware("ml.p3.2xlarge", spot=True, max_hours=2), spot_max_wait_hours=5)
    assert made["EnableManagedSpotTraining"] is True
    assert made["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 18000}
    longer = request(Hardware("ml.p3.2xlarge", spot=True, max_hours=30))
    assert longer["StoppingCondition"]["MaxWaitTimeInSeconds"] == 30 * 3600


def test_the_rest_of_the_options() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1234"
    made = request(
        P3,
        kms_key=key,
        subnets=["subnet-1"],
        security_group_ids=["sg-1"],
        network_isolation=True,
        encrypt_traffic=True,
        keep_alive_seconds=600,
        retry_attempts=0,
        input_mode="FastFile",
    )
    assert made["OutputDataConfig"]["KmsKeyId"] == made["ResourceConfig"]["VolumeKmsKeyId"] == key
    assert made["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert made["EnableNetworkIsolation"] and made["EnableInterContainerTrafficEncryption"]
    assert made["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert "RetryStrategy" not in made
    assert [channel["InputMode"] for channel in made["InputDataConfig"]] == ["File", "File", "FastFile"]
    assert made["Tags"] == [{"Key": "hydra-sweep", "Value": SWEEP}, {"Key": "hydra-member", "Value": "1"}]
    own_disks = request(Hardware("ml.g5.xlarge"), kms_key=key)  # SageMaker refuses a key for them
    assert "VolumeKmsKeyId" not in own_disks["ResourceConfig"]


def test_an_overlay_replaces_adds_and_takes_out() -> None:
    overlay = {
        "CheckpointConfig": None,
        "StoppingCondition": {"MaxPendingTimeInSeconds": 7200},
        "Environment": {"B": "c"},
        "DebugHookConfig": {"S3OutputPath": "s3://b/debug"},
        "Tags": [{"Key": "team", "Value": "nlp"}],
    }
    made = request(P3, request=overlay)
    assert "CheckpointConfig" not in made
    assert made["StoppingCondition"] == {"MaxRuntimeInSeconds": 14400, "MaxPendingTimeInSeconds": 7200}
    assert made["Environment"] == {
        "SAGEMAKER_SWEEP_ID": SWEEP,
        "SAGEMAKER_MEMBER": "1",
        "SAGEMAKER_SWEEP_DIR": "2026-11-24/10-00-00",
        "B": "c",
    }
    assert made["DebugHookConfig"] == {"S3OutputPath": "s3://b/debug"}
    assert made["Tags"] == [{"Key": "team", "Value": "nlp"}]


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ({"Nonsense": 1}, "Nonsense"),
        ({"ResourceConfig": {"InstanceCount": "two"}}, "InstanceCount"),
        ({"ResourceConfig": {"InstanceType": "ml.p99.large"}}, "ResourceConfig.InstanceType=ml.p99.large"),
        ({"OutputDataConfig": {"S3OutputPath": "file:///x"}}, "OutputDataConfig.S3OutputPath=file:///x"),
        ({"Environment": {"A": "x" * 513}}, "Environment.A: 513 long; SageMaker takes 0 to 512"),
        ({"RoleArn": None}, "RoleArn"),
    ],
)
def test_what_sagemaker_would_refuse_is_refused_here(overlay: dict[str, Any], told: str) -> None:
    with pytest.raises(LaunchError, match=re.escape(told)) as refused:
        request(P3, request=overlay)
    assert all(line.startswith("CreateTrainingJob: ") for line in refused.value.problems)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"keep_alive_seconds": 21601}, "ResourceConfig.KeepAlivePeriodInSeconds=21601: SageMaker takes 0 to 21600"),
        (
            {"request": {"StoppingCondition": {"MaxPendingTimeInSeconds": 2419201}}},
            "StoppingCondition.MaxPendingTimeInSeconds=2419201: SageMaker takes 1800 to 2419200",
        ),
    ],
)
def test_numbers_out_of_range_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(LaunchError, match=re.escape(told)):
        request(P3, **changes)
    assert request(P3, keep_alive_seconds=21600)  # six hours, AWS's documented maximum


TOKEN = "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"


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ({"Environment": {"PLAIN": TOKEN}}, "Environment.PLAIN holds what looks like a Hugging Face token"),
        ({"Environment": {TOKEN: "x"}}, "Environment holds what looks like a Hugging Face token"),
        ({"Environment": {"PLAIN": f"a\n{TOKEN}\x00"}}, "Environment.PLAIN holds what looks like"),
        ({"Environment": {"HF_TOKEN": "q8Zr2"}}, "Environment.HF_TOKEN holds what looks like a secret, by its name"),
        ({"HyperParameters": {"api_key": "q8Zr2LkP0vXw4TnB7yJm"}}, "HyperParameters.api_key holds"),
        ({"Tags": [{"Key": "a", "Value": TOKEN}]}, "Tags.0.Value holds"),
        ({"Nonsense": {"a": TOKEN}}, "Nonsense.a holds"),
        ({TOKEN: 1}, "holds what looks like a Hugging Face token"),
    ],
)
def test_a_secret_in_a_request_is_refused_and_not_repeated(overlay: dict[str, Any], told: str) -> None:
    with pytest.raises(LaunchError, match=re.escape(told)) as refused:
        request(P3, request=overlay)
    assert "hydra.launcher.secrets" in str(refused.value)
    assert TOKEN not in str(refused.value) and "q8Zr2" not in str(refused.value)


def test_a_secret_in_a_passed_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN", TOKEN)
    passed = collect_environment(SageMakerLauncherConf(environment=["PLAIN"]))
    with pytest.raises(LaunchError, match=r"Environment\.PLAIN holds") as refused:
        request(P3, request={"Environment": passed})
    assert TOKEN not in str(refused.value)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=80),
    st.integers(0, 99_999),
    st.integers(1, 99),
    st.lists(st.text(max_size=60), max_size=4),
)
def test_names_of_jobs_are_always_sagemakers(prefix: str, number: int, attempt: int, overrides: list[str]) -> None:
    name = make_job_name(prefix, SWEEP, number, attempt, overrides)
    assert NAME.fullmatch(name), name
    assert len(name) <= 63
    assert SWEEP in name
    assert name == make_job_name(prefix, SWEEP, number, attempt, overrides)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 20)), min_size=2, max_size=9, unique=True))
def test_members_and_attempts_never_share_a_name(pairs: list[tuple[int, int]]) -> None:
    names = {make_job_name("train", SWEEP, number, attempt, ["x=" + "y" * 70]) for number, attempt in pairs}
    assert len(names) == len(pairs)


def test_names_tell_members_apart() -> None:
    assert make_job_name("mlqa", SWEEP, 5, 1, ["model=berturk", "hardware=p3"]) == f"mlqa-berturk-p3-{SWEEP}-5"
    assert make_job_name("mlqa", SWEEP, 5, 2, ["model=a/b"]) == f"mlqa-b-{SWEEP}-5-r2"
