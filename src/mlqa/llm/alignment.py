"""Find what a language model wrote in the context, because an answer is a stretch of its context.

The rule, in this order. The first step that finds something decides.

1. no answer   the text is empty, or the phrase by which the prompt has "no answer" said, if the data set has such
               questions.
2. exact       the text stands in the context as it is.
3. unwrapped   a part of the text does: the only text in a JSON object, what follows a heading of one word and a colon
               ("Answer: ..."), the first line, or what stands in the only quotation marks or bold print. Each without
               its outer quotation marks and its last full stop.
4. folded      the text or such a part does if upper and lower case, apostrophes, punctuation and white space are
               compared by the rules of the language. The answer then is the context's own text, at the first place that
               begins and ends with a word, or else at the first place.
5. unaligned   nothing does. The text itself is scored, by the official script like any other.

What a reasoning model thinks aloud (<think>...</think>) is removed first.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mlqa.data.language import Prompt
from mlqa.metrics.language_rules import LanguageRules

_THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_HEADING = re.compile(r"^\W*[^\W\d]+\W*:\s*")
_QUOTED = re.compile(r"\*\*(.+?)\*\*|\"([^\"]+)\"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|`([^`]+)`")
_OUTER = "\"'“”„«»‘’`* \t\n"
_STOPS = (".", "。", "।")


class Step(Enum):
    """The step of the rule that decided."""

    no_answer = "no answer"
    exact = "exact"
    unwrapped = "unwrapped"
    folded = "folded"
    unaligned = "unaligned"


@dataclass(frozen=True)
class Aligned:
    """What counts as the answer, and how it was found."""

    text: str
    step: Step


def align_answer(written: str, context: str, rules: LanguageRules, prompt: Prompt, may_have_none: bool) -> Aligned:
    """Return the stretch of a context that a model meant.

    Args:
        written: What the model wrote.
        context: The context of the question.
        rules: How the language compares texts.
        prompt: How the model was asked.
        may_have_none: Whether the prompt lets the model say that there is no answer.
    """
    text = _THOUGHTS.sub("", written).strip()
    parts = list(dict.fromkeys(_iter_parts(text)))
    if not text or (may_have_none and _is_no_answer(parts, rules, prompt)):
        return Aligned("", Step.no_answer)
    if text in context:
        return Aligned(text, Step.exact)
    for part in parts:
        if part in context:
            return Aligned(part, Step.unwrapped)
    folded = _FoldedText(context, rules)
    for part in parts:
        if (place := folded.find(part)) is not None:
            return Aligned(context[place[0] : place[1]], Step.folded)
    return Aligned(text, Step.unaligned)


def _is_no_answer(parts: Sequence[str], rules: LanguageRules, prompt: Prompt) -> bool:
    phrase = rules.normalize_words(prompt.no_answer)
    return any(rules.normalize_words(part) == phrase for part in parts)


def _iter_parts(text: str) -> Iterator[str]:
    """Yield the text and the parts of it that may be meant, without what is around them, the likeliest first."""
    yield from _unwrap(text)
    if (value := _read_json_text(text)) is not None:
        yield from _unwrap(value)
    labelled = _HEADING.sub("", text)
    first_line = next(iter(labelled.splitlines()), "")
    yield from _unwrap(labelled)
    yield from _unwrap(first_line)
    quoted = ["".join(groups) for groups in _QUOTED.findall(text)]
    if len(quoted) == 1:
        yield from _unwrap(quoted[0])


def _unwrap(text: str) -> Iterator[str]:
    """Yield a text without outer white space, then without its quotation marks, then without its last full stop."""
    bare = text.strip(_OUTER)
    shorter = bare[:-1].rstrip() if bare.endswith(_STOPS) else bare
    yield from (one for one in (text.strip(), bare, shorter, shorter.strip(_OUTER)) if one)


def _read_json_text(text: str) -> str | None:
    """Return the text of a JSON object that has only one, None for anything else."""
    fenced = re.sub(r"^```\w*\s*|\s*```$", "", text)
    if not fenced.startswith("{"):
        return None
    try:
        content = json.loads(fenced)
    except (ValueError, RecursionError):
        return None
    texts = [value for value in content.values() if isinstance(value, str)] if isinstance(content, dict) else []
    return texts[0] if len(texts) == 1 else None


class _FoldedText:
    """A text as the language compares it, with the place of each of its characters in the text as it is."""

    def __init__(self, text: str, rules: LanguageRules) -> None:
        self._rules = rules
        self.folded, self._starts, self._ends = self._fold(text)

    def find(self, wanted: str) -> tuple[int, int] | None:
        """Return the place [start, end) of another text in this one, None if it is not there."""
        folded = self._fold(wanted)[0].strip()
        if not folded:
            return None
        places = list(_iter_places(self.folded, folded))
        if not places:
            return None
        whole = (place for place in places if self._is_whole(place, place + len(folded)))
        first = next(whole, places[0])
        return self._starts[first], self._ends[first + len(folded) - 1]

    def _is_whole(self, start: int, end: int) -> bool:
        before, after = self.folded[start - 1 : start], self.folded[end : end + 1]
        return not before.isalnum() and not after.isalnum()

    def _fold(self, text: str) -> tuple[str, list[int], list[int]]:
        """Return the folded text, and for each of its characters the start and end of what it is made of."""
        letters: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for start, end in _iter_clusters(text):
            cluster = text[start:end]
            is_space = cluster.isspace() or cluster in self._rules.separators
            folded = " " if is_space else self._rules.normalize_words(cluster).replace(" ", "")
            if folded == " " and letters[-1:] == [" "]:
                continue
            letters += folded
            starts += [start] * len(folded)
            ends += [end] * len(folded)
        return "".join(letters), starts, ends


def _iter_clusters(text: str) -> Iterator[tuple[int, int]]:
    """Yield the place of each character with the combining marks that follow it."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not unicodedata.combining(text[place]):
            yield start, place
            start = place


def _iter_places(text: str, wanted: str) -> Iterator[int]:
    place = text.find(wanted)
    while place >= 0:
        yield place
        place = text.find(wanted, place + 1)
