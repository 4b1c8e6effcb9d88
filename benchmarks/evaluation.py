"""From logits to scores side by side: decoding and the metric, ours and the peer's (PEER_DIR, see peer.py).

    PEER_DIR=... MLQA_ASSETS=... python benchmarks/evaluation.py    TQuAD's dev split, BERTurk's tokenizer
    python benchmarks/evaluation.py --data DIR --tokenizer DIR      your train*.json and dev*.json, your tokenizer
    python benchmarks/evaluation.py --metric DIR                    `evaluate`'s metrics/squad, from a clone of it

Both sides decode the same random logits, as wide as the peer pads (n_best_size 20, max_answer_length 30), and score the
same answers, half of them right. Without --metric the official score runs as the `evaluate` module that mlqa brings.
Forward passes, by length and padded, are those of a small encoder of random weights.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import tempfile
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from features import splits, tokenizers
from peer import LENGTH, STRIDE, dataset, feature_functions, mapped, peer_dir, postprocess
from run_qa_decoding import decode_as_run_qa

import mlqa.metrics
from mlqa.answers.decoding import decode_best_texts, decode_n_best, select_best_spans
from mlqa.answers.forward import answer_texts
from mlqa.batching.padded_rows import make_batch
from mlqa.config.compose import compose_config
from mlqa.data.examples import Examples
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.squad import compute_squad_scores
from mlqa.training.models import load_model

FORWARD_ROWS = 200


def rounds_of(count: int, **works: Callable[[], Any]) -> dict[str, list[float]]:
    """Seconds of each work, all of them once a round; the first round, which warms up, is left out."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for number in range(count + 1):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if number:
                took[name].append(time.perf_counter() - began)
    return took


def table(title: str, took: dict[str, list[float]]) -> None:
    """The first work is what the others are compared with, round by round."""
    first, *others = took
    print(f"\n{title}\n{first:40} {statistics.median(took[first]):8.4f} s")
    for name in others:
        ratios = [slow / fast for slow, fast in zip(took[first], took[name], strict=True)]
        print(f"{name:40} {statistics.median(took[name]):8.4f} s   ratio {statistics.median(ratios):5.1f} "
              f"({min(ratios):.1f} ... {max(ratios):.1f})", flush=True)  # fmt: skip


def decoding(examples: Examples, windows: Windows, tokenizer: Any, rounds: int) -> list[str]:
    folder = peer_dir()
    random = np.random.default_rng(0)
    starts, ends = (random.normal(size=(len(windows), LENGTH)).astype(np.float32) for _ in range(2))
    everything = np.arange(len(windows))

    def spans() -> Any:
        logits = torch.from_numpy(starts), torch.from_numpy(ends)
        return select_best_spans(*logits, windows, everything, LENGTH, 20, 30)

    works: dict[str, Callable[[], Any]] = {
        "mlqa, answers": lambda: decode_best_texts(spans(), windows, examples),
        "mlqa, n-best": lambda: decode_n_best(spans(), windows, examples, 20, with_null=False),
        "mlqa, n-best as run_qa's": lambda: decode_as_run_qa(starts, ends, windows, examples),
    }
    with tempfile.TemporaryDirectory() as temporary:
        if folder:
            data = dataset(examples, Path(temporary) / "data")
            features = mapped(feature_functions(folder, tokenizer)[1], data)
            decode = postprocess(folder)

            def peer(**options: Any) -> Any:
                with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
                    return decode(data, features, (starts, ends), **options)

            peer(output_dir=temporary)
            works = {"the peer, n-best": peer, **works}
            mine = decode_as_run_qa(starts, ends, windows, examples)
            marked = {
                identifier
                for row, identifier in enumerate(examples.ids)
                if any(map(unicodedata.combining, examples.get_context(row)))
            }
            print()
            for name, found in (("predictions", mine.predictions), ("nbest_predictions", mine.n_best)):
                theirs = json.loads((Path(temporary) / f"{name}.json").read_text("utf-8"))
                wrong = {identifier for identifier, value in theirs.items() if found[identifier] != value}
                print(f"{name}.json: {len(theirs) - len(wrong)} of {len(theirs)} rows equal the peer's; "
                      f"of the others {len(wrong & marked)} are of contexts with combining marks")  # fmt: skip
        table(f"decoding, {len(windows):,} windows of {len(examples):,} questions", rounds_of(rounds, **works))
    return decode_best_texts(spans(), windows, examples)


def scoring(examples: Examples, answers: list[str], folder: str | None, rounds: int) -> None:
    import evaluate

    rows = range(len(examples))
    golds = [examples.get_gold_texts(row) for row in rows]
    predictions = [golds[row][0] if row % 2 else answers[row] for row in rows]
    given = [{"id": examples.ids[row], "prediction_text": predictions[row]} for row in rows]
    wanted = [{"id": examples.ids[row], "answers": {"text": golds[row], "answer_start": [0] * len(golds[row])}}
              for row in rows]  # fmt: skip
    module = Path(folder) if folder else Path(mlqa.metrics.__file__).parent / "evaluate_modules" / "squad"
    metric = evaluate.load(str(module / "squad.py"), keep_in_memory=True)
    theirs = metric.compute(predictions=given, references=wanted)
    mine = compute_squad_scores(predictions, golds)
    same = (mine.exact_match, mine.f1) == (theirs["exact_match"], theirs["f1"])
    official = "evaluate's squad" if folder else "mlqa's evaluate module"
    table(
        f"metric, {len(rows):,} rows; {'equal to the last bit' if same else f'DIFFERENT: {theirs} {mine.f1}'}",
        rounds_of(
            rounds,
            **{
                official: lambda: metric.compute(predictions=given, references=wanted),
                "mlqa, squad_scores": lambda: compute_squad_scores(predictions, golds),
            },
        ),
    )


def forward(examples: Examples, windows: Windows, tokenizer: Any, rounds: int) -> None:
    config, _ = compose_config(["model=tiny_wordpiece"])
    torch.manual_seed(0)
    model = load_model(config.model, tokenizer).eval()
    size = config.training.per_device_eval_batch_size

    @torch.no_grad()
    def padded() -> list[str]:
        parts = []
        for begin in range(0, len(windows), size):
            batch = make_batch(windows, np.arange(begin, min(begin + size, len(windows))), None)
            output = model(**{name: value for name, value in batch.items() if not name.endswith("_positions")})
            parts.append((output.start_logits, output.end_logits))
        starts, ends = (torch.cat(logits) for logits in zip(*parts, strict=True))
        spans = select_best_spans(starts, ends, windows, np.arange(len(windows)), LENGTH, 20, 30)
        return decode_best_texts(spans, windows, examples)

    def by_length() -> list[str]:
        return answer_texts(model, windows, examples, config.training)

    same = sum(one == other for one, other in zip(padded(), by_length(), strict=True))
    table(
        f"forward and decoding; {same} of {len(examples)} answers are the same",
        rounds_of(max(1, rounds // 3), **{"in order, padded to 384": padded, "mlqa, by length": by_length}),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--tokenizer")
    parser.add_argument("--metric")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    train, examples = splits(args.data)
    examples = replace(examples, ids=[str(row) for row in range(len(examples))])  # the peer loses rows of like ids
    tokenizer = next(iter(tokenizers(args.tokenizer, train).values()))
    windows = make_windows(examples, tokenizer, LENGTH, STRIDE)
    answers = decoding(examples, windows, tokenizer, args.rounds)
    scoring(examples, answers, args.metric, args.rounds)
    few = examples.select(np.arange(min(len(examples), FORWARD_ROWS)))
    forward(few, make_windows(few, tokenizer, LENGTH, STRIDE), tokenizer, args.rounds)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import datasets

    datasets.disable_progress_bars()
    main()
