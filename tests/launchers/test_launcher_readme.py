"""launchers/README.md says what the code does: options, hardware, images, permissions, links and commands."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from launcher_app import python

from hydra_sagemaker_launcher.catalog import hardware as hardware_catalog
from hydra_sagemaker_launcher.catalog import images as image_catalog
from hydra_sagemaker_launcher.catalog import releases as release_catalog
from hydra_sagemaker_launcher.catalog.instances import load_instances
from hydra_sagemaker_launcher.config import RehearsalConf, SageMakerLauncherConf

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[2]
LAUNCHERS = TOP / "launchers"
PACKAGE = LAUNCHERS / "hydra_sagemaker_launcher"
README = (LAUNCHERS / "README.md").read_text("utf-8")


def section(title: str) -> str:
    """The text below a heading, as far as the next heading of its level or above; `# ` begins comments of examples."""
    found = re.search(rf"^(##+) {re.escape(title)}\n", README, re.MULTILINE)
    assert found is not None, title
    text = README[found.end() :]
    following = re.search(rf"^#{{2,{len(found[1])}}} ", text, re.MULTILINE)
    return text[: following.start()] if following else text


def rows(text: str) -> list[list[str]]:
    """The cells of every table's rows whose first cell is in backticks."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default is not dataclasses.MISSING else field.default_factory()  # type: ignore[misc]


# --- options


OPTIONS = {
    field.name: default(field)
    for field in dataclasses.fields(SageMakerLauncherConf)
    if field.name not in ("_target_", "rehearsal")
} | {f"rehearsal.{field.name}": default(field) for field in dataclasses.fields(RehearsalConf)}


def test_every_option_stands_in_the_readme_with_its_default() -> None:
    told = {row[0].strip("`"): yaml.safe_load(row[1].strip("`")) for row in rows(section("Options"))}
    assert told == OPTIONS


def test_every_option_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"hydra\.launcher\.([a-z_]+(?:\.[a-z_]+)?)", README))
    mappings = {name for name, value in OPTIONS.items() if value == {}}
    unknown = {
        name for name in named if name not in OPTIONS and name != "rehearsal" and name.partition(".")[0] not in mappings
    }
    assert not unknown


def test_hardware_node() -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in rows(section("Hardware"))}
    expected = {
        field.name: "required" if field.default is dataclasses.MISSING else field.default
        for field in dataclasses.fields(hardware_catalog.Hardware)
    }
    read = {name: yaml.safe_load(value) for name, value in told.items()}
    assert {name: tuple(value) if isinstance(value, list) else value for name, value in read.items()} == expected


def test_added_hardware_is_possible() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", section("Hardware"), re.DOTALL)
    hardware = hardware_catalog.parse_hardware(yaml.safe_load(text))
    assert hardware is not None
    assert hardware_catalog.find_hardware_problems(hardware) == []
    assert image_catalog.find_image_problems(hardware) == []


# --- images


def test_images() -> None:
    told = [[cell.strip("`") for cell in row] for row in rows(section("Images"))]
    assert told == [
        [
            release.name,
            release.transformers or "-",
            release.torch,
            release.python,
            release.cuda or "-",
            ", ".join(sorted(release.architectures)),
            "yes" if release.smdistributed else "no",
            str(release.end_of_patch),
        ]
        for release in release_catalog.load_releases().values()
    ]


def test_instances_with_smdistributed() -> None:
    (told,) = re.findall(r"^smdistributed is offered for (.*?)\. ", README, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(ml\.[^`]+)`", told)) == {
        name for name, instance in load_instances().items() if instance.smdistributed
    }


def test_limits() -> None:
    assert f"at most {hardware_catalog.MAX_HOURS} |" in README
    assert round(1487 * 3.825 / 3600, 2) == 1.58
    assert "1,487 billable seconds on one `ml.p3.2xlarge` at $3.825 are $1.58" in " ".join(README.split())


# --- permissions

# What IAM asks for an operation; where it is not the operation's own name: AWS's service authorization reference.
ACTIONS = {
    "sagemaker:CreateTrainingJob": {"sagemaker:CreateTrainingJob", "sagemaker:AddTags", "iam:PassRole"},
    "service-quotas:ListServiceQuotas": {"servicequotas:ListServiceQuotas"},
    "s3:HeadBucket": {"s3:ListBucket"},
    "s3:HeadObject": {"s3:GetObject", "s3:ListBucket"},
    "s3:PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock"},
    "s3:PutBucketEncryption": {"s3:PutEncryptionConfiguration"},
    "s3:UploadFile": {"s3:PutObject", "s3:AbortMultipartUpload"},  # boto3's own, large files in parts
    "s3:DownloadFile": {"s3:GetObject"},
}


def operations(files: list[Path]) -> set[str]:
    """Every operation that the code calls on a client, `<something>.<service>.<method>(...)`."""
    found = set()
    text = "\n".join(file.read_text("utf-8") for file in files)
    calls = set(re.findall(r"aws\.(sagemaker|s3|logs|iam|ecr|secrets)\.(\w+)\(", text))
    calls |= {("sts", name) for name in re.findall(r"_client\(\"sts\"\)\.(\w+)\(", text)}
    calls |= {("pricing", name) for name in re.findall(r"\bpricing\.get_paginator\(\"(\w+)\"", text)}
    calls |= {("service-quotas", name) for name in re.findall(r"\bquotas\.get_paginator\(\"(\w+)\"", text)}
    calls |= {("sagemaker", name) for name in re.findall(r"\.sagemaker\.get_paginator\(\"(\w+)\"", text)}
    calls |= {("secretsmanager", name) for name in re.findall(r"\bclient\.(get_secret_value)\(", text)}
    calls = {("secretsmanager" if service == "secrets" else service, method) for service, method in calls}
    calls |= {("ssm", name) for name in re.findall(r"\bclient\.(get_parameter)\(", text)}
    for service, method in calls - {("sagemaker", "get_paginator")}:
        client = boto3.client(service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        own = {"upload_file": "UploadFile", "download_file": "DownloadFile"}
        found.add(f"{service}:{own.get(method) or client.meta.method_to_api_mapping[method]}")
    return found


def allowed(title: str) -> set[str]:
    (text,) = re.findall(r"```json\n(.*?)```", section(title), re.DOTALL)
    policy = json.loads(text)
    assert policy["Version"] == "2012-10-17"
    actions: set[str] = set()
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert statement["Sid"].isalnum()
        listed = statement["Action"]
        actions |= {listed} if isinstance(listed, str) else set(listed)
    return actions


def test_policy_of_the_user_is_what_the_code_calls() -> None:
    called = operations([file for file in PACKAGE.rglob("*.py") if file.name != "container.py"])
    assert {"sagemaker:ListTrainingJobs", "s3:UploadFile", "logs:GetLogEvents", "pricing:GetProducts"} <= called
    needed: set[str] = set()
    for operation in called:
        needed |= ACTIONS.get(operation, {operation})
    keys = {"kms:GenerateDataKey", "kms:Decrypt", "kms:CreateGrant"}  # asked of the user by S3 and SageMaker
    assert allowed("The user who launches") == needed | keys


def test_no_client_is_used_that_the_search_does_not_see() -> None:
    services = set()
    for file in PACKAGE.rglob("*.py"):
        services |= set(re.findall(r"(?:_client|boto3\.client)\(\s*\"([\w-]+)\"", file.read_text("utf-8")))
    assert services == {
        *("sagemaker", "s3", "logs", "pricing", "sts", "secretsmanager", "service-quotas"),
        *("iam", "ecr", "ssm"),
    }


def test_policy_of_the_role_holds_what_the_container_calls() -> None:
    assert operations([PACKAGE / "container.py"]) == {"secretsmanager:GetSecretValue", "ssm:GetParameter"}
    actions = allowed("The role of the jobs")
    assert {"secretsmanager:GetSecretValue", "ssm:GetParameter"} <= actions
    assert not {action for action in actions if action.startswith(("iam:", "sagemaker:", "sts:"))}


@pytest.mark.parametrize("title", ["The user who launches", "The role of the jobs"])
def test_every_action_is_explained(title: str) -> None:
    explained = " ".join(row[0] for row in rows(section(title)))
    services = set(re.findall(r"`(\w+):\*`", explained))  # "`ecr:*` of the list"
    for action in allowed(title):
        assert f"`{action}`" in explained or action.partition(":")[0] in services, action


# --- failures and objects

# What AWS, its toolkit or Hydra says, in the messages that the failure table quotes.
NOT_OURS = re.compile(r"not authorized to perform|Error: |training job usage")


def test_messages_of_the_failure_table_are_the_codes() -> None:
    """Every quoted message occurs in the sources, apart from its examples of names and numbers."""
    sources = " ".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    sources = re.sub(r"\"\s+f?\"", "", sources)  # strings that go on in the next line
    fragments = [
        fragment.strip(" .,:;()'=")
        for line in section("When something fails").splitlines()
        if line.startswith("| ") and line.count("|") == 4
        for message in re.findall(r"`([^`]+)`", line.split("|")[2])
        for fragment in re.split(r"\.\.\.|hydra\.launcher\.\w+|[\w.#=-]*\d[\w.=-]*|'[^']*'|[(:]", message)
    ]
    quoted = [text for text in fragments if text.count(" ") >= 2 and not NOT_OURS.search(text)]
    assert len(quoted) > 15
    assert [text for text in quoted if text not in sources] == []


def test_main_objects() -> None:
    objects = re.findall(r"^\| \[`(\w+)`\]\(([\w./]+)\) \|", section("The main objects"), re.MULTILINE)
    assert len(objects) == 10
    for name, path in objects:
        file = LAUNCHERS / path
        assert f"class {name}" in file.read_text("utf-8") or name == file.stem, name


# --- links and commands


def test_links_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", README, flags=re.DOTALL), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert (LAUNCHERS / target).exists(), target


def commands() -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    lines = [
        line
        for language, block in blocks
        for line in block.splitlines()
        if not language and line.startswith("python launchers/")
    ]
    return list(dict.fromkeys(line for line in lines if "launcher.resume=" not in line))  # needs a sweep


def run(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    environment |= {"AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    _, script, *arguments = shlex.split(command)
    return subprocess.run(
        [*python(), str(TOP / script), *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("command", commands())
def test_command(command: str, tmp_path: Path) -> None:
    """A command for AWS is planned only: what is submitted then costs money."""
    needs_aws = "service=rehearsal" not in command and "dry_run=true" not in command
    done = run(command + (" hydra.launcher.dry_run=true" if needs_aws else ""), tmp_path)
    assert done.returncode == 0, done.stderr
    assert ("What would be submitted" in done.stdout) == ("service=rehearsal" not in command)


def test_five_minutes_with_an_app_that_knows_nothing_of_the_launcher(tmp_path: Path) -> None:
    text = section("In five minutes, with your own app")
    (hardware,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    planned, rehearsed, _ = re.findall(r"^ *(python app\.py .*)$", text, re.MULTILINE)
    (tmp_path / "conf" / "hardware").mkdir(parents=True)
    (tmp_path / "conf" / "config.yaml").write_text("lr: 0.5\n")
    (tmp_path / "conf" / "hardware" / "cpu.yaml").write_text(hardware)
    (tmp_path / "app.py").write_text(
        "import hydra\n\n\n@hydra.main(version_base='1.3', config_path='conf', config_name='config')\n"
        "def main(cfg):\n    return float(cfg.lr)\n\n\nmain()\n"
    )
    plan = run(planned.replace("app.py", str(tmp_path / "app.py")), tmp_path)
    assert "2 jobs, at most" in plan.stdout, plan.stderr
    done = run(rehearsed.replace("app.py", str(tmp_path / "app.py")), tmp_path)
    assert done.returncode == 0, done.stderr
    results = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("multirun/*/*/*/result.json"))]
    assert [(each["status"], each["objective"]) for each in results] == [("completed", 0.1), ("completed", 0.2)]


def test_resume_command(tmp_path: Path) -> None:
    (command,) = re.findall(r"^(python .* hydra\.launcher\.resume=)\S+$", README, re.MULTILINE)
    rehearsal = command.rpartition(" ")[0] + " hydra.launcher.service=rehearsal"
    left = run(rehearsal + " hydra.launcher.wait=false hydra.sweep.dir=sweep", tmp_path)
    assert left.returncode == 0, left.stderr
    assert "to go on, give the same command with hydra.launcher.resume=" in left.stdout
    done = run(f"{rehearsal} hydra.launcher.resume=sweep", tmp_path)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in (tmp_path / "sweep" / "members.jsonl").read_text("utf-8").splitlines()]
    submitted = [event["member"] for event in events if event["event"] == "submitted"]
    assert sorted(set(submitted)) == [1, 3]
    assert len({event["job_name"] for event in events if event["event"] == "submitting"}) == 2
    finished = {event["member"]: event["status"] for event in events if event["event"] == "finished"}
    assert finished == dict.fromkeys(range(4), "completed")


def test_settings_of_an_app_compose(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", section("Your app"), re.DOTALL)
    settings = yaml.safe_load(text)
    assert settings.pop("defaults") == ["sagemaker_schema"]
    assert set(settings) <= set(OPTIONS)
