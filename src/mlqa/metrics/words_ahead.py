"""Analyze the words that a run will need in another process, while this one imports its libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlqa.data.language import load_language
from mlqa.metrics.morpheme_analysis import sample_words
from mlqa.tokenization.analyses import analyze_ahead
from mlqa.tokenization.corpus_statistics import count_words
from mlqa.tokenization.morphology import MOST_WORDS
from mlqa.tokenization.readings import normalize_word

if TYPE_CHECKING:
    from mlqa.config.schema import Config
    from mlqa.data.load import Splits


def analyze_words_ahead(config: Config, splits: Splits) -> None:
    """Have another process analyze the words that `analyze_tokenizer` and a breakdown of the answers will ask for.

    It returns at once. Nothing happens if the language has no analyzer.
    """
    if load_language(config.dataset.language).analyser is None:
        return
    corpus = splits.train if len(splits.train) else splits.reported
    sampled = () if config.dataset.segmentation_file else sample_words(count_words(corpus.contexts))
    golds = (answers[0].text for answers in splits.reported.answers if answers)
    answered = {word for gold in golds for word in gold.split() if word.isalpha()}
    if len(answered) <= MOST_WORDS:
        analyze_ahead(map(normalize_word, [*sampled, *sorted(answered)]))
