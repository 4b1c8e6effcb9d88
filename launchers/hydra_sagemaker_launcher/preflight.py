"""What an account can be asked before anything is uploaded or paid: who, with which role and rights, in which bucket.

What AWS says is wrong is a problem, and stops the launch. What AWS does not tell is a warning, said once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from hydra_sagemaker_launcher.aws.account import (
    get_role,
    has_image,
    has_secret,
    list_denied,
    list_denied_by_trying,
)
from hydra_sagemaker_launcher.aws.error_text import format_aws_error, get_error_code
from hydra_sagemaker_launcher.aws.failures import Failure, classify_failure
from hydra_sagemaker_launcher.aws.quotas import list_training_quotas
from hydra_sagemaker_launcher.aws.roles import find_role
from hydra_sagemaker_launcher.aws.session import Aws
from hydra_sagemaker_launcher.permissions import SERVICE, Place, build_user_policy
from hydra_sagemaker_launcher.request.plan import PlannedMember
from hydra_sagemaker_launcher.request.quota_rules import find_quota_problems

Answer = TypeVar("Answer")
Warn = Callable[[str], None]

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr[^/]*/(?P<repository>[^:@]+):(?P<tag>[\w.-]+)"  # a digest names itself
)
_README = "`hydra-sagemaker policy` prints what is needed"
# Without these no job can be started, watched or stopped. A sweep goes on without the others, or another policy than
# the user's own may allow them, e.g. that of the bucket.
_NEEDED = ("sagemaker:", "iam:PassRole")
_NOT_SIMULATED = ("MakeTheDefaultBucket", "CheckTheRole", "CheckOneself")  # seen by doing them


def find_account_problems(planned: Sequence[PlannedMember], options: Any, aws: Aws, warn: Warn) -> list[str]:
    """Return everything in the account that would make jobs fail, one line each.

    Args:
        planned: The members that will run.
        options: The launcher's options.
        aws: The clients. A rehearsal has no account, only quotas.
        warn: Takes a line about what could not be asked.
    """
    quotas = _ask("the quotas of instance types", lambda: list_training_quotas(aws.quotas), warn)
    problems = list(find_quota_problems(planned, quotas or {}, aws.region))
    if aws.endpoint is not None:
        return problems
    identity = _ask("who you are", lambda: aws.identity, warn)
    if identity is not None:
        problems += _find_role_problems(options, aws, warn)
        problems += _find_right_problems(planned, options, aws, warn)
        problems += _find_bucket_problems(options, aws, warn)
    problems += _find_image_problems(planned, aws, warn)
    problems += _find_secret_problems(options, aws, warn)
    return problems


def _find_role_problems(options: Any, aws: Aws, warn: Warn) -> Iterator[str]:
    role = find_role(options, aws)
    if role is None:  # only in a dry run, which needs none
        warn("not checked: the role of the jobs (hydra.launcher.role_arn=null)")
        return
    if role.startswith("arn:") and role.split(":")[4] != aws.account:
        yield (
            f"hydra.launcher.role_arn={role}: belongs to account {role.split(':')[4]}, and you are in {aws.account}; "
            "give a role of this account, or other credentials"
        )
        return
    found = _ask("the role of the jobs", lambda: get_role(aws, role) or {}, warn)
    if found == {}:
        yield (
            f"hydra.launcher.role_arn={role}: account {aws.account} has no such role; "
            "`hydra-sagemaker policy --trust` and `--role` print what to create it from"
        )
    elif found is not None and not _is_sagemaker_trusted(found.get("AssumeRolePolicyDocument")):
        yield (
            f"hydra.launcher.role_arn={role}: its trust policy does not let {SERVICE} take it on; "
            "`hydra-sagemaker policy --trust` prints one that does"
        )


def _is_sagemaker_trusted(document: Any) -> bool:
    """Return whether a trust policy lets SageMaker take on the role."""
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        actions = statement.get("Action", [])
        if (
            statement.get("Effect") == "Allow"
            and SERVICE in ([services] if isinstance(services, str) else services)
            and "sts:AssumeRole" in ([actions] if isinstance(actions, str) else actions)
        ):
            return True
    return False


def _find_right_problems(planned: Sequence[PlannedMember], options: Any, aws: Aws, warn: Warn) -> Iterator[str]:
    identity = str(aws.identity["Arn"])
    if identity.endswith(":root"):  # may do everything
        return
    place = Place(
        region=aws.region,
        account=aws.account,
        bucket=options.bucket,
        prefix=options.prefix,
        role=find_role(options, aws) or "ROLE",
        partition=aws.partition,
        kms_key=options.kms_key if str(options.kms_key).startswith("arn:") else None,
        secrets=tuple(options.secrets.values()),
        own_images=any(True for _ in _iter_own_images(planned, aws)),
    )
    statements = [each for each in build_user_policy(place)["Statement"] if each["Sid"] not in _NOT_SIMULATED]
    denied = _ask(None, lambda: list_denied(aws, identity, statements), warn)
    if denied is None:  # the cheap way
        denied = _ask("your rights", lambda: list_denied_by_trying(aws), warn) or []
    needed = [action for action in denied if action.startswith(_NEEDED)]
    others = [action for action in denied if action not in needed]
    if needed:
        yield f"{identity} may not {', '.join(needed)}: no job could be started, watched or stopped; {_README}"
    if others:
        warn(f"{identity}: no policy of its own allows {', '.join(others)}; {_README}")


def _find_bucket_problems(options: Any, aws: Aws, warn: Warn) -> Iterator[str]:
    """Check a bucket of the user's own. The default bucket is checked when it is opened."""
    if options.bucket is None:
        return
    where = f"hydra.launcher.bucket={options.bucket}"
    try:
        answer = aws.s3.head_bucket(Bucket=options.bucket)
    except Exception as error:
        if classify_failure(error) is None:
            raise
        if get_error_code(error) in ("404", "NoSuchBucket"):
            yield f"{where}: does not exist; create it, or leave the option out for the default bucket"
        else:
            warn(f"{where}: cannot be asked for: {format_aws_error(error)}")
        return
    region = answer.get("BucketRegion") or aws.region
    if region != aws.region:
        yield f"{where}: is in {region}, and the jobs in {aws.region}; give a bucket of {aws.region}"
    try:
        aws.s3.head_bucket(Bucket=options.bucket, ExpectedBucketOwner=aws.account)
    except Exception as error:
        if classify_failure(error) is not Failure.denied:
            raise
        warn(f"{where}: belongs to another account than yours, {aws.account}")


def _find_image_problems(planned: Sequence[PlannedMember], aws: Aws, warn: Warn) -> Iterator[str]:
    """Check the images that the catalog does not know: of those that it does, it has the name from AWS."""
    for uri, match in _iter_own_images(planned, aws):
        found = _ask(f"the image {uri}", partial(has_image, aws, *match), warn)
        if found is False:
            yield f"hardware.image={uri}: ECR has no such image in {aws.region}; push it, or choose another"


def _iter_own_images(planned: Sequence[PlannedMember], aws: Aws) -> Iterator[tuple[str, tuple[str, ...]]]:
    for uri in dict.fromkeys(item.image.uri for item in planned if item.hardware.image == item.image.uri):
        if match := _ECR.fullmatch(uri):
            yield uri, match.group("account", "repository", "tag")


def _find_secret_problems(options: Any, aws: Aws, warn: Warn) -> Iterator[str]:
    for name, arn in options.secrets.items():
        # A value that is no ARN may be the secret itself, and is refused without being repeated. Whether a parameter of
        # Systems Manager exists, the container says.
        if ":secretsmanager:" not in arn:
            continue
        if _ask(f"the secret of {name}", partial(has_secret, aws, arn), warn) is False:
            yield (f"hydra.launcher.secrets.{name}={arn}: there is no such secret; create it, or correct the ARN")


def _ask(what: str | None, call: Callable[[], Answer], warn: Warn) -> Answer | None:
    """Return the answer to a question. None, with a warning about what was asked, if AWS does not answer it."""
    try:
        return call()
    except Exception as error:
        if classify_failure(error) is None:
            raise
        if what is not None:
            warn(f"not checked: {what} ({format_aws_error(error)})")
        return None
