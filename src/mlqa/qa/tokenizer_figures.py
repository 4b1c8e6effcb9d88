"""tokenization.json: what a tokenizer does to a data set's words, and the best score that it permits."""

from __future__ import annotations

from typing import Any

from mlqa.data.load import Splits
from mlqa.qa.features import Windows
from mlqa.qa.oracle import oracle_scores
from mlqa.qa.squad import Version
from mlqa.tokenization.statistics import WHITESPACE_WORD, corpus_statistics


def tokenizer_figures(tokenizer: Any, splits: Splits, validation: Windows, version: Version) -> dict[str, float]:
    """`corpus_statistics` over train's contexts, words between white space; `oracle_scores` over validation."""
    context = validation.context
    return {
        **corpus_statistics(tokenizer, splits.train.contexts, WHITESPACE_WORD),
        **oracle_scores(splits.validation, context.starts, context.ends, context.first, version),
    }
