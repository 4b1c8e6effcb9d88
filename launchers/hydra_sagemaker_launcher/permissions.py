"""The IAM policies of a sweep: what the user who launches may do, and what the role of the jobs may do. No more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SERVICE = "sagemaker.amazonaws.com"
METRICS_NAMESPACE = "/aws/sagemaker/TrainingJobs"  # in this case: IAM compares it letter by letter
DEEP_LEARNING_ACCOUNT = "763104351884"  # AWS's own registry of images in most regions
_VPC_ACTIONS = (
    *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"),
    *("ec2:DeleteNetworkInterfacePermission", "ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs"),
    *("ec2:DescribeDhcpOptions", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"),
)


@dataclass(frozen=True)
class Place:
    """The account and region of a sweep, and the options it uses that need rights of their own."""

    region: str = "REGION"
    account: str = "ACCOUNT"
    bucket: str | None = None  # None: the default one, which the launcher may create
    prefix: str = "hydra-sagemaker"
    role: str = "ROLE"  # a name with its path, or an ARN
    partition: str = "aws"
    kms_key: str | None = None
    secrets: tuple[str, ...] = ()
    registry: str = DEEP_LEARNING_ACCOUNT
    own_images: bool = False
    in_vpc: bool = False

    @property
    def bucket_name(self) -> str:
        """The bucket's name."""
        return self.bucket or f"sagemaker-{self.region}-{self.account}"

    @property
    def role_arn(self) -> str:
        """The ARN of the role."""
        return self.role if self.role.startswith("arn:") else f"{self._build_arn('iam', region='')}:role/{self.role}"

    def _build_arn(self, service: str, region: str | None = None) -> str:
        return f"arn:{self.partition}:{service}:{self.region if region is None else region}:{self.account}"


def build_user_policy(place: Place) -> dict[str, Any]:
    """Build the policy of the user who launches.

    Args:
        place: The account, the region and the options of the sweep.

    Returns:
        The policy. The Sid of each statement says what it is for.
    """
    bucket = f"arn:{place.partition}:s3:::{place.bucket_name}"
    logs = f"{place._build_arn('logs')}:log-group:/aws/sagemaker/TrainingJobs:*"
    jobs = ["CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags"]
    statements = [
        _allow("Jobs", [f"sagemaker:{name}" for name in jobs], f"{place._build_arn('sagemaker')}:training-job/*"),
        _allow(
            "ListAndPrices",
            [
                *("sagemaker:ListTrainingJobs", "pricing:GetProducts", "servicequotas:ListServiceQuotas"),
                "sts:GetCallerIdentity",
            ],
            "*",
        ),
        _allow("PassTheRole", "iam:PassRole", place.role_arn)
        | {"Condition": {"StringEquals": {"iam:PassedToService": SERVICE}}},
        _allow("Bucket", "s3:ListBucket", bucket),
        _allow("Objects", ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], f"{bucket}/{place.prefix}/*"),
        _allow("LogTails", ["logs:DescribeLogStreams", "logs:GetLogEvents"], logs),
        _allow("CheckTheRole", "iam:GetRole", place.role_arn),
        _allow(
            "CheckOneself",
            "iam:SimulatePrincipalPolicy",
            [f"{place._build_arn('iam', region='')}:{kind}/*" for kind in ("user", "role")],
        ),
    ]
    if place.bucket is None:
        actions = ["s3:CreateBucket", "s3:PutBucketPublicAccessBlock", "s3:PutEncryptionConfiguration"]
        statements.append(_allow("MakeTheDefaultBucket", actions, bucket))
    if place.kms_key:
        statements.append(_allow("Key", ["kms:GenerateDataKey", "kms:Decrypt", "kms:CreateGrant"], place.kms_key))
    if secrets := _select(place.secrets, are_parameters=False):
        statements.append(_allow("CheckSecrets", "secretsmanager:DescribeSecret", secrets))
    if place.own_images:
        statements.append(_allow("CheckImages", "ecr:DescribeImages", f"{place._build_arn('ecr')}:repository/*"))
    return {"Version": "2012-10-17", "Statement": statements}


def build_role_policy(place: Place) -> dict[str, Any]:
    """Build the policy of the role that the jobs take on.

    Args:
        place: The account, the region and the options of the sweep.
    """
    bucket = f"arn:{place.partition}:s3:::{place.bucket_name}"
    registries = [f"arn:{place.partition}:ecr:{place.region}:{place.registry}:repository/*"]
    if place.own_images:
        registries.append(f"{place._build_arn('ecr')}:repository/*")
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
    objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    write_logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    statements = [
        _allow("Bucket", "s3:ListBucket", bucket),
        _allow("Objects", objects, f"{bucket}/{place.prefix}/*"),
        _allow("EcrLogin", "ecr:GetAuthorizationToken", "*"),
        _allow("Images", pull, registries if len(registries) > 1 else registries[0]),
        _allow("Logs", write_logs, f"{place._build_arn('logs')}:log-group:/aws/sagemaker/TrainingJobs*"),
        _allow("Metrics", "cloudwatch:PutMetricData", "*")
        | {"Condition": {"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}}},
    ]
    if place.kms_key:
        actions = ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt", "kms:CreateGrant"]
        statements.append(_allow("Key", actions, place.kms_key))
    if secrets := _select(place.secrets, are_parameters=False):
        statements.append(_allow("Secrets", "secretsmanager:GetSecretValue", secrets))
    if parameters := _select(place.secrets, are_parameters=True):
        statements.append(_allow("Parameters", "ssm:GetParameter", parameters))
    if place.in_vpc:
        statements.append(_allow("Vpc", list(_VPC_ACTIONS), "*"))
    return {"Version": "2012-10-17", "Statement": statements}


def build_trust_policy() -> dict[str, Any]:
    """Build the trust policy of the role: SageMaker may take it on."""
    trust = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [trust]}


def _select(arns: tuple[str, ...], are_parameters: bool) -> list[str]:
    """Return the ARNs of SSM's parameters or the others, without the key of a JSON secret."""
    chosen = [arn for arn in arns if (":parameter/" in arn) == are_parameters]
    return [":".join(arn.split(":")[:7]) for arn in chosen]


def _allow(sid: str, actions: str | list[str], resources: str | list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
