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
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
from inputs import load_train_and_dev
from measuring import build_parser, finish, parse_arguments, read_megabytes, run_apart
from rows import Row

from mlqa.data.examples import Examples
from mlqa.data.readers import read_file

Record = dict[str, Any]


def load_source(questions: int) -> Examples:
    """Load TQuAD's train and dev split if MLQA_ASSETS has them, else generate as many rows of the same length."""
    splits = load_train_and_dev(None, questions)
    offset = len(splits[0].contexts)
    return Examples(
        ids=[identifier for split in splits for identifier in split.ids],
        questions=[question for split in splits for question in split.questions],
        contexts=[context for split in splits for context in split.contexts],
        context_of=np.concatenate([splits[0].context_of, splits[1].context_of + offset]),
        answers=[answers for split in splits for answers in split.answers],
    )


def iter_rows(examples: Examples, times: int) -> Iterator[Record]:
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


def write_json(path: Path, data: Iterator[Record]) -> None:
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


def write_json_lines(path: Path, data: Iterator[Record]) -> None:
    """Write a row per line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in data)


def write_csv(path: Path, data: Iterator[Record]) -> None:
    """Write a row per line, with the answers as JSON."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("id", "question", "context", "answers"))
        writer.writeheader()
        writer.writerows({**row, "answers": json.dumps(row["answers"], ensure_ascii=False)} for row in data)


def write_parquet(path: Path, data: Iterator[Record]) -> None:
    """Write row groups of 200,000 rows, larger than any reader should hold at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    answers = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])
    text = pa.string()
    schema = pa.schema([("id", text), ("question", text), ("context", text), ("answers", answers)])
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(islice(data, 200_000)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))


WRITERS: dict[str, Callable[[Path, Iterator[Record]], None]] = {
    "json": write_json,
    "jsonl": write_json_lines,
    "csv": write_csv,
    "parquet": write_parquet,
}


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
    """Write each format, and measure reading it."""
    parser = build_parser(__doc__)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--questions", type=int, default=8400, help="how many to generate, and a tenth for dev")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    args = parse_arguments(parser, times=2, questions=100)
    if args.read:
        measure(args.read)
        return
    examples = load_source(args.questions)
    rows, fingerprints = [], set()
    with tempfile.TemporaryDirectory() as folder:
        for ending, write in WRITERS.items():
            path = Path(folder) / f"data.{ending}"
            write(path, iter_rows(examples, args.times))
            figures = run_apart(__file__, "--read", str(path))
            fingerprints.add(figures["fingerprint"])
            what = f"reading {figures['rows']:,} rows of {ending}, {path.stat().st_size / 1e6:,.0f} MB"
            rows += [
                Row(what, [figures["seconds"]]),
                Row(f"{what}: memory at the peak", [figures["peak"]], unit="MB"),
                Row(f"{what}: memory held after it", [figures["held"]], unit="MB"),
                Row(f"{what}: memory before", [figures["before"]], unit="MB"),
            ]
            path.unlink()
    if len(fingerprints) > 1:
        raise SystemExit(f"the formats differ: {fingerprints}")
    finish(rows, args)


if __name__ == "__main__":
    main()
