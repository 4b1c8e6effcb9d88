"""The source archive: the same files give the same bytes, what is private stays here, secrets are seen."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.packaging.source_archive import pack

EVERYTHING = ["**"]


def write(root: Path, *names: str, content: str = "x = 1\n") -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return root


def entries(content: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        return {entry.name: entry for entry in archive}


name = st.text("abcüß 0_-.", min_size=1, max_size=9).filter(lambda text: text.strip(". ") and text[0] not in ".- ")


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(name, st.binary(max_size=200), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_neither_order_nor_time_nor_place_counts(tmp_path_factory, files, chance: random.Random):
    packed = []
    for number in range(2):
        root = tmp_path_factory.mktemp(f"root{number}")
        order = list(files)
        chance.shuffle(order)
        for file in order:
            (root / file).write_bytes(files[file])
            os.utime(root / file, (chance.randrange(2**31), chance.randrange(2**31)))
            os.chmod(root / file, 0o600 if number else 0o664)
        packed.append(pack(root, EVERYTHING))
    assert packed[0] == packed[1]
    assert list(packed[0].names) == sorted(files)


def test_the_archive_holds_neither_time_nor_owner_and_keeps_the_executable_bit(tmp_path):
    write(tmp_path, "run.sh", "src/a.py")
    (tmp_path / "run.sh").chmod(0o750)
    source = pack(tmp_path, EVERYTHING, extra={"sagemaker_member.py": b"pass\n"})
    assert source.content[4:8] == bytes(4) and source.content[3] == 0  # gzip: no time, no name
    found = entries(source.content)
    assert {(e.mtime, e.uid, e.gid, e.uname, e.gname) for e in found.values()} == {(0, 0, 0, "", "")}
    assert {name: e.mode for name, e in found.items()} == {
        "run.sh": 0o755,
        "sagemaker_member.py": 0o644,
        "src/a.py": 0o644,
    }


def test_the_bytes_inside_are_known(tmp_path):
    """The same on every Python: a change here uploads every user's source anew."""
    fields = {
        0: b"a.py",
        100: b"0000644",  # mode
        108: b"0000000",  # user
        116: b"0000000",  # group
        124: b"00000000006",  # size
        136: b"00000000000",  # time
        148: b" " * 8,  # the sum, blank while it is made
        156: b"0",  # a plain file
        257: b"ustar\x0000",
    }
    header = bytearray(512)
    for offset, text in fields.items():
        header[offset : offset + len(text)] = text
    header[148:156] = b"%06o\0 " % sum(header)
    inside = gzip.decompress(pack(write(tmp_path, "a.py"), ["a.py"]).content)
    assert inside == bytes(header) + b"x = 1\n" + bytes(10240 - 512 - 6)


TREE = (
    "train.py",
    "src/app/a.py",
    "src/app/b.txt",
    "conf/config.yaml",
    "conf/model/m.yaml",
    "docs/c.md",
    "deep/src/d.py",
)


@pytest.mark.parametrize(
    ("include", "exclude", "names"),
    [
        (["train.py"], [], {"train.py"}),
        (["*.py"], [], {"train.py", "src/app/a.py", "deep/src/d.py"}),
        (["**/*.py"], ["deep/"], {"train.py", "src/app/a.py"}),
        (["/*.py"], [], {"train.py"}),
        (["src/**"], [], {"src/app/a.py", "src/app/b.txt"}),
        (["src"], [], {"src/app/a.py", "src/app/b.txt", "deep/src/d.py"}),
        (["/src"], [], {"src/app/a.py", "src/app/b.txt"}),
        (["src/*.py", "*.md"], [], {"docs/c.md"}),
        (["src/**/a.py", "**/d.py"], [], {"src/app/a.py", "deep/src/d.py"}),
        (["conf/"], ["conf/model/**"], {"conf/config.yaml"}),
        (["./conf/*.yaml"], [], {"conf/config.yaml"}),
        (["[a-c]*.??", "!x"[1:] + "*"], ["*.[!p]*"], {"src/app/a.py"}),
        (["**/*.py", "**/*.yaml", "**/*.yml"], ["tests/**"], {*TREE} - {"src/app/b.txt", "docs/c.md"}),
    ],
)
def test_patterns_are_those_of_gitignore(tmp_path, include, exclude, names):
    assert set(pack(write(tmp_path, *TREE), include, exclude).names) == names


@pytest.mark.parametrize("pattern", ["trian.py", "src/app/z.py", "lib"])
def test_a_name_that_is_not_there_is_an_error(tmp_path, pattern):
    with pytest.raises(LaunchError, match=rf"^include={pattern}: "):
        pack(write(tmp_path, *TREE), ["*.py", pattern])


def test_no_file_at_all_is_an_error(tmp_path):
    with pytest.raises(LaunchError) as raised:
        pack(write(tmp_path, *TREE), ["*.rs", "*.go"])
    assert len(raised.value.problems) == 2
    with pytest.raises(LaunchError):
        pack(tmp_path / "nowhere", ["*.py"])


@pytest.mark.parametrize("pattern", ["", "/", "!a.py", "../x", "a/../../b", "[z-a]"])
def test_what_is_no_pattern_is_refused(tmp_path, pattern):
    with pytest.raises(LaunchError, match="is not a pattern"):
        pack(write(tmp_path, *TREE), [pattern])


PRIVATE = (
    *(".git/config", ".hg/x", ".venv/lib/x.py", "venv/x.py", "own/pyvenv.cfg", "own/lib/x.py", ".env", ".env.local"),
    *("a/__pycache__/x.pyc", "server.pem", "a/private.key", "id_rsa", "id_rsa.pub", ".netrc", ".aws/credentials"),
    *("credentials", "credentials.json", "a/Credentials.csv", "cert.p12", "wandb/run-1/x.py", "outputs/2026/x.py"),
    *("multirun/x.yaml", "a/wandb/run-20261101_1-abc/x.py", "a/outputs/2026-11-24/x.py", ".ipynb_checkpoints/x.py"),
    *(".ssh/config", ".git-credentials", "node_modules/x/x.js", "x.egg-info/PKG-INFO"),
)


@pytest.mark.parametrize("include", [EVERYTHING, ["*"], list(PRIVATE[:1]) + EVERYTHING])
def test_private_files_are_never_packed_whatever_include_says(tmp_path, include):
    public = ("a.py", "credentials.py", "conf/wandb/default.yaml", "src/outputs/__init__.py", "environment.yaml")
    write(tmp_path, *PRIVATE, *public)
    if include[0] == ".git/config":
        with pytest.raises(LaunchError, match="never packed"):
            pack(tmp_path, include)
    else:
        assert set(pack(tmp_path, include).names) == set(public)


def test_links_inside_are_followed_and_links_out_are_refused(tmp_path):
    root = write(tmp_path / "root", "src/a.py", "shared/b.py", ".venv/x.py", "secret/key.pem")
    outside = write(tmp_path / "outside", "c.py")
    (root / "link.py").symlink_to("src/a.py")
    (root / "src" / "shared").symlink_to(root / "shared", target_is_directory=True)
    (root / "src" / "loop").symlink_to(root / "src", target_is_directory=True)
    (root / "dangling.py").symlink_to("nowhere.py")
    (root / "itself.py").symlink_to("itself.py")
    (root / "env").symlink_to(".venv", target_is_directory=True)
    (root / "harmless.txt").symlink_to("secret/key.pem")
    (root / "data").symlink_to(outside, target_is_directory=True)
    source = pack(root, ["*.py", "*.txt"])
    assert set(source.names) == {"src/a.py", "shared/b.py", "link.py", "src/shared/b.py"}
    assert all(entry.isreg() for entry in entries(source.content).values())
    with pytest.raises(LaunchError, match="data: is a link out of"):
        pack(root, ["*.py", "data/**"])
    (root / "c.py").symlink_to(outside / "c.py")
    with pytest.raises(LaunchError, match=r"c\.py: is a link out of .*exclude=c\.py"):
        pack(root, ["*.py"])
    assert "c.py" not in pack(root, ["*.py"], ["c.py"]).names


def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(write(tmp_path, "a.py") / "pipe.py")
    assert pack(tmp_path, ["*.py"]).names == ("a.py",)


def test_extra_files_win_and_stay_inside(tmp_path):
    write(tmp_path, "requirements.txt", content="torch\n")
    own = write(tmp_path / "own", "reqs.txt", content="accelerate\n") / "reqs.txt"
    source = pack(tmp_path, ["/requirements.txt"], extra={"requirements.txt": own, "z/m.json": b"{}"})
    with tarfile.open(fileobj=io.BytesIO(source.content)) as archive:
        assert archive.extractfile("requirements.txt").read() == b"accelerate\n"
    assert source.names == ("requirements.txt", "z/m.json")
    for bad in ("/etc/x", "../x", ""):
        with pytest.raises(LaunchError, match="relative path"):
            pack(tmp_path, EVERYTHING, extra={bad: b""})
    with pytest.raises(LaunchError, match="cannot be read"):
        pack(tmp_path, EVERYTHING, extra={"x": tmp_path / "nowhere"})


def test_too_much_is_refused_with_the_largest_files(tmp_path):
    for size in range(1, 8):
        (tmp_path / f"f{size}.bin").write_bytes(bytes(size * 1000))
    with pytest.raises(LaunchError) as raised:
        pack(tmp_path, EVERYTHING, max_bytes=27_999)
    (problem,) = raised.value.problems
    assert [f"f{size}.bin" in problem for size in range(7, 0, -1)] == [True] * 5 + [False] * 2
    assert "exclude" in problem
    assert len(pack(tmp_path, EVERYTHING, max_bytes=28_000).names) == 7


HEX = "8f14e45fceea167a5a36dedd4bea2543a1b2c3d4"
SECRETS = [
    "aws_access_key_id = AKIAQ3EGRTWZ2YKLM4P7",
    "AWS_SECRET_ACCESS_KEY='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'",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx5Y8ZQ2Vb0yqkTz1l4cWf8D9\n",
    "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,6B\n\nMHcCAQEEIBkg8Z2Vb0yqkTz1l4cWf8D9\n",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n",
    f"WANDB_API_KEY={HEX}",
    f"    WANDB_API_KEY: {HEX}",
    f'os.environ["WANDB_API_KEY"] = "{HEX}"',
    f'{{"source": ["os.environ[\\"WANDB_API_KEY\\"] = \\"{HEX}\\""]}}',
    f'wandb.login(key="{HEX}")',
    "token = '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'",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    'API_KEY = "q8Zr2LkP0vXw4TnB7yJm"',
    '{"service_api_key": "q8Zr2LkP0vXw4TnB7yJm"}',
    "password: q8Zr2LkP0vXw4TnB7yJm  # mine",
    "access_token=q8Zr2LkP0vXw4TnB7yJm",
]


@pytest.mark.parametrize("canary", SECRETS)
@pytest.mark.parametrize("file", ["src/a.py", "conf/a.yaml", "notes.ipynb"])
def test_a_secret_stops_the_sweep_and_is_not_repeated(tmp_path, canary, file):
    unquoted = file.endswith(".py") and canary.startswith(("password:", "access_token="))
    write(tmp_path, file, content=f"first\n{canary}\nlast\n")
    if unquoted:  # an expression, as far as anyone can tell
        assert pack(tmp_path, EVERYTHING).names == (file,)
        return
    with pytest.raises(LaunchError) as raised:
        pack(tmp_path, EVERYTHING)
    (problem,) = raised.value.problems
    assert problem.startswith(f"{file}:2: looks like ") and f"exclude={file}" in problem
    value = max(canary.replace("'", '"').replace("\\", "").split('"'), key=len).split("=")[-1].strip()
    assert value not in problem and HEX not in problem
    assert pack(write(tmp_path, "x"), EVERYTHING, [file]).names == ("x",)


def test_secrets_in_extra_files_and_all_at_once(tmp_path):
    write(
        tmp_path,
        "a.py",
        content="\n".join(canary for canary in SECRETS if "WANDB" in canary and "source" not in canary),
    )
    with pytest.raises(LaunchError) as raised:
        pack(tmp_path, ["a.py"], extra={"member.json": SECRETS[0].encode()})
    assert [problem.split(" ")[0] for problem in raised.value.problems] == [
        *("a.py:1:", "a.py:2:", "a.py:3:", "member.json:1:"),
    ]


INNOCENT = [
    "api_key = os.environ['WANDB_API_KEY']",
    "WANDB_API_KEY: ${oc.env:WANDB_API_KEY}",
    "wandb_secret: arn:aws:secretsmanager:eu-central-1:123456789012:secret:wandb-1a2B3c",
    "api_key: your-api-key-goes-here-123",
    'aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"',
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    'if text.startswith("-----BEGIN RSA PRIVATE KEY-----"):',
    f'revision = "{HEX}"',
    f"sha256: {HEX}{HEX[:24]}",
    'model_name = "hf_internal_testing_tiny_random_bert_model"',
    "api_key = settings.production.api_key_number_1",
    "password = getpass.getpass('password: ')",
    'auth_token = "conf/tokens/production_2/default"',
    "tokenizer_path: tokenizers/xlm-roberta-2026-11-24-version",
    "max_length: 12345678901234567890123",
]


@pytest.mark.parametrize("line", INNOCENT)
@pytest.mark.parametrize("file", ["src/a.py", "conf/a.yaml"])
def test_what_only_speaks_of_secrets_passes(tmp_path, line, file):
    assert pack(write(tmp_path, file, content=line + "\n"), EVERYTHING).names == (file,)


def test_no_text_keeps_the_search_busy(tmp_path):
    begin = "-----BEGIN RSA PRIVATE KEY-----\n"
    text = begin + "a: " * 100_000 + "wandb.login(" * 50_000 + "api_key = " * 50_000 + "password" * 50_000
    start = time.process_time()
    pack(write(tmp_path, "a.yaml", content=text), EVERYTHING)
    assert time.process_time() - start < 5


@pytest.mark.slow
def test_this_repository_passes():
    root = Path(__file__).parents[3]
    source = pack(root, ["*.py", "*.yaml", "*.toml", "*.md"], ["tests/**"])
    assert "train.py" in source.names
    assert source == pack(root, ["*.py", "*.yaml", "*.toml", "*.md"], ["tests/**"])
