"""predict.json: what predict.py must know of a run besides its model, to answer as mlqa does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlqa.config.schema import TrainingConfig
from mlqa.features.template import Template
from mlqa.serving.graph import ORDER

NEVER = 1e9  # odds that no logits reach: a model that was only trained on answerable questions always answers


def build_settings(
    template: Template, training: TrainingConfig, may_be_null: bool, temperature: float, inputs: Sequence[str]
) -> dict[str, Any]:
    """Build the content of predict.json.

    Args:
        template: What surrounds question and context.
        training: How windows are cut and answers decoded.
        may_be_null: Whether "no answer" competes.
        temperature: The temperature of the run's calibration, which divides scores before they become probabilities.
        inputs: The inputs of the graph.

    Returns:
        "parts": the window, as pairs of token id and token type. "question" and "context" stand for their tokens.
        "inputs": {name: its row among ids, mask and types}. "room": tokens for question and context. "first": special
        tokens before the context. "null": the position of "no answer", -1 is the last token. "multiple": what widths
        are multiples of. "threshold": the odds above which there is no answer. The others are named as in the config.
    """
    before, question, between, context, after = template.kinds
    parts: list[tuple[int | str, int]] = [
        *zip(template.before.tolist(), before.tolist(), strict=True),
        ("question", question),
        *zip(template.between.tolist(), between.tolist(), strict=True),
        ("context", context),
        *zip(template.after.tolist(), after.tolist(), strict=True),
    ]
    return {
        "parts": parts,
        "inputs": {name: ORDER.index(name) for name in inputs},
        "pad_id": template.pad_id,
        "room": training.max_seq_length - template.specials,
        "first": len(template.before) + len(template.between),
        "null": template.cls_index,
        "multiple": training.max_seq_length if template.one_width else training.pad_to_multiple_of,
        "max_seq_length": training.max_seq_length,
        "doc_stride": training.doc_stride,
        "max_answer_length": training.max_answer_length,
        "n_best": training.n_best_size,
        "may_be_null": may_be_null,
        "temperature": temperature,
        "threshold": training.null_score_diff_threshold if may_be_null else NEVER,
    }
