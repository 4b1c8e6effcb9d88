"""`hydra-sagemaker policy`: what it prints is what the documentation shows, and holds what the options need."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from launcher_app import LAUNCHERS

from hydra_sagemaker_launcher.cli import main

README = (LAUNCHERS / "README.md").read_text("utf-8")
GUIDE = (LAUNCHERS.parent / "docs" / "sagemaker.md").read_text("utf-8")
BLOCK = re.compile(r"```json\n(\{\s*\"Version\".*?)```", re.DOTALL)


def read_policy(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    main(["policy", *arguments])
    return json.loads(capsys.readouterr().out)


def list_actions(policy: dict) -> set[str]:
    actions = [statement["Action"] for statement in policy["Statement"]]
    return {action for each in actions for action in ([each] if isinstance(each, str) else each)}


def test_the_readme_shows_what_the_command_above_prints(capsys: pytest.CaptureFixture[str]) -> None:
    commands = re.findall(r"^hydra-sagemaker policy (--(?:user|role) .*)$", README, re.MULTILINE)
    blocks = BLOCK.findall(README)
    assert len(commands) == len(blocks) == 2
    for command, block in zip(commands, blocks, strict=True):
        assert json.loads(block) == read_policy(capsys, *shlex.split(command))


def test_the_guide_shows_both_policies(capsys: pytest.CaptureFixture[str]) -> None:
    role, user = (json.loads(block) for block in BLOCK.findall(GUIDE))
    assert role == read_policy(capsys, "--role", "--prefix", "mlqa")
    assert user == read_policy(capsys, "--user", "--prefix", "mlqa")


def test_it_is_the_least_that_the_options_need(capsys: pytest.CaptureFixture[str]) -> None:
    plain = list_actions(read_policy(capsys, "--role")) | list_actions(read_policy(capsys, "--user"))
    assert not {action for action in plain if action.startswith(("kms:", "secretsmanager:", "ec2:"))}
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    with_key = read_policy(capsys, "--role", "--kms-key", key)["Statement"][-1]
    assert with_key["Resource"] == key and "kms:Encrypt" in with_key["Action"]
    assert "ec2:CreateNetworkInterface" in list_actions(read_policy(capsys, "--role", "--vpc"))
    given = list_actions(read_policy(capsys, "--user", "--bucket", "mine"))
    assert not {action for action in given if action.startswith(("s3:Create", "s3:PutBucket", "s3:PutEncryption"))}


def test_the_places_are_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--region", "eu-central-1", "--account", "123456789012", "--role-name", "Trainer")
    statements = {each["Sid"]: each for each in read_policy(capsys, "--user", *place)["Statement"]}
    assert statements["PassTheRole"]["Resource"] == "arn:aws:iam::123456789012:role/Trainer"
    assert statements["Bucket"]["Resource"] == "arn:aws:s3:::sagemaker-eu-central-1-123456789012"
    # IAM compares the namespace letter by letter: *SageMaker* would never match it.
    metrics = {each["Sid"]: each for each in read_policy(capsys, "--role", *place)["Statement"]}["Metrics"]
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}}


def test_the_trust_policy_names_sagemaker(capsys: pytest.CaptureFixture[str]) -> None:
    (statement,) = read_policy(capsys, "--trust")["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
