"""Test the tokenizer page in a real, headless Chromium: search, ids, LaTeX, at a laptop's and a phone's width."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import NEEDS_CHROMIUM, open_browser
from test_tokenizer_page import KEDILERI

from mlqa.display.tokenizer_page import render_tokenizer_page

pytestmark = [pytest.mark.slow, NEEDS_CHROMIUM]
LONG = "Çekoslovakyalılaştıramadıklarımızdanmışsınızcasına"


def make_rows() -> list[dict[str, Any]]:
    word = {
        **KEDILERI, "best": 1, "why": "",
        "readings": [
            {name: KEDILERI[name] for name in ("morphemes", "met", "missed", "inside")},
            {"morphemes": [{"surface": "Kedi", "gloss": "cat"}, {"surface": "leri", "gloss": "their"}],
             "met": [4], "missed": [], "inside": []},
        ],
    }  # fmt: skip
    unknown = {
        "word": LONG, "tokens": [LONG], "input_ids": [7], "pieces": [LONG], "morphemes": [], "met": None,
        "missed": None, "inside": None, "readings": [], "best": 0, "why": "the analyzer does not know it",
    }  # fmt: skip
    return [
        {"model": f"model-{number}-of-a-long-name", "fertility": 1.5 + number, "unk_rate": 0.01,
         "intervals": {"fertility": (1.4, 1.6)}, "notes": [], "morphemes": {}, "analysed_words": [word, unknown]}
        for number in range(5)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    file = tmp_path_factory.mktemp("page") / "tokenizers.html"
    file.write_text(render_tokenizer_page(make_rows(), "Tokenizers on kediler"), "utf-8")
    browser = open_browser(tmp_path_factory.mktemp("chromium"))
    browser.get_log("performance")
    browser.get(file.resolve().as_uri())
    yield browser
    browser.quit()


def run(page: Any, script: str) -> Any:
    return page.execute_script(f"return {script}")


def visible_words(page: Any) -> list[str]:
    words = "[...document.querySelectorAll('.word')].filter(word => word.offsetHeight)"
    return list(run(page, f"{words}.map(word => word.querySelector('h3').innerText)"))


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_nothing_is_wider_than_the_screen(page: Any, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert run(page, "document.documentElement.scrollWidth") <= width


def test_words_are_searched_by_word_morpheme_and_meaning(page: Any) -> None:
    assert visible_words(page) == ["Kedileri", LONG]
    field = page.find_element("id", "search")
    for wanted, found in (
        ("KEDİ", ["Kedileri"]),
        ("their", ["Kedileri"]),
        ("mışsınız", [LONG]),
        ("cekos", [LONG]),
        ("xyz", []),
    ):
        field.clear()
        field.send_keys(wanted)
        assert visible_words(page) == found
        assert run(page, "document.getElementById('shown').textContent") == f"{len(found)} of 2 words"
    page.execute_script("arguments[0].value = ''; arguments[0].dispatchEvent(new Event('input'))", field)


def test_ids_are_shown_on_request(page: Any) -> None:
    box = page.find_element("id", "ids")
    shown = "getComputedStyle(document.querySelector('.word .ids')).display"
    assert run(page, shown) == "none"
    box.click()
    assert run(page, shown) == "block"
    assert run(page, "document.querySelector('.word .ids').textContent") == "21611 2065"


def test_both_readings_and_the_reason_are_there(page: Any) -> None:
    text = run(page, "document.body.innerText")
    assert "1: 1 of 2" in text and "2: 1 of 1" in text and "the analyzer does not know it" in text
    assert "1.40 to 1.60" in text


def test_latex_is_copied(page: Any) -> None:
    page.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    button = page.find_element("css selector", "button[data-copies=latex-words]")
    page.execute_script("arguments[0].scrollIntoView()", button)
    button.click()
    page.implicitly_wait(2)
    page.find_element("xpath", "//button[text()='Copied']")
    latex = run(page, "document.getElementById('latex-words').value")
    assert r"Kedi \#\#leri & 1 of 2; 1 of 1 \\" in latex and latex.startswith(r"\begin{tabular}{lll}")


def test_nothing_is_fetched_and_nothing_is_wrong(page: Any) -> None:
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert all(url.startswith(("file:", "data:")) for url in urls) and len(urls) <= 2
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_latex_is_latex(tmp_path: Path) -> None:
    from mlqa.display.tokenizer_latex import render_figures_latex

    text = render_figures_latex(make_rows()[:1])
    assert r"fertility & 1.50 [1.40, 1.60] \\" in text and r"unknown tokens & 1.00\% \\" in text
