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
from mlqa.data.examples import Answer, Examples, normalize_context
from mlqa.data.sample_vocabulary import Relation
from mlqa.data.turkish_suffixes import inflect_name, inflect_noun
from mlqa.errors import DataError

SPLITS = ("train", "validation")
QUESTIONS_PER_PARAGRAPH = 6
VALIDATION_SHARE = 0.25  # of all possible paragraphs: how often the hash sends one to validation

_YEARS = {"born": (0, 9), "died": (60, 84), "founded": (0, 84)}  # after an entity's epoch; all else between
_SLOT = re.compile(r"\{(\w+)(?::([^}]+))?\}")

T = TypeVar("T")
Fact = dict[str, str]  # slot -> stem, for one relation of one entity


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

    def pick_below(self, count: int) -> int:
        return int(self._random.random() * count)

    def pick_between(self, low: int, high: int) -> int:
        return low + self.pick_below(high - low + 1)

    def pick_one(self, items: Sequence[T]) -> T:
        return items[self.pick_below(len(items))]

    def pick_some(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different items in random order."""
        left = list(items)
        return [left.pop(self.pick_below(len(left))) for _ in range(count)]


class _Values:
    """Draws the stems of one paragraph so that none of a kind comes twice: every answer is unambiguous."""

    def __init__(self, draw: _Draw) -> None:
        self._draw = draw
        self._used: set[str] = set()

    def draw_unused(self, slot: str, epoch: int = 0, relation: str = "") -> str:
        """A stem for `slot` that stands nowhere else in the paragraph; years follow the entity's `epoch`."""
        while True:
            if slot == "year":
                stem = str(epoch + self._draw.pick_between(*_YEARS.get(relation, (30, 54))))
            else:
                stem = self._draw_stem(slot)
            parts = set(stem.split())
            if not parts & self._used:
                self._used |= parts
                return stem

    def _draw_stem(self, slot: str) -> str:
        one = self._draw.pick_one
        if slot == "who":
            return f"{one(vocabulary.FIRST_NAMES)} {one(vocabulary.LAST_NAMES)}"
        if slot == "title":
            return f"{one(vocabulary.TITLE_ADJECTIVES)} {one(vocabulary.TITLE_NOUNS)}"
        if slot == "village":
            return one(vocabulary.FIRST_PARTS) + one(vocabulary.VILLAGE_PARTS)
        if slot == "river":
            return one(vocabulary.FIRST_PARTS) + one(vocabulary.RIVER_PARTS)
        if slot == "count":
            return str(self._draw.pick_between(11, 99) * one((10, 50, 100)))
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


def _list_slots(relation: Relation) -> list[str]:
    return [slot for slot, _ in _SLOT.findall(relation.sentences[0])]


def _order_sentences(draw: _Draw, entities: int, relations: int) -> list[tuple[int, int]]:
    """(entity, relation) of each sentence: entity by entity, relation by relation, or mixed."""
    cells = [
        (entity, relation)
        for entity in draw.pick_some(range(entities), entities)
        for relation in draw.pick_some(range(relations), relations)
    ]
    layout = draw.pick_below(3)
    if layout == 0:
        return cells
    if layout == 1:
        return sorted(cells, key=lambda cell: cell[1])
    return draw.pick_some(cells, len(cells))


def _generate_paragraph(draw: _Draw) -> tuple[str, list[tuple[str, Answer]]]:
    """A context and its questions, each with the answer's place in the context."""
    relations, key, pool = draw.pick_one(_FAMILIES)
    entities, facts_each = draw.pick_one(_SHAPES)
    kinds = draw.pick_some(sorted(relations), facts_each)
    values = _Values(draw)
    facts: list[list[Fact]] = []
    for _ in range(entities):
        name, epoch = values.draw_unused(pool), draw.pick_between(1850, 1915)
        told: list[Fact] = []
        for kind in kinds:
            slots = _list_slots(relations[kind])
            told.append({slot: name if slot == key else values.draw_unused(slot, epoch, kind) for slot in slots})
        facts.append(told)

    context, introduced = "", set()
    asked: list[tuple[str, Answer]] = []
    for entity_index, relation_index in _order_sentences(draw, entities, facts_each):
        relation, fact = relations[kinds[relation_index]], facts[entity_index][relation_index]
        said = dict(fact)
        if key == "who" and entity_index in introduced and draw.pick_below(2):
            said["who"] = fact["who"].split()[1]  # the surname alone, once the person has been introduced
        introduced.add(entity_index)
        sentence, spans = render(draw.pick_one(relation.sentences), said)
        context += " " if context else ""
        for slot in relation.questions:
            answer = Answer(spans[slot].text, len(context) + spans[slot].start)
            asked.append((render(draw.pick_one(relation.questions[slot]), fact)[0], answer))
        context += sentence
    return context, draw.pick_some(asked, min(QUESTIONS_PER_PARAGRAPH, len(asked)))


def assign_split(context: str) -> str:
    """The only split that may hold this paragraph, by a hash of its text."""
    digest = hashlib.sha256(normalize_context(context).encode()).digest()
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
        context, asked = _generate_paragraph(draw)
        if context in seen or assign_split(context) != split:
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
