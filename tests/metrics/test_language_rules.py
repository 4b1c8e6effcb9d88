"""Language-aware scoring: what SQuAD's normalization gets wrong outside English, by the rules of each language."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.config.schema import DatasetConfig, PrimaryMetric
from mlqa.data.scripts import APOSTROPHES
from mlqa.metrics.language_rules import (
    LanguageRules,
    get_language_rules,
    resolve_language_rules,
    resolve_primary_metric,
)
from mlqa.metrics.squad import compute_squad_scores

FOLDING = json.loads((Path(__file__).parent / "golden" / "case_folding.json").read_text("utf-8"))["cases"]
TURKISH_UPPER = str.maketrans({"i": "İ", "ı": "I"})


@pytest.mark.parametrize("case", FOLDING, ids=lambda case: ascii(case["text"]))
def test_folding_is_that_of_icu(case: dict[str, str]) -> None:
    assert LanguageRules(dotted_i=False).fold(case["text"]) == case["default"]
    assert LanguageRules(dotted_i=True).fold(case["text"]) == case["dotted_i"]


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("tr", "ISPARTA", "ısparta"),
        ("tr", "İzmir", "izmir"),
        ("tr", "DİYARBAKIR'IN", "Diyarbakır’ın"),
        ("tr", "İstanbul".lower(), "İSTANBUL"),  # Python's lower() leaves a second dot
        ("tr", "I\u0307zmir", "izmir"),
        ("tr", "i\u0307\u0307zmir", "izmir"),
        ("tr", "i\u0323\u0307zmir", "i\u0323zmir"),
        ("tr", "Ankara’da", "Ankara'da"),
        ("tr", "«Kedi»", "kedi"),
        ("tr", unicodedata.normalize("NFD", "çöğüş"), "çöğüş"),
        ("tr", "Anka\u00adra\u200e", "Ankara"),
        ("tr", "10\u00a0000\r\nkm²", "10 000 km²"),
        ("az", "BAKI", "bakı"),
        ("az", "ƏLİ", "əli"),
        ("az", "Gəncə “şəhəri”", "GƏNCƏ ŞƏHƏRİ"),
        ("fi", "Jyväskylä.", "JYVÄSKYLÄ"),
        ("fi", "Åbo—Turku", "åbo–turku"),
        ("hu", "az Eiffel-torony", "Eiffel-torony"),
        ("hu", "Egy „ŐRÜLT”", "őrült"),
        ("en", "The Beatles", "beatles"),
        ("en", "rock ’n’ roll", "Rock 'n' Roll"),
        ("en", "ISTANBUL", "istanbul"),
        ("de", "die STRASSE", "Straße"),
        ("es", "¿El Niño?", "niño"),
        ("fr", "L’homme", "homme"),
        ("fr", "les œuvres d'un homme", "œuvres d'un homme"),
        ("it", "Un’opera", "l'opera"),
        ("pt", "Os Lusíadas", "lusíadas"),
        ("nl", "het IJsselmeer", "ijsselmeer"),
        ("el", "ΟΔΥΣΣΕΥΣ", "Οδυσσευς"),
        ("chr", "ᎠᏂ", "ꭰꮒ"),
        ("zh", "《红楼梦》", "红楼梦"),
        ("zh", "北京 大学", "北京大学"),
    ],
)
def test_the_same_answer(language: str, one: str, other: str) -> None:
    rules = get_language_rules(language)
    assert rules.normalize(one) == rules.normalize(other)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("tr", "ışık", "işik"),
        ("tr", "Grenoble’a", "Grenoble"),
        ("tr", "a", ""),
        ("tr", "bir", ""),
        ("az", "qız", "qiz"),
        ("fi", "a", ""),
        ("fi", "sää", "saa"),
        ("hu", "őr", "or"),
        ("hu", "a", "b"),
        ("en", "Isparta", "ısparta"),
        ("fr", "l'un", "l'autre"),
        ("xx", "the end", "end"),
        ("tr", "€5", "5"),  # symbols beyond ASCII's count, as in MLQA
    ],
)
def test_another_answer(language: str, one: str, other: str) -> None:
    rules = get_language_rules(language)
    assert rules.normalize(one) != rules.normalize(other)


def test_all_apostrophes_are_one() -> None:
    forms = {f"Ankara{sign}da" for sign in APOSTROPHES}
    assert {"Ankara\u2018da", "Ankara\u2019da", "Ankara\u02bcda", "Ankara\u00b4da", "Ankara`da"} <= forms
    assert {get_language_rules("tr").normalize(form) for form in forms} == {"ankarada"}
    assert {get_language_rules("fr").normalize(f"l{sign}eau") for sign in APOSTROPHES} == {"eau"}


def test_what_squad_strips_is_stripped() -> None:
    import string

    for language in ("tr", "en", "zh"):
        assert get_language_rules(language).normalize(f"x{string.punctuation}y") == "xy"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("1937年的北京ABC大学", ["1937", "年", "的", "北", "京", "abc", "大", "学"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("ปี ๒๕๖๐", ["ปี", "๒๕๖๐"]),  # the vowel stays upon its letter, digits stay a number
        ("ភ្នំ", ["ភ្", "នំ"]),
        ("서울 대학교", ["서울", "대학교"]),
    ],
)
def test_scripts_without_spaces_have_a_token_a_character(text: str, tokens: list[str]) -> None:
    assert get_language_rules("zh").normalize(text).split() == tokens


def test_f1_of_chinese_counts_characters() -> None:
    """By hand: 3 of 4 and 3 of 3 characters shared, 2 * 0.75 / 1.75."""
    scores = compute_squad_scores(["北京大"], [["北京大学"]], normalize=get_language_rules("zh").normalize)
    assert (scores.exact_match, scores.f1) == (0.0, pytest.approx(100 * 6 / 7))
    assert compute_squad_scores(["北京大"], [["北京大学"]]).f1 == 0.0


WORDS = json.loads((Path(__file__).parent / "golden" / "language_words.json").read_text("utf-8"))


@pytest.mark.parametrize("language", ["ko", "zh"])
def test_words_are_those_of_the_official_script(language: str) -> None:
    """golden/language_words.json: EM and F1 of MLQA's script for zh, and of the rules of KorQuAD's for ko."""
    rules = get_language_rules(language)
    for case in WORDS[language]:
        scores = compute_squad_scores(
            [case["prediction"]], [[case["gold"]]], normalize=rules.normalize, split=rules.split_words
        )
        assert (scores.exact_match, scores.f1) == (100.0 * case["exact_match"], 100.0 * case["f1"]), case


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("zh", "北京 大学ABC, 1937年。", ["北", "京", "大", "学", "ABC,", "1937", "年", "。"]),
        ("ja", "東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("th", "ภาษาไทย", ["ภ", "า", "ษ", "า", "ไ", "ท", "ย"]),
        ("km", "ភ្នំពេញ", ["ភ្", "នំ", "ពេ", "ញ"]),
        ("ko", "서울 시", ["서", "울", "시"]),
        ("tr", "Ankara'nın  nüfusu 北京", ["Ankara'nın", "nüfusu", "北京"]),
    ],
)
def test_words_of_a_text(language: str, text: str, words: list[str]) -> None:
    assert get_language_rules(language).split_text(text) == words


@pytest.mark.parametrize("language", ["zh", "ja", "th", "km", "my", "lo", "ko", "zho", "ja-JP"])
def test_the_primary_metric_follows_the_language(language: str) -> None:
    assert resolve_primary_metric(DatasetConfig(language=language)) == "f1_language"
    own = DatasetConfig(language=language, primary_metric=PrimaryMetric.exact_match)
    assert resolve_primary_metric(own) == "exact_match"


@pytest.mark.parametrize("language", ["tr", "en", "fi", "crh", "ar"])
def test_the_official_f1_is_the_primary_metric_elsewhere(language: str) -> None:
    assert resolve_primary_metric(DatasetConfig(language=language)) == "f1"


def test_upper_case_no_longer_costs_points() -> None:
    """SQuAD's own metric gives Turkish answers in capitals a fraction of their score."""
    golds = [["Isparta'nın kırmızı ışığı"], ["İznik"], ["1934"]]
    shouted = [answers[0].translate(TURKISH_UPPER).upper() for answers in golds]
    aware = compute_squad_scores(shouted, golds, normalize=get_language_rules("tr").normalize)
    assert (aware.exact_match, aware.f1) == (100.0, 100.0)
    assert compute_squad_scores(shouted, golds).exact_match < 50


@pytest.mark.parametrize("code", ["tr", "TR", "tr-TR", "tr_TR", "Tr-Latn-TR"])
def test_forms_of_a_language_code(code: str) -> None:
    assert get_language_rules(code) == get_language_rules("tr")
    assert get_language_rules(code).dotted_i


def test_an_unknown_language_has_the_defaults() -> None:
    rules = get_language_rules("tlh")
    assert (rules.articles, rules.dotted_i, dict(rules.question_words)) == (frozenset(), False, {})


def test_the_data_set_may_set_its_own_rules() -> None:
    crimean = resolve_language_rules(DatasetConfig(language="crh", dotted_i=True, articles=["Bir", "L’"]))
    assert crimean.normalize("BİR QIZ") == "qız"
    assert crimean.normalize("l'eau") == "eau"
    assert resolve_language_rules(DatasetConfig(language="tr", dotted_i=False)).normalize("I") == "i"
    assert resolve_language_rules(DatasetConfig(language="en", articles=[])).normalize("The end") == "the end"
    words = {"where": ["qayda*"]}
    assert resolve_language_rules(DatasetConfig(language="tr", question_words=words)).question_words == words


@given(
    text=st.text() | st.text(st.sampled_from("iIİı\u0307\u0323\u0301'-a")),
    language=st.sampled_from(["tr", "az", "fi", "hu", "en", "fr", "ja", "th"]),
)
def test_normalizing_twice_changes_nothing_more(text: str, language: str) -> None:
    rules = get_language_rules(language)
    words = rules.normalize_words(text)
    assert rules.normalize_words(words) == words
    assert words == " ".join(words.split())
    once = rules.normalize(text)
    assert rules.normalize(once) == once


@given(text=st.text(), form=st.sampled_from(["NFC", "NFD"]), language=st.sampled_from(["tr", "en", "hu"]))
def test_composed_and_decomposed_text_is_the_same_answer(text: str, form: str, language: str) -> None:
    rules = get_language_rules(language)
    assert rules.normalize(unicodedata.normalize(form, text)) == rules.normalize(text)
