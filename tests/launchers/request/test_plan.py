"""What is refused while a sweep is planned, and what is not."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.backend import Remote
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.plan import PlannedMember, make_plan
from hydra_sagemaker_launcher.request.training_job import find_request_problems


def member(number: int, **config: Any) -> Member:
    composed = OmegaConf.create({"hydra": {"overrides": {"task": []}}, **config})
    return Member(number, [], composed, Path(str(number)), Hardware("ml.m5.large", max_hours=1, usd_per_hour=2.0))


def plan(*members: Member, through: tuple[int, ...] = (), **options: Any) -> list[PlannedMember]:
    return make_plan(members, SageMakerLauncherConf(**options), "us-east-1", None, through)


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        (["my-data"], "channels.my-data: choose another name, of letters, digits and _"),
        (["code"], "channels.code: its SM_CHANNEL_CODE would be that of the channel code"),
        (["Member"], "channels.Member: its SM_CHANNEL_MEMBER would be that of the channel member"),
        (["train", "Train"], "channels.Train: its SM_CHANNEL_TRAIN would be that of the channel train"),
    ],
)
def test_channels_whose_variables_would_meet_are_refused(channels: list[str], told: str) -> None:
    with pytest.raises(LaunchError) as refused:
        plan(channels=dict.fromkeys(channels, "x"))
    assert [line for line in refused.value.problems if told in line] == refused.value.problems


def test_other_channels_are_taken() -> None:
    plan(channels={"train_1": "x", "Validation": "y"})


def test_a_budget_is_for_what_still_runs() -> None:
    with pytest.raises(LaunchError, match=r"#1 alone may cost \$2\.00"):
        plan(member(0), member(1), budget_usd=1, through=(0,))
    assert len(plan(member(0), member(1), budget_usd=1, through=(0, 1))) == 2


@pytest.mark.parametrize(("budget", "refused"), [(None, False), (100, True)])
def test_an_unknown_price_is_warned_of_and_breaks_a_budget(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, budget: float | None, refused: bool
) -> None:
    options = SageMakerLauncherConf(service="rehearsal", dry_run=True, budget_usd=budget)
    remote = Remote(options, tmp_path, Manifest(tmp_path))
    remote.__dict__["source"] = None  # there is no program to pack
    members = [member(0), member(1), member(2)]
    for each in members[1:]:
        each.hardware = Hardware("ml.p6-b200.48xlarge", max_hours=1)
    if refused:
        with pytest.raises(LaunchError, match=r"budget_usd=100: no price is known for ml\.p6-b200\.48xlarge"):
            remote.plan_jobs(members)
    else:
        remote.plan_jobs(members)
        assert sum("no price is known for ml.p6-b200.48xlarge" in line for line in caplog.messages) == 1


@pytest.mark.parametrize(
    ("status", "retry", "fits"), [("completed", True, True), ("failed", False, True), ("failed", True, False)]
)
def test_a_resumed_sweep_asks_no_budget_for_what_is_through(
    tmp_path: Path, status: str, retry: bool, fits: bool
) -> None:
    manifest = Manifest(tmp_path)
    manifest.write("planned", 0, config_sha256="x", overrides=[], instance_type="ml.m5.large")
    manifest.write("submitting", 0, job_name="job")
    manifest.write("finished", 0, status=status, reason=None, return_value=None)
    options = SageMakerLauncherConf(service="rehearsal", dry_run=True, budget_usd=1, retry_failed=retry)
    remote = Remote(options, tmp_path, manifest)
    remote.__dict__["source"] = None  # there is no program to pack
    if fits:
        assert len(remote.plan_jobs([member(0)])) == 1
    else:
        with pytest.raises(LaunchError, match="#0 alone may cost"):
            remote.plan_jobs([member(0)])


def test_a_python_that_cannot_extract_safely_is_refused_before_a_job_costs_money(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tarfile, "data_filter")
    options = SageMakerLauncherConf(service="rehearsal", dry_run=True)
    remote = Remote(options, tmp_path, Manifest(tmp_path))
    remote.__dict__["source"] = None  # there is no program to pack
    with pytest.raises(LaunchError, match="its tarfile has no data filter"):
        remote.plan_jobs([member(0)])


def test_what_sagemaker_would_refuse_is_known_from_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN", "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")
    options = SageMakerLauncherConf(
        keep_alive_seconds=100_000,
        request={"Nonsense": 1},
        channels={"train": "data", "other": "place"},
    )
    (tmp_path / "file").write_text("x")
    members = [member(number, data=str(tmp_path / "file"), place="s3://b/x/") for number in range(3)]
    planned = make_plan(members, options, "us-east-1", None)
    (line,) = find_request_problems(planned, options, tmp_path, "us-east-1")
    assert line.startswith('CreateTrainingJob: Unknown parameter in input: "Nonsense"')
    options.request = {}
    (line,) = find_request_problems(planned, options, tmp_path, "us-east-1")
    assert "ResourceConfig.KeepAlivePeriodInSeconds=100000: SageMaker takes 0 to 21600" in line
    options.keep_alive_seconds, options.environment = 0, ["PLAIN"]
    (line,) = find_request_problems(planned, options, tmp_path, "us-east-1")
    assert "Environment.PLAIN holds what looks like a Hugging Face token" in line and "hf_" not in line
    options.environment = []
    assert list(find_request_problems(planned, options, tmp_path, "us-east-1")) == []


def test_a_secret_in_a_config_is_known_from_the_plan(tmp_path: Path) -> None:
    token = "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"
    first, second, third = member(0, text=token), member(1, text="x"), member(2, text=token)
    third.config.hydra.overrides.task = [f"text={token}"]
    options = SageMakerLauncherConf(service="rehearsal", dry_run=True, keep_alive_seconds=100_000)
    remote = Remote(options, tmp_path, Manifest(tmp_path))
    remote.__dict__["source"] = None  # there is no program to pack
    with pytest.raises(LaunchError) as refused:
        remote.plan_jobs([first, second, third])
    _, *secrets = refused.value.problems
    assert [line.partition(":")[0] for line in secrets] == ["#0", "#2"]
    assert all("its config contains what looks like a Hugging Face token" in line for line in secrets)
    assert token not in str(refused.value)


def test_a_channel_whose_key_cannot_be_resolved_is_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_VARIABLE", raising=False)
    with pytest.raises(LaunchError) as refused:
        plan(member(0, data="${oc.env:NO_SUCH_VARIABLE}"), channels={"train": "data"}, input_mode="Slow")
    (line,) = [line for line in refused.value.problems if "channels.train" in line]
    assert "\n" not in line and "'NO_SUCH_VARIABLE' not found" in line and "give data one" in line
    assert len(refused.value.problems) == 2


def test_a_rehearsal_pays_nobodys_price() -> None:
    """The dollars are those of AWS, and the source says that they were not paid."""
    (planned,) = plan(member(0), service="rehearsal")
    assert planned.price is not None and planned.price.source == "rehearsal (hardware.usd_per_hour)"
    assert planned.worst_case == 2.0
    (paid,) = plan(member(0))
    assert paid.price is not None and paid.price.source == "hardware.usd_per_hour"
