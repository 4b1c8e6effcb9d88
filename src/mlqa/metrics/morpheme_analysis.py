"""Analyze how a tokenizer treats morphemes: those of a gold file, of the language's analyzer or of its word list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlqa.metrics.bootstrap import estimate_figure_intervals
from mlqa.tokenization.encoding import encode_words
from mlqa.tokenization.families import ALL, count_suffix_cuts
from mlqa.tokenization.morphemes import READINGS, count_boundaries, divide, summarize_boundaries
from mlqa.tokenization.morphology import read_words
from mlqa.tokenization.morphscore import StemmedWord, count_stem_boundaries, find_stem, summarize_stem_boundaries
from mlqa.tokenization.purity import judge_tokens
from mlqa.tokenization.readings import Found, Lexicon, Reading
from mlqa.tokenization.word_files import WordEntry

SAMPLED = 1000  # word types of the corpus for the analyzer, in about a second
FEWEST_LISTED = 50  # words of a language's list: figures over fewer say nothing
MOST_EXAMPLES = 5
Intervals = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Golds:
    """Words with their morphemes.

    Attributes:
        source: Their source, in words.
        readings: {word: its readings, the likeliest first}.
        stemmed: Words with their stems, for MorphScore version 2.
        coverage: How many words of the corpus have a reading. Empty if no analyzer was asked.
    """

    source: str
    readings: dict[str, list[Reading]]
    stemmed: list[StemmedWord]
    coverage: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MorphemeAnalysis:
    """What a tokenizer does to morphemes.

    Attributes:
        figures: Numbers by name.
        intervals: 95 % intervals of those that are shares.
        details: What else tokenization.json tells: `source`, `readings` (the figures by each of `READINGS`),
            `suffix_families` and `coverage`.
    """

    figures: dict[str, float] = field(default_factory=dict)
    intervals: Intervals = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def sample_words(counted: Mapping[str, int]) -> list[str]:
    """Return up to `SAMPLED` words of letters, drawn evenly over their frequencies.

    Args:
        counted: {word: occurrences in the corpus}, most frequent first.
    """
    words = [word for word in counted if word.isalpha() and len(word) > 1]
    return words[:: -(-len(words) // SAMPLED) or 1]


def find_golds(counted: Mapping[str, int], lexicon: Lexicon, entries: Sequence[WordEntry]) -> Golds | str:
    """Find words with morphemes: in the user's gold file, by the language's analyzer, or in the language's list.

    The analyzer reads word types that are drawn evenly over their frequencies.

    Args:
        counted: {word: occurrences in the corpus}, most frequent first.
        lexicon: The lexicon of the language.
        entries: The entries of the gold file, empty if there is none.

    Returns:
        The words, or why there are none.
    """
    language = lexicon.language
    if entries:
        stems = [find_stem(entry.word, entry.lemma, entry.weight) for entry in entries]
        readings = {entry.word: entry.readings for entry in entries if entry.readings}
        return Golds("dataset.segmentation_file", readings, [stem for stem in stems if stem is not None])
    if language.analyser is not None:
        found = read_words(sample_words(counted), lexicon)
        known = {word: one.readings for word, one in found.items() if one.readings}
        stems = [find_stem(word, ways[0].lemma, counted[word]) for word, ways in known.items()]
        stemmed = [stem for stem in stems if stem is not None and stem.end - stem.start < len(stem.word)]
        source = f"{language.analyser.value} on {len(found):,} word types of the corpus"
        return Golds(source, known, stemmed, _measure_coverage(found, counted))
    listed = {word: lexicon.find(word).readings for word in language.words}
    if len(listed) >= FEWEST_LISTED:
        return Golds(f"the word list of {language.name} ({language.source})", listed, [])
    return (
        f"no morpheme figures: {language.name} has no analyzer, and {len(listed)} listed words of the {FEWEST_LISTED} "
        "that are needed; give dataset.segmentation_file"
    )


def analyze_morphemes(tokenizer: Any, golds: Golds, used: Collection[int], lexicon: Lexicon) -> MorphemeAnalysis:
    """Compute every figure of a tokenizer that needs morphemes.

    Args:
        tokenizer: A fast tokenizer.
        golds: Words with morphemes.
        used: Distinct ids that occur in the corpus, ascending.
        lexicon: The lexicon of the language.
    """
    figures: dict[str, float] = {}
    intervals: Intervals = {}
    details: dict[str, Any] = {"source": golds.source}

    def add(columns: Mapping[str, np.ndarray], summarize: Any) -> None:
        sums = {name: float(column.sum()) for name, column in columns.items()}
        figures.update({name: float(value) for name, value in summarize(sums).items()})
        intervals.update(estimate_figure_intervals(columns, summarize))

    if golds.readings:
        encoded = encode_words(tokenizer, list(golds.readings))
        ways = {word: [reading.surfaces for reading in readings] for word, readings in golds.readings.items()}
        counts = count_boundaries(encoded, ways)
        add(counts, summarize_boundaries)
        figures["morpheme_words"] = len(encoded.words)
        sums = {name: float(column.sum()) for name, column in counts.items()}
        details["readings"] = {
            reading: {name: float(value) for name, value in summarize_boundaries(sums, reading).items()}
            for reading in READINGS
        }
        families = count_suffix_cuts(encoded, golds.readings, lexicon.language.suffix_families)
        details["suffix_families"] = {name: _describe_family(columns) for name, columns in families.items()}
        if ALL in families:
            add(families[ALL], lambda sums: {"clean_suffixes": divide(sums["clean"], sums["suffixes"], 0.0)})
    if golds.stemmed:
        encoded = encode_words(tokenizer, [one.word for one in golds.stemmed])
        add(count_stem_boundaries(encoded, golds.stemmed, tokenizer.unk_token_id), summarize_stem_boundaries)
    if golds.coverage:
        details["coverage"] = golds.coverage
        for name in ("types", "words"):
            figures[f"analyzed_{name}"] = golds.coverage[name]
            if name in golds.coverage["intervals"]:
                intervals[f"analyzed_{name}"] = golds.coverage["intervals"][name]
        judged = judge_tokens(tokenizer, used, [way for ways in golds.readings.values() for way in ways], lexicon)
        columns = {"language": judged["language"] * 1.0, "pure": judged["pure"] * 1.0}
        columns["tokens"] = np.ones(len(judged["pure"]))
        if len(judged["pure"]):
            add(columns, _summarize_purity)
    return MorphemeAnalysis(figures, intervals, details)


def _summarize_purity(sums: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "language_tokens": divide(sums["language"], sums["tokens"], 0.0),
        "pure_tokens": divide(sums["pure"], sums["tokens"], 0.0),
    }


def _describe_family(columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return how many suffixes a family has in the words, and which shares of them are cut cleanly and broken."""

    def summarize(sums: Mapping[str, Any]) -> dict[str, Any]:
        return {name: divide(sums[name], sums["suffixes"], 0.0) for name in ("clean", "broken")}

    sums = {name: float(column.sum()) for name, column in columns.items()}
    described: dict[str, Any] = {name: float(value) for name, value in summarize(sums).items()}
    held = {name: column[columns["suffixes"] > 0] for name, column in columns.items()}
    intervals = estimate_figure_intervals(held, summarize)
    return {"suffixes": int(sums["suffixes"]), **described, "intervals": intervals}


def _measure_coverage(found: Mapping[str, Found], counted: Mapping[str, int]) -> dict[str, Any]:
    """Return the shares (0-1) of word types and of their running words with a reading, and why others have none."""
    known = np.array([bool(one.readings) for one in found.values()], dtype=np.float64)
    counts = np.array([counted[word] for word in found], dtype=np.float64)
    columns = {"known": known, "types": np.ones(len(known)), "known_words": known * counts, "words": counts}
    sums = {name: float(column.sum()) for name, column in columns.items()}
    reasons = Counter(one.why for one in found.values() if not one.readings)
    return {
        **{name: float(share) for name, share in _summarize_coverage(sums).items()},
        "intervals": estimate_figure_intervals(columns, _summarize_coverage),
        "reasons": {
            why: {"types": count, "examples": [word for word, one in found.items() if one.why == why][:MOST_EXAMPLES]}
            for why, count in reasons.most_common()
        },
    }


def _summarize_coverage(sums: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "types": divide(sums["known"], sums["types"], 0.0),
        "words": divide(sums["known_words"], sums["words"], 0.0),
    }
