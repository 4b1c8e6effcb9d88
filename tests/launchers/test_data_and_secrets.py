"""Data that is there already, mounted file systems, pipes, and secrets that only the container reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from launcher_app import CONFIG, App, Service

pytestmark = pytest.mark.slow  # each plans or rehearses
CANARY = "c4n4ry-q8Zr2"
VPC = [
    "hydra.launcher.subnets=[subnet-0123456789abcdef0]",
    "hydra.launcher.security_group_ids=[sg-0123456789abcdef0]",
]
READING = r"""
def read(name):
    folder = Path(os.environ[f"SM_CHANNEL_{name}"])
    return "".join(path.read_text() for path in sorted(folder.glob("*")))

found = {"s3": read("S3"), "disk": read("DISK"), "key": cfg.data and sorted(p.name for p in Path(cfg.data).glob("*"))}
pipe = os.environ["SM_CHANNEL_PIPED"]
found["piped"] = [Path(f"{pipe}_{epoch}").read_bytes().decode() for epoch in range(2)]
(out / "found.json").write_text(json.dumps(found))
"""
SECRETS = r"""
import hashlib
names = ("HF_TOKEN", "FROM_SSM", "FROM_JSON")
digests = {name: hashlib.sha256(os.environ[name].encode()).hexdigest() for name in names}
(out / "digests.json").write_text(json.dumps(digests))
"""


def digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def test_channels_reach_the_program(tmp_path: Path) -> None:
    """A sweep on the stand-in of its own, whose S3 the test fills before the jobs begin."""
    disk = tmp_path / "disk"
    (disk / "data").mkdir(parents=True)
    (disk / "data" / "one.txt").write_text("mounted")
    with Service(tmp_path / "service", file_systems={"fs-0123456789abcdef0": str(disk)}) as service:
        service.s3.create_bucket(Bucket="lake")
        for key, body in {"raw/a.txt": b"in ", "raw/b.txt": b"S3"}.items():
            service.s3.put_object(Bucket="lake", Key=key, Body=body)
        app = App.make(tmp_path / "app", READING, CONFIG + "data: null\n", service.environment())
        channels = (
            "+hydra.launcher.channels={s3: 's3://lake/raw/', piped: {s3: 's3://lake/raw/', mode: Pipe}, "
            "disk: {file_system: fs-0123456789abcdef0, type: EFS, path: /data, key: data}}"
        )
        before = set(service.objects())
        done = app.run("hardware=m5", channels, *VPC)
        assert done.code == 0, done.output
        found = json.loads((app.root / "sweep" / "0" / "found.json").read_text())
        assert found == {"s3": "in S3", "disk": "mounted", "key": ["one.txt"], "piped": ["in S3", "in S3"]}
        assert not any("/data/" in key for key in set(service.objects()) - before)  # nothing was uploaded
        unknown = app.run("hardware=m5", channels.replace("path: /data", "path: /dta"), *VPC, sweep="unknown")
        assert unknown.code == 1
        unknown.says("/dta: there is no such directory")


def test_secrets_are_read_in_the_container_alone(service: Service, tmp_path: Path) -> None:
    """Neither the request, nor S3, nor the logs, nor the sweep's directory holds a value."""
    secrets, parameters = service.client("secretsmanager"), service.client("ssm")
    token = secrets.create_secret(Name="hf", SecretString=f"{CANARY}-token")["ARN"]
    keys = secrets.create_secret(Name="keys", SecretString=json.dumps({"one": f"{CANARY}-json"}))["ARN"]
    parameters.put_parameter(Name="/team/key", Value=f"{CANARY}-ssm", Type="SecureString")
    app = App.make(tmp_path, SECRETS, environment=service.environment())
    given = [
        f"+hydra.launcher.secrets.HF_TOKEN='{token}'",
        "+hydra.launcher.secrets.FROM_SSM='arn:aws:ssm:us-east-1:123456789012:parameter/team/key'",
        f"+hydra.launcher.secrets.FROM_JSON='{keys}:one'",
    ]
    done = app.run("hardware=m5", *given)
    assert done.code == 0, done.output
    digests = json.loads((app.root / "sweep" / "0" / "digests.json").read_text())
    expected = {"HF_TOKEN": "token", "FROM_SSM": "ssm", "FROM_JSON": "json"}
    assert digests == {name: digest(f"{CANARY}-{kind}") for name, kind in expected.items()}
    (name,) = service.names(app.sweep())
    assert CANARY not in json.dumps(service.describe(name), default=str)
    assert not [key for key, body in service.objects().items() if CANARY.encode() in body]
    assert CANARY not in done.output
    for path in (app.root / "sweep").rglob("*"):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes(), path


def test_a_key_that_a_secret_lacks_is_named_and_the_secret_is_not(service: Service, tmp_path: Path) -> None:
    arn = service.client("secretsmanager").create_secret(Name="plain", SecretString=f"{CANARY}-plain")["ARN"]
    app = App.make(tmp_path, environment=service.environment())
    done = app.run("hardware=m5", f"+hydra.launcher.secrets.HF_TOKEN='{arn}:missing'")
    assert done.code == 1
    done.says("is not a JSON object with the key missing")
    assert CANARY not in done.output


def test_a_rehearsal_takes_secrets_from_the_shell(tmp_path: Path) -> None:
    app = App.make(tmp_path, SECRETS)
    given = [
        "hydra.launcher.service=rehearsal",
        "+hydra.launcher.secrets.HF_TOKEN='arn:aws:secretsmanager:us-east-1:210987654321:secret:hf-a1b2c3'",
        "+hydra.launcher.secrets.FROM_SSM='arn:aws:ssm:eu-west-1:210987654321:parameter/team/key'",
        "+hydra.launcher.secrets.FROM_JSON='arn:aws:secretsmanager:us-east-1:210987654321:secret:keys-a1b2c3:one'",
    ]
    missing = app.run("hardware=m5", *given, env={"HF_TOKEN": f"{CANARY}-1", "FROM_SSM": f"{CANARY}-2"})
    assert missing.code == 1
    missing.says("hydra.launcher.secrets.FROM_JSON: a rehearsal takes the value of your variable FROM_JSON")
    values = {"HF_TOKEN": f"{CANARY}-1", "FROM_SSM": f"{CANARY}-2", "FROM_JSON": f"{CANARY}-3"}
    done = app.run("hardware=m5", *given, env=values, sweep="whole")
    assert done.code == 0, done.output
    digests = json.loads((app.root / "whole" / "0" / "digests.json").read_text())
    assert digests == {name: digest(value) for name, value in values.items()}
    for path in app.root.rglob("*"):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    "arn",
    ["hf_token", "arn:aws:ssm:us-east-1:123456789012:document/x", "arn:aws:secretsmanager:us-east-1:1:secret:x"],
)
def test_what_is_not_an_arn_of_a_secret_is_refused(tmp_path: Path, arn: str) -> None:
    done = App.make(tmp_path).run(
        "hardware=m5", f"+hydra.launcher.secrets.HF_TOKEN='{arn}'", "hydra.launcher.dry_run=true"
    )
    assert done.code == 1
    done.says("hydra.launcher.secrets.HF_TOKEN: give an ARN (arn:aws:secretsmanager:... or arn:aws:ssm:...)")
