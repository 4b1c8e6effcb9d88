"""Groups of rows: what is asked, how long the answer is, what follows it; each row in exactly one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.config.schema import DatasetConfig
from mlqa.data.examples import Answer, Examples
from mlqa.metrics import breakdown as module
from mlqa.metrics.breakdown import (
    break_down_scores,
    build_question_classifier,
    classify_answer_form,
    classify_answer_length,
    classify_questions,
)
from mlqa.metrics.language_rules import get_language_rules, resolve_language_rules
from mlqa.metrics.squad import compute_squad_scores


@pytest.mark.parametrize(
    ("language", "question", "expected"),
    [
        ("tr", "Ali Kuşçu ne zaman doğdu?", "when"),
        ("tr", "HANGİ YILDA EMEKLİ OLMUŞTUR?", "when"),
        ("tr", "Kaç yılında öldü?", "when"),
        ("tr", "Kedi kaç yıl yaşar?", "how_many"),
        ("tr", "Proje nerede, neresinde geçer?", "where"),
        ("tr", "Nereden geldi?", "where"),
        ("tr", "Nerelidir?", "where"),
        ("tr", "Bu eser kimindir?", "who"),
        ("tr", "Kurucusu kim'dir?", "who"),
        ("tr", "Kimya hangi alanda kullanılır?", "which"),
        ("tr", "Hangisidir?", "which"),
        ("tr", "Kaçıncı padişahtır?", "how_many"),
        ("tr", "Düşmanlar kaçarak ne yaptı?", "what"),
        ("tr", "Nüfusu ne kadardır?", "how_many"),
        ("tr", "Nasıl ölmüştür?", "how"),
        ("tr", "Neden ayrılmıştır?", "why"),
        ("tr", "Niçin gitti?", "why"),
        ("tr", "Diğer adı nedir?", "what"),
        ("tr", "Neyi bulmuştur?", "what"),
        ("tr", "Bu doğru mudur?", "yes_no"),
        ("tr", "Motor tipi?", "other"),
        ("az", "Bakı nə vaxt salınıb?", "when"),
        ("az", "Harada yaşayır?", "where"),
        ("az", "Kimin əsəridir?", "who"),
        ("az", "Neçə nəfər?", "how_many"),
        ("az", "HANSI dildə?", "which"),
        ("az", "Bu nədir?", "what"),
        ("fi", "Milloin hän syntyi?", "when"),
        ("fi", "Missä kaupunki sijaitsee?", "where"),
        ("fi", "Kenen teos se on?", "who"),
        ("fi", "Kuinka monta asukasta?", "how_many"),
        ("fi", "Kuinka se toimii?", "how"),
        ("fi", "Miksi?", "why"),
        ("fi", "Mikä on Suomen pääkaupunki?", "what"),
        ("hu", "Mikor született?", "when"),
        ("hu", "Hol található?", "where"),
        ("hu", "Kinek a műve?", "who"),
        ("hu", "Hányan éltek ott?", "how_many"),
        ("hu", "Miért?", "why"),
        ("hu", "Melyik városban?", "where"),
        ("hu", "Mi a fővárosa?", "what"),
        ("en", "In what year did it end?", "when"),
        ("en", "How many cats are there?", "how_many"),
        ("en", "How does it work?", "how"),
        ("en", "Who's that?", "who"),
        ("en", "Is it true?", "yes_no"),
        ("de", "Wer ist das?", "other"),
    ],
)
def test_question_types(language: str, question: str, expected: str) -> None:
    assert build_question_classifier(get_language_rules(language))(question) == expected


def test_a_data_set_brings_its_own_question_words() -> None:
    german = {"who": ["WER", "wen"], "when": ["welches Jahr*", "wann"]}
    type_of = build_question_classifier(resolve_language_rules(DatasetConfig(language="de", question_words=german)))
    assert [type_of(text) for text in ("Wer?", "Welches Jahrhundert?", "Werk?")] == ["who", "when", "other"]
    chinese = build_question_classifier(
        resolve_language_rules(DatasetConfig(language="zh", question_words={"what": ["什么"]}))
    )
    assert chinese("北京是什么？") == "what"


@pytest.mark.parametrize("language", ["az", "en", "fi", "hu", "tr"])
def test_tables_hold_patterns_that_can_match(language: str) -> None:
    rules = get_language_rules(language)
    assert rules.question_words
    for name, patterns in rules.question_words.items():
        assert len(set(patterns)) == len(patterns), name
        for pattern in patterns:
            assert rules.normalize_words(pattern.removesuffix("*")) == pattern.removesuffix("*"), (
                "written as it is folded"
            )


@pytest.mark.parametrize(
    ("words", "expected"), [(1, "1"), (2, "2"), (3, "3-5"), (5, "3-5"), (6, "6-10"), (10, "6-10"), (11, "11+")]
)
def test_answer_lengths(words: int, expected: str) -> None:
    assert classify_answer_length(Answer("  ".join(["söz"] * words), 0), get_language_rules("tr")) == expected


@pytest.mark.parametrize(
    ("context", "text", "expected"),
    [
        ("Basra valiliğine atandı", "Basra valiliği", "suffix_follows"),
        ("Ankara'da doğdu", "Ankara", "apostrophe_suffix_follows"),
        ("Ankara’da doğdu", "Ankara", "apostrophe_suffix_follows"),
        ("Ankaraʼda doğdu", "Ankara", "apostrophe_suffix_follows"),
        ("'Ankara' doğdu", "Ankara", "whole_word"),
        ("Ankara'", "Ankara", "whole_word"),
        ("Ankara, başkent", "Ankara", "whole_word"),
        ("Ankara", "Ankara", "whole_word"),
        ("1934te", "193", "suffix_follows"),
        ("aga\u0306c", "aga", "suffix_follows"),
        ("mesgul-i", "mesgul", "whole_word"),
    ],
)
def test_answer_forms(context: str, text: str, expected: str) -> None:
    assert classify_answer_form(Answer(text, context.index(text)), context) == expected


def examples_of(questions: list[str], contexts: list[str], answers: list[tuple[Answer, ...]]) -> Examples:
    rows = range(len(questions))
    return Examples([str(row) for row in rows], questions, contexts, np.array(rows), answers)


def test_a_breakdown_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "classify_inflections", lambda words, lexicon: {"evde": "inflected", "Ali": "bare"})
    monkeypatch.setattr(module, "count_morphemes", lambda words, lexicon: {"evde": 2, "Ali": None})
    examples = examples_of(
        ["Kim?", "Nerede?", "Kim?", "Kaç?"],
        ["Ali geldi", "o evdeydi", "Ali'nin", "boş"],
        [(Answer("Ali", 0),), (Answer("evde", 2), Answer("o", 0)), (Answer("Ali", 0),), ()],
    )
    scores = compute_squad_scores(
        ["ali", "ev", "Ali Can", ""], [[a.text for a in golds] for golds in examples.answers], "2.0"
    )
    third = pytest.approx(100 * 2 / 3)
    half = {"total": 2, "exact_match": 50.0, "f1": pytest.approx(100 * (1 + 2 / 3) / 2)}
    zero, full = ({"total": 1, "exact_match": value, "f1": value} for value in (0.0, 100.0))
    on_tokens = np.array([True, False, False, False])
    rules = get_language_rules("tr")
    assert break_down_scores(scores, classify_questions(examples, rules, on_tokens), rules) == {
        "question_type": {"where": zero, "who": half, "how_many": full},
        "answer_length": {"1": {"total": 3, "exact_match": pytest.approx(100 / 3),
                                "f1": pytest.approx(100 * (1 + 2 / 3) / 3)}, "none": full},
        "answer_form": {"whole_word": full, "suffix_follows": zero,
                        "apostrophe_suffix_follows": {"total": 1, "exact_match": 0.0, "f1": third}, "none": full},
        "inflection": {"inflected": zero, "bare": half, "none": full},
        "answer_morphemes": {"2": zero, "unknown": half, "none": full},
        "token_boundary": {
            "on_tokens": full, "none": full,
            "inside_a_token": {"total": 2, "exact_match": 0.0, "f1": pytest.approx(100 / 3)},
        },
    }  # fmt: skip


@pytest.mark.slow
def test_inflection_is_absent_without_zeyrek_and_in_other_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = examples_of(["Kim?"], ["Ali"], [(Answer("Ali", 0),)])
    monkeypatch.setattr(module, "classify_inflections", lambda words, lexicon: None)
    assert "inflection" not in classify_questions(examples, get_language_rules("tr"))
    monkeypatch.setattr(module, "classify_inflections", lambda words, lexicon: pytest.fail("only for Turkish"))
    assert "inflection" not in classify_questions(examples, get_language_rules("fi"))


@given(
    st.lists(
        st.tuples(st.text(max_size=20), st.text(min_size=1, max_size=12), st.integers(0, 12), st.text(max_size=6)),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["az", "en", "zh", "xx"]),
)
def test_groups_partition_the_rows(rows: list[tuple[str, str, int, str]], language: str) -> None:
    golds: list[tuple[Answer, ...]] = []
    for _, context, end, _ in rows:
        text = context[:end].rstrip()
        golds.append((Answer(text, 0),) if text.strip() == text and text else ())
    examples = examples_of([row[0] for row in rows], [row[1] for row in rows], golds)
    scores = compute_squad_scores([row[3] for row in rows], [[a.text for a in answers] for answers in golds], "2.0")
    rules = get_language_rules(language)
    for groups in break_down_scores(scores, classify_questions(examples, rules), rules).values():
        assert sum(group["total"] for group in groups.values()) == len(rows)
        weighted = sum(group["total"] * group["f1"] for group in groups.values()) / len(rows)
        assert weighted == pytest.approx(scores.f1)


def test_few_questions_of_tquad_are_other(assets: Path) -> None:
    from mlqa.data.readers import read_file

    examples = read_file(assets / "data" / "tquad" / "dev-v0.1.json")
    type_of = build_question_classifier(get_language_rules("tr"))
    types = [type_of(question) for question in examples.questions]
    assert types.count("other") / len(types) < 0.02
