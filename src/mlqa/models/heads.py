"""Question-answering heads that transformers lacks: one function per model type, listed in `HEADS`."""

from __future__ import annotations

from typing import Any


def define_eurobert() -> Any:
    """Define EuroBERT (Boizard et al. 2025, arXiv 2503.05500) with a new head: transformers has the model without one.

    Returns:
        The class, a model of transformers.
    """
    from transformers import EuroBertPreTrainedModel
    from transformers.modeling_layers import GenericForQuestionAnswering

    class EuroBertForQuestionAnswering(GenericForQuestionAnswering, EuroBertPreTrainedModel):  # type: ignore[misc]
        """EuroBERT under a linear layer that gives the start and end logits."""

    return EuroBertForQuestionAnswering


# {`model_type` of config.json: what defines the class}. A version of transformers that has a head of its own uses it.
HEADS = {"eurobert": define_eurobert}


def load_auto_class() -> Any:
    """Return transformers' AutoModelForQuestionAnswering, which then also knows the heads of this module."""
    from transformers import CONFIG_MAPPING, MODEL_FOR_QUESTION_ANSWERING_MAPPING, AutoModelForQuestionAnswering

    for model_type, define in HEADS.items():
        if model_type not in CONFIG_MAPPING:
            continue  # an older transformers, which reports the model as unknown
        config = CONFIG_MAPPING[model_type]
        if config not in MODEL_FOR_QUESTION_ANSWERING_MAPPING:
            # exist_ok: without it, transformers ignores a class that is registered for a config of its own.
            AutoModelForQuestionAnswering.register(config, define(), exist_ok=True)
    return AutoModelForQuestionAnswering
