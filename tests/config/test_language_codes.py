"""Codes of languages: what is taken, and what is said of a wrong or missing one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlqa.config.compose import compose_config
from mlqa.config.language_codes import detect_script, find_code_problem, shorten_code, suggest_language
from mlqa.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("tr", "tr"), ("TR", "tr"), ("tur", "tr"), ("tr-TR", "tr"), ("pt-BR", "pt"), ("zh-Hant-TW", "zh"),
        ("ger", "de"), ("deu", "de"), ("iw", "he"), ("crh", "crh"), ("kmr", "kmr"), ("yue", "yue"), ("tlh", "tlh"),
    ],
)  # fmt: skip
def test_codes_of_iso_639_are_taken(given: str, code: str) -> None:
    assert find_code_problem(given) is None
    assert shorten_code(given) == code


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("jp", "jp is a country (Japan), Japanese is ja"),
        ("CN", "CN is a country (China), Chinese is zh"),
        ("gr", "Greek is el"),
        ("dk", "Danish is da"),
        ("cz", "Czech is cs"),
        ("ua", "Ukrainian is uk"),
        ("en_US", "is not a language tag; English is en"),
        ("tr_TR.UTF-8", "Turkish is tr"),
        ("turkish", "Turkish is tr"),
        ("Japanse", "Japanese is ja"),
        ("xx", "is not a language code; give the ISO 639-1 or 639-3 code"),
        ("qqq", "is not a language code"),
        ("", "is not a language code"),
        ("türkçe", "is not a language code"),
    ],
)
def test_the_right_code_is_named(given: str, said: str) -> None:
    problem = find_code_problem(given)
    assert problem is not None and said in problem


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("東京は日本の首都である。", "ja"),
        ("中華人民共和國の首都", "ja"),
        ("北京是中华人民共和国的首都。", "zh"),
        ("서울은 大韓民國의 수도이다.", "ko"),
        ("กรุงเทพมหานคร", "th"), ("ວຽງຈັນ", "lo"), ("ភ្នំពេញ", "km"), ("ရန်ကုန်", "my"), ("القاهرة", "ar"),
        ("Москва", "ru"), ("Ankara", None), ("", None),
        ('{"context": "Москва — столица России", "question": "?"}', "ru"),
    ],
)  # fmt: skip
def test_the_script_says_something(text: str, code: str | None) -> None:
    assert detect_script(text) == code


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dev.json"
    rows = [{"question": "首都は?", "context": "東京は日本の首都である。" * 9, "answer": "東京は日本"}]
    path.write_text(json.dumps(rows), "utf-8")  # with escapes
    return path


def test_a_data_set_of_ones_own_names_its_language(file: Path) -> None:
    for group in ("squad_json", "hub"):
        with pytest.raises(ConfigError) as caught:
            compose_config([f"dataset={group}", f"dataset.train_file={file}", f"dataset.validation_file={file}"])
        (problem,) = [line for line in caught.value.problems if line.startswith("dataset.language")]
        assert problem.startswith("dataset.language: has no value; mlqa takes no language for granted")
        assert "in the script of Japanese (ja)" in problem and "`pip install py3langid`" in problem


def test_an_installed_library_names_the_language(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    detector = SimpleNamespace(classify=lambda text: texts.append(text) or ("ja", -1.0))
    monkeypatch.setitem(sys.modules, "py3langid", detector)
    assert suggest_language(str(file)).endswith("py3langid takes dev.json for Japanese (ja)")
    assert "東京は日本の首都である。" in texts[0]


def test_without_a_file_there_is_only_advice() -> None:
    for path in (None, "nowhere.json"):
        assert suggest_language(path).endswith("e.g. dataset.language=tr")
