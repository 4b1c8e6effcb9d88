"""What counts as the answer of a language model. The expected stretches are read off the contexts by hand."""

from __future__ import annotations

import pytest

from mlqa.data.language import load_language
from mlqa.llm.alignment import Aligned, Step, align_answer
from mlqa.metrics.language_rules import get_language_rules

TURKISH = "İstanbul'un nüfusu 15 milyon. ILICA köyü, İZMİR'e bağlıdır; Fatih Sultan Mehmet 1453'te şehri aldı."


def align(written: str, context: str = TURKISH, language: str = "tr", may_have_none: bool = False) -> Aligned:
    prompt = load_language(language if load_language(language).prompt else "en").prompt
    assert prompt is not None
    return align_answer(written, context, get_language_rules(language), prompt, may_have_none)


@pytest.mark.parametrize(
    ("written", "text", "step"),
    [
        ("15 milyon", "15 milyon", Step.exact),
        ("  15 milyon\n", "15 milyon", Step.exact),
        ("15 milyon.", "15 milyon.", Step.exact),  # the full stop is in the context, too
        ('"15 milyon"', "15 milyon", Step.unwrapped),
        ("1453'te.", "1453'te", Step.unwrapped),
        ("Yanıt: 15 milyon", "15 milyon", Step.unwrapped),
        ("Cevap : **15 milyon**.", "15 milyon", Step.unwrapped),
        ("Fatih Sultan Mehmet\nÇünkü metinde öyle yazıyor.", "Fatih Sultan Mehmet", Step.unwrapped),
        ("Şehri «Fatih Sultan Mehmet» aldı", "Fatih Sultan Mehmet", Step.unwrapped),
        ('{"answer": "15 milyon"}', "15 milyon", Step.unwrapped),
        ('```json\n{"yanıt": "15 milyon"}\n```', "15 milyon", Step.unwrapped),
        ("<think>Nüfus mu? 1453 değil.</think>\n\n15 milyon", "15 milyon", Step.exact),
        ("ılıca", "ILICA", Step.folded),  # Turkish: I is the capital of ı
        ("izmir", "İZMİR", Step.folded),
        ("i\u0307zmir", "İZMİR", Step.folded),  # as Python's lower() writes it
        ("istanbul’un", "İstanbul'un", Step.folded),
        ("fatih  sultan\u00a0mehmet", "Fatih Sultan Mehmet", Step.folded),
        ("bağlıdır, fatih", "bağlıdır; Fatih", Step.folded),
        ("on beş milyon", "on beş milyon", Step.unaligned),
        ("Yanıt: on beş milyon kişi", "Yanıt: on beş milyon kişi", Step.unaligned),
        ("", "", Step.no_answer),
        ("<think>Bitmeyen bir düşünce", "", Step.no_answer),
    ],
)
def test_turkish(written: str, text: str, step: Step) -> None:
    assert align(written) == Aligned(text, step)


def test_the_letters_of_english_fold_as_english_does() -> None:
    assert align("ilica", "ILICA is here.", "en") == Aligned("ILICA", Step.folded)
    assert align("ılıca", "ILICA is here.", "en").step is Step.unaligned


def test_a_whole_word_comes_before_a_part_of_one() -> None:
    """ "ANKARALI" holds "ankara", but the word itself is meant."""
    assert align("ankara", "ANKARALI biri ANKARA doğumlu.") == Aligned("ANKARA", Step.folded)
    context = "ANKARALI biri."
    assert align("ankara", context) == Aligned("ANKARA", Step.folded)


def test_decomposed_text_and_its_composed_form_are_the_same() -> None:
    context = "Bu ag\u0306ac\u0327 yes\u0327ildir."  # ğ, ç, ş as letter and mark
    assert align("ağaç", context) == Aligned("ag\u0306ac\u0327", Step.folded)


def test_a_script_without_spaces() -> None:
    assert align("「東京」", "日本の首都は東京です。", "ja") == Aligned("東京", Step.folded)


@pytest.mark.parametrize("written", ["YANIT YOK", "Yanıt yok.", "yanıt yok", "**YANIT YOK**", "Yanıt: YANIT YOK"])
def test_no_answer_counts_only_where_the_prompt_allows_it(written: str) -> None:
    assert align(written, may_have_none=True) == Aligned("", Step.no_answer)
    assert align(written, may_have_none=False).text != ""
