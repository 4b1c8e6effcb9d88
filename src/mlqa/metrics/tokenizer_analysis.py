"""Analyze a tokenizer on a data set for tokenization.json: its figures, its words, and the best score it permits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlqa.config.schema import Config
from mlqa.data.examples import Examples
from mlqa.data.load import Splits
from mlqa.data.readers import read_file
from mlqa.data.scripts import lower
from mlqa.errors import DataError
from mlqa.features.window_statistics import compute_window_figures
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.bootstrap import estimate_figure_intervals
from mlqa.metrics.language_rules import resolve_language_rules
from mlqa.metrics.morpheme_analysis import Intervals, analyze_morphemes, find_golds
from mlqa.metrics.no_answer import detect_squad_version
from mlqa.metrics.oracle import score_oracle_rows, summarize_oracle_scores
from mlqa.tokenization.corpus_statistics import (
    WHITESPACE_WORD,
    count_corpus,
    count_words,
    describe_corpus,
    sum_by_text,
    summarize_corpus,
)
from mlqa.tokenization.encoding import count_tokens
from mlqa.tokenization.normalization import flag_normalization_losses
from mlqa.tokenization.parity import compute_parity
from mlqa.tokenization.readings import Lexicon
from mlqa.tokenization.word_files import WordEntry, read_word_file
from mlqa.tokenization.words import analyze_words


@dataclass(frozen=True)
class TokenizerAnalysis:
    """Analysis of a tokenizer.

    Attributes:
        figures: Numbers by name, also for result.json.
        words: Rows of `analyze_words`.
        collisions: Groups of words that the normalizer maps to the same word.
        intervals: 95 % bootstrap intervals of those figures that are shares or rates of a sample.
        morphemes: Details of `MorphemeAnalysis`.
        notes: What is missing, and why.
    """

    figures: dict[str, float]
    words: list[dict[str, Any]]
    collisions: list[list[str]]
    intervals: Intervals = field(default_factory=dict)
    morphemes: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of tokenization.json."""
        return {
            **self.figures,
            "intervals": self.intervals,
            "morphemes": self.morphemes,
            "notes": self.notes,
            "analysed_words": self.words,
            "collisions": self.collisions,
        }


def analyze_tokenizer(
    tokenizer: Any, config: Config, splits: Splits, train: Windows | None = None, reported: Windows | None = None
) -> TokenizerAnalysis:
    """Analyze a tokenizer on a data set.

    The corpus is the contexts of train, each once, or those of the reported split if there is no train split. The
    figures are:

    - those of `describe_corpus`, over words between white space, split into the words of the language,
    - those of `flag_normalization_losses` and, if there are words with morphemes, `analyze_morphemes`, over words that
      are runs of word characters,
    - `parity` and `parity_texts` over the contexts that dataset.parallel_file also has,
    - those of `summarize_oracle_scores` on the reported split, or on train if there is none,
    - `windows_per_question` and `padding_share` (at max_seq_length) on the split of the corpus.

    Args:
        tokenizer: A fast tokenizer of transformers.
        config: The config of the run.
        splits: The data set. A split may be empty.
        train: Windows of the train split, or None to make them if they are needed.
        reported: Windows of the reported split, likewise.

    Returns:
        The analysis.

    Raises:
        ModelError: If the tokenizer is slow.
        DataError: If a segmentation, word or parallel file cannot be used.
    """
    listed, golds_file = _read_words(config.words_file), _read_words(config.dataset.segmentation_file)
    lexicon = Lexicon(config.dataset.language, _get_readings(listed), _get_readings(golds_file))
    corpus = splits.train if len(splits.train) else splits.reported
    words = count_words(corpus.contexts)
    analysis = TokenizerAnalysis({}, [], [])
    used = _add_corpus_figures(analysis, tokenizer, config, corpus)
    _add_normalization(analysis, tokenizer, words, lexicon)

    golds = find_golds(words, lexicon, golds_file)
    if isinstance(golds, str):
        analysis.notes.append(golds)
    else:
        morphemes = analyze_morphemes(tokenizer, golds, used, lexicon)
        analysis.figures.update(morphemes.figures)
        analysis.intervals.update(morphemes.intervals)
        analysis.morphemes.update(morphemes.details)
    if config.dataset.parallel_file is not None:
        _add_parity(analysis, tokenizer, config.dataset.parallel_file, splits)

    def get_windows(examples: Examples) -> Windows:
        windows = train if examples is splits.train else reported
        if windows is not None:
            return windows
        return make_windows(examples, tokenizer, config.training.max_seq_length, config.training.doc_stride)

    scored = splits.reported if len(splits.reported) else splits.train
    scored_windows = get_windows(scored)
    corpus_windows = scored_windows if corpus is scored else get_windows(corpus)
    version, longest = detect_squad_version(splits.train, splits.reported), config.training.max_answer_length
    rows = score_oracle_rows(scored, scored_windows.context, version, longest)
    by_context = {name: np.bincount(scored.context_of, weights=column) for name, column in rows.items()}
    _add(
        analysis, {name: column[by_context["rows"] > 0] for name, column in by_context.items()}, summarize_oracle_scores
    )
    window_figures = compute_window_figures(corpus_windows, corpus, longest)
    analysis.figures["windows_per_question"] = window_figures["windows_per_question"]
    analysis.figures["padding_share"] = window_figures["padding_at_max_seq_length"]

    chosen = config.words
    if chosen is None and listed:
        chosen = [entry.word for entry in listed]
    if chosen is None and not lexicon.language.words:
        analysis.notes.append(
            f"no words to show: {lexicon.language.name} has no word list; give words=, words_file= or --words, or "
            "write one: docs/new-language.md"
        )
    analysis.words.extend(analyze_words(tokenizer, chosen, lexicon))
    return analysis


def _read_words(path: str | None) -> list[WordEntry]:
    return read_word_file(path) if path is not None else []


def _get_readings(entries: list[WordEntry]) -> dict[str, list[Any]]:
    return {entry.word: [reading.parts for reading in entry.readings] for entry in entries if entry.readings}


def _add(analysis: TokenizerAnalysis, columns: Mapping[str, np.ndarray], summarize: Any) -> None:
    """Add figures that are computed from sums over units, with their intervals."""
    sums = {name: float(column.sum()) for name, column in columns.items()}
    analysis.figures.update({name: float(value) for name, value in summarize(sums).items()})
    analysis.intervals.update(estimate_figure_intervals(columns, summarize))


def _add_corpus_figures(analysis: TokenizerAnalysis, tokenizer: Any, config: Config, corpus: Examples) -> list[int]:
    """Add the figures over running words, and return the ids of the tokens that occur."""
    stretches = count_words(corpus.contexts, WHITESPACE_WORD)
    counts = count_corpus(tokenizer, stretches, resolve_language_rules(config.dataset).split_text)
    analysis.figures.update(describe_corpus(counts))
    by_text = sum_by_text(counts, list(stretches), corpus.contexts, WHITESPACE_WORD)
    analysis.intervals.update(estimate_figure_intervals(by_text, summarize_corpus))
    kept = {"kept": counts.kept_whole * 1.0, "types": np.ones(len(counts.kept_whole))}
    _add(analysis, kept, lambda sums: {"single_token_retention": sums["kept"] / sums["types"]})
    return [int(index) for index in np.flatnonzero(counts.used)]


def _add_normalization(analysis: TokenizerAnalysis, tokenizer: Any, words: Mapping[str, int], lexicon: Lexicon) -> None:
    """Add which words the normalizer confuses."""
    flags, collisions = flag_normalization_losses(tokenizer, words, lambda word: lower(word, lexicon.language.dotted_i))
    analysis.collisions.extend(collisions)
    columns = flags | {"types": np.ones(len(words))}
    if words:
        _add(analysis, columns, lambda sums: {name: sums[name] / sums["types"] for name in flags})


def _add_parity(analysis: TokenizerAnalysis, tokenizer: Any, path: str, splits: Splits) -> None:
    """Add `parity` over rows with the same id in the data set and the file, each pair of contexts once."""
    parallel = read_file(path)
    translation_of = {row_id: parallel.get_context(row) for row, row_id in enumerate(parallel.ids)}
    pairs = {
        (split.get_context(row), translation_of[row_id]): None
        for split in (splits.test, splits.validation, splits.train)
        for row, row_id in enumerate(split.ids)
        if row_id in translation_of
    }
    if not pairs:
        raise DataError(
            f"dataset.parallel_file={path}: none of its ids is in the data set; give a translation of the data set"
        )
    texts, translations = (list(side) for side in zip(*pairs, strict=True))
    analysis.figures.update({"parity": compute_parity(tokenizer, texts, translations), "parity_texts": len(pairs)})
    columns = {
        "texts": np.array(count_tokens(tokenizer, texts), dtype=np.float64),
        "translations": np.array(count_tokens(tokenizer, translations), dtype=np.float64),
    }
    analysis.intervals.update(
        estimate_figure_intervals(columns, lambda sums: {"parity": sums["texts"] / sums["translations"]})
    )
