"""Compare decoding and the metric with the peer's, from logits to scores (PEER_DIR, see peer.py).

    PEER_DIR=... MLQA_ASSETS=... python benchmarks/evaluation.py    TQuAD's dev split, BERTurk's tokenizer
    python benchmarks/evaluation.py --data DIR --tokenizer DIR      your train*.json and dev*.json, your tokenizer
    python benchmarks/evaluation.py --metric DIR                    `evaluate`'s metrics/squad, from a clone of it

Both decode the same random logits, as wide as the peer pads (n_best_size 20, max_answer_length 30), and score the same
answers, half of which are right. Without --metric, the official score is computed by mlqa's own `evaluate` module.
Forward passes, by length and padded, are those of a small encoder with random weights.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from inputs import load_tokenizers, load_train_and_dev
from measuring import build_parser, finish, parse_arguments, report_progress, time_rounds
from peer import LENGTH, PEER, STRIDE, find_peer, load_feature_functions, load_postprocess, map_dataset, save_dataset
from rows import Row
from run_qa_decoding import decode_as_run_qa

import mlqa.metrics
from mlqa.answers.decoding import Spans, decode_best_texts, decode_n_best, select_best_spans
from mlqa.answers.forward import predict_spans
from mlqa.batching.padded_rows import make_batch
from mlqa.config.compose import compose_config
from mlqa.config.schema import TrainingConfig
from mlqa.data.examples import Examples
from mlqa.features.windows import Windows, make_windows
from mlqa.metrics.squad import compute_squad_scores
from mlqa.models.loading import load_model

FORWARD_ROWS = 200
BATCH_SIZE = TrainingConfig().per_device_eval_batch_size


def compare_decoding(examples: Examples, windows: Windows, tokenizer: Any, rounds: int) -> tuple[list[Row], list[str]]:
    """Decode random logits in each way, count the rows that differ from the peer's, and also return our answers."""
    folder = find_peer()
    random = np.random.default_rng(0)
    starts, ends = (random.normal(size=(len(windows), LENGTH)).astype(np.float32) for _ in range(2))
    everything = np.arange(len(windows))

    def select_spans() -> Spans:
        parts = []  # batch by batch, as an evaluation does
        for begin in range(0, len(windows), BATCH_SIZE):
            batch = slice(begin, begin + BATCH_SIZE)
            logits = torch.from_numpy(starts[batch]), torch.from_numpy(ends[batch])
            parts.append(select_best_spans(*logits, windows, everything[batch], LENGTH, 20, 30))
        return Spans(*(np.concatenate(arrays) for arrays in zip(*map(astuple, parts), strict=True)))

    tasks: dict[str, Callable[[], Any]] = {
        "answers": lambda: decode_best_texts(select_spans(), windows, examples),
        "n-best": lambda: decode_n_best(select_spans(), windows, examples, 20, with_null=False),
        "n-best in the order of run_qa.py": lambda: decode_as_run_qa(starts, ends, windows, examples),
    }
    with tempfile.TemporaryDirectory() as temporary:
        if folder:
            data = save_dataset(examples, Path(temporary) / "data")
            features = map_dataset(load_feature_functions(folder, tokenizer)[1], data)
            decode = load_postprocess(folder)

            def decode_by_peer(**options: Any) -> Any:
                with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
                    return decode(data, features, (starts, ends), **options)

            decode_by_peer(output_dir=temporary)
            tasks = {PEER: decode_by_peer, **tasks}
            mine = decode_as_run_qa(starts, ends, windows, examples)
            marked = {
                identifier
                for row, identifier in enumerate(examples.ids)
                if any(map(unicodedata.combining, examples.get_context(row)))
            }
            for name, ours in (("predictions", mine.predictions), ("nbest_predictions", mine.n_best)):
                theirs = json.loads((Path(temporary) / f"{name}.json").read_text("utf-8"))
                wrong = {identifier for identifier, value in theirs.items() if ours[identifier] != value}
                report_progress(f"{name}.json: {len(theirs) - len(wrong)} of {len(theirs)} rows equal the peer's; "
                                f"{len(wrong & marked)} of the others have combining marks")  # fmt: skip
        seconds = time_rounds(rounds, tasks)
    what = f"decoding {len(windows):,} windows of {len(examples):,} questions"
    theirs = seconds.pop(PEER, None)
    targets = {"answers": 20, "n-best": 3}
    rows = [Row(f"{what}: {way}", ours, theirs, PEER, at_least=targets.get(way)) for way, ours in seconds.items()]
    return rows, decode_best_texts(select_spans(), windows, examples)


def compare_scoring(examples: Examples, answers: list[str], folder: str | None, rounds: int) -> list[Row]:
    """Score the answers, half of them replaced by a gold, by an `evaluate` module and by mlqa."""
    import evaluate

    rows = range(len(examples))
    golds = [examples.get_gold_texts(row) for row in rows]
    predictions = [golds[row][0] if row % 2 else answers[row] for row in rows]
    predicted = [{"id": examples.ids[row], "prediction_text": predictions[row]} for row in rows]
    references = [{"id": examples.ids[row], "answers": {"text": golds[row], "answer_start": [0] * len(golds[row])}}
                  for row in rows]  # fmt: skip
    module = Path(folder) if folder else Path(mlqa.metrics.__file__).parent / "evaluate_modules" / "squad"
    metric = evaluate.load(str(module / "squad.py"), keep_in_memory=True)
    theirs = metric.compute(predictions=predicted, references=references)
    mine = compute_squad_scores(predictions, golds)
    if (mine.exact_match, mine.f1) != (theirs["exact_match"], theirs["f1"]):
        raise SystemExit(f"the scores differ: {theirs}, ours {mine}")
    seconds = time_rounds(
        rounds,
        {
            "peer": lambda: metric.compute(predictions=predicted, references=references),
            "ours": lambda: compute_squad_scores(predictions, golds),
        },
    )
    what, name = f"metric of {len(rows):,} answers, equal to the last bit", "evaluate" if folder else "mlqa's module"
    return [Row(what, seconds["ours"], seconds["peer"], name, at_least=5 if folder else None)]


def compare_forward_passes(examples: Examples, windows: Windows, tokenizer: Any, rounds: int) -> list[Row]:
    """Answer with a small model, in order and padded to the full width, and by length as mlqa does."""
    config, _ = compose_config(["model=tiny_wordpiece"])
    torch.manual_seed(0)
    model = load_model(config.model, tokenizer)[0].eval()
    size = config.training.per_device_eval_batch_size

    @torch.no_grad()
    def answer_padded() -> list[str]:
        parts = []
        for begin in range(0, len(windows), size):
            batch = make_batch(windows, np.arange(begin, min(begin + size, len(windows))), None)
            output = model(**{name: value for name, value in batch.items() if not name.endswith("_positions")})
            parts.append((output.start_logits, output.end_logits))
        starts, ends = (torch.cat(logits) for logits in zip(*parts, strict=True))
        spans = select_best_spans(starts, ends, windows, np.arange(len(windows)), LENGTH, 20, 30)
        return decode_best_texts(spans, windows, examples)

    def answer_by_length() -> list[str]:
        return decode_best_texts(predict_spans(model, windows, config.training), windows, examples)

    same = sum(text == other for text, other in zip(answer_padded(), answer_by_length(), strict=True))
    seconds = time_rounds(max(1, rounds // 3), {"padded": answer_padded, "by length": answer_by_length})
    what = f"forward passes by length, {same} of {len(examples)} answers are the same"
    return [Row(what, seconds["by length"], seconds["padded"], "padded")]


def main() -> None:
    """Compare decoding, scoring and forward passes."""
    parser = build_parser(__doc__, rounds=9)
    parser.add_argument("--data")
    parser.add_argument("--tokenizer")
    parser.add_argument("--metric")
    parser.add_argument("--questions", type=int, default=8000, help="how many to generate. A tenth are answered")
    args = parse_arguments(parser, rounds=1, questions=200)
    datasets.disable_progress_bars()
    train, examples = load_train_and_dev(args.data, args.questions)
    examples = replace(examples, ids=[str(row) for row in range(len(examples))])  # the peer loses rows with equal ids
    tokenizer = next(iter(load_tokenizers(args.tokenizer, train).values()))
    windows = make_windows(examples, tokenizer, LENGTH, STRIDE)
    rows, answers = compare_decoding(examples, windows, tokenizer, args.rounds)
    rows += compare_scoring(examples, answers, args.metric, args.rounds)
    few = examples.select(np.arange(min(len(examples), FORWARD_ROWS)))
    rows += compare_forward_passes(few, make_windows(few, tokenizer, LENGTH, STRIDE), tokenizer, args.rounds)
    finish(rows, args)


if __name__ == "__main__":
    main()
