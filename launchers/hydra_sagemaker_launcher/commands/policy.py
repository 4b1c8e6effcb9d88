"""`hydra-sagemaker policy`: the least that a user and the role of the jobs must be allowed, as IAM takes it."""

from __future__ import annotations

import argparse
import json

from hydra_sagemaker_launcher.permissions import Place, build_role_policy, build_trust_policy, build_user_policy

EXAMPLE = """examples:
  hydra-sagemaker policy --user
  hydra-sagemaker policy --role --region eu-central-1 --account 123456789012 > role.json
  hydra-sagemaker policy --trust"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--user", action="store_true", help="print the policy of the user who launches")
    kind.add_argument("--role", action="store_true", help="print the policy of the role that the jobs take on")
    kind.add_argument("--trust", action="store_true", help="print who may take on the role")
    parser.add_argument("--region", default=Place.region, help="region of the jobs")
    parser.add_argument("--account", default=Place.account, help="number of the account")
    parser.add_argument("--role-name", default=Place.role, help="name of the role, or its ARN")
    parser.add_argument("--bucket", help="hydra.launcher.bucket, if it is set")
    parser.add_argument("--prefix", default=Place.prefix, help="hydra.launcher.prefix")
    parser.add_argument("--kms-key", help="ARN of hydra.launcher.kms_key, if it is set")
    parser.add_argument("--secret", nargs="+", default=(), help="ARNs of hydra.launcher.secrets, if there are any")
    parser.add_argument("--own-images", action="store_true", help="hardware.image names an image of this account")
    parser.add_argument("--vpc", action="store_true", help="hydra.launcher.subnets is set")
    parser.add_argument("--partition", default=Place.partition, help="aws, aws-cn or aws-us-gov")
    parser.add_argument("--registry", default=Place.registry, help="account of AWS's images, which dry_run shows")


def run(args: argparse.Namespace) -> None:
    """Print the policy."""
    place = Place(
        args.region,
        args.account,
        args.bucket,
        args.prefix,
        args.role_name,
        args.partition,
        args.kms_key,
        tuple(args.secret),
        args.registry,
        args.own_images,
        args.vpc,
    )
    if args.trust:
        policy = build_trust_policy()
    else:
        policy = build_user_policy(place) if args.user else build_role_policy(place)
    print(json.dumps(policy, indent=2))
