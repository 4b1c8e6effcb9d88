"""Measure the report of a large sweep: time, size, and how fast its page responds in a headless Chromium, if installed.

python benchmarks/report.py                 500 members on 892 questions, as many as TQuAD's dev split has
python benchmarks/report.py --members 50
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from measuring import build_parser, finish, parse_arguments, read_megabytes
from rows import Row

from mlqa.data.examples import Examples
from mlqa.data.sample import generate
from mlqa.metrics.language_rules import get_language_rules
from mlqa.metrics.scores_file import build_score_rows
from mlqa.metrics.scoring import score_predictions, score_questions
from mlqa.report.build import write_report
from mlqa.result import SCORES, write_json_lines

STEPS = 1000


def write_member(folder: Path, number: int, examples: Examples) -> None:
    """Write a run with one of 20 models, 5 instances and 5 learning rates. Every tenth one has failed."""
    draw = random.Random(number)
    model, hardware = f"model-{number % 20}", f"hardware-{number // 20 % 5}"
    rate = 1e-5 * (1 + number // 100)
    seconds = draw.uniform(300, 6000)
    content: dict[str, Any] = {
        "schema_version": 2,
        "status": "completed",
        "label": model,
        "reported_split": "validation",
        "choices": {"model": model, "dataset": "sample", "hardware": hardware, "optimizer": "adamw"},
        "seed": 42,
        "metrics": {},
        "tokenization": {
            "vocab_size": 1000 * (number % 20 + 20),
            "fertility": 1.5 + number % 20 / 20,
            "oracle_f1": 98.0,
        },
        "timing": {"total_seconds": seconds, "train_samples_per_second": 1e5 / seconds},
        "cost": {"billable_seconds": seconds, "instance_type": hardware, "instance_count": 1, "usd": seconds / 1000},
        "dataset": {"fingerprint": "f", "squad_version": "1.1"},
        "versions": {"python": "3.11.7", "torch": "2.13.0", "transformers": "5.24.0"},
    }
    (folder / ".hydra").mkdir(parents=True)
    config = {
        "model": {"pretrained": model},
        "dataset": {"language": "tr", "sample": {"train_rows": 10, "validation_rows": len(examples), "seed": 0}},
        "hardware": {"instance_type": hardware, "instance_count": 1, "distribution": "none"},
        "optimizer": {"learning_rate": rate},
        "training": {"num_train_epochs": 2.0},
        "seed": 42,
    }
    (folder / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    overrides = [f"model={model}", f"hardware={hardware}", f"optimizer.learning_rate={rate}"]
    (folder / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(overrides), "utf-8")
    if number % 10 == 9:
        content |= {"status": "failed", "error": "CUDA out of memory: choose a smaller batch"}
    else:
        share = 0.5 + number % 20 / 50
        predictions = [
            examples.answers[row][0].text if draw.random() < share else examples.get_context(row).split()[0]
            for row in range(len(examples))
        ]
        rules = get_language_rules("tr")
        content["metrics"] = score_predictions(predictions, examples, rules=rules)
        scores = score_questions(predictions, examples, rules=rules)
        rows = build_score_rows("sample", "validation", examples, predictions, scores, {}, None)
        write_json_lines(folder / SCORES, rows)
    (folder / "result.json").write_text(json.dumps(content), "utf-8")
    lines = (json.dumps({"step": step, "loss": 4 / (1 + step)}) for step in range(STEPS))
    (folder / "history.jsonl").write_text("\n".join(lines), "utf-8")


def time_in_browser(page: Path, members: int) -> dict[str, float]:
    """Return the milliseconds to draw the page, to sort its largest table and to filter it."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        browser = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
        browser.get(page.as_uri())
        milliseconds: dict[str, float] = browser.execute_script(
            """
            const timed = (act) => {
              const begin = performance.now(); act(); document.body.getBoundingClientRect();
              return performance.now() - begin;
            };
            const search = document.querySelector("#members [data-search]");
            return {
              "page loaded and drawn": performance.getEntriesByType("navigation")[0].loadEventEnd,
              "a sort": timed(() => document.querySelector("#members-table thead button").click()),
              "a filter": timed(() => {
                search.value = "model-3"; search.dispatchEvent(new Event("input", {bubbles: true}));
              }),
              rows: document.querySelectorAll("#members-table tbody tr").length,
            };
            """
        )
        browser.quit()
    assert milliseconds.pop("rows") == members
    return milliseconds


def main() -> None:
    """Write a sweep and its report, and measure what the report takes."""
    parser = build_parser(__doc__)
    parser.add_argument("--members", type=int, default=500)
    parser.add_argument("--questions", type=int, default=892)
    args = parse_arguments(parser, members=12, questions=40)
    with tempfile.TemporaryDirectory() as folder:
        sweep = Path(folder) / "sweep"
        examples = generate(args.questions, 0, split="validation")
        for number in range(args.members):
            write_member(sweep / str(number), number, examples)
        wall, cpu = time.perf_counter(), time.process_time()
        page = write_report([sweep])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        what = f"report of {args.members} members, {args.questions} questions"
        rows = [
            Row(what, [wall]),
            Row(f"{what}: CPU", [cpu]),
            Row(f"{what}: memory at the peak", [read_megabytes("VmHWM")], unit="MB"),
            Row(f"{what}: the page", [page.stat().st_size / 1e6], unit="MB"),
        ]
        if shutil.which("chromium") and shutil.which("chromedriver"):
            shown = time_in_browser(page, args.members)
            rows += [Row(f"{what}: {name}", [value], unit="ms") for name, value in shown.items()]
    finish(rows, args)


if __name__ == "__main__":
    main()
