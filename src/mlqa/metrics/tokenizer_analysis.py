"""Analyze a tokenizer on a data set for tokenization.json: its figures, its words, and the best score it permits."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mlqa.config.schema import Config
from mlqa.data.examples import Examples
from mlqa.data.language import load_language
from mlqa.data.load import Splits
from mlqa.data.readers import read_file
from mlqa.data.scripts import lower
from mlqa.errors import DataError
from mlqa.features.window_statistics import compute_window_figures
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.language_rules import resolve_language_rules
from mlqa.metrics.no_answer import detect_squad_version
from mlqa.metrics.oracle import compute_oracle_scores
from mlqa.tokenization.analyses import analyze_ahead
from mlqa.tokenization.corpus_statistics import WHITESPACE_WORD, compute_corpus_statistics, count_words
from mlqa.tokenization.encoding import encode_words
from mlqa.tokenization.morphemes import Segmentations, read_segmentations, score_boundaries
from mlqa.tokenization.morphology import MOST_WORDS, segment_words
from mlqa.tokenization.normalization import measure_normalization_loss
from mlqa.tokenization.parity import compute_parity
from mlqa.tokenization.words import analyze_words

MORPHEME_WORDS = 1000  # word types of the corpus to segment if there is no gold file, in about a second


@dataclass(frozen=True)
class TokenizerAnalysis:
    """Analysis of a tokenizer.

    Attributes:
        figures: Numbers by name, also for result.json.
        words: Rows of `analyze_words`.
        collisions: Groups of words that the normalizer maps to the same word.
    """

    figures: dict[str, float]
    words: list[dict[str, Any]]
    collisions: list[list[str]]

    def to_dict(self) -> dict[str, Any]:
        """Return the content of tokenization.json."""
        return {**self.figures, "analysed_words": self.words, "collisions": self.collisions}


def analyze_tokenizer(
    tokenizer: Any, config: Config, splits: Splits, train: Windows | None = None, validation: Windows | None = None
) -> TokenizerAnalysis:
    """Analyze a tokenizer on a data set.

    The corpus is the contexts of train, each once, or those of validation if there is no train split. The figures are:

    - those of `compute_corpus_statistics`, over words between white space, split into the words of the language,
    - those of `measure_normalization_loss` and, if there are segmentations, `score_boundaries`, over words that are
      runs of word characters,
    - `parity` and `parity_texts` over the contexts that dataset.parallel_file also has,
    - those of `compute_oracle_scores` on validation, or on train if there is no validation split,
    - `windows_per_question` and `padding_share` (at max_seq_length) on the split of the corpus.

    Args:
        tokenizer: A fast tokenizer of transformers.
        config: The config of the run.
        splits: The data set. One of its splits may be empty.
        train: Windows of the train split, or None to make them if they are needed.
        validation: Windows of the validation split, likewise.

    Returns:
        The analysis.

    Raises:
        ModelError: If the tokenizer is slow.
        DataError: If a segmentation or parallel file cannot be used.
    """
    language, dotted_i = config.dataset.language, load_language(config.dataset.language).dotted_i
    corpus = splits.train if len(splits.train) else splits.validation
    words = count_words(corpus.contexts)
    stretches = count_words(corpus.contexts, WHITESPACE_WORD)
    figures = compute_corpus_statistics(tokenizer, stretches, resolve_language_rules(config.dataset).split_text)
    losses, collisions = measure_normalization_loss(tokenizer, words, lambda word: lower(word, dotted_i))
    figures |= losses
    if golds := _resolve_segmentations(config, words):
        figures |= score_boundaries(encode_words(tokenizer, list(golds)), golds)
    if config.dataset.parallel_file is not None:
        figures |= _measure_parity(tokenizer, config.dataset.parallel_file, splits)

    def get_windows(examples: Examples) -> Windows:
        windows = train if examples is splits.train else validation
        if windows is not None:
            return windows
        return make_windows(examples, tokenizer, config.training.max_seq_length, config.training.doc_stride)

    scored = splits.validation if len(splits.validation) else splits.train
    scored_windows = get_windows(scored)
    corpus_windows = scored_windows if corpus is scored else get_windows(corpus)
    version = detect_squad_version(splits.train, splits.validation)
    figures |= compute_oracle_scores(scored, scored_windows.context, version)
    window_figures = compute_window_figures(corpus_windows, corpus, config.training.max_answer_length)
    figures["windows_per_question"] = window_figures["windows_per_question"]
    figures["padding_share"] = window_figures["padding_at_max_seq_length"]
    return TokenizerAnalysis(figures, analyze_words(tokenizer, config.words, language), collisions)


def analyze_words_ahead(config: Config, splits: Splits) -> None:
    """Have another process analyze the words that `analyze_tokenizer` and a breakdown of the answers will ask for.

    It returns at once. Nothing happens if the language has no analyzer.
    """
    if load_language(config.dataset.language).analyser is None:
        return
    segmented = () if config.dataset.segmentation_file else _choose_words(count_words(splits.train.contexts))
    golds = (answers[0].text for answers in splits.validation.answers if answers)
    answered = {word for gold in golds for word in gold.split() if word.isalpha()}
    if len(answered) <= MOST_WORDS:
        analyze_ahead([*segmented, *sorted(answered)])


def _choose_words(word_types: Iterable[str]) -> tuple[str, ...]:
    """Return up to MORPHEME_WORDS words, drawn evenly over their frequencies."""
    words = [word for word in word_types if word.isalpha() and len(word) > 1]
    return tuple(words[:: -(-len(words) // MORPHEME_WORDS) or 1])


def _resolve_segmentations(config: Config, word_types: Iterable[str]) -> Segmentations:
    """Return the segmentations of the gold file, else zeyrek's if that analyzes the language, else none."""
    if config.dataset.segmentation_file is not None:
        return read_segmentations(config.dataset.segmentation_file)
    if load_language(config.dataset.language).analyser is None:
        return {}
    return _segment_with_zeyrek(_choose_words(word_types))


@functools.lru_cache(maxsize=1)  # `mlqa tokenizers` compares several tokenizers on the same words
def _segment_with_zeyrek(words: tuple[str, ...]) -> Segmentations:
    return segment_words(words)


def _measure_parity(tokenizer: Any, path: str, splits: Splits) -> dict[str, float]:
    """Compute `parity` over rows with the same id in the data set and the file, each pair of contexts once."""
    parallel = read_file(path)
    translation_of = {row_id: parallel.get_context(row) for row, row_id in enumerate(parallel.ids)}
    pairs = {
        (split.get_context(row), translation_of[row_id]): None
        for split in (splits.validation, splits.train)
        for row, row_id in enumerate(split.ids)
        if row_id in translation_of
    }
    if not pairs:
        raise DataError(
            f"dataset.parallel_file={path}: none of its ids is in the data set; give a translation of the data set"
        )
    texts, translations = zip(*pairs, strict=True)
    return {"parity": compute_parity(tokenizer, texts, translations), "parity_texts": len(pairs)}
