"""The sample data set: Turkish paragraphs and questions made by rule, as many as asked for, from a seed.

It lets every part of the framework run, and a model of random weights learn, without a download. The
paragraphs are invented, in the manner of an encyclopaedia; what they share with real Turkish data is the
hard part: answers stand inflected in the text (`1934'te`, `İzmir'de`, `kedileriyle`). The gold answer is the
bare stem of a name or number and the whole word of a common noun.

Each paragraph tells the same kinds of fact about two or three people, villages or cities, so the kind of
answer alone is not enough: only who or what the question names tells which. Train and validation share no
paragraph whatever their seeds, because a hash of the text decides which of the two it may enter.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from mlqa.data import sample_vocabulary as vocabulary
from mlqa.data.examples import Answer, Examples, normalized_context
from mlqa.data.sample_vocabulary import Relation
from mlqa.errors import DataError

SPLITS = ("train", "validation")
QUESTIONS_PER_PARAGRAPH = 6
VALIDATION_SHARE = 0.25  # of all possible paragraphs: how often the hash sends one to validation

# A question to try on a model trained on this sample, in the manner of its paragraphs about cats.
EXAMPLE_CONTEXT = (
    "İstanbul'da 4200 kedi yaşar. Ankara'nın sokaklarında 1350 kedi vardır. "
    "İstanbul'un kedileri balıkla beslenir. Ankara'nın kedileri sütle beslenir. "
    "İstanbul'un kedileri sarı renklidir. Ankara'nın kedileri beyaz renklidir."
)
EXAMPLE_QUESTION = "İstanbul'da kaç kedi yaşar?"
EXAMPLE_ANSWER = "4200"

_FRONT, _ROUND, _VOWELS = "eiöüEİÖÜ", "oöuüOÖUÜ", "aeıioöuüâîûAEIİOÖUÜÂÎÛ"
_VOICELESS = "fstkçşhpFSTKÇŞHP"
_UNITS = ("sıfır", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz")
_TENS = ("", "on", "yirmi", "otuz", "kırk", "elli", "altmış", "yetmiş", "seksen", "doksan")
_POWERS = ((3, "yüz"), (6, "bin"), (9, "milyon"), (12, "milyar"))  # by the number of zeros, up to
_YEARS = {"born": (0, 9), "died": (60, 84), "founded": (0, 84)}  # after an entity's epoch; all else between
_SLOT = re.compile(r"\{(\w+)(?::([^}]+))?\}")

T = TypeVar("T")
Fact = dict[str, str]  # slot -> stem, for one relation of one entity


def spoken_end(number: str) -> str:
    """The last word of a number read aloud, which decides its suffixes: 1934 -> dört, 1990 -> doksan."""
    digits = re.sub(r"\D", "", number)
    zeros = len(digits) - len(digits.rstrip("0"))
    if zeros == 0 or zeros == len(digits):
        return _UNITS[int(digits[-1])]
    if zeros == 1:
        return _TENS[int(digits[-2])]
    return next(word for limit, word in _POWERS if zeros < limit)


def suffix(stem: str, form: str) -> str:
    """The suffix as it sounds after `stem`: suffix("Sinop", "DA") == "ta", suffix("1934", "DA") == "te".

    `form` is written as in `sample_vocabulary`: A and I follow the last vowel (vowel harmony), D hardens
    after a voiceless consonant, a bracketed letter stands only after a vowel, + joins suffixes.
    """
    sound = spoken_end(stem) if stem[-1].isdigit() else stem
    made = ""
    for part in form.split("+"):
        after_vowel = sound[-1] in _VOWELS
        part = re.sub(r"\((\w)\)", r"\1" if after_vowel else "", part)
        for letter in part:
            vowel = next(letter for letter in reversed(sound) if letter in _VOWELS)
            front, rounded = vowel in _FRONT, vowel in _ROUND
            if letter == "A":
                letter = "e" if front else "a"
            elif letter == "I":
                letter = ("ü" if rounded else "i") if front else ("u" if rounded else "ı")
            elif letter == "D":
                letter = "t" if sound[-1] in _VOICELESS else "d"
            made += letter
            sound += letter
    return made


def inflect_name(stem: str, form: str) -> str:
    """A name or number with its suffix after an apostrophe, spelling unchanged: İzmir'de, 1946'da."""
    ending = suffix(stem, form)
    return stem + ending if ending.startswith(" ") else f"{stem}'{ending}"


def inflect_noun(stem: str, form: str) -> str:
    """A common noun with its suffix; a final k of a longer word softens before a vowel: köpek -> köpeği."""
    ending = suffix(stem, form)
    syllables = sum(letter in _VOWELS for letter in stem)
    if stem.endswith("k") and ending[0] in _VOWELS and syllables > 1:
        stem = stem[:-1] + ("g" if stem[-2] == "n" else "ğ")
    return stem + ending


def render(template: str, fact: Fact) -> tuple[str, dict[str, Answer]]:
    """The sentence with its slots filled, and the answer that each slot holds (see `COMMON_SLOTS`)."""
    text, spans, done = "", {}, 0
    for slot in _SLOT.finditer(template):
        text += template[done : slot.start()]
        done, (name, form), stem = slot.end(), slot.groups(), fact[slot[1]]
        common = name in vocabulary.COMMON_SLOTS
        word = stem if not form else inflect_noun(stem, form) if common else inflect_name(stem, form)
        if not text:
            word = {"i": "İ"}.get(word[0], word[0].upper()) + word[1:]
        spans[name] = Answer(word if common else stem, len(text))
        text += word
    return text + template[done:], spans


class _Draw:
    """Random choices built on `random.Random.random` alone, the one stream that Python promises to keep."""

    def __init__(self, seed: int, split: str) -> None:
        digest = hashlib.sha256(f"mlqa-sample/{split}/{seed}".encode()).digest()
        self._random = random.Random(int.from_bytes(digest[:8], "big"))

    def below(self, count: int) -> int:
        return int(self._random.random() * count)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def one(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different items in random order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(count)]


class _Values:
    """Draws the stems of one paragraph so that none of a kind comes twice: every answer is unambiguous."""

    def __init__(self, draw: _Draw) -> None:
        self._draw = draw
        self._used: set[str] = set()

    def fresh(self, slot: str, epoch: int = 0, relation: str = "") -> str:
        """A stem for `slot` that stands nowhere else in the paragraph; years follow the entity's `epoch`."""
        while True:
            if slot == "year":
                stem = str(epoch + self._draw.between(*_YEARS.get(relation, (30, 54))))
            else:
                stem = self._stem(slot)
            parts = set(stem.split())
            if not parts & self._used:
                self._used |= parts
                return stem

    def _stem(self, slot: str) -> str:
        one = self._draw.one
        if slot == "who":
            return f"{one(vocabulary.FIRST_NAMES)} {one(vocabulary.LAST_NAMES)}"
        if slot == "title":
            return f"{one(vocabulary.TITLE_ADJECTIVES)} {one(vocabulary.TITLE_NOUNS)}"
        if slot == "village":
            return one(vocabulary.FIRST_PARTS) + one(vocabulary.VILLAGE_PARTS)
        if slot == "river":
            return one(vocabulary.FIRST_PARTS) + one(vocabulary.RIVER_PARTS)
        if slot == "count":
            return str(self._draw.between(11, 99) * one((10, 50, 100)))
        pools = {"city": vocabulary.CITIES, "job": vocabulary.JOBS, "subject": vocabulary.SUBJECTS,
                 "animal": vocabulary.ANIMALS, "product": vocabulary.PRODUCTS, "colour": vocabulary.COLOURS,
                 "spot": vocabulary.SPOTS, "food": vocabulary.FOODS}  # fmt: skip
        return one(pools[slot])


# Per family of paragraphs: its relations, the slot that names the entity, and the pool that slot draws from.
_FAMILIES: tuple[tuple[dict[str, Relation], str, str], ...] = (
    (vocabulary.PEOPLE, "who", "who"),
    (vocabulary.PEOPLE, "who", "who"),
    (vocabulary.PLACES, "place", "village"),
    (vocabulary.CATS, "place", "city"),
)


_SHAPES = ((2, 3), (3, 2))  # entities of a paragraph, and what is told of each


def _slots(relation: Relation) -> list[str]:
    return [slot for slot, _ in _SLOT.findall(relation.sentences[0])]


def _sentence_order(draw: _Draw, entities: int, relations: int) -> list[tuple[int, int]]:
    """(entity, relation) of each sentence: entity by entity, relation by relation, or mixed."""
    cells = [
        (entity, relation)
        for entity in draw.some(range(entities), entities)
        for relation in draw.some(range(relations), relations)
    ]
    layout = draw.below(3)
    if layout == 0:
        return cells
    if layout == 1:
        return sorted(cells, key=lambda cell: cell[1])
    return draw.some(cells, len(cells))


def _paragraph(draw: _Draw) -> tuple[str, list[tuple[str, Answer]]]:
    """A context and its questions, each with the answer's place in the context."""
    relations, key, pool = draw.one(_FAMILIES)
    entities, facts_each = draw.one(_SHAPES)
    kinds = draw.some(sorted(relations), facts_each)
    values = _Values(draw)
    facts: list[list[Fact]] = []
    for _ in range(entities):
        name, epoch = values.fresh(pool), draw.between(1850, 1915)
        told: list[Fact] = []
        for kind in kinds:
            slots = _slots(relations[kind])
            told.append({slot: name if slot == key else values.fresh(slot, epoch, kind) for slot in slots})
        facts.append(told)

    context, introduced = "", set()
    asked: list[tuple[str, Answer]] = []
    for entity_index, relation_index in _sentence_order(draw, entities, facts_each):
        relation, fact = relations[kinds[relation_index]], facts[entity_index][relation_index]
        said = dict(fact)
        if key == "who" and entity_index in introduced and draw.below(2):
            said["who"] = fact["who"].split()[1]  # the surname alone, once the person has been introduced
        introduced.add(entity_index)
        sentence, spans = render(draw.one(relation.sentences), said)
        context += " " if context else ""
        for slot in relation.questions:
            answer = Answer(spans[slot].text, len(context) + spans[slot].start)
            asked.append((render(draw.one(relation.questions[slot]), fact)[0], answer))
        context += sentence
    return context, draw.some(asked, min(QUESTIONS_PER_PARAGRAPH, len(asked)))


def split_of(context: str) -> str:
    """The only split that may hold this paragraph, by a hash of its text."""
    digest = hashlib.sha256(normalized_context(context).encode()).digest()
    return "validation" if digest[0] < 256 * VALIDATION_SHARE else "train"


def generate(rows: int, seed: int, *, split: str = "train") -> Examples:
    """Exactly `rows` questions of one split: the same for the same arguments, on any machine.

    A longer draw begins with the shorter one of the same seed. No paragraph comes twice, none stands in both
    splits. Raises DataError for rows < 1 or an unknown split.
    """
    if rows < 1:
        raise DataError(f"sample: rows is {rows}: ask for at least 1")
    if split not in SPLITS:
        raise DataError(f"sample: no split '{split}': choose one of {', '.join(SPLITS)}")
    draw, seen = _Draw(seed, split), set()
    contexts: list[str] = []
    questions: list[str] = []
    answers: list[tuple[Answer, ...]] = []
    context_of: list[int] = []
    while len(questions) < rows:
        context, asked = _paragraph(draw)
        if context in seen or split_of(context) != split:
            continue
        seen.add(context)
        for question, answer in asked[: rows - len(questions)]:
            questions.append(question)
            answers.append((answer,))
            context_of.append(len(contexts))
        contexts.append(context)
    return Examples(
        ids=[f"sample-{split}-{seed}-{row}" for row in range(rows)],
        questions=questions,
        contexts=contexts,
        context_of=np.asarray(context_of, dtype=np.int64),
        answers=answers,
        counts={"rows": rows, "contexts": len(contexts)},
    )
