"""What is known of the account before anything is uploaded or paid: all of it in one list, on the rehearsal service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_app import BUCKET, ROLE, App, Service

from hydra_sagemaker_launcher.permissions import Place, build_user_policy

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:token-a1b2c3"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1"
# What IAM asks for a call as the service counts it, where it is not the operation's own name.
RIGHTS = {
    "s3:HEAD": {"s3:ListBucket", "s3:GetObject"},
    "s3:GET": {"s3:GetObject"},
    "s3:PUT": {"s3:PutObject", "s3:CreateBucket", "s3:PutBucketPublicAccessBlock", "s3:PutEncryptionConfiguration"},
    "CreateTrainingJob": {"sagemaker:CreateTrainingJob", "sagemaker:AddTags", "iam:PassRole"},
    "sts:POST": {"sts:GetCallerIdentity"},
    "iam:POST": {"iam:GetRole", "iam:SimulatePrincipalPolicy"},
}
CHANGES = ("CreateTrainingJob", "s3:PUT")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def app(tmp_path: Path, service: Service) -> Iterator[App]:
    yield App.make(tmp_path, environment=service.environment())
    service.faults(clear=True)


def count_changes(service: Service) -> list[int]:
    calls = service.calls()
    return [calls.get(name, 0) for name in CHANGES]


@pytest.mark.parametrize("dry", [False, True])
def test_everything_is_said_at_once_and_nothing_is_sent(app: App, service: Service, dry: bool) -> None:
    service.faults(
        role=[{"name": "Trainer", "state": "distrustful"}],
        deny=[{"action": "sagemaker:StopTrainingJob"}, {"action": "pricing:GetProducts"}],
        quota=[{"instance_type": "ml.m5.large", "instances": 0}],
        no_image=[{"tag": "1"}],
    )
    before = count_changes(service)
    more = [f"hydra.launcher.dry_run={str(dry).lower()}", f"+hydra.launcher.secrets.TOKEN={SECRET}"]
    done = app.run("x=1,2", "hardware=m5,c5", f"+hardware.image={IMAGE}", "hydra.launcher.bucket=not-there", *more)
    assert done.code == 1
    done.says(
        "hardware.instance_type=ml.m5.large: quota 'ml.m5.large for training job usage' in us-east-1 is 0",
        f"hydra.launcher.role_arn={ROLE}: its trust policy does not let sagemaker.amazonaws.com take it on",
        "may not sagemaker:StopTrainingJob: no job could be started, watched or stopped",
        "hydra.launcher.bucket=not-there: does not exist",
        f"hardware.image={IMAGE}: ECR has no such image in us-east-1",
        f"hydra.launcher.secrets.TOKEN={SECRET}: there is no such secret",
        "no policy of its own allows pricing:GetProducts",
    )
    assert done.output.count("error: ") == 6
    assert count_changes(service) == before


def test_a_role_may_be_given_by_its_name(app: App, service: Service) -> None:
    done = app.run("x=1", "hardware=m5", "hydra.launcher.role_arn=Trainer", "hydra.launcher.wait=false")
    assert done.code == 0, done.output
    (name,) = service.names(app.sweep())
    assert service.describe(name)["RoleArn"] == ROLE


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("Nobody", "account 123456789012 has no such role"),
        ("arn:aws:iam::210987654321:role/Trainer", "belongs to account 210987654321, and you are in 123456789012"),
    ],
)
def test_a_role_that_cannot_be_passed_is_refused(app: App, service: Service, role: str, words: str) -> None:
    service.faults(role=[{"name": "Nobody", "state": "missing"}])
    done = app.run("x=1", "hardware=m5", f"hydra.launcher.role_arn={role}")
    assert done.code == 1
    done.says(f"error: hydra.launcher.role_arn={role}: {words}")


def test_without_the_right_to_ask_the_rights_are_tried(app: App, service: Service) -> None:
    service.faults(deny=[{"action": "iam:SimulatePrincipalPolicy"}, {"action": "iam:GetRole"}])
    before = service.calls()
    done = app.run("x=1", "hardware=m5", "hydra.launcher.dry_run=true")
    assert done.code == 0, done.output
    assert done.output.count("not checked: the role of the jobs (AccessDenied") == 1
    after = service.calls()
    for name in ("ListTrainingJobs", "DescribeTrainingJob", "StopTrainingJob"):
        assert after[name] == before.get(name, 0) + 1


def test_a_dry_run_without_an_account_asks_nothing(app: App, service: Service) -> None:
    before = service.calls()
    env = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "SAGEMAKER_ROLE_ARN": ""}
    done = app.run("x=1", "hardware=m5", "hydra.launcher.dry_run=true", env=env)
    assert done.code == 0, done.output
    assert service.calls() == before


def test_a_quota_of_a_finished_member_does_not_stop_a_resume(app: App, service: Service) -> None:
    assert app.run("x=1", "hardware=m5").code == 0
    service.faults(quota=[{"instance_type": "ml.m5.large", "instances": 0}])
    done = app.run("x=1", "hardware=m5", f"hydra.launcher.resume={app.root / 'sweep'}")
    assert done.code == 0, done.output


def test_the_policy_allows_each_call_that_was_really_made(app: App, service: Service) -> None:
    """By the service's own count, after everything above and a sweep that is stopped."""
    assert app.run("x=1", "hardware=m5,c5", "hydra.launcher.fail_fast=true").code == 0
    place = Place("us-east-1", "123456789012", secrets=(SECRET,), own_images=True)
    statements = build_user_policy(place)["Statement"]
    lists = [each["Action"] if isinstance(each["Action"], list) else [each["Action"]] for each in statements]
    allowed = {action for actions in lists for action in actions}
    names = {action.partition(":")[2] for action in allowed}
    made = set(service.calls())
    assert {"ListTrainingJobs", "DescribeTrainingJob", "s3:PUT", "iam:POST", "sts:POST", "ListServiceQuotas"} <= made
    for call in made:
        assert RIGHTS.get(call, set()) <= allowed, call
        assert call in RIGHTS or call in names, f"{call}: no statement allows it"
    assert place.bucket_name == BUCKET
