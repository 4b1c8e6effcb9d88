"""Answer questions with a model: forward passes sorted by length, decoded batch by batch.

Only the best spans of each window are kept, so memory grows with the number of windows and not with their width.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from rich.progress import track

from mlqa.answers.decoding import Spans, select_best_spans
from mlqa.batching.forward_passes import bucket_by_length
from mlqa.batching.padded_rows import make_batch
from mlqa.config.schema import TrainingConfig
from mlqa.environment import get_console, is_main
from mlqa.errors import ModelError
from mlqa.features.windows import Windows


@torch.no_grad()
def predict_spans(
    model: Any,
    windows: Windows,
    training: TrainingConfig,
    autocast: torch.dtype | None = None,
    description: str = "Answering",
) -> Spans:
    """Return the best spans of all windows, for `decode_n_best` or `decode_best_texts`.

    Args:
        model: The model, on the device it is to run on.
        windows: The windows of the questions to answer.
        training: Batch size, widths and decoding limits.
        autocast: Type of mixed precision, or None for full precision.
        description: Label of the progress bar.

    A batch that does not fit into memory is read in halves.

    Raises:
        ModelError: If the model's logits are NaN.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    batches = bucket_by_length(windows.lengths, training.per_device_eval_batch_size, training.pad_to_multiple_of)
    parts: list[Spans] = []
    read: list[np.ndarray] = []
    shown: Iterable[np.ndarray] = batches
    if len(batches) > 1 and is_main() and get_console().is_terminal:  # a bar costs a third of the time of one question
        shown = track(batches, description=description, console=get_console(), transient=True)
    for batch in shown:
        waiting = [batch]
        while waiting:
            chosen = waiting.pop()
            try:
                parts.append(_read_batch(model, windows, chosen, training, autocast, device))
                read.append(chosen)
            except RuntimeError as error:
                from accelerate.utils.memory import should_reduce_batch_size

                if len(chosen) == 1 or not should_reduce_batch_size(error):
                    raise
                waiting += [chosen[len(chosen) // 2 :], chosen[: len(chosen) // 2]]
    model.train(was_training)
    return _merge_batches(read, parts, len(windows))


def _read_batch(
    model: Any,
    windows: Windows,
    chosen: np.ndarray,
    training: TrainingConfig,
    autocast: torch.dtype | None,
    device: torch.device,
) -> Spans:
    """Return the best spans of the chosen windows."""
    batch = make_batch(windows, chosen, training.pad_to_multiple_of)
    inputs = {name: value.to(device) for name, value in batch.items() if not name.endswith("_positions")}
    with torch.autocast(device.type, autocast, enabled=autocast is not None):
        output = model(**inputs)
    if torch.isnan(output.start_logits).any():
        raise ModelError("the model's logits are NaN: lower optimizer.learning_rate, or train in fp32")
    return select_best_spans(
        output.start_logits,
        output.end_logits,
        windows,
        chosen,
        batch["input_ids"].shape[1],
        training.n_best_size,
        training.max_answer_length,
    )


def _merge_batches(batches: list[np.ndarray], parts: list[Spans], count: int) -> Spans:
    """Merge the spans of all batches, one row per window. Rows of narrow batches are filled up with -inf."""
    width = max((part.score.shape[1] for part in parts), default=0)
    spans = Spans(
        score=np.full((count, width), -np.inf),
        first=np.zeros((count, width), dtype=np.int64),
        last=np.zeros((count, width), dtype=np.int64),
        null_score=np.zeros(count),
    )
    for batch, part in zip(batches, parts, strict=True):
        columns = part.score.shape[1]
        spans.score[batch, :columns] = part.score
        spans.first[batch, :columns] = part.first
        spans.last[batch, :columns] = part.last
        spans.null_score[batch] = part.null_score
    return spans
