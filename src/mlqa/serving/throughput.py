"""Measure how many questions per second a graph answers on this machine."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlqa.data.examples import Examples

SECONDS = 5.0  # that one measurement may take


@dataclass(frozen=True)
class Speed:
    """The speed of a graph with so many threads.

    Attributes:
        graph: "fp32" or "int8".
        threads: Threads of onnxruntime.
        questions_per_second: One question after another, each at its best time.
        milliseconds: The median of a question, with tokenizing and decoding.
    """

    graph: str
    threads: int
    questions_per_second: float
    milliseconds: float


def open_graph(path: Path, threads: int = 0) -> Any:
    """Open a graph with onnxruntime on the CPU.

    Args:
        path: The file.
        threads: Threads to compute with. 0 means one per core.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def measure_speed(reader: Any, graph: str, threads: int, examples: Examples) -> Speed:
    """Answer questions one after another, again and again until `SECONDS` have passed.

    The best time of each question counts: other processes only make it longer.

    Args:
        reader: A `Reader` of predict.py, whose session computes with `threads`.
        graph: What the session reads.
        threads: Its threads.
        examples: The questions, at least one.
    """
    pairs = [(question, examples.get_context(row)) for row, question in enumerate(examples.questions)]
    reader.answer(*pairs[0])  # the first call also sets up buffers
    best: dict[int, float] = {}
    ends = time.perf_counter() + SECONDS
    for number, pair in itertools.cycle(enumerate(pairs)):
        began = time.perf_counter()
        reader.answer(*pair)
        stopped = time.perf_counter()
        best[number] = min(best.get(number, math.inf), stopped - began)
        if stopped > ends:
            break
    taken = list(best.values())
    return Speed(graph, threads, round(len(taken) / sum(taken), 3), round(1000 * statistics.median(taken), 3))


def measure_host(reader: Any, examples: Examples) -> float:
    """Return the seconds of a question that its tokens, windows and decoding take, which no GPU makes shorter."""
    import numpy as np

    class Nothing:
        """Reads nothing, and gives logits without a peak."""

        def run(self, _: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            return [np.zeros(inputs["input_ids"].shape, np.float32)] * 2

    before, reader.session = reader.session, Nothing()
    try:
        return 1 / measure_speed(reader, "", 1, examples).questions_per_second
    finally:
        reader.session = before
