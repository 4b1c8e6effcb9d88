"""`mlqa audit` reads all twelve languages of XQuAD in XQuAD's form, and judges each by its own script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlqa.cli import main
from mlqa.config.compose import compose_config
from mlqa.metrics.language_rules import resolve_primary_metric

# Two sentences, and the answers to "when" and "where". XQuAD's first context begins with a byte order mark.
TEXTS = {
    "ar": ("بُني السد عام 1923. يقع بالقرب من أنقرة.", "1923", "أنقرة"),
    "de": ("Der Damm wurde 1923 gebaut. Er steht bei Ankara.", "1923", "Ankara"),
    "el": ("Το φράγμα χτίστηκε το 1923. Βρίσκεται κοντά στην Άγκυρα.", "1923", "Άγκυρα"),
    "en": ("The dam was built in 1923. It stands near Ankara.", "1923", "Ankara"),
    "es": ("La presa se construyó en 1923. Está cerca de Ankara.", "1923", "Ankara"),
    "hi": ("बाँध 1923 में बनाया गया था। यह अंकारा के पास है।", "1923", "अंकारा"),
    "ro": ("Barajul a fost construit în 1923. Se află lângă Ankara.", "1923", "Ankara"),
    "ru": ("Плотина была построена в 1923 году. Она стоит близ Анкары.", "1923", "Анкары"),
    "th": ("เขื่อนสร้างขึ้นในปี 1923 ตั้งอยู่ใกล้อังการา", "1923", "อังการา"),
    "tr": ("Baraj 1923'te yapıldı. Ankara'nın yakınındadır.", "1923", "Ankara"),
    "vi": ("Con đập được xây năm 1923. Nó nằm gần Ankara.", "1923", "Ankara"),
    "zh": ("大坝建于1923年。它位于安卡拉附近。", "1923", "安卡拉"),
}
UNSPACED = ("th", "zh")
WORDS = {"ar": 8, "de": 9, "el": 9, "en": 10, "es": 10, "hi": 11, "ro": 10, "ru": 10, "tr": 5, "vi": 10}


def write_xquad(folder: Path, language: str) -> Path:
    text, *answers = TEXTS[language]
    context = f"\ufeff{text}"
    qas = [
        {
            "id": f"{language}{number}",
            "question": f"Q{number}?",
            "answers": [{"text": answer, "answer_start": context.index(answer)}],
        }
        for number, answer in enumerate(answers)
    ]
    path = folder / f"xquad.{language}.json"
    content = {"data": [{"title": "T", "paragraphs": [{"context": context, "qas": qas}]}], "version": "1.1"}
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return path


def audit(capsys: pytest.CaptureFixture[str], language: str, path: Path) -> Any:
    files = [f"dataset.{split}_file={path}" for split in ("train", "validation")]
    main(["audit", "dataset=squad_json", f"dataset.language={language}", *files, "model=tiny_char", "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("language", TEXTS)
def test_constructed(language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_xquad(tmp_path, language)
    found = audit(capsys, language, path)
    figures = found["figures"]["validation"]
    assert (figures["rows"]["read"], figures["rows"]["kept"], figures["rows"]["unanswerable"]) == (2, 2, 0)
    assert (figures["offsets"]["golds"], figures["offsets"]["right"]) == (2, 2)
    assert figures["boundaries"]["inside_word"] == 0
    assert figures["boundaries"]["before_apostrophe_suffix"] == (2 if language == "tr" else 0)
    assert found["permitted"] == {"unk_rate": 0.0, "oracle_exact_match": 100.0, "oracle_f1": 100.0}
    if language in WORDS:  # Thai and Chinese are counted by letters
        assert figures["lengths"]["context_words"]["max"] == WORDS[language]
    (said,) = found["before_training"]
    assert said.startswith("100.0 % of the validation questions are in train with their context")


@pytest.mark.parametrize("language", TEXTS)
def test_the_primary_metric_follows_the_script(language: str) -> None:
    config, _ = compose_config(["model=tiny_char", "dataset=sample", f"dataset.language={language}"])
    assert resolve_primary_metric(config.dataset) == ("f1_language" if language in UNSPACED else "f1")


@pytest.mark.parametrize("language", ["en", "tr"])
def test_real(language: str, assets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """XQuAD has 1,190 questions on 240 paragraphs, parallel in all languages."""
    main(
        ["audit", "dataset=squad_json", f"dataset.language={language}", "model=tiny_char", "--json",
         f"dataset.validation_file={assets}/data/xquad/xquad.{language}.json"]
    )  # fmt: skip
    figures = json.loads(capsys.readouterr().out)["figures"]["validation"]
    assert (figures["rows"]["kept"], figures["rows"]["contexts"], figures["rows"]["dropped"]) == (1190, 240, 0)
    assert figures["offsets"]["right"] == 1190
