"""Offsets that are wrong by one rule are corrected by it, and nothing else is moved."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest

from mlqa.data.audit import audit
from mlqa.data.examples import Answer, Examples
from mlqa.data.load import Splits
from mlqa.data.offset_rules import find_offset_rules
from mlqa.data.rows import ExamplesBuilder

# Every answer occurs several times, so only the rule says which place is meant.
KINGS = "Bursa 1326'da alındı. Orhan Bey Bursa'yı başkent yaptı; Bursa büyüdü."
CONTEXTS = (
    KINGS,
    f"😀🏛 {KINGS}",
    f"Bir\r\niki\r\nüç 🏛\r\n{KINGS}",
    f"Bir\niki\n\n{KINGS}",
    f"  \n Çığ  düştü.\u00a0 {KINGS}",
    unicodedata.normalize("NFD", f"Şığ düştü. {KINGS}"),
)
COUNTS: dict[str, Callable[[str], int]] = {
    "counted from 1": lambda before: len(before) + 1,
    "1 character after": lambda before: len(before) - 1,
    "3 characters before": lambda before: len(before) + 3,
    "UTF-16": lambda before: len(before.encode("utf-16-le")) // 2,
    "UTF-8": lambda before: len(before.encode()),
    "CR LF as one": lambda before: len(before.replace("\r\n", "\n")),
    "each line feed": lambda before: len(re.sub("(?<!\r)\n", "\r\n", before)),
    "begins the context": lambda before: len(before.lstrip()),
    "runs of white space": lambda before: len(re.sub(r"\s+", " ", before.lstrip())),
    "(NFC)": lambda before: len(unicodedata.normalize("NFC", before)),
    "(NFD)": lambda before: len(unicodedata.normalize("NFD", before)),
    "bytes of UTF-16": lambda before: len(before.encode("utf-16-le")),
    "without line ends": lambda before: len(re.sub("[\r\n]", "", before)),
    "without white space": lambda before: len("".join(before.split())),
    "words": lambda before: len(before.split()),
    "UTF-8, shifted by -1": lambda before: len(before.encode()) + 1,
}


def build(count: Callable[[str], int], contexts: tuple[str, ...] = CONTEXTS) -> tuple[Examples, list[Answer]]:
    """Return what is read if a source counts in its own way, and the true answers."""
    builder, truth = ExamplesBuilder("test"), []
    for number, context in enumerate(contexts):
        for found in re.finditer("Bursa", context):
            truth.append(Answer("Bursa", found.start()))
            answer = {"text": "Bursa", "answer_start": count(context[: found.start()])}
            builder.add(f"row {number}", len(truth), "q", context, [answer])
    return builder.build(), truth


@pytest.mark.parametrize("name", COUNTS)
def test_every_way_of_counting_is_found(name: str, caplog: pytest.LogCaptureFixture) -> None:
    examples, truth = build(COUNTS[name])
    assert [answers[0] for answers in examples.answers] == truth
    moved = sum(COUNTS[name](context[:at]) != at for context in CONTEXTS for at in (
        found.start() for found in re.finditer("Bursa", context)
    ))  # fmt: skip
    assert examples.counts["offsets_by_rule"] == moved > 2
    assert "dropped" not in examples.counts
    (said,) = [record.message for record in caplog.records]
    assert name in said and said.startswith("test: its answers are ")


@pytest.mark.parametrize("contexts", [CONTEXTS[1:2], CONTEXTS[2:3]])
def test_contexts_that_begin_alike_are_no_shift(contexts: tuple[str, ...]) -> None:
    """Where all contexts begin with the same two emoji, two fewer characters explain as much as UTF-16 does."""
    examples, _ = build(COUNTS["UTF-16"], contexts)
    assert "UTF-16" in examples.notes["offsets_by_rule"][0].text


def test_right_offsets_stay() -> None:
    examples, truth = build(len)
    assert [answers[0] for answers in examples.answers] == truth
    assert "offsets_by_rule" not in examples.counts


def test_offsets_that_follow_no_rule_are_located_as_before() -> None:
    """Two rows are off, each in its own way, and four are right."""
    builder = ExamplesBuilder("test")
    for number, start in enumerate((0, 10, 20, 30, 11, 24)):
        builder.add(f"row {number}", number, "q", "bir iki   " * 4, [{"text": "bir", "answer_start": start}])
    examples = builder.build()
    assert examples.ids == ["0", "1", "2", "3"] and examples.counts["dropped"] == 2


def test_a_row_that_the_rule_does_not_explain_is_taken_as_given() -> None:
    builder = ExamplesBuilder("test")
    for number, (text, start) in enumerate(
        (("bir", 11), ("bir", 21), ("iki", 15), ("bir", 10), ("iki", 40), ("üç", 3))
    ):
        builder.add(f"row {number}", number, "q", "bir iki   " * 3 + "üç", [{"text": text, "answer_start": start}])
    examples = builder.build()
    assert examples.ids == ["0", "1", "2", "3", "5"]
    assert [answers[0].start for answers in examples.answers] == [10, 20, 14, 10, 30]
    counted = {name: examples.counts[name] for name in ("offsets_by_rule", "repaired_offsets", "dropped")}
    assert counted == {"offsets_by_rule": 3, "repaired_offsets": 1, "dropped": 1}
    figures = audit(Splits(examples, examples)).figures["train"]["offsets"]
    assert (figures["golds"], figures["right"], figures["by_rule"], figures["repaired"]) == (6, 1, 3, 1)


def test_one_answer_makes_no_rule() -> None:
    assert find_offset_rules({"bir bir bir": [("bir", 5)]}) == {}


def test_real_text_counted_in_bytes(tquad: tuple[Examples, Examples]) -> None:
    """TQuAD's dev split, every offset in bytes of UTF-8: all 892 come back."""
    _, dev = tquad
    builder = ExamplesBuilder("test")
    for row, answers in enumerate(dev.answers):
        context = dev.get_context(row)
        golds = [{"text": gold.text, "answer_start": len(context[: gold.start].encode())} for gold in answers]
        builder.add(f"row {row}", None, dev.questions[row], context, golds)
    assert builder.build().answers == dev.answers
