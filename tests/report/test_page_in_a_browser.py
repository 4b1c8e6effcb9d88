"""Test the page in a real, headless Chromium: figures, tables and answers work without a message on the console."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from made import answers, config, questions, result, some, write_member

from mlqa.report.build import write_report

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium and chromedriver (Debian: apt-get install chromium chromium-driver)"
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    browser.get("about:blank")  # the browser's own start page would load its pictures into the first page's log
    yield browser
    browser.quit()


@pytest.fixture
def visit(driver: Any) -> Callable[..., Any]:
    """Opens a page of a size and colour scheme, with the logs of the pages before forgotten."""

    def go(path: Path, size: str = "laptop", scheme: str = "light") -> Any:
        width, height = SIZES[size]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [feature]})
        driver.get_log("browser"), driver.get_log("performance")
        driver.get(path.resolve().as_uri())
        return driver

    return go


@pytest.fixture
def page(written_sweep: Path) -> Path:
    return written_sweep / "report" / "index.html"


def requests(driver: Any) -> list[str]:
    events = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def texts(driver: Any, selector: str) -> list[str]:
    found: list[str] = driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter(e => e.offsetParent).map(e => e.innerText)",
        selector,
    )
    return found


def fill(driver: Any, selector: str, value: str) -> None:
    driver.execute_script(
        "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
        "e.dispatchEvent(new Event('input', {bubbles: true}))",
        selector,
        value,
    )


def click(driver: Any, selector: str) -> None:
    driver.execute_script("document.querySelector(arguments[0]).click()", selector)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_draws_in_any_size_and_light_alone(visit: Callable[..., Any], page: Path, size: str, scheme: str) -> None:
    driver = visit(page, size, scheme)
    script = """
        const marks = (chart) => chart.querySelectorAll(".main-svg .trace, .bars path").length;
        return [...document.querySelectorAll(".chart")].map((c) => [c.id, marks(c), c.getBoundingClientRect().width]);
    """
    deadline = time.monotonic() + 20  # on a busy machine the figures come after the page
    drawn: list[Any] = []
    while not drawn or not all(traces > 0 and 0 < width <= SIZES[size][0] for _, traces, width in drawn):
        assert time.monotonic() < deadline, drawn
        drawn = driver.execute_script(script)
    assert {name.removeprefix("chart-0-") for name, _, _ in drawn} == {
        "f1", "usd", "minutes", "loss", "speed", "fertility", "oracle",
    }  # fmt: skip
    assert driver.get_log("browser") == []
    assert [url for url in requests(driver) if not url.startswith(("file:", "data:", "blob:"))] == []
    # Nothing but tables, in boxes of their own, is wider than the screen.
    assert driver.execute_script("return document.documentElement.scrollWidth") <= SIZES[size][0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_all_text_is_enough(visit: Callable[..., Any], page: Path, scheme: str) -> None:
    """WCAG 2.1, 1.4.3: 4.5 to 1 between a text and what lies behind it."""
    poor = visit(page, "laptop", scheme).execute_script(
        """
        const parse = (color) => color.match(/[\\d.]+/g).map(Number);
        const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
        const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        const behind = (e) => {
          for (; e; e = e.parentElement) {
            const color = parse(getComputedStyle(e).backgroundColor);
            if (color.length < 4 || color[3] > 0) return color;
          }
          return [255, 255, 255];
        };
        const poor = [];
        for (const e of document.querySelectorAll("main *, header *")) {
          const hasText = [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
          if (!hasText || !e.offsetParent || e.closest(".chart, script, option")) continue;
          const pair = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a);
          const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
          if (contrast < 4.5) poor.push([e.tagName, e.className, e.textContent.slice(0, 30), contrast]);
        }
        return poor;
        """
    )  # fmt: skip
    assert poor == []


def test_tables_are_sorted_by_their_headings(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)

    def column(number: int) -> list[float]:
        cells = f"#result-0-table tbody td:nth-child({number})"
        return [float(text.split()[0].lstrip("~$")) for text in texts(driver, cells)]

    headings = texts(driver, "#result-0-table thead th")
    dollars = headings.index("$") + 1
    button = driver.find_element("css selector", f"#result-0-table thead th:nth-child({dollars}) button")
    button.click()
    assert column(dollars) == sorted(column(dollars), reverse=True) and len(set(column(dollars))) > 1
    button.send_keys("\n")  # by keyboard
    assert column(dollars) == sorted(column(dollars))
    sort = driver.execute_script(
        "return [...document.querySelectorAll('#result-0-table th[aria-sort]')].map(e => e.ariaSort)"
    )
    assert sort == ["ascending"]


def test_unknown_values_stand_last_either_way(visit: Callable[..., Any], tmp_path: Path) -> None:
    for number, usd in enumerate((2.0, None, 1.0)):
        content = result(f"m{number}", f1=70.0 + number, cost={"billable_seconds": 60, "usd": usd})
        write_member(tmp_path / "s" / str(number), content, settings=config())
    driver = visit(write_report([tmp_path / "s"]))
    place = texts(driver, "#result-0-table thead th").index("$") + 1
    for expected in (["m0", "m2", "m1"], ["m2", "m0", "m1"]):
        driver.find_element("css selector", f"#result-0-table thead th:nth-child({place}) button").click()
        assert [text.split()[0] for text in texts(driver, "#result-0-table tbody th")] == expected


def test_tables_are_filtered_by_words_and_choices(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)
    assert len(texts(driver, "#result-0-table tbody tr")) == 6
    fill(driver, "#result-0 [data-search]", "XLMR g4dn")
    assert [text.split()[0] for text in texts(driver, "#result-0-table tbody th")] == ["xlmr_base"]
    assert texts(driver, "#result-0 output") == ["1 of 6 rows"]
    fill(driver, "#result-0 [data-search]", "")
    fill(driver, "#result-0 select[data-column=model]", "mbert")
    assert len(texts(driver, "#result-0-table tbody tr")) == 2
    fill(driver, "#members [data-column=status]", "failed")
    assert texts(driver, "#members-table tbody th") == ["whole/12"]


def test_answers_side_by_side(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)
    browser = "[data-browser='0']"
    first, second = 0, 4  # berturk against mbert
    fill(driver, f"{browser} [data-side='0']", str(first))
    fill(driver, f"{browser} [data-side='1']", str(second))
    fill(driver, f"{browser} [data-show]", "first")
    counted = texts(driver, f"{browser} output")[0]
    wins = int(counted.split()[0])
    assert f"first is better in {wins}" in counted and wins > 20
    items = texts(driver, f"{browser} li")
    assert len(items) == 20 and all("better" in item for item in items)
    click(driver, f"{browser} [data-more]")
    assert len(texts(driver, f"{browser} li")) == min(40, wins)
    asked = texts(driver, f"{browser} .asked")[0]
    fill(driver, f"{browser} [data-search]", asked.upper())  # whatever the case, also of İ and ı
    assert asked in texts(driver, f"{browser} .asked")
    click(driver, f"{browser} summary")
    assert texts(driver, f"{browser} mark")
    fill(driver, f"{browser} [data-search]", "no question has this")
    assert texts(driver, f"{browser} li") == []
    assert driver.get_log("browser") == []


def test_everything_has_a_name_and_can_be_reached(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)
    nameless = driver.execute_script(
        """
        const named = (e) => e.labels?.length || e.ariaLabel || e.textContent.trim();
        const used = document.querySelectorAll("button, a, input, select, summary, [role=region], [role=img]");
        return [...used].filter((e) => !named(e)).map((e) => e.outerHTML);
        """
    )  # fmt: skip
    assert nameless == []
    levels = driver.execute_script("return [...document.querySelectorAll('h1,h2,h3')].map(e => +e.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = driver.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert driver.execute_script(
        "return [...document.querySelectorAll('nav a')].every(a => document.getElementById(a.hash.slice(1)))"
    )
    ours = [name for name in ids if name.startswith(("chart-", "result-", "members", "answer-"))]
    assert len(ours) == len(set(ours))


def test_turkish_letters_are_right(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)
    assert driver.execute_script("return document.characterSet") == "UTF-8"
    lang = driver.execute_script("return document.querySelector('.questions .asked').closest('[lang]').lang")
    assert lang == "tr"
    shown = driver.execute_script("return document.querySelector('.questions').textContent")
    assert set("ışğİ") & set(shown)


def test_it_prints_light_and_whole(visit: Callable[..., Any], page: Path) -> None:
    import base64

    driver = visit(page, "laptop", "dark")
    pdf = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 50_000
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    background = "return getComputedStyle(document.body).backgroundColor"
    assert driver.execute_script(background) == "rgb(255, 255, 255)"
    assert texts(driver, ".controls") == []


HOSTILE = (
    "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1><a href=javascript:alert(1)>x</a>"
)


def test_hostile_texts_run_nothing(visit: Callable[..., Any], tmp_path: Path) -> None:
    """In a model's name, a context, a question, an answer, a word, an error and an override."""
    entries = []
    asked = questions()
    for row in range(len(asked)):
        context = f"{HOSTILE} {asked.get_context(row)}"
        gold = asked.answers[row][0]
        place = {"text": gold.text, "answer_start": gold.start + len(HOSTILE) + 1}
        entries.append(
            {"context": context, "qas": [{"id": f"{row}{HOSTILE}", "question": HOSTILE, "answers": [place]}]}
        )
    (tmp_path / "dev.json").write_text(json.dumps({"version": "1.1", "data": [{"paragraphs": entries}]}), "utf-8")
    from mlqa.data.readers import read_file

    examples = read_file(tmp_path / "dev.json")
    settings = config()
    settings["dataset"] |= {"sample": None, "validation_file": str(tmp_path / "dev.json"), "language": '"><script>'}
    for number, share in enumerate((0.9, 0.3)):
        given = [text or HOSTILE for text in answers(examples, some(share, number))]
        given[0] = HOSTILE
        morphemes = [{"surface": HOSTILE, "gloss": HOSTILE}]
        write_member(
            tmp_path / "s" / str(number),
            result(f"{number}{HOSTILE}", HOSTILE),
            settings=settings,
            overrides=[f"model={HOSTILE}"],
            given=given,
            examples=examples,
            words=[{"word": HOSTILE, "pieces": [HOSTILE], "tokens": [HOSTILE], "morphemes": morphemes}],
            history=[{"step": 1, "loss": 1}, {"step": 2, "loss": 1}],
        )
    write_member(tmp_path / "s" / "2", result(status="failed", error=HOSTILE), settings=settings, overrides=[HOSTILE])
    driver = visit(write_report([tmp_path / "s"]))
    for side in ("first", "all"):
        fill(driver, "[data-browser] [data-show]", side)
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert driver.execute_script("return window.hacked") is None
    assert driver.execute_script("return document.querySelectorAll('script').length") == 3
    assert (
        driver.execute_script("return document.querySelectorAll('main img, main a[href^=javascript], .chart a').length")
        == 0
    )
    assert HOSTILE in texts(driver, ".questions .asked")[0]
    assert driver.get_log("browser") == []
    assert all(url.startswith(("file:", "data:")) for url in requests(driver))
