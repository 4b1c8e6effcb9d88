"""A stand-in for transformers' utils_qa.py: its decoding, without "no answer"."""

import json
from itertools import product
from pathlib import Path

import numpy as np


def postprocess_qa_predictions(examples, features, predictions, n_best_size=20, max_answer_length=30, output_dir=None):
    entries = {row: [] for row in examples["id"]}
    contexts = dict(zip(examples["id"], examples["context"], strict=True))
    for feature, *logits in zip(features, *predictions, strict=True):
        offsets, (starts, ends) = feature["offset_mapping"], logits
        for first, last in product(*(np.argsort(part)[: -n_best_size - 1 : -1].tolist() for part in logits)):
            if offsets[first] and offsets[last] and 0 <= last - first < max_answer_length:
                text = contexts[feature["example_id"]][offsets[first][0] : offsets[last][1]]
                entry = {"text": text, "start_logit": float(starts[first]), "end_logit": float(ends[last])}
                entries[feature["example_id"]].append((starts[first] + ends[last], entry))
    n_best = {}
    for row, spans in entries.items():
        best = sorted(spans, key=lambda span: span[0], reverse=True)[:n_best_size]
        best = best or [(0.0, {"text": "empty", "start_logit": 0.0, "end_logit": 0.0})]
        weights = np.exp(np.array([score for score, _ in best]) - best[0][0])
        chances = (weights / weights.sum()).tolist()
        n_best[row] = [{**entry, "probability": chance} for (_, entry), chance in zip(best, chances, strict=True)]
    answers = {row: best[0]["text"] for row, best in n_best.items()}
    if output_dir:
        Path(output_dir, "predictions.json").write_text(json.dumps(answers))
        Path(output_dir, "nbest_predictions.json").write_text(json.dumps(n_best))
    return answers
