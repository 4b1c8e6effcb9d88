"""Fit the cost model of docs/performance.md to small trainings, and check it at three other sizes.

    python benchmarks/cost_model.py                CPU seconds of one thread, BERTs of 1 to 6 layers with random weights
    python benchmarks/cost_model.py --repeats 5

A step takes a x operations of its matrix products + b x positions x layers x hidden size (what is done value by value)
+ c x parameters (the optimizer). a, b and c are fitted to the first sizes. The sizes to check differ from all of these
in layers, hidden size, windows and width at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from inputs import build_bert
from measuring import build_parser, finish, parse_arguments, report_progress
from operations import count_operations
from rows import Row

from mlqa.models.cpu_functions import CpuFunctions

VOCABULARY = 8000


@dataclass(frozen=True)
class Size:
    """A model and a step: layers, hidden size, windows, width of the windows in tokens."""

    layers: int
    hidden: int
    windows: int
    width: int


FITTED = (
    Size(1, 128, 8, 64), Size(2, 128, 8, 256), Size(4, 128, 16, 128),
    Size(1, 512, 4, 64), Size(2, 512, 4, 256), Size(2, 256, 32, 32),
)  # fmt: skip
CHECKED = (Size(3, 192, 12, 96), Size(3, 384, 6, 192), Size(5, 320, 4, 320))


def measure(size: Size, repeats: int) -> tuple[list[float], list[float]]:
    """Return the CPU seconds of a step, the least of the repeats, and what it costs by the model [3]."""
    model = build_bert(
        VOCABULARY, num_hidden_layers=size.layers, hidden_size=size.hidden, intermediate_size=4 * size.hidden,
        num_attention_heads=size.hidden // 32,
    ).train()  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    ids = torch.randint(5, VOCABULARY, (size.windows, size.width))
    labels = torch.ones(size.windows, dtype=torch.long)
    seconds = []
    for _ in range(repeats + 1):
        began = time.process_time()
        with CpuFunctions():
            output = model(ids, start_positions=labels, end_positions=labels)
        output.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.process_time() - began)
    operations = count_operations(model, [(size.windows, size.width)])
    parameters = sum(part.numel() for part in model.parameters())
    return seconds[1:], [operations, size.windows * size.width * size.layers * size.hidden, parameters]


def main() -> None:
    """Fit, and compare prediction and measurement."""
    parser = build_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    args = parse_arguments(parser, repeats=1)
    torch.set_num_threads(1)
    measured = {size: measure(size, args.repeats) for size in (FITTED[:3] if args.smoke else FITTED)}
    costs = np.array([costs for _, costs in measured.values()])
    seconds = np.array([min(took) for took, _ in measured.values()])
    # Errors count in per cent. Columns are scaled, because an operation takes a billionth of a second.
    scale = costs.max(axis=0)
    constants = np.linalg.lstsq(costs / scale / seconds[:, None], np.ones(len(seconds)), rcond=None)[0] / scale
    report_progress(
        f"a = {constants[0] * 1e12:.2f} s per TFLOP, b = {constants[1] * 1e9:.2f} ns per value, "
        f"c = {constants[2] * 1e9:.2f} ns per parameter"
    )
    rows = []
    for size in CHECKED[:1] if args.smoke else CHECKED:
        took, cost = measure(size, args.repeats)
        predicted = float(constants @ cost)
        what = f"a step of {size.windows} windows x {size.width}, {size.layers} layers x {size.hidden}: CPU"
        rows.append(Row(what, [min(took)], [predicted], "the model's prediction"))
    finish(rows, args)


if __name__ == "__main__":
    main()
