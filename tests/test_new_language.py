"""Another language than Turkish, from its files to the report: Finnish, generated, with the commands of the docs."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import os
import re
import subprocess
from pathlib import Path

import finnish
import pytest
from forked import python
from tiny_runs import TINY_MODEL

from mlqa.data.language import load_language

pytestmark = pytest.mark.slow

TOP = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finnish")
    finnish.write(folder, train=20, dev=5)
    return folder


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        [*python("training"), *arguments, "dataset=squad_json", "dataset.language=fi",
         f"dataset.train_file={folder}/train.json", f"dataset.validation_file={folder}/dev.json"],
        capture_output=True, text=True, timeout=300, cwd=folder, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_what_is_said_before_a_cent_is_spent(data: Path) -> None:
    done = command(data, "-c", "from mlqa.cli import main; main()", "audit", "model=tiny_unigram")
    told = " ".join(done.stdout.split())
    assert "240" in told and "60" in told  # questions of the splits
    assert re.search(r"their context alone │ 0 │ 0 │ 0", told)


def metrics_of(sweep: Path, member: int) -> dict[str, float]:
    return dict(json.loads((sweep / str(member) / "result.json").read_text("utf-8"))["metrics"])


def test_from_files_to_the_report(data: Path) -> None:
    sweep = data / "sweep"
    done = command(
        data, str(TOP / "train.py"), "-m", "experiment=quickstart", "model=tiny_wordpiece,tiny_char",
        *TINY_MODEL, "training.num_train_epochs=1", f"hydra.sweep.dir={sweep}",
    )  # fmt: skip
    assert "report:" in done.stderr + done.stdout
    result = json.loads((sweep / "0" / "result.json").read_text("utf-8"))
    assert result["status"] == "completed"
    metrics = result["metrics"]
    assert metrics["total"] == metrics["total_unseen"] == 60
    assert set(result["breakdown"]["question_type"]) >= {"where", "when"}  # missä, milloin
    assert "inflection" not in result["breakdown"]  # a Turkish analyzer has nothing to say here

    page = (sweep / "report" / "index.html").read_text("utf-8")
    assert 'lang="fi"' in page
    (questions,) = re.findall(r'id="data">([^<]+)<', page)
    assert "Missä " in gzip.decompress(base64.b64decode(questions)).decode()
    rows = list(csv.DictReader((sweep / "report" / "results.csv").open(encoding="utf-8")))
    assert [row["model"] for row in rows] == ["tiny_wordpiece", "tiny_char"]
    assert float(rows[0]["f1"]) == pytest.approx(metrics["f1"])
    text = (sweep / "report" / "results.md").read_text("utf-8")
    assert "tiny_char on local" in text

    # What a run really leaves of its tokenizer stands on the page: figures beside F1, words with their morphemes.
    figures = json.loads((sweep / "1" / "tokenization.json").read_text("utf-8"))
    assert rows[1]["fertility"] == str(figures["fertility"]) and figures["fertility"] > 3  # single letters, mostly
    (line,) = re.findall(r"^\| tiny_char \| .*" + f"{figures['fertility']:.2f}" + r" \|.*$", text, re.MULTILINE)
    assert f"{metrics_of(sweep, 1)['f1']:.2f}" in line
    words = page.partition('<section id="words">')[2].partition("</section>")[0]
    assert re.findall(r'<h3 lang="fi">(.*?)</h3>', words) == list(load_language("fi").words)
    assert words.count("<dt>tiny_char</dt>") == words.count("<dt>tiny_wordpiece</dt>") == len(load_language("fi").words)
    assert "<b>talo</b> (house) + <b>ssa</b> (in) + <b>ni</b> (my) + <b>kin</b> (too)" in words
    shown = words.partition(">talossanikin<")[2].partition("<dt>tiny_char</dt>")[2].partition("</dd>")[0]
    assert re.findall(r'class="piece c\d">(.)</span>', shown) == list("talossanikin")
    assert shown.count('class="cut met"') == 3 and shown.count('class="cut inside"') == 8
