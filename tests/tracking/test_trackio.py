"""Test trackio: what a run logs is read back from its database, resumed under one name, and shown on its real page."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recorded import QUESTION, RESULT, WORD, record_run

from mlqa.cli import main
from mlqa.config.schema import TrackingBackend, TrackingConfig
from mlqa.errors import RunError
from mlqa.tracking.names import STEP
from mlqa.tracking.protocol import RunIdentity
from mlqa.tracking.tables import build_prediction_table, build_tokenizer_tables, build_word_page
from mlqa.tracking.trackers import Trackers, load_tracker, open_trackers

if importlib.util.find_spec("trackio") is None:  # imported, it would look for its folder too early
    pytest.skip("trackio is not installed", allow_module_level=True)
NAME = "tiny · sample · s1 · 0123"
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_account")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder of trackio in this process, which reads its name when it is imported."""
    return tmp_path_factory.mktemp("trackio")


def make_identity(run_dir: Path) -> RunIdentity:
    return RunIdentity(
        "sweep-0", "sweep", ("model:tiny",), {"model": "tiny"}, run_dir, name="tiny · sample · s1 · 0123"
    )


def opened(run_dir: Path, folder: Path) -> Trackers:
    config = TrackingConfig(backend=TrackingBackend.trackio, dir=str(folder))
    return open_trackers(config, make_identity(run_dir))


def read(folder: Path, run_dir: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    config = TrackingConfig(backend=TrackingBackend.trackio, dir=str(folder))
    logged = load_tracker(TrackingBackend.trackio).read_logged(config, make_identity(run_dir))
    return logged.rows, logged.summary


@pytest.fixture(scope="module")
def tracked(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run that was interrupted after its first evaluation and went on."""
    run_dir = tmp_path_factory.mktemp("run")
    first = opened(run_dir, folder)
    first.start(None)
    first.log({"loss": 2.5, "epoch": 0.5}, 5)
    first.log({"eval_f1": 70.0}, 10)
    kept = run_dir / "kept.jsonl"
    kept.write_text('{"step": 10, "eval_f1": 70.0}\n')
    second = opened(run_dir, folder)
    second.start(kept)
    second.log({"loss": float("nan"), "epoch": 1.5}, 15)
    second.log({"eval_f1": 65.25}, 20)
    for table in build_tokenizer_tables("tiny", {"fertility": 2.0}, [WORD]):
        second.log_table(table)
    second.log_page(build_word_page("tiny", [WORD]))
    second.log_table(build_prediction_table([QUESTION]))
    second.finish(RESULT)
    return folder, run_dir


def test_a_run_is_read_back_whole(tracked: tuple[Path, Path], capfd: pytest.CaptureFixture[str]) -> None:
    rows, summary = read(*tracked)
    assert next((row[STEP], row["train/loss"]) for row in rows if "train/loss" in row) == (5, 2.5)
    assert [(row[STEP], row["eval/f1"]) for row in rows if "eval/f1" in row] == [(10, 70), (20, 65.25)]
    assert (summary["best/f1"], summary["metrics/f1"], summary["evaluations/xquad_tr/f1"]) == (70, 65.25, 55.5)
    assert summary["predictions"]["_value"][0] == {
        "set": "sample", "split": "validation", "id": "q1", "question": "Kim?", "gold": "Ali | Ali Bey",
        "prediction": "Ali", "exact_match": 100, "f1": 100, "probability": None, "seen": False, "question_type": "who",
    }  # fmt: skip
    assert {"tokenization/words", "tokenization/figures", "tokenization/page", "evaluations"} <= summary.keys()
    assert {"name": "label", "value": "tiny_wordpiece"} in summary["summary"]["_value"]
    assert capfd.readouterr().out == ""


def test_a_run_that_begins_again_is_there_once(folder: Path, tmp_path: Path) -> None:
    config = TrackingConfig(backend=TrackingBackend.trackio, dir=str(folder))
    identity = RunIdentity("again", "sweep", (), {"model": "tiny"}, tmp_path, name="again")
    for loss in (2.5, 2.25):
        trackers = open_trackers(config, identity)
        trackers.start(None)
        trackers.log_page(build_word_page("tiny", [WORD]))
        trackers.log({"loss": loss}, 5)
        trackers.finish(RESULT)
    rows = load_tracker(TrackingBackend.trackio).read_logged(config, identity).rows
    assert [(row[STEP], row["train/loss"]) for row in rows if "train/loss" in row] == [(5, 2.25)]
    assert [sum(name in row for row in rows) for name in ("tokenization/page", "best/f1", "summary")] == [1, 1, 1]


def test_the_files_of_a_run_can_be_added_later(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(folder))
    run_dir = record_run(tmp_path / "run")
    main(["sync", "--to", "trackio", str(run_dir)])
    assert "added 4 rows, 5 tables and the summary" in capsys.readouterr().out
    main(["sync", "--to", "trackio", str(run_dir)])
    assert "complete, nothing to add" in capsys.readouterr().out


def test_without_its_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(RunError, match=r"pip install 'mlqa\[trackio\]'"):
        load_tracker(TrackingBackend.trackio)(TrackingConfig(), make_identity(tmp_path))


@pytest.fixture
def page(tracked: tuple[Path, Path]) -> Iterator[str]:
    """Open trackio's own server as the command that a run prints does."""
    code = "import trackio; trackio.show(project='mlqa', open_browser=False)"
    environment = {**os.environ, "TRACKIO_DIR": str(tracked[0]), "GRADIO_ANALYTICS_ENABLED": "0"}
    server = subprocess.Popen([sys.executable, "-u", "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        for line in server.stdout:
            if "http://" in line:
                yield "http://" + line.split("http://")[1].split("/")[0].split("?")[0].strip()
                break
    finally:
        server.kill()
        server.wait()


def test_its_page_shows_the_run(page: str) -> None:
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and chromedriver):
        pytest.skip("no chromium and chromedriver")
    assert urllib.request.urlopen(page, timeout=30).status == 200
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1366,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    try:
        driver.get(f"{page}/?project=mlqa")
        end = time.monotonic() + 60
        text = ""
        while time.monotonic() < end and not ("tiny · sample · s1 · 0123" in text and "objective" in text):
            time.sleep(0.5)
            text = driver.find_element("tag name", "body").text
        assert "tiny · sample · s1 · 0123" in text
        assert "best" in text and "objective" in text
    finally:
        driver.quit()
