"""Provide the official SQuAD score as a module of Hugging Face `evaluate`, loaded from this folder without a network.

Input and output are those of the hub's "squad", with two differences. Rows are scored by position, so rows that share
an id stay apart. A reference without answers is an unanswerable question instead of an error.
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from mlqa.errors import DataError
from mlqa.metrics.squad import Version, compute_squad_scores

_CITATION = "SQuAD 1.1: Rajpurkar et al. 2016, arXiv 1606.05250; 2.0: Rajpurkar et al. 2018, arXiv 1806.03822"
_INPUTS = """
predictions: [{"id": str, "prediction_text": str}], in the order of the references
references: [{"id": str, "answers": {"text": [str], "answer_start": [int]}}]; answer_start is ignored
version: "1.1" (default) or "2.0", the official script to follow (they only differ for empty texts)
Returns {"exact_match": float, "f1": float} on the 0-100 scale.
Raises DataError if the ids of predictions and references differ at any position.
"""


class Squad(evaluate.Metric):  # type: ignore[misc]  # evaluate ships no types
    """Exact match and token F1 of SQuAD 1.1 or 2.0, computed by mlqa.metrics.squad."""

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        answers = datasets.Sequence({"text": text, "answer_start": datasets.Value("int32")})
        return evaluate.MetricInfo(
            description="Exact match and token F1 of the official SQuAD scripts, scored row by row.",
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {
                    "predictions": {"id": text, "prediction_text": text},
                    "references": {"id": text, "answers": answers},
                }
            ),
            reference_urls=["https://rajpurkar.github.io/SQuAD-explorer/"],
        )

    def _compute(
        self, predictions: list[dict[str, Any]], references: list[dict[str, Any]], version: Version = "1.1"
    ) -> dict[str, float]:
        for row, (prediction, reference) in enumerate(zip(predictions, references, strict=True)):
            # The hub's module looks rows up by id. Scoring by position would silently be wrong in another order.
            if prediction["id"] != reference["id"]:
                raise DataError(
                    f"row {row}: the prediction has id {prediction['id']!r}, the reference {reference['id']!r}: "
                    "give both in the same order"
                )
        scores = compute_squad_scores(
            [prediction["prediction_text"] for prediction in predictions],
            [reference["answers"]["text"] for reference in references],
            version,
        )
        return {"exact_match": scores.exact_match, "f1": scores.f1}
