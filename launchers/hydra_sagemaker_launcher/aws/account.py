"""Questions about the account of a sweep: the role, the rights of the user, images and secrets. Nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hydra_sagemaker_launcher.aws.answers import read_field
from hydra_sagemaker_launcher.aws.error_text import get_error_code
from hydra_sagemaker_launcher.aws.session import Aws

_NO_JOB = "hydra-sagemaker-preflight-no-such-job"
_ASSUMED_ROLE = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<name>[^/]+)/.+")
_SAMPLE = "preflight"  # stands for whatever a wildcard at the end of a resource allows


def get_role(aws: Aws, name: str) -> dict[str, Any] | None:
    """Return a role, with its ARN and trust policy.

    Args:
        aws: The clients.
        name: Its name without a path, or its ARN.

    Returns:
        The answer of GetRole, None if there is no such role.
    """
    try:
        return dict(read_field(aws.iam.get_role(RoleName=name.rpartition("/")[2]), "Role"))
    except Exception as error:
        if get_error_code(error) in ("NoSuchEntity", "NoSuchEntityException"):
            return None
        raise


def list_denied(aws: Aws, identity: str, statements: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ask IAM which actions of a policy's statements a user or role is not allowed.

    Args:
        aws: The clients.
        identity: The ARN of the user or role, as STS gives it.
        statements: The statements. Each is tried with an example of its resources.

    Returns:
        The denied actions.
    """
    source, denied = _find_principal(identity), []
    for statement in statements:
        actions, resources = (_wrap_in_list(statement[key]) for key in ("Action", "Resource"))
        conditions = statement.get("Condition", {}).get("StringEquals", {})
        answer = aws.iam.simulate_principal_policy(
            PolicySourceArn=source,
            ActionNames=actions,
            ResourceArns=[f"{each[:-1]}{_SAMPLE}" if each[:-1].endswith(("/", ":")) else each for each in resources],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [value]}
                for key, value in conditions.items()
            ],
        )
        results = read_field(answer, "EvaluationResults")
        denied += [each["EvalActionName"] for each in results if each["EvalDecision"] != "allowed"]
    return list(dict.fromkeys(denied))


def list_denied_by_trying(aws: Aws) -> list[str]:
    """Return those of the needed actions of SageMaker that are denied, by calls that change nothing.

    CreateTrainingJob cannot be tried so.
    """
    tries: dict[str, Callable[[], Any]] = {
        "ListTrainingJobs": lambda: aws.sagemaker.list_training_jobs(MaxResults=1),
        "DescribeTrainingJob": lambda: aws.sagemaker.describe_training_job(TrainingJobName=_NO_JOB),
        "StopTrainingJob": lambda: aws.sagemaker.stop_training_job(TrainingJobName=_NO_JOB),
    }
    denied = []
    for name, call in tries.items():
        try:
            call()
        except Exception as error:
            if get_error_code(error) in ("AccessDenied", "AccessDeniedException"):
                denied.append(f"sagemaker:{name}")
            elif get_error_code(error) not in ("ValidationException", "ResourceNotFound"):
                raise
    return denied


def has_image(aws: Aws, account: str, repository: str, tag: str) -> bool:
    """Return whether ECR has an image in the region of the jobs."""
    try:
        aws.ecr.describe_images(registryId=account, repositoryName=repository, imageIds=[{"imageTag": tag}])
    except Exception as error:
        if get_error_code(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return False
        raise
    return True


def has_secret(aws: Aws, arn: str) -> bool:
    """Return whether Secrets Manager has a secret. Its value is not read."""
    try:
        aws.secrets.describe_secret(SecretId=":".join(arn.split(":")[:7]))  # without a key of its JSON
    except Exception as error:
        if get_error_code(error) == "ResourceNotFoundException":
            return False
        raise
    return True


def _find_principal(identity: str) -> str:
    """Return the ARN that policies belong to: of a session it is that of the role."""
    match = _ASSUMED_ROLE.fullmatch(identity)
    return f"arn:{match['partition']}:iam::{match['account']}:role/{match['name']}" if match else identity


def _wrap_in_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
