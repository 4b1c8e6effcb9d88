"""Words and sentence templates of the sample data set: sample_vocabulary.yaml, which also explains its keys."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from omegaconf import OmegaConf


@dataclass
class Relation:
    """One kind of fact: templates of sentences that state it, and {slot of the answer: templates of questions}."""

    sentences: list[str]
    questions: dict[str, list[str]]


@dataclass
class Family:
    """A family of paragraphs: the slot that names the entity, the stems that fill it, and what is told of it."""

    entity: str
    stems: str
    relations: dict[str, Relation]


@dataclass
class Vocabulary:
    """The content of the file."""

    stems: dict[str, list[list[str]]]
    common_nouns: list[str]
    families: list[Family]


@functools.cache
def load_vocabulary() -> Vocabulary:
    """Return the content of sample_vocabulary.yaml, with its types checked."""
    content = OmegaConf.load(Path(__file__).with_suffix(".yaml"))
    return cast(Vocabulary, OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Vocabulary), content)))
