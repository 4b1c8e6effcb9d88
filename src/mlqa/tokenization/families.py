"""How cleanly a tokenizer cuts each family of suffixes: the cases, the possessives, the plural, the tenses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mlqa.tokenization.encoding import EncodedWords
from mlqa.tokenization.morphemes import compute_agreement
from mlqa.tokenization.readings import OR, Reading

ALL = "all"  # every morpheme but the first of a word, and the first ones that belong to a family, such as the word mi


def count_suffix_cuts(
    encoded: EncodedWords, readings: Mapping[str, Sequence[Reading]], families: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, np.ndarray]]:
    """Count how suffixes are cut, by the reading that fits each word's tokens best.

    A suffix is cut cleanly if one token begins where it begins, and another one or the end of the word's letters is
    where it ends, without a cut inside it. It is broken if a token begins inside it. Any other one is part of a larger
    token.

    Args:
        encoded: The words and their tokens.
        readings: {word: its readings} for all of these words.
        families: {family: meanings of the morphemes that belong to it}.

    Returns:
        {family: {"suffixes", "clean", "broken": float [words]}}, with `ALL` for every suffix. A family without a suffix
        is absent.
    """
    family_of = {meaning: family for family, meanings in families.items() for meaning in meanings}
    names = [ALL, *families]
    table = np.zeros((len(encoded.words), len(names), 3))
    for row, (word, cuts) in enumerate(zip(encoded.words, encoded.cuts, strict=True)):
        tokens = frozenset(cuts)
        best = max(readings[word], key=lambda way: compute_agreement(tokens, frozenset(way.find_places()[1:-1])))
        places = best.find_places()
        edges = tokens | {places[0], places[-1]}
        for (_, meaning), begin, end in zip(best.parts, places, places[1:], strict=False):
            family = family_of.get(meaning.split(OR)[0])
            if begin == places[0] and family is None:
                continue
            is_broken = any(begin < cut < end for cut in tokens)
            cuts_of_one = (1, not is_broken and begin in edges and end in edges, is_broken)
            for name in (ALL, family):
                if name is not None:
                    table[row, names.index(name)] += cuts_of_one
    return {
        name: dict(zip(("suffixes", "clean", "broken"), table[:, number].T, strict=True))
        for number, name in enumerate(names)
        if table[:, number, 0].any()
    }
