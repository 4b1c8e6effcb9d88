"""Each kind of wrong answer is put into its group, by examples in Turkish and Finnish letters."""

from __future__ import annotations

from typing import Any

import pytest

from mlqa.metrics.error_analysis.grouping import GROUPS, classify_answer, find_wrong_answers, group_wrong_answers
from mlqa.metrics.error_analysis.sentences import find_sentence_ends
from mlqa.metrics.language_rules import get_language_rules

CONTEXT = "Atatürk 1881'de Selanik'te doğdu. Babası Ali Rıza Efendi'dir. 1905'te Şam'a gitti. Orada üç yıl kaldı."


def make_row(answer: str | None, *golds: str, **more: Any) -> dict[str, Any]:
    row = {"id": "a", "context": 0, "question": "?", "golds": list(golds), "answer": answer}
    return {**row, "exact_match": 0, "f1": 0.0, "exact_match_language": 0, "f1_language": 0.0, **more}


@pytest.mark.parametrize(
    ("row", "group"),
    [
        (make_row("Selanik"), "answered"),
        (make_row("", "Selanik"), "withheld"),
        (make_row(None, "Selanik"), "withheld"),
        (make_row("Selanik.", "Selanik", exact_match_language=1), "rules"),
        (make_row("Selanik", "İzmir"), "doubtful"),
        (make_row("Selanik", "Şam", "Ali Rıza Efendi"), "doubtful"),
        (make_row("Selanik", "Şam", probability=0.9), "doubtful"),
        (make_row("Selanik", "Şam", probability=0.7), "sentence"),
        (make_row("Ali Rıza Efendi'dir", "Ali Rıza Efendi", probability=0.9, f1_language=0.8), "suffix_long"),
        (make_row("Selanik'te", "Selanik"), "suffix_long"),
        (make_row("doğdu", "doğ"), "suffix_long"),
        (make_row("Şam", "Şam'a"), "suffix_short"),
        (make_row("Selanik'te doğdu", "Selanik"), "long"),
        (make_row("Babası Ali Rıza Efendi", "Ali Rıza Efendi"), "long"),
        (make_row("Rıza", "Ali Rıza Efendi"), "short"),
        (make_row("Babası Ali", "Ali Rıza Efendi"), "shifted"),
        (make_row("Selanik", "1881"), "kind"),
        (make_row("1905", "Orada"), "sentence"),
        (make_row("doğdu", "1881'de"), "kind"),
        (make_row("Selanik", "Atatürk"), "place"),
        (make_row("Londra", "Selanik"), "elsewhere"),
    ],
)
def test_the_group_of_an_answer(row: dict[str, Any], group: str) -> None:
    assert classify_answer(row, CONTEXT, get_language_rules("tr")).group == group


def test_of_several_places_the_closest_counts() -> None:
    context = "Ankara büyüktür. Başkent Ankara'dır."
    found = classify_answer(make_row("Ankara'dır", "Ankara"), context, get_language_rules("tr"))
    assert (found.group, found.gold) == ("suffix_long", "Ankara")


def test_without_spaces_nobody_can_tell_a_suffix() -> None:
    row = make_row("北京市", "北京")
    assert classify_answer(row, "他住在北京市。", get_language_rules("zh")).group == "long"


def test_groups_add_up() -> None:
    rows = [
        make_row("Selanik", "1881", f1=0.0, context_text=CONTEXT),
        make_row("Selanik'te", "Selanik", f1=0.5),
        make_row("Selanik", "Selanik", exact_match=1, f1=1.0),
        make_row("Şam", "Şam'a", f1=0.0),
    ]
    wrong = find_wrong_answers(rows, get_language_rules("tr"))
    groups = group_wrong_answers(wrong, len(rows))
    assert [group.name for group in groups] == ["suffix_long", "suffix_short", "kind"]
    assert [name for name in GROUPS if name in {group.name for group in groups}] == [group.name for group in groups]
    assert sum(group.share for group in groups) == pytest.approx(1)
    f1 = 100 * sum(row["f1"] for row in rows) / len(rows)
    assert sum(group.lost for group in groups) == pytest.approx(100 - f1)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (CONTEXT, 4),
        ("I. Dünya Savaşı 1. gün başladı. Sonra bitti", 2),
        ('M.Ö. 44 yılında öldü! Kim? "Sezar." dediler', 4),
        ("これは本です。それはペンです。", 2),
        ("यह है। वह है।", 2),
        ("satır\nsatır", 2),
        ("bir", 1),
        ("", 1),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    ends = find_sentence_ends(text)
    assert len(ends) == sentences and ends[-1] == len(text) and ends == sorted(set(ends))
