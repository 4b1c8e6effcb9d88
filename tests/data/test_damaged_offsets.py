"""A random corpus whose offsets one rule has damaged comes back with the right ones, whatever the rule."""

from __future__ import annotations

import html
import random
import re
import unicodedata
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlqa.data.examples import Answer, Examples
from mlqa.data.rows import ExamplesBuilder

WORDS = (
    "ve Bursa'da Ankara Osmanlı İstanbul'un 1923 yılında şehir bir çağ Gökçe ırmak üç 29 Ekim Iğdır devlet Kemal "
    "Paşa ordusu savaş AT&T “Nutuk” 3 😀"
).split()
SEPARATORS = (*[" "] * 20, "\n", "  ", "\r\n", ", ", ". ")
# Offset of an answer in the text that its annotator saw, from the context up to the answer.
Count = Callable[[str], int]
RULES: dict[str, Count] = {
    "as given": len,
    "from 1": lambda before: len(before) + 1,
    "one too low": lambda before: len(before) - 1,
    "UTF-16": lambda before: len(before.encode("utf-16-le")) // 2,
    "UTF-8": lambda before: len(before.encode()),
    "UTF-8 from 1": lambda before: len(before.encode()) + 1,
    "CR LF as one": lambda before: len(before.replace("\r\n", "\n")),
    "LF as CR LF": lambda before: len(re.sub("(?<!\r)\n", "\r\n", before)),
    "stripped": lambda before: len(before.lstrip()),
    "collapsed": lambda before: len(re.sub(r"\s+", " ", before)),
    "decomposed": lambda before: len(unicodedata.normalize("NFD", before)),
    "escaped": lambda before: len(html.escape(before)),
    "a title before every context": lambda before: len(before) + 28,
}
# How an annotator's page shows an answer.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "curly apostrophes": lambda text: text.replace("'", "’"),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "capitals": str.upper,
    "a full stop": lambda text: f"{text.rstrip('.,')}.",
    "escaped": html.escape,
    "two spaces": lambda text: text.replace(" ", "  "),
    "outer space": lambda text: f" {text}\n",
    "zero-width spaces": lambda text: text.replace("a", "a\u200b"),
}

Corpus = list[tuple[str, list[Answer]]]


def make_corpus(seed: int, contexts: int = 10, golds: int = 5) -> Corpus:
    """Return contexts of frequent words, and answers of one to three words, most of which occur several times."""
    draw, corpus = random.Random(seed), []
    for _ in range(contexts):
        words = "".join(draw.choice(WORDS) + draw.choice(SEPARATORS) for _ in range(draw.randint(40, 80)))
        context = draw.choice(("", "", "  ", "\n")) + words
        spans = [found.span() for found in re.finditer(r"\S+", context)]
        answers = []
        for _ in range(golds):
            first = draw.randrange(len(spans))
            start, end = spans[first][0], spans[min(first + draw.randint(0, 2), len(spans) - 1)][1]
            answers.append(Answer(context[start:end], start))
        corpus.append((context, answers))
    return corpus


def damage(corpus: Corpus, counts: Sequence[Count], spell: Callable[[str], str]) -> tuple[Examples, dict[str, Answer]]:
    """Return what is read if the n-th context is counted by the n-th rule, and the true answer of each id."""
    builder, truth = ExamplesBuilder("test"), {}
    for number, (context, answers) in enumerate(corpus):
        for answer in answers:
            truth[name := str(len(truth))] = answer
            start = counts[number % len(counts)](context[: answer.start])
            builder.add(name, name, "q", context, [{"text": spell(answer.text), "answer_start": start}])
    return builder.build(), truth


def list_wrong(examples: Examples, truth: dict[str, Answer]) -> list[tuple[Answer, Answer]]:
    """Return (found, true) of each answer that begins at another place.

    Punctuation at its ends does not count, nor does which of two neighbours it is that say the same ("ve ve").
    """
    return [
        (found, truth[name])
        for name, (found,) in zip(examples.ids, examples.answers, strict=True)
        if found.text.strip(".,“”") != truth[name].text.strip(".,“”")
        or abs(found.start - truth[name].start) > len(found.text) + 2
    ]


@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_every_answer_comes_back(rule: str, seed: int) -> None:
    examples, truth = damage(make_corpus(seed), [RULES[rule]], SPELLINGS["as it is"])
    assert list_wrong(examples, truth) == []
    assert len(examples) == len(truth)


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 10_000))
def test_also_in_other_letters(spelling: str, seed: int) -> None:
    examples, truth = damage(make_corpus(seed), [RULES["from 1"]], SPELLINGS[spelling])
    # "3." may also be elsewhere, with its full stop.
    assert len(list_wrong(examples, truth)) <= 2 * (spelling == "a full stop")
    assert len(examples) == len(truth)
    assert {examples.get_gold_texts(row)[0].strip() for row in range(len(examples))} == {
        SPELLINGS[spelling](answer.text).strip() for answer in truth.values()
    }, "scores compare with the answer as its source writes it"


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), names=st.lists(st.sampled_from(sorted(RULES)), min_size=2, max_size=3, unique=True))
def test_a_file_may_count_in_several_ways(seed: int, names: list[str]) -> None:
    """A context whose five answers allow two readings may lose some, but hardly any is taken for another."""
    examples, truth = damage(make_corpus(seed, 12), [RULES[name] for name in names], SPELLINGS["as it is"])
    assert len(list_wrong(examples, truth)) <= 1
    assert len(examples) >= 0.9 * len(truth)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000), titles=st.lists(st.integers(0, 60), min_size=10, max_size=10))
def test_every_context_may_lack_a_title_of_its_own(seed: int, titles: list[int]) -> None:
    counts: list[Count] = [lambda before, title=title: len(before) + title for title in titles]  # type: ignore[misc]
    examples, truth = damage(make_corpus(seed), counts, SPELLINGS["as it is"])
    assert len(list_wrong(examples, truth)) <= 1
    assert len(examples) >= 0.9 * len(truth)


def test_spaces_that_were_joined_after_the_marking_move_later_answers_further() -> None:
    """No rule can tell where the spaces were. The answers before and behind it leave only one place."""
    context = "Ankara bir, Bursa iki, Ankara üç, İzmir dört, Ankara beş, Konya altı."
    builder = ExamplesBuilder("test")
    golds = (("Bursa", 13), ("Ankara", 25), ("İzmir", 37), ("Ankara", 50), ("Konya", 63))
    for number, (text, start) in enumerate(golds):
        builder.add(f"row {number}", number, "q", context, [{"text": text, "answer_start": start}])
    assert [answers[0].start for answers in builder.build().answers] == [12, 23, 34, 46, 58]
