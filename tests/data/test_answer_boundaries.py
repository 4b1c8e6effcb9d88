"""Answers that begin or end inside a word, by hand."""

from __future__ import annotations

import pytest

from mlqa.data.answer_boundaries import has_end_inside_word, has_start_inside_word, is_before_apostrophe_suffix
from mlqa.data.examples import Answer


@pytest.mark.parametrize(
    ("marked", "begins", "ends", "suffixed"),
    [
        ("[kedi]", False, False, False),
        ("bir [kedi] var", False, False, False),
        ("ev[cil ke]di", True, True, False),
        ("on[sekiz].", True, False, False),
        ("Basra [valiliği]ne", False, True, False),
        ("[1923]'te", False, False, True),
        ("[İzmir]’de", False, False, True),
        ("[İzmir]ʼde", False, False, True),  # a letter to Unicode
        ("[İzmir]`de", False, False, True),
        ("'[İzmir]' dedi", False, False, False),
        ("[İzmir]'", False, False, False),
        ("[1923]'1", False, False, False),
        ("[19]23", False, True, False),
        ("[s]\u0327ey", False, True, False),  # a mark belongs to its letter
        ("(1923[)te]", False, False, False),
        ("a-[b]-c", False, False, False),
        ("x[ y ]z", False, False, False),
        ("[علي]‎)", False, False, False),
        ("在[北京]的", False, False, False),  # nobody can tell where a word ends
        ("[1937]年", False, False, False),
        ("[ภ]\u0e34", False, True, False),  # a vowel sign belongs to its letter
        ("[서울]은", False, True, False),  # Korean has spaces
    ],
)
def test_boundaries(marked: str, begins: bool, ends: bool, suffixed: bool) -> None:
    start, end = marked.index("["), marked.index("]") - 1
    context = marked.replace("[", "").replace("]", "")
    answer = Answer(context[start:end], start)
    assert has_start_inside_word(context, answer) is begins
    assert has_end_inside_word(context, answer) is ends
    assert is_before_apostrophe_suffix(context, answer) is suffixed
