"""How to use a model with transformers alone: five lines after it is loaded, which work from 4.36 to 5.x.

transformers 5.3 removed its pipeline for questions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

PLACE = "path/to/model"
CODE = """\
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

name, question, text = {name}, "...", "..."
tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModelForQuestionAnswering.from_pretrained(name).eval()
inputs = tokenizer(question, text, truncation="only_second", max_length={max_seq_length}, return_tensors="pt")
is_text, output = torch.tensor([part == 1 for part in inputs.sequence_ids()]), model(**inputs)
spans = (output.start_logits[0, :, None] + output.end_logits[0]).double().exp() * is_text.outer(is_text)
start, end = divmod(int(spans.triu().tril({longest}).argmax()), len(is_text))
print(text[inputs.token_to_chars(start).start : inputs.token_to_chars(end).end].strip())
"""


def build_how_to(name: str | None, training: Mapping[str, Any]) -> str:
    """Return the code.

    Args:
        name: The model's name on the hub, None for a folder.
        training: The node `training` of result.json: the window and the longest answer.
    """
    return CODE.format(
        name=json.dumps(name or PLACE),
        max_seq_length=training.get("max_seq_length", 384),
        longest=int(training.get("max_answer_length", 30)) - 1,
    ).rstrip()
