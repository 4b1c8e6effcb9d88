"""Every figure of an audit on tiny splits, counted by hand, and on TQuAD."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest

from mlqa.data.audit import Audit, audit
from mlqa.data.examples import Examples
from mlqa.data.load import Splits
from mlqa.data.rows import ExamplesBuilder
from mlqa.data.sample import generate
from mlqa.data.split_audit import PERCENTILES

CONTEXT = "İzmir'in kedileri\u200e limanda uyur."


def built(*rows: tuple[Any, str, str, list[tuple[str, int]]]) -> Examples:
    builder = ExamplesBuilder("test")
    for number, (identifier, question, context, golds) in enumerate(rows):
        answers = [{"text": text, "answer_start": start} for text, start in golds]
        builder.add(f"line {number}", identifier, question, context, answers)
    return builder.build()


@pytest.fixture(scope="module")
def found() -> Audit:
    train = built(
        ("a", "Nerenin kedileri?", CONTEXT, [("İzmir", 0)]),
        ("a", "Nerenin kedileri?", CONTEXT, [("İzmir'in", 0)]),  # a duplicate with another answer, its id repeated
        ("b", "Nerede uyurlar?", CONTEXT, [("limanda ", 19), ("limanda ", 19), ("liman", 19)]),
        ("c", "Nerede uyurlar?", CONTEXT, [("limanda", 3), ("liman", 19)]),  # repaired; the same answers
        ("d", "Nerede uyurlar?", CONTEXT, [("liman", 19), ("limanda", 19)]),
        ("e", "Kim?", CONTEXT, []),  # unanswerable
        ("f", "Ne?", CONTEXT, [("kediler", 9), ("kopek", 0)]),  # one gold has no place; kediler[i]
        ("g", "Ne?", "Kedi uyur\r\n", [("köpek", 0)]),  # dropped, and its context with it
        ("h", " ", CONTEXT, [("İzmir", 0)]),  # dropped
        ("i", "Ne?", "s\u0327ey var, k\u00fcc\u0327u\u0308k s\u0327ey\u00a0", [("k\u00fcc\u0327u\u0308k", 10)]),
    )
    validation = built(
        ("a", "Nerenin kedileri?", CONTEXT, [("İzmir", 0)]),
        ("b", "Kediler ne yapar?", CONTEXT.upper(), [("UYUR", 27)]),
        ("c", "Ne olur?", "Kedi olur; 'evet' dedi.", [("olur", 5)]),
    )
    return audit(Splits(train, validation))


def test_rows(found: Audit) -> None:
    assert found.figures["train"]["rows"] == {
        "read": 10, "dropped": 2, "short_of_a_gold": 1, "kept": 8, "audited": 8,
        "contexts": 2, "unanswerable": 1, "duplicate_ids": 1,
    }  # fmt: skip
    assert found.examples["train"]["dropped"] == [
        {"place": "line 7", "text": "answer 'köpek' is not at 0, nor exactly once elsewhere"},
        {"place": "line 8", "text": "the question is empty"},
    ]
    assert found.examples["train"]["short_of_a_gold"] == [
        {"place": "line 6", "text": "answer 'kopek' is not at 0, nor exactly once elsewhere"},
    ]
    assert found.examples["train"]["duplicate_ids"] == [{"place": "line 1", "text": "a"}]


def test_offsets(found: Audit) -> None:
    """Distinct golds: 1 + 1 + 2 + 2 + 2 + 0 + 2 + 1 + 1 + 1; those of dropped rows were read too."""
    assert found.figures["train"]["offsets"] == {
        "golds": 13, "right": 10, "by_rule": 0, "respelt": 0, "repaired": 1, "unlocated": 2, "stripped": 1,
    }  # fmt: skip
    assert found.examples["train"]["repaired_offsets"] == [{"place": "line 3", "text": "'limanda' is at 19, not at 3"}]
    assert found.examples["train"]["stripped_answers"] == [{"place": "line 2", "text": "'limanda '"}]


def test_duplicates(found: Audit) -> None:
    assert found.figures["train"]["duplicates"] == {"rows": 3, "groups": 2, "conflicting_groups": 1}
    assert found.examples["train"]["conflicting"] == [
        {"place": "row 0 (id a), row 1 (id a)", "text": "Nerenin kedileri? -> İzmir | İzmir'in"}
    ]
    assert found.examples["train"]["duplicates"] == [
        {"place": "row 2 (id b), row 3 (id c), row 4 (id d)", "text": "Nerede uyurlar?"}
    ]


def test_boundaries(found: Audit) -> None:
    """liman[da] stands in three rows and kediler[i] in one; İzmir['in] once."""
    assert found.figures["train"]["boundaries"] == {
        "golds": 10, "inside_word": 4, "begin_inside_word": 0, "end_inside_word": 4, "before_apostrophe_suffix": 1,
    }  # fmt: skip
    assert found.examples["train"]["end_inside_word"][0] == {
        "place": "row 2 (id b)",
        "text": "n kedileri\u200e [liman]da uyur.",
    }


def test_unicode(found: Audit) -> None:
    assert found.figures["train"]["unicode"] == {
        "not_nfc": {"contexts": 1, "questions": 0, "answers": 1},
        "invisible": {"U+200E LEFT-TO-RIGHT MARK": 1},
        "space": {"U+00A0 NO-BREAK SPACE": 1},
        "control": {},
        "line_break": {},  # the row with one was dropped
        "replacement": {},
        "apostrophes": {"U+0027 APOSTROPHE": 1},
        "mixed_apostrophes": False,
    }
    assert found.examples["train"]["U+200E LEFT-TO-RIGHT MARK"] == [
        {"place": "row 0 (id a), context, character 17", "text": "İzmir'in kedileri<U+200E> limanda uyur."}
    ]
    assert found.examples["train"]["not_nfc"][0]["place"] == "row 7 (id i), context, character 0"
    assert found.figures["validation"]["unicode"]["apostrophes"] == {"U+0027 APOSTROPHE": 2}


def test_lengths(found: Audit) -> None:
    validation = found.figures["validation"]["lengths"]
    assert validation["question_characters"]["p50"] == 17  # of 17, 17 and 8
    assert validation["question_characters"]["p25"] == 12.5
    assert validation["question_characters"]["max"] == 17
    assert validation["answer_characters"]["p50"] == 4  # 5, 4, 4
    assert validation["context_words"]["p50"] == 4
    assert found.figures["train"]["lengths"]["context_characters"]["max"] == len(CONTEXT) == 32


def test_leakage(found: Audit) -> None:
    """The first validation question is train's first; the second's context is train's in capitals."""
    assert found.figures["leakage"] == {
        "validation_rows": 3,
        "questions": {"exact": 1, "normalized": 1, "near": 1},
        "contexts": {"exact": 1, "normalized": 2, "near": 2},
    }
    assert found.examples["leakage"]["exact_questions"] == [
        {"place": "row 0 (id a), train row 0 (id a)", "text": "Nerenin kedileri?"}
    ]


def test_one_split_alone() -> None:
    validation = built((1, "q", "bir iki", [("bir", 0)]))
    found = audit(Splits(Examples.make_empty(), validation))
    assert set(found.figures) == set(found.examples) == {"validation"}


def test_unanswerable_alone_has_no_answer_lengths() -> None:
    examples = Examples(["0"], ["q"], ["bir"], np.zeros(1, dtype=np.int64), [()])
    figures = audit(Splits(Examples.make_empty(), examples)).figures["validation"]
    assert figures["lengths"]["answer_characters"] == {}
    assert figures["offsets"]["golds"] == 0
    assert figures["rows"]["unanswerable"] == 1


def test_max_samples_limit_what_is_audited_not_what_was_read() -> None:
    examples = built(*((number, f"q{number}", "bir iki", [("bir", 0)]) for number in range(9)))
    rows = audit(Splits(examples.sample_rows(4, 0), examples)).figures["train"]["rows"]
    assert (rows["read"], rows["kept"], rows["audited"]) == (9, 9, 4)


def test_an_audit_is_json(found: Audit) -> None:
    assert json.loads(json.dumps(found.figures)) == found.figures
    assert json.loads(json.dumps(found.examples)) == found.examples
    for findings in found.examples.values():
        for examples in findings.values():
            assert len(examples) <= 5


def test_generated_data_is_clean() -> None:
    splits = Splits(generate(600, 0), generate(200, 0, split="validation"))
    figures = audit(splits).figures
    assert (
        figures["leakage"]["contexts"]
        == figures["leakage"]["questions"]
        == dict.fromkeys(("exact", "normalized", "near"), 0)
    )
    assert figures["train"]["offsets"] == {
        "golds": 600,
        "right": 600,
        "by_rule": 0,
        "respelt": 0,
        "repaired": 0,
        "unlocated": 0,
        "stripped": 0,
    }
    assert figures["train"]["boundaries"]["inside_word"] == figures["train"]["duplicates"]["rows"] == 0


def test_tquad(tquad: tuple[Examples, Examples]) -> None:
    began = time.process_time()
    figures = audit(Splits(*tquad)).figures
    assert time.process_time() - began < 10  # 0.8 s on the machine of docs/data.md; every run pays for it
    train, dev = figures["train"], figures["validation"]
    assert (train["rows"]["audited"], dev["rows"]["audited"]) == (8308, 892)
    assert train["duplicates"] == {"rows": 644, "groups": 643, "conflicting_groups": 2}
    assert (train["offsets"]["stripped"], dev["offsets"]["stripped"]) == (935, 120)
    assert (train["offsets"]["right"], dev["offsets"]["right"]) == (8308, 892)
    assert train["boundaries"]["inside_word"] == 383
    assert train["boundaries"]["before_apostrophe_suffix"] == 1010
    assert dev["unicode"]["not_nfc"]["contexts"] == 4
    assert figures["leakage"]["questions"]["normalized"] == 194
    assert figures["leakage"]["contexts"]["normalized"] == 260
    odd = {**train["unicode"]["invisible"], **train["unicode"]["space"]}
    assert {name.split()[0] for name in odd} >= {"U+00A0", "U+200E", "U+FEFF", "U+00AD"}
    assert train["unicode"]["mixed_apostrophes"]
    assert train["lengths"]["context_characters"]["p50"] == 456.5
    assert train["lengths"]["context_characters"]["max"] == 11089
    assert set(train["lengths"]["context_characters"]) == {*(f"p{share}" for share in PERCENTILES), "max"}


def test_tquad_answers_followed_by_any_apostrophe(tquad: tuple[Examples, Examples]) -> None:
    """1,037, the other figure in use, counts closing quotation marks too; a letter follows 1,010 times."""
    train, _ = tquad
    following = [
        train.get_context(row)[answer.end : answer.end + 2]
        for row, answers in enumerate(train.answers)
        for answer in answers
    ]
    assert sum(text[:1] in ("'", "’") for text in following) == 1037
    assert sum(text[:1] in ("'", "’") and text[1:].isalpha() for text in following) == 1010
