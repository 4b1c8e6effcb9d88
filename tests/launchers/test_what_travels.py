"""What goes into the container: overrides as they were given, data, and no secret."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from apps import make_app_of_tasks
from launcher_app import CONFIG, App, Service, unpacked


@pytest.fixture(scope="module")
def app(service: Service, tmp_path_factory: pytest.TempPathFactory) -> App:
    return make_app_of_tasks(tmp_path_factory.mktemp("app"), service)


def test_a_config_file_that_did_not_travel_is_named(app: App) -> None:
    done = app.run("hardware=m5", "hydra.launcher.include=[/app.py]", sweep="lacks")
    assert done.code == 1
    done.says("#0 failed: AlgorithmError: MissingConfigException: Primary config")


VALUES = [
    "a=b",
    "a,b",
    "it's",
    'say "x"',
    " spaced  ",
    "null",
    "[1,2]",
    "{a: 1}",
    "çğışöü İ",
    "日本",
    "a\\b",
    "\\",
    "'",
    "100%",
    "$(rm -rf /)",
    "`id`",
    "a;b|c&d",
    "line\u2028end",
    "C:\\x\\",
    "#no comment",
    "a: b",
    "~",
    "-",
    "!x",
    "*y",
    "@z",
]


def test_values_survive_the_way_into_the_container(app: App, service: Service, tmp_path: Path) -> None:
    body = (
        "import yaml\nfrom omegaconf import OmegaConf\n"
        '(out / "seen.json").write_text(json.dumps(OmegaConf.to_container(cfg, resolve=True)), "utf-8")'
    )
    config = CONFIG + "nothing: 5\nlist: []\nreferred: ${x}\nv: {}\n"
    odd = App.make(tmp_path / "a b, c=ç'd", body, config, service.environment())

    def quoted(text: str) -> str:
        """As Hydra's documentation tells users to: in quotes, with quotes and the backslashes before them escaped."""
        return "'" + re.sub(r"(\\*)(?='|$)", r"\1\1", text).replace("'", "\\'") + "'"

    given = [f"+v.v{number}={quoted(value)}" for number, value in enumerate(VALUES)]
    done = odd.run(
        "hardware=m5", "nothing=null", "list=[1,two,[3],'f,our']", "text='x is ${x}'", "x=1e-5", *given, sweep="s"
    )
    assert done.code == 0, done.output
    seen = json.loads((odd.root / "s" / "0" / "seen.json").read_text("utf-8"))
    assert seen["nothing"] is None
    assert seen["list"] == [1, "two", [3], "f,our"]
    assert seen["text"] == "x is 1e-05"
    assert seen["referred"] == 1e-5
    assert [seen["v"][f"v{number}"] for number in range(len(VALUES))] == VALUES


def test_data_is_uploaded_once_for_all_members(app: App, service: Service, tmp_path: Path) -> None:
    body = (
        'many = "".join(path.read_text() for path in sorted(Path(cfg.folder).glob("*")))\n'
        'found = Path(cfg.file).read_text("utf-8") + "|" + many\n'
        '(out / "found.txt").write_text(found + "|" + str(cfg.hub) + "|" + os.environ.get("PASSED", "") '
        '+ os.environ.get("KEPT", ""), "utf-8")'
    )
    config = CONFIG + "file: data/one file.txt\nfolder: ./data/many\nhub: null\n"
    own = App.make(tmp_path / "data app", body, config, service.environment())
    (own.root / "data" / "many").mkdir(parents=True)
    (own.root / "data" / "one file.txt").write_text("ağaç", "utf-8")
    for name in "ab":
        (own.root / "data" / "many" / name).write_text(name)
    before = set(service.objects())
    done = own.run(
        "hardware=m5",
        "x=1,2",
        "hub=org/name",
        "+hydra.launcher.channels={train: file, many: folder, hub: hub}",
        "hydra.launcher.environment=[PASSED,UNSET]",
        env={"PASSED": "yes", "KEPT": "no"},
    )
    assert done.code == 0, done.output
    for number in range(2):
        assert (own.root / "sweep" / str(number) / "found.txt").read_text("utf-8") == "ağaç|ab|org/name|yes"
    new = [key for key in service.objects() if key not in before and "/data/" in key]
    assert sorted(key.rpartition("/")[2].partition(".whole")[0][-8:] for key in new if not key.endswith(".whole")) == [
        "a",
        "b",
        "file.txt",
    ]
    described = service.describe(service.names(own.sweep())[0])
    ours = {"SAGEMAKER_SWEEP_ID", "SAGEMAKER_SWEEP_DIR", "SAGEMAKER_MEMBER"}
    assert set(described["Environment"]) == {"PASSED", *ours}
    missing = own.run("hardware=m5", "file=./not/there", "+hydra.launcher.channels={train: file}", sweep="missing")
    assert missing.code == 1
    missing.says("file=", "there is no such file or folder")


def test_several_files_reach_the_container(service: Service, tmp_path: Path) -> None:
    """A list of files, and the files of a mapping whose keys only the config knows."""
    body = (
        "found = [Path(file).read_text() for file in [*cfg.files, *(each.file for each in cfg.sets.values())]]\n"
        '(out / "found.txt").write_text("|".join(found))'
    )
    config = CONFIG + "files: [a/one.txt, b/one.txt]\nsets: {x: {file: two.txt, n: 1}, y: {file: b/one.txt}}\n"
    own = App.make(tmp_path / "several", body, config, service.environment())
    for name, text in {"a/one.txt": "1", "b/one.txt": "2", "two.txt": "3"}.items():
        (own.root / name).parent.mkdir(exist_ok=True)
        (own.root / name).write_text(text)
    done = own.run("hardware=m5", "+hydra.launcher.channels={files: files, sets: sets.*.file}")
    assert done.code == 0, done.output
    assert (own.root / "sweep" / "0" / "found.txt").read_text() == "1|2|3|2"


CANARY = "c4n4ry"


def test_no_secret_leaves(service: Service, tmp_path: Path) -> None:
    own = App.make(tmp_path / "secret", "print(dict(os.environ))", environment=service.environment())
    hidden = {
        ".env": f"WANDB_API_KEY={CANARY}-env\n",
        ".netrc": f"machine api.wandb.ai login user password {CANARY}-netrc\n",
        "deep/server.pem": f"{CANARY}-pem\n",
        ".aws/credentials": f"[default]\naws_secret_access_key = {CANARY}-aws\n",
        "credentials.json": f'{{"key": "{CANARY}-json"}}',
        "id_rsa": f"{CANARY}-rsa",
        ".git/config": f"{CANARY}-git",
    }
    for name, content in hidden.items():
        (own.root / name).parent.mkdir(exist_ok=True)
        (own.root / name).write_text(content)
    environment = {
        "WANDB_API_KEY": f"{CANARY}-wandb",
        "HF_TOKEN": f"{CANARY}-hf",
        "AWS_SESSION_TOKEN": f"{CANARY}-session",
        "AWS_SECRET_ACCESS_KEY": f"{CANARY}-key",
        "GITHUB_TOKEN": f"{CANARY}-github",
        "PLAIN": f"{CANARY}-plain",
    }
    before = set(service.objects())
    done = own.run("hardware=m5", "hydra.launcher.include=['**']", env=environment)
    assert done.code == 0, done.output
    sweep = own.sweep()
    [name] = service.names(sweep)
    left: dict[str, bytes] = {"request": json.dumps(service.describe(name), default=str).encode()}
    for key, content in service.objects().items():
        if key in before:
            continue
        left[key] = content
        if key.endswith(".tar.gz"):
            left |= {f"{key}:{inside}": data for inside, data in unpacked(content)}
    left |= {str(path): path.read_bytes() for path in sweep.path.rglob("*") if path.is_file()}
    left["printed"] = done.output.encode()
    assert any(":app.py" in where for where in left)
    assert any("sagemaker.log" in where for where in left)
    assert [where for where, content in left.items() if CANARY.encode() in content] == []

    for options, told in (
        (["hydra.launcher.environment=[WANDB_API_KEY]"], "WANDB_API_KEY sounds like a secret"),
        (["hydra.launcher.environment=[AWS_SESSION_TOKEN]"], "AWS_SESSION_TOKEN sounds like a secret"),
        (["text=hf_AbCdEfGhIjKlMnOpQrStUvWxYz1234567890"], "its config contains what looks like a Hugging Face token"),
        ([f"+hydra.launcher.secrets.WANDB_API_KEY={CANARY}"], "never the secret itself"),
    ):
        refused = own.run("hardware=m5", *options, sweep="refused", env=environment)
        assert refused.code == 1, refused.output
        refused.says(told)
        assert CANARY not in refused.output
    assert not service.names(sweep)[1:]


def test_what_an_override_refers_to_is_not_looked_up_here(service: Service, tmp_path: Path) -> None:
    """${oc.env:...} may stand for a secret: it travels, and is written down, as the user gave it."""
    own = App.make(tmp_path / "refers", environment=service.environment())
    before = set(service.objects())
    done = own.run(
        "hardware=m5",
        "x=1,2",
        "text='${oc.env:HELD}'",
        "++hydra.job.env_set.FOO=${oc.env:HELD,none}",
        "hydra.sweep.subdir=${hydra.job.num}-${hydra.job.override_dirname}",
        "hydra.job.config.override_dirname.exclude_keys=[text,hardware]",
        env={"HELD": CANARY},
    )
    assert done.code == 0, done.output
    sweep = own.sweep()
    assert {path.name for path in sweep.path.iterdir() if path.is_dir()} == {"0-x=1", "1-x=2"}
    names = service.names(sweep)
    assert len(names) == 2
    left = {key: content for key, content in service.objects().items() if key not in before}
    left |= {name: json.dumps(service.describe(name), default=str).encode() for name in names}
    left |= {str(path): path.read_bytes() for path in sweep.path.rglob("*") if path.is_file()}
    left["printed"] = done.output.encode()
    assert [where for where, content in left.items() if CANARY.encode() in content] == []
    member = json.loads(next(content for key, content in left.items() if key.endswith("0/member/member.json")))
    assert "text='${oc.env:HELD}'" in member["overrides"]
    assert "++hydra.job.env_set.FOO=${oc.env:HELD,none}" in member["overrides"]
    alone = own.run("hardware=m5", "text='${oc.env:HELD}'", sweep="alone", env={"HELD": CANARY})
    assert alone.code == 0, alone.output
    [name] = service.names(own.sweep("alone"))
    assert name.startswith("app-m5-oc-env-HELD-")
