"""Test the page in a real, headless Chromium: figures, tables and answers work without a message on the console."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import NEEDS_CHROMIUM, open_browser
from made import answers, config, questions, result, some, write_member, write_scored
from test_learning_curve import write_sweep

from mlqa.report.build import write_report

pytestmark = NEEDS_CHROMIUM
SIZES = {"laptop": (1366, 768), "desk": (1920, 1080), "phone": (390, 844)}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    browser = open_browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.quit()


@pytest.fixture
def visit(driver: Any) -> Callable[..., Any]:
    """Opens a page of a size and colour scheme, with the logs of the pages before forgotten."""

    def go(path: Path, size: str = "laptop", scheme: str = "light", fragment: str = "") -> Any:
        width, height = SIZES[size]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [feature]})
        driver.get("about:blank")  # so that another fragment of the same page is a new visit
        driver.get_log("browser"), driver.get_log("performance")
        driver.get(path.resolve().as_uri() + fragment)
        deadline = time.monotonic() + 20  # the answers are unpacked after the page is drawn
        while not driver.execute_script("return document.documentElement.dataset.ready"):
            assert time.monotonic() < deadline
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


def find_at_rest(driver: Any, selector: str) -> Any:
    """An element that a real click can reach, because the page does not scroll smoothly to it."""
    found = driver.find_element("css selector", selector)
    driver.execute_script("arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})", found)
    return found


def click(driver: Any, selector: str) -> None:
    driver.execute_script("document.querySelector(arguments[0]).click()", selector)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_draws_in_any_size_and_light_alone(visit: Callable[..., Any], page: Path, size: str, scheme: str) -> None:
    driver = visit(page, size, scheme)
    width = SIZES[size][0]
    outside = """
        const marks = [...document.querySelectorAll(".track i, .area > i")];
        return marks.filter((e) => e.getBoundingClientRect().right > innerWidth || e.getBoundingClientRect().left < 0)
          .map((e) => e.outerHTML);
    """
    assert driver.execute_script(outside) == []
    assert len(texts(driver, ".intervals .name")) >= 3
    titles = texts(driver, ".charts h3")
    assert titles == ["F1 against dollars", "F1 against minutes", "Learning curves", "F1 against fertility"]
    assert driver.execute_script("return [...document.querySelectorAll('.area')].every(e => e.clientHeight > 100)")
    assert driver.get_log("browser") == []
    assert [url for url in requests(driver) if not url.startswith(("file:", "data:", "blob:"))] == []
    # Nothing but tables, in boxes of their own, is wider than the screen.
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("size", ["laptop", "desk"])
def test_no_column_is_hidden_on_a_laptop(visit: Callable[..., Any], page: Path, size: str) -> None:
    driver = visit(page, size)
    wide = "return [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    assert driver.execute_script(wide) == 0


def test_the_first_screen_has_the_answer(visit: Callable[..., Any], page: Path) -> None:
    """Data set, questions, leak, seeds, the sentence, the picture and the command, without scrolling."""
    driver = visit(page, "laptop")
    for selector in ("h1", ".facts", ".sentence", ".picture", ".settling", ".command"):
        place = driver.execute_script(
            "const r = document.querySelector(arguments[0]).getBoundingClientRect(); return [r.top, r.bottom]", selector
        )
        assert 0 <= place[0] < place[1] <= SIZES["laptop"][1], selector
    assert texts(driver, "h1") == ["sample: which model, which hardware, what price"]
    facts = texts(driver, ".facts")[0]
    assert "240 questions in 40 contexts" in facts and "80 of them (33 %) about contexts that are in train" in facts
    assert "3 treatments, 2 seeds each" in facts
    assert texts(driver, ".sentence")[0].startswith("Choose berturk on g4dn: it ties with xlmr_base")
    assert "python train.py -m model=berturk,xlmr_base" in texts(driver, ".command code")[0]


def test_the_command_can_be_copied(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)
    granted = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    driver.execute_cdp_cmd("Browser.grantPermissions", granted)
    click(driver, "[data-copy]")
    deadline = time.monotonic() + 10
    while texts(driver, "[data-copy]") != ["Copied"]:
        assert time.monotonic() < deadline


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
          if (!hasText || !e.offsetParent || e.closest("script, option")) continue;
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
        cells = f"#price-0-table tbody td:nth-child({number})"
        return [float(text.split()[0].lstrip("~$")) for text in texts(driver, cells)]

    headings = texts(driver, "#price-0-table thead th")
    dollars, score = headings.index("$") + 1, headings.index("F1") + 1
    button = find_at_rest(driver, f"#price-0-table thead th:nth-child({dollars}) button")
    button.click()  # the cheapest first
    assert column(dollars) == sorted(column(dollars)) and len(set(column(dollars))) > 1
    button.send_keys("\n")  # by keyboard
    assert column(dollars) == sorted(column(dollars), reverse=True)
    sort = driver.execute_script(
        "return [...document.querySelectorAll('#price-0-table th[aria-sort]')].map(e => e.ariaSort)"
    )
    assert sort == ["descending"]
    find_at_rest(driver, f"#price-0-table thead th:nth-child({score}) button").click()  # the best first
    assert column(score) == sorted(column(score), reverse=True)


def test_unknown_values_stand_last_either_way(visit: Callable[..., Any], tmp_path: Path) -> None:
    for number, usd in enumerate((2.0, None, 1.0)):
        content = result(f"m{number}", f1=70.0 + number, cost={"billable_seconds": 60, "usd": usd})
        write_member(tmp_path / "s" / str(number), content, settings=config())
    driver = visit(write_report([tmp_path / "s"]))
    place = texts(driver, "#price-0-table thead th").index("$") + 1
    for expected in (["m2", "m0", "m1"], ["m0", "m2", "m1"]):
        find_at_rest(driver, f"#price-0-table thead th:nth-child({place}) button").click()
        assert [text.split()[0] for text in texts(driver, "#price-0-table tbody th")] == expected


def test_tables_are_filtered_by_words_and_choices(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)
    assert len(texts(driver, "#price-0-table tbody tr")) == 6
    fill(driver, "#price-0 [data-search]", "XLMR g4dn")
    assert [text.split()[0] for text in texts(driver, "#price-0-table tbody th")] == ["xlmr_base"]
    assert texts(driver, "#price-0 output") == ["1 of 6 rows"]
    fill(driver, "#price-0 [data-search]", "")
    fill(driver, "#price-0 select[data-column=hardware]", "p3")
    assert len(texts(driver, "#price-0-table tbody tr")) == 3
    fill(driver, "#members [data-column=status]", "failed")
    assert texts(driver, "#members-table tbody th") == ["whole/12"]


def test_answers_side_by_side(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)
    browser = "[data-browser='0']"
    assert texts(driver, f"{browser} [data-side='1']")  # two different ones to begin with
    chosen = [
        driver.execute_script(f"return document.querySelector(\"{browser} [data-side='{n}']\").value") for n in (0, 1)
    ]
    assert chosen == ["0", "1"]
    fill(driver, f"{browser} [data-side='1']", "2")  # berturk against mbert
    fill(driver, f"{browser} [data-show]", "first")
    counted = texts(driver, f"{browser} output")[0]
    wins = int(counted.split()[0])
    assert f"first is better in {wins}" in counted and wins > 20
    items = texts(driver, f"{browser} li")
    assert len(items) == 20 and all("better" in item for item in items)
    assert any("seed 1" in item for item in items) and any("all seeds" in item for item in items)  # every seed is shown
    click(driver, f"{browser} [data-more]")
    assert len(texts(driver, f"{browser} li")) == min(40, wins)
    asked = texts(driver, f"{browser} .asked")[0].removesuffix("link").strip()
    fill(driver, f"{browser} [data-search]", asked.upper())  # whatever the case, also of İ and ı
    assert any(asked in text for text in texts(driver, f"{browser} .asked"))
    click(driver, f"{browser} summary")
    assert texts(driver, f"{browser} mark")
    fill(driver, f"{browser} [data-search]", "no question has this")
    assert texts(driver, f"{browser} li") == []
    assert driver.get_log("browser") == []


def test_what_is_chosen_can_be_shared_by_its_link(visit: Callable[..., Any], tmp_path: Path) -> None:
    """Two treatments, what is shown, a group and words come back with the address, and so does a single question."""
    scores = np.tile([1.0, 0.0, 0.5, 1.0], 10)
    for number, model in enumerate(("berturk", "mbert", "xlmr")):
        write_scored(tmp_path / "s" / str(number), model, "g6", 1, np.roll(scores, number), np.arange(40) // 2)
    driver = visit(write_report([tmp_path / "s"]))
    browser = "[data-browser='0']"
    before = texts(driver, f"{browser} output")
    for control, value in (("[data-side='0']", "2"), ("[data-show]", "first"), ("[data-group]", "0:0")):
        fill(driver, f"{browser} {control}", value)
    fill(driver, f"{browser} [data-search]", "soru")
    expected = texts(driver, f"{browser} .asked")
    assert expected and texts(driver, f"{browser} output") != before
    address = driver.current_url
    assert "group=question+type" in address and "value=kim" in address
    page = tmp_path / "s" / "report" / "index.html"
    driver = visit(page, fragment=f"#{address.partition('#')[2]}")
    assert texts(driver, f"{browser} .asked") == expected
    one = driver.execute_script("return document.querySelector('.questions .asked a').hash")
    driver = visit(page, fragment=one)
    assert texts(driver, f"{browser} .asked") == expected[:1]


def test_everything_has_a_name_and_can_be_reached(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)
    nameless = driver.execute_script(
        """
        const named = (e) => e.labels?.length || e.ariaLabel || e.textContent.trim();
        const used = document.querySelectorAll("button, a, input, select, summary, [role=region], [role=img], pre");
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
    assert len(ids) == len(set(ids))


def test_turkish_letters_are_right(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page)
    assert driver.execute_script("return document.characterSet") == "UTF-8"
    lang = driver.execute_script("return document.querySelector('.questions .asked').closest('[lang]').lang")
    assert lang == "tr"
    shown = driver.execute_script("return document.querySelector('.questions').textContent")
    assert set("ışğİ") & set(shown)


def test_it_prints_light_and_whole(visit: Callable[..., Any], page: Path) -> None:
    driver = visit(page, "laptop", "dark")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    printed = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    pdf = base64.b64decode(printed["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 50_000
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 2 <= pages <= 12
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    # The first sheet is A4 landscape without its margins, 275 x 188 mm at 96 dots per inch: the answer is on it.
    metrics = {"width": 1039, "height": 710, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    bottom = "return document.querySelector('.command').getBoundingClientRect().bottom"
    assert driver.execute_script(bottom) <= 710
    background = "return getComputedStyle(document.body).backgroundColor"
    assert driver.execute_script(background) == "rgb(255, 255, 255)"
    assert texts(driver, ".controls") == [] and texts(driver, "[data-copy]") == []
    wide = "return [...document.querySelectorAll('table')].filter(e => e.scrollWidth > 1039 + 1).map(e => e.id)"
    assert driver.execute_script(wide) == []


@pytest.mark.exhaustive
def test_a_large_report_is_less_than_two_megabytes(visit: Callable[..., Any], tmp_path: Path) -> None:
    """60 runs x 1,000 questions: 12 treatments with 5 seeds, whose answers differ, on contexts of 1,500 letters."""
    draw = np.random.default_rng(0)
    words = ["".join(draw.choice(list("abcçdefgğhıijklmnoöprsştuüvyz"), 7)) for _ in range(3000)]
    context_of = np.arange(1000) // 4
    texts_of = [" ".join(draw.choice(words, 190)) for _ in range(250)]
    for number in range(60):
        folder = tmp_path / "s" / str(number)
        scores = draw.integers(0, 3, 1000) / 2
        write_scored(folder, f"model{number // 5}", "g6", number % 5, scores, context_of)
        rows = [json.loads(line) for line in (folder / "scores.jsonl").read_text("utf-8").splitlines()]
        for row in rows:
            row["context_text"] = texts_of[row["context"]]
            row["question"] = " ".join(words[(7 * int(row["id"][1:]) + k) % 3000] for k in range(8)) + "?"
            row["answer"] = " ".join(words[int(k)] for k in draw.integers(0, 3000, 3))
        (folder / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    page = write_report([tmp_path / "s"])
    assert page.stat().st_size < 2_000_000
    driver = visit(page)
    assert "of 1000 questions" in texts(driver, "[data-browser='0'] output")[0]


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
    assert driver.execute_script("return document.querySelectorAll('script').length") == 2
    harmful = "return document.querySelectorAll('main img, main a[href^=javascript]').length"
    assert driver.execute_script(harmful) == 0
    assert HOSTILE in texts(driver, ".questions .asked")[0]
    assert driver.get_log("browser") == []
    assert all(url.startswith(("file:", "data:")) for url in requests(driver))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("trained_on", [(250, 500, 1000, 2000, 4000, 8000), (100, 830, 1660, 3320, 6640, 8308)])
def test_the_numbers_of_a_learning_curve_stand_apart(
    visit: Callable[..., Any], tmp_path: Path, trained_on: tuple[int, ...], size: str
) -> None:
    browser = visit(write_report([write_sweep(tmp_path, list(trained_on))]), size)
    boxes = browser.execute_script(
        "const figures = [...document.querySelectorAll('figure')];"
        "const figure = figures.find(one => one.innerText.includes('questions of train'));"
        "const box = figure.getBoundingClientRect();"
        "return [[box.left, box.right], [...figure.querySelectorAll('.x b')].filter(one => one.offsetParent)"
        ".map(one => one.getBoundingClientRect()).map(one => [one.left, one.right])];"
    )
    (left, right), numbers = boxes
    assert len(numbers) >= 4
    assert left <= numbers[0][0] and numbers[-1][1] <= right
    assert all(first[1] + 2 <= second[0] for first, second in pairwise(numbers))
