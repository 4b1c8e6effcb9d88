"""An answer that its context writes in another way is found where it is, and nowhere else."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.data.examples import Answer, Examples
from mlqa.data.rows import ExamplesBuilder
from mlqa.data.same_text import FoldedText, fold_answer
from mlqa.errors import DataError

DECOMPOSED = unicodedata.normalize("NFD", "Kışın şehir sessizdir.")


def read(context: str, *golds: tuple[str, int | None]) -> Examples:
    builder = ExamplesBuilder("test")
    builder.add("row 0", 0, "q", context, [{"text": text, "answer_start": start} for text, start in golds])
    return builder.build()


@pytest.mark.parametrize(
    ("context", "text", "start", "written"),
    [
        ("Antlaşmayı Fransa\u00a0ve\u00a0Rusya imzaladı.", "Fransa ve Rusya", 11, "Fransa\u00a0ve\u00a0Rusya"),
        ("Komutan Ali  Rıza Paşa idi.", "Ali Rıza Paşa", 8, "Ali  Rıza Paşa"),
        ("Ali\r\nRıza ve Ali\tRıza", "Ali Rıza", 13, "Ali\tRıza"),
        ("Ordu 3 Mart 1878’de durdu.", "3 Mart 1878'de", 5, "3 Mart 1878’de"),
        ("“Nutuk” ve “Nutuk”", '"Nutuk"', 11, "“Nutuk”"),
        (DECOMPOSED, "şehir", DECOMPOSED.index("s\u0327ehir"), "s\u0327ehir"),
        ("Türkiye’nin ĞÖÇ", unicodedata.normalize("NFD", "ĞÖÇ"), 12, "ĞÖÇ"),
        ("10 km² ve 10 km²", "10 km2", 10, "10 km²"),
        ("İSTANBUL ve ISPARTA", "Isparta", 12, "ISPARTA"),
        ("istanbul, istanbul", "İstanbul", 10, "istanbul"),
        ("Anka\u00adra ve Anka\u00adra", "Ankara", 11, "Anka\u00adra"),
        ("1914–1918 ve 1914–1918", "1914-1918", 13, "1914–1918"),
        ("bir İki üç", "iki", 99, "İki"),  # the only place
        ("bir İki üç", "iki", None, "İki"),
    ],
)
def test_it_is_found_at_its_place(context: str, text: str, start: int | None, written: str) -> None:
    examples = read(context, (text, start))
    (answer,) = examples.answers[0]
    assert answer == Answer(written, answer.start, text)
    assert context[answer.start : answer.end] == written
    assert start in (answer.start, 99, None)
    assert examples.get_gold_texts(0) == [text], "the official scripts compare with the text as given"
    assert examples.counts["respelt_answers"] == 1 and "dropped" not in examples.counts


@pytest.mark.parametrize(
    ("context", "text", "start"),
    [
        ("İki bir İki", "iki", 5),  # two places, and the offset is at neither
        ("bir ﬁkir", "f", 4),  # half of a ligature
        ("ağaç", "ag", 0),
        ("kisi", "kişi", 0),  # another letter
        ("bir", "\u00ad", 0),
    ],
)
def test_what_is_not_the_same_is_not_found(context: str, text: str, start: int) -> None:
    with pytest.raises(DataError, match=r"no question \(of 1\) has an answer in its context"):
        read(context, (text, start))


def test_the_space_before_an_answer_is_a_wrong_offset_and_no_other_writing() -> None:
    examples = read("iki iki iki", ("iki", 3))
    assert examples.answers[0] == (Answer("iki", 4),)
    assert examples.counts["repaired_offsets"] == 1 and "respelt_answers" not in examples.counts


def test_two_writings_of_one_answer_differ_in_the_fingerprint() -> None:
    assert (
        read("1878’de", ("1878'de", 0)).compute_fingerprint() != read("1878’de", ("1878’de", 0)).compute_fingerprint()
    )


@given(before=st.text(max_size=15), text=st.text(min_size=1, max_size=8), after=st.text(max_size=15))
def test_a_found_answer_is_the_same_text(before: str, text: str, after: str) -> None:
    context = before + text + after
    for form in (text.upper(), unicodedata.normalize("NFD", text), text.replace("'", "’")):
        found = FoldedText(context).find_at(form, len(before))
        if found is not None:
            written = context[found[0] : found[1]]
            assert written == written.strip()
            assert fold_answer(written) == fold_answer(form)
