"""Measure memory and time of reading a large data set, each format in a process of its own.

    python benchmarks/reading.py                    100 times TQuAD (MLQA_ASSETS), or generated data of its size
    python benchmarks/reading.py --times 10

Every copy has contexts of its own, because a number is appended to them, which keeps offsets right. Nothing can be
shared, so the examples take the most memory that they can.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np

from mlqa.data.examples import Examples
from mlqa.data.readers import read_file
from mlqa.data.sample import generate

Row = dict[str, Any]


def load_source() -> Examples:
    """Load TQuAD's train and dev split if MLQA_ASSETS has them, else generate as many rows of the same length."""
    folder = os.environ.get("MLQA_ASSETS")
    files = sorted((Path(folder) / "data" / "tquad").glob("*.json")) if folder else []
    if not files:
        return generate(9200, seed=0)
    splits = [read_file(file) for file in files]
    offset = len(splits[0].contexts)
    return Examples(
        ids=[identifier for split in splits for identifier in split.ids],
        questions=[question for split in splits for question in split.questions],
        contexts=[context for split in splits for context in split.contexts],
        context_of=np.concatenate([splits[0].context_of, splits[1].context_of + offset]),
        answers=[answers for split in splits for answers in split.answers],
    )


def iter_rows(examples: Examples, times: int) -> Iterator[Row]:
    """Yield the rows of all copies, those of one context in succession."""
    order = sorted(range(len(examples)), key=lambda row: int(examples.context_of[row]))
    for copy in range(times):
        for row in order:
            answers = examples.answers[row]
            yield {
                "id": f"{copy}-{row}",
                "question": examples.questions[row],
                "context": f"{examples.get_context(row)} {copy}",
                "answers": {"text": [gold.text for gold in answers], "answer_start": [gold.start for gold in answers]},
            }


def write_json(path: Path, data: Iterator[Row]) -> None:
    """Write one article with every paragraph."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{"version": "1.1", "data": [{"title": "all", "paragraphs": [')
        for number, (context, group) in enumerate(groupby(data, key=lambda row: str(row["context"]))):
            qas = [
                {
                    "id": row["id"],
                    "question": row["question"],
                    "answers": [
                        {"text": text, "answer_start": start}
                        for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
                    ],
                }
                for row in group
            ]
            file.write((",\n" if number else "") + json.dumps({"context": context, "qas": qas}, ensure_ascii=False))
        file.write("]}]}\n")


def write_json_lines(path: Path, data: Iterator[Row]) -> None:
    """Write a row per line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in data)


def write_csv(path: Path, data: Iterator[Row]) -> None:
    """Write a row per line, with the answers as JSON."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("id", "question", "context", "answers"))
        writer.writeheader()
        writer.writerows({**row, "answers": json.dumps(row["answers"], ensure_ascii=False)} for row in data)


def write_parquet(path: Path, data: Iterator[Row]) -> None:
    """Write row groups of 200,000 rows, larger than any reader should hold at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    answers = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])
    text = pa.string()
    schema = pa.schema([("id", text), ("question", text), ("context", text), ("answers", answers)])
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(islice(data, 200_000)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))


WRITERS: dict[str, Callable[[Path, Iterator[Row]], None]] = {
    "json": write_json,
    "jsonl": write_json_lines,
    "csv": write_csv,
    "parquet": write_parquet,
}


def read_megabytes(field: str) -> float:
    """Read a memory figure of this process from Linux: "VmRSS" for the current use, "VmHWM" for the peak.

    getrusage's ru_maxrss is of no use here, because it also counts the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) * 1024 / 1e6


def measure(path: str) -> None:
    """Read a file and print what it took as JSON."""
    before = read_megabytes("VmRSS")
    began = time.perf_counter()
    examples = read_file(path)
    seconds = time.perf_counter() - began
    figures = {
        "rows": len(examples), "contexts": len(examples.contexts), "seconds": seconds,
        "before": before, "held": read_megabytes("VmRSS"), "peak": read_megabytes("VmHWM"),
        "fingerprint": examples.compute_fingerprint(),
    }  # fmt: skip
    print(json.dumps(figures))


def main() -> None:
    """Write each format, and print the figures of reading it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        measure(args.read)
        return
    examples = load_source()
    print("format      rows  contexts  file MB  seconds  peak RSS MB  held after  before")
    fingerprints = set()
    with tempfile.TemporaryDirectory() as folder:
        for ending, write in WRITERS.items():
            path = Path(folder) / f"data.{ending}"
            write(path, iter_rows(examples, args.times))
            done = subprocess.run(
                [sys.executable, __file__, "--read", str(path)], capture_output=True, text=True, check=True
            )
            figures = json.loads(done.stdout)
            fingerprints.add(figures["fingerprint"])
            print(f"{ending:8} {figures['rows']:8,} {figures['contexts']:8,} {path.stat().st_size / 1e6:8.0f} "
                  f"{figures['seconds']:8.1f} {figures['peak']:11.0f} {figures['held']:11.0f} {figures['before']:8.0f}",
                  flush=True)  # fmt: skip
            path.unlink()
    print("all formats yield the same examples" if len(fingerprints) == 1 else f"the formats differ: {fingerprints}")


if __name__ == "__main__":
    main()
