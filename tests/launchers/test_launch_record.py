"""The command line that a sweep keeps of itself: enough to resume it, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_sagemaker_launcher.launch_record import build_resume_command, hide_secret


@pytest.mark.parametrize(
    ("argument", "kept"),
    [
        ("model=berturk,mbert", "model=berturk,mbert"),
        ("hydra.launcher.kms_key=alias/mine", "hydra.launcher.kms_key=alias/mine"),
        ("hydra.launcher.hardware_key=compute", "hydra.launcher.hardware_key=compute"),
        (
            "+hydra.launcher.secrets.API_KEY=arn:aws:secretsmanager:us-east-1:123456789012:secret:t-a1b2c3",
            "+hydra.launcher.secrets.API_KEY=arn:aws:secretsmanager:us-east-1:123456789012:secret:t-a1b2c3",
        ),
        ("db.password=${oc.env:PASSWORD}", "db.password=${oc.env:PASSWORD}"),
        ("db.password=null", "db.password=null"),
        ("+db.password=s3cr", "+db.password=***"),
        ("hydra.sweeper.storage=postgresql://me:hunter2@host/db", "hydra.sweeper.storage=***"),
        ("x=hf_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3h", "x=***"),
        ("-m", "-m"),
    ],
)
def test_secrets_are_not_recorded(argument: str, kept: str) -> None:
    assert hide_secret(argument) == kept


def test_the_command_that_resumes() -> None:
    command = ["/usr/bin/python", "train.py", "-m", "x=1,2", "hydra.launcher.resume=old", "hydra.launcher.wait=false",
               "+hydra.launcher.budget_usd=3", "db.password=***"]  # fmt: skip
    built, hidden = build_resume_command(command, Path("/s/1"), True, ["hydra.launcher.budget_usd=5"])
    assert built == [
        *command[:4], "db.password=***", "hydra.launcher.resume=/s/1", "hydra.launcher.retry_failed=true",
        "hydra.launcher.budget_usd=5",
    ]  # fmt: skip
    assert hidden == ["db.password"]
    assert build_resume_command(command, Path("/s"), overrides=["db.password=x"])[1] == []
    # Hydra would take the comma for a list of values.
    assert build_resume_command(["p", "a.py"], Path("/a b,c"))[0][-1] == "hydra.launcher.resume='/a b,c'"
