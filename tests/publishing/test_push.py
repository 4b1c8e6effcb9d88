"""The upload, against a stand-in of the hub on loopback: what goes, what never does, and who is asked."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import TOKEN, Hub, serve_hub
from huggingface_hub import ModelCard
from saved_run import write_run

from mlqa.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve_hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True, raising=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False, raising=False)
        yield server


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("push")
    run_dir = write_run(top / "run")
    config = run_dir / "model" / "config.json"
    described = {**json.loads(config.read_text("utf-8")), "_name_or_path": str(top / "models" / "base")}
    config.write_text(json.dumps(described), "utf-8")
    result = run_dir / "result.json"
    content = json.loads(result.read_text("utf-8"))
    content["model"]["pretrained"] = str(top / "models" / "base")
    content["tracking"] = {"wandb": {"url": "https://wandb.ai/somebody/private"}}
    result.write_text(json.dumps(content), "utf-8")
    return run_dir


def test_what_is_uploaded(hub: Hub, run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["card", str(run_dir), "--push", "tester/model", "--private", "--yes"])
    printed = capsys.readouterr()
    files = hub.files["tester/model"]
    asked = hub.repositories["tester/model"]
    assert asked.get("private") or asked.get("visibility") == "private"
    assert set(files) >= {
        "README.md",
        "data_statement.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "result.json",
    }
    for name in files:
        assert name in printed.out  # shown before
    assert f"uploaded: {hub.url}/tester/model" in printed.out
    assert TOKEN not in printed.out + printed.err
    card = ModelCard(files["README.md"].decode())
    assert card.data.model_name == "model" and 'name, question, text = "tester/model"' in card.text
    whole = b"".join(files[name] for name in files)
    for private in (str(run_dir), str(run_dir.parent), str(Path.home()), TOKEN, "wandb.ai"):
        assert private.encode() not in whole
    assert json.loads(files["config.json"])["_name_or_path"] == "base"
    assert json.loads(files["result.json"])["model"]["pretrained"] == "base"
    assert files["model.safetensors"] == (run_dir / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("answer", "uploads"), [("n\n", False), ("\n", False), ("y\n", True)])
def test_one_question_before(
    hub: Hub, run_dir: Path, monkeypatch: pytest.MonkeyPatch, answer: str, uploads: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(answer))
    main(["card", str(run_dir), "--push", "tester/asked"])
    assert ("tester/asked" in hub.files) is uploads
    assert bool([call for call in hub.calls if "/commit/" in call]) is uploads


def test_secrets_and_folders_stay_here(hub: Hub, run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = run_dir / "model" / "notes.txt"
    for text, part in (
        (f'token = "hf_{"a1B2c3D4e5" * 4}"', "notes.txt:1: looks like a Hugging Face token"),
        (f"trained in {Path.cwd()}", "notes.txt: names a folder of this machine"),
    ):
        notes.write_text(text, "utf-8")
        with pytest.raises(SystemExit):
            main(["card", str(run_dir), "--push", "tester/model", "--yes"])
        message = capsys.readouterr().err
        assert f"nothing was uploaded: {part}" in message and "a1B2" not in message
    notes.unlink()
    assert not hub.files


@pytest.mark.parametrize(
    ("token", "may_write", "part"),
    [
        ("hf_wrong", True, "the token was refused"),
        ("", True, "there is none: set HF_TOKEN"),
        (TOKEN, False, "the token may not write there"),
    ],
)
def test_what_the_hub_refuses(
    hub: Hub,
    run_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    token: str,
    may_write: bool,
    part: str,
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere/token")
    hub.may_write = may_write
    with pytest.raises(SystemExit):
        main(["card", str(run_dir), "--push", "tester/model", "--yes"])
    message = capsys.readouterr().err
    assert part in message and "\n" not in message.strip() and (not token or token not in message)
    assert not hub.files


def test_a_hub_that_is_not_there(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False, raising=False)
    with pytest.raises(SystemExit):
        main(["card", str(run_dir), "--push", "tester/model", "--yes"])
    assert "http://127.0.0.1:9: cannot be reached" in capsys.readouterr().err
