"""The page and its API answer as `mlqa predict` does, in a browser and under load, and fetch nothing."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from installed import require_installed
from tiny_runs import run_here

from mlqa.cli import main
from mlqa.demo.asking import ANSWER, NEXT_WORD, RUNNER_UP, WORD, Asked, find_examples, load_asked, mark_answers
from mlqa.demo.page import build_page, get_launch_options, import_gradio

require_installed("gradio")
pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = ("--headless=new", "--no-sandbox", "--window-size=1200,1400", "--disable-background-networking")
CONTEXT = "İstanbul'da 4200 kedi yaşar. Ankara'da ${1350} <b>kedi</b> {{yaşar}}."
QUESTION = "İstanbul'da kaç kedi yaşar?"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run_here(folder, "training.max_steps=2", "tracking=files")
    return folder


@pytest.fixture(scope="module")
def asked(run_dir: Path) -> Asked:
    return load_asked(run_dir, None)


@pytest.fixture(scope="module")
def address(run_dir: Path, asked: Asked) -> Iterator[str]:
    page = build_page([asked, asked], find_examples(run_dir))
    options = get_launch_options(import_gradio(), "127.0.0.1", None)
    _, address, _ = page.launch(**options, prevent_thread_lock=True)
    yield address
    page.close()


def test_everybody_under_load_is_answered_as_by_predict(
    address: str, run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gradio_client import Client

    rows = [{"id": str(n), "question": f"{QUESTION} {n}", "context": CONTEXT * (1 + n % 3)} for n in range(40)]
    (tmp_path / "q.json").write_text(json.dumps(rows), "utf-8")
    main(["predict", str(run_dir), "--file", str(tmp_path / "q.json"), "--json", "--top-k", "2"])
    expected = json.loads(capsys.readouterr().out)
    clients = [Client(address, verbose=False) for _ in range(8)]

    def ask(number: int) -> Any:
        row = rows[number]
        return clients[number % 8].predict(row["question"], row["context"], 2, api_name="/predict")

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(len(rows))))
    for got, wanted in zip(found, expected, strict=True):
        assert got["question"] == wanted["question"] and got["sure"] == wanted["sure"]
        assert [each["text"] for each in got["answers"]] == [each["text"] for each in wanted["answers"]]
        for one, other in zip(got["answers"], wanted["answers"], strict=True):
            assert one["probability"] == pytest.approx(other["probability"], abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((" ", CONTEXT, 1), "the question is empty"),
        ((QUESTION, "", 1), "the passage is empty"),
        ((QUESTION, "\u200b\0\n", 1), "the passage is empty"),
        (("x" * 1001, CONTEXT, 1), "the question has 1,001 characters; give at most 1,000"),
        ((QUESTION, "x" * 50_001, 1), "give at most 50,000"),
        ((QUESTION, CONTEXT, 0), "top_k is 0; choose 1 ... 20"),
    ],
)
def test_what_is_too_much_is_said(address: str, arguments: tuple[Any, ...], part: str) -> None:
    from gradio_client import Client

    with pytest.raises(Exception, match=part):
        Client(address, verbose=False).predict(*arguments, api_name="/predict_2")


def test_nothing_is_uploaded_and_no_file_is_served(address: str) -> None:
    import httpx

    sent = httpx.post(f"{address}gradio_api/upload", files={"files": ("a.txt", b"some text")})
    assert sent.status_code == 413
    assert httpx.get(f"{address}gradio_api/file={Path(__file__)}").status_code == 403


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'chromium'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    browser.get("about:blank")  # the browser's own start page would load its pictures into the first page's log
    browser.get_log("performance")
    yield browser
    browser.quit()


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium")
def test_the_page_in_a_browser(driver: Any, address: str, asked: Asked) -> None:
    def find_all(css: str, part: str) -> Callable[[], list[Any]]:
        return lambda: [each for each in driver.find_elements("css selector", css) if part in each.text]

    driver.get(address)
    wait(lambda: driver.find_element("css selector", "#question textarea, #question input")).send_keys(QUESTION)
    driver.find_element("css selector", "#passage textarea").send_keys(CONTEXT)
    driver.find_element("css selector", "#answer").click()
    verdict = wait(find_all(".verdict", "probability"))[0].text
    passages = wait(find_all(".marked", "Ankara"))
    expected = asked.predictor.predict(QUESTION, CONTEXT)
    assert len(passages) == 2, "two models side by side"
    assert f"{expected.probability:.1%}" in verdict
    text = "".join(passages[0].get_attribute("textContent").split())  # Gradio lays it out with spaces of its own
    assert "".join(CONTEXT.split()) in text, "as it was typed"
    sent = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"]
    assert len(urls) > 5 and not [url for url in urls if not url.startswith((address, "data:", "blob:"))]


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium")
def test_what_is_wrong_is_said_in_place_of_the_answer(driver: Any, address: str) -> None:
    """Test that an empty question is no error of Gradio, which would put a badge on each output."""
    driver.get(address)
    wait(lambda: driver.find_element("css selector", "#answer")).click()
    said = "No answer: the question is empty; give some text"
    wait(lambda: len([one for one in driver.find_elements("css selector", ".verdict") if said in one.text]) >= 2)
    assert driver.find_elements("xpath", "//*[normalize-space(text())='Error']") == []


def wait(find: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what `find` returns as soon as it is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := find():
                return found
        except Exception as error:  # the element is not there yet, or was drawn anew
            last = error
        time.sleep(0.1)
    raise AssertionError(f"not found: {locals().get('last')}")


def test_marks_join_to_the_text(asked: Asked) -> None:
    from mlqa.demo.asking import mark_tokens, show_answer

    shown = show_answer(asked, QUESTION, CONTEXT)
    assert "".join(text for text, _ in shown.passage) == CONTEXT
    assert [text for text, mark in shown.passage if mark == ANSWER] == [shown.table[0][0]]
    marked = mark_tokens(asked.predictor, "kediler  evde")
    assert "".join(text for text, _ in marked) == "kediler  evde"
    space = marked.index(("  ", None))
    assert ({mark for _, mark in marked[:space]}, {mark for _, mark in marked[space + 1 :]}) == ({WORD}, {NEXT_WORD})


def test_candidates_that_overlap_are_not_marked() -> None:
    from mlqa.answers.decoding import Candidate

    def make(start: int, end: int) -> Candidate:
        return Candidate("abcdefgh"[start:end], start, end, 0.0, 0.1)

    assert mark_answers("abcdefgh", [make(2, 4), make(3, 5), make(6, 8)]) == [
        ("ab", None), ("cd", ANSWER), ("ef", None), ("gh", RUNNER_UP),
    ]  # fmt: skip
    assert mark_answers("abcdefgh", [Candidate("", 0, 0, 1.0, 0.9), make(2, 4)]) == [("abcdefgh", None)]


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["a", "b", "c", "d", "e"], 2, "5 runs: give at most 4"),
        (["a", "--port", "0"], 2, "--port=0"),
        (["a", "--risk", "2"], 2, "--risk=2"),
        (["a", "--host", "192.0.2.1"], 1, "cannot listen on 192.0.2.1: "),
        (["a", "--host", "no such host"], 1, "cannot listen on no such host: "),
        (["nowhere"], 1, "has no model/"),
    ],
)
def test_errors_are_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, part: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", *arguments])
    assert ended.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and part in line


def test_a_missing_package_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(SystemExit):
        main(["demo", "nowhere"])
    assert capsys.readouterr().err == "error: mlqa demo needs gradio: pip install 'gradio>=6,<7'\n"


def test_a_taken_port_is_said_before_a_model_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SystemExit):
            main(["demo", "nowhere", "--port", str(taken.getsockname()[1])])
    assert "cannot listen on 127.0.0.1, port" in capsys.readouterr().err
