"""Reasons not to pay for a training yet, as far as the data and the tokenizer show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlqa.config.schema import Config, is_trained, should_keep_best
from mlqa.config.split_checks import has_test_split
from mlqa.config.validation import ANSWERING
from mlqa.data.audit_warnings import describe_leakage, format_percent
from mlqa.data.examples import Examples
from mlqa.errors import MlqaError
from mlqa.features.tokens import Tokens
from mlqa.metrics.no_answer import detect_squad_version
from mlqa.metrics.oracle import compute_oracle_scores
from mlqa.tokenization.corpus_statistics import WHITESPACE_WORD, compute_corpus_statistics, count_words
from mlqa.tokenization.load import load_pretrained

MOST_UNKNOWN = 0.01  # share of tokens
LEAST_EXACT_MATCH = 90.0
MOST_LONG_ANSWERS = 0.01  # share of answers


def compute_permitted_scores(tokenizer: Any, examples: Examples, context: Tokens) -> dict[str, float]:
    """Compute how much of a split a tokenizer can read, and the best score that it permits.

    Args:
        tokenizer: A fast tokenizer.
        examples: The split.
        context: Tokens of its contexts.

    Returns:
        `unk_rate` (0-1), `oracle_exact_match` and `oracle_f1` (0-100).
    """
    figures = compute_corpus_statistics(tokenizer, count_words(examples.contexts, WHITESPACE_WORD))
    oracle = compute_oracle_scores(examples, context, detect_squad_version(examples))
    return {"unk_rate": figures["unk_rate"], **{name: oracle[name] for name in ("oracle_exact_match", "oracle_f1")}}


def find_reasons_to_wait(
    leakage: dict[str, Any] | None,
    permitted: Mapping[str, float],
    windows: Iterable[Mapping[str, float]],
    config: Config,
) -> Iterator[str]:
    """Yield what to look at before paying for a training, one sentence each.

    Args:
        leakage: The figures of an audit on the leakage of the reported split, None if a split is missing.
        permitted: Has `unk_rate` and `oracle_exact_match`, or is empty.
        windows: Window figures of each split.
        config: The config of the run.
    """
    if _stays_untrained(config):
        yield (
            f"training.num_train_epochs={config.training.num_train_epochs:g}: the model has no head for questions yet, "
            "so its answers will be chance. Train it."
        )
    if permitted.get("unk_rate", 0.0) > MOST_UNKNOWN:
        yield (
            f"{format_percent(permitted['unk_rate'], 1)} of the tokens are unknown to this tokenizer, and the model "
            "cannot tell them apart. Choose a model of the language."
        )
    if permitted.get("oracle_exact_match", 100.0) < LEAST_EXACT_MATCH:
        yield (
            f"The best exact match that this tokenizer permits is {permitted['oracle_exact_match']:.2f}: the other "
            "answers begin or end inside a token. Choose another tokenizer, or correct the answers."
        )
    longest = max((figures["answers_beyond_max_answer_length"] for figures in windows), default=0.0)
    if longest > MOST_LONG_ANSWERS:
        yield (
            f"{format_percent(longest, 1)} of the answers are longer than training.max_answer_length="
            f"{config.training.max_answer_length} tokens and cannot be given in full. Choose a larger value."
        )
    if should_keep_best(config) and not has_test_split(config.dataset):
        yield (
            "training.keep=best: the best model is chosen on the questions that are reported, so its score will be a "
            "little too high. dataset.validation_share=0.1 cuts other questions out of train to choose on."
        )
    if leakage is not None:
        yield from describe_leakage(leakage)


def _stays_untrained(config: Config) -> bool:
    """Return whether nothing trains a head that is new. A model whose config cannot be loaded is not judged."""
    if is_trained(config.training):
        return False
    if config.model.scratch is not None:
        return True
    from transformers import AutoConfig

    try:
        loaded = load_pretrained(AutoConfig, "config", str(config.model.pretrained), config.model.revision)
    except MlqaError:
        return False
    return not any(str(name).endswith(ANSWERING) for name in loaded.architectures or ())
