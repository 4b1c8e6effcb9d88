"""Measure training on one GPU, in eight minutes: run_qa.py's way against mlqa's, in half precision.

    python benchmarks/gpu.py                                    BERT-base with random weights, TQuAD or generated data
    python benchmarks/gpu.py --train-file train.json --pretrained DIR --batch-size 32 --minutes 8
    python benchmarks/gpu.py --smoke                            try it without a GPU, on a tiny model

Each way trains a copy of the same model on the same data: the peer with every window padded to 384 tokens, mlqa in
groups and in packed rows, by torch's sdpa, by flash attention if flash-attn is installed, and compiled. The first step
of each does not count. Ways for which no time is left are named. For each way a line says windows and tokens (without
padding) per second, the share of the GPU's peak, which is that of a large matrix product in the same precision, the
peak of its memory, and how many graphs were compiled. The rows of the table are seconds, megabytes and graphs.

No way begins that would not end within --minutes, as far as the ones before it tell. If they are over nevertheless, the
script stops what it is doing and prints what it has. A way that fails is named, and the others go on.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import monotonic as now
from typing import Any
from unittest.mock import patch

import torch
from deadline import TimeIsUp, stop_after
from inputs import build_bert, load_tokenizers, load_train_and_dev
from measuring import build_parser, finish, parse_arguments, report_progress
from operations import count_operations, measure_peak
from peer import PEER
from rows import Row
from training import configure, make_peer_features, train_ours, train_peer
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from mlqa.config.schema import Config
from mlqa.data.readers import read_file
from mlqa.features.windows import Windows, make_windows

GRAPHS = 8  # the most that the shapes of a training may need


@dataclass(frozen=True)
class Way:
    """One way to train: how steps are read, by which attention, and whether kernels are compiled."""

    batching: str
    attention: str = "sdpa"
    compiled: bool = False

    def __str__(self) -> str:
        return ", ".join([self.batching, self.attention, *(["compiled"] if self.compiled else [])])


@dataclass(frozen=True)
class Measured:
    """What one way took: seconds and matrix operations of the steps, the peak of memory, compiled graphs."""

    seconds: float
    operations: float
    megabytes: float
    graphs: int


def list_ways() -> list[Way]:
    """Return the ways, the most telling first. Flash attention takes no packed rows."""
    ways = [Way("peer"), Way("packed"), Way("grouped"), Way("packed", compiled=True), Way("grouped", compiled=True)]
    if importlib.util.find_spec("flash_attn") is not None:
        ways.insert(3, Way("grouped", "flash_attention_2"))
    return ways


def choose_precision() -> tuple[str, torch.dtype]:
    """Return the best half precision of the GPU, and full precision if there is none, by mlqa's name and torch's."""
    if not torch.cuda.is_available():
        return "fp32", torch.float32
    return ("fp16", torch.float16) if torch.cuda.get_device_capability() < (8, 0) else ("bf16", torch.bfloat16)


def copy_model(model: Any, attention: str) -> Any:
    """Return a model with the same weights and another attention."""
    copied = AutoModelForQuestionAnswering.from_config(copy.deepcopy(model.config), attn_implementation=attention)
    copied.load_state_dict(model.state_dict())
    return copied


@contextmanager
def compile_without_kernels() -> Iterator[None]:
    """Let torch.compile trace graphs and run them as they are, which takes seconds where kernels take minutes."""
    compile_model: Callable[..., Any] = torch.compile
    with patch.object(torch, "compile", lambda model, **_: compile_model(model, backend="eager")):
        yield


def measure(
    way: Way, model: Any, windows: Windows, features: Any, config: Config, args: argparse.Namespace
) -> Measured:
    """Train in one way."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    trained = copy_model(model, way.attention)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    if way.batching == "peer":
        seconds = train_peer(trained, features, config)
        operations = count_operations(model, [(args.batch_size, windows.max_seq_length)] * args.steps)
    else:
        seconds, operations = train_ours(trained, windows, config, args.steps)
    megabytes = torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0
    return Measured(seconds, operations, megabytes, torch._dynamo.utils.counters["stats"]["unique_graphs"])


def measure_all(args: argparse.Namespace, folder: Path, found: dict[Way, Measured]) -> None:
    """Train in each way for which there is time, print a line about each, and add what was measured to `found`."""
    began = now()
    examples = read_file(args.train_file) if args.train_file else load_train_and_dev(None, args.questions)[0]
    if args.pretrained:
        tokenizer = AutoTokenizer.from_pretrained(args.pretrained)
        model = AutoModelForQuestionAnswering.from_pretrained(args.pretrained)
    else:
        tokenizer = next(iter(load_tokenizers(args.tokenizer, examples).values()))
        model = build_bert(len(tokenizer), is_base=not args.smoke)
    windows = make_windows(examples, tokenizer, args.length, args.length // 3)
    features = make_peer_features(examples, tokenizer, windows, folder)
    name, kind = choose_precision()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    peak = measure_peak(device, kind, 8192 if device == "cuda" else 256)
    report_progress(f"{describe_device()}, {name}, {peak / 1e12:.3g} TFLOP/s in a large matrix product")
    tokens = windows.lengths.mean() * args.batch_size * args.steps
    longest = 0.0
    for way in list_ways():
        spent = now() - began
        if way.batching == "peer" and features is None:
            continue
        if spent + longest > 60 * args.minutes:
            report_progress(f"{way}: left out, because {spent / 60:.1f} of {args.minutes:g} minutes are over")
            continue
        compiled = ["training.torch_compile=true", "training.pad_to_multiple_of=64"] if way.compiled else []
        batching = "padded" if way.batching == "peer" else way.batching
        config = configure(str(folder), batching, name, args, "training.auto_find_batch_size=false", *compiled)
        try:
            one = found[way] = measure(way, model, windows, features, config, args)
        except Exception as error:
            if args.smoke:
                raise
            report_progress(f"{way}: failed, {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
            continue
        finally:
            longest = max(longest, now() - began - spent)
        report_progress(
            f"{way}: {args.batch_size * args.steps / one.seconds:.1f} windows/s, {tokens / one.seconds:,.0f} tokens/s, "
            f"{one.operations / one.seconds / peak:.0%} of the peak, {one.megabytes:,.0f} MB, {one.graphs} graphs"
        )


def describe_device() -> str:
    """Return the name of the GPU, else of what stands in for it."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: this CPU"


def build_rows(found: dict[Way, Measured], args: argparse.Namespace) -> list[Row]:
    """Return seconds, megabytes and graphs of each way, beside the peer's."""
    first = found.pop(Way("peer"), None)
    rows = []
    for way, one in found.items():
        what = f"{describe_device()}, {args.steps} steps of {args.batch_size} windows, {way}"
        rows.append(Row(what, [one.seconds], [first.seconds] if first else None, PEER))
        if one.megabytes:
            memory = [first.megabytes] if first else None
            rows.append(Row(f"{what}: peak of memory", [one.megabytes], memory, PEER, unit="MB", at_most=1.0))
        if way.compiled:
            rows.append(Row(f"{what}: graphs", [one.graphs], [GRAPHS], "allowed", unit="graphs", at_most=1.0))
    return rows


def main() -> None:
    """Measure each way on this GPU."""
    parser = build_parser(__doc__)
    parser.add_argument("--train-file")
    parser.add_argument("--tokenizer", help="folder of a tokenizer, for a model with random weights")
    parser.add_argument("--pretrained", help="folder of a model with its tokenizer")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--length", type=int, default=384, help="tokens of the longest window")
    parser.add_argument("--questions", type=int, default=20_000, help="how many to generate")
    parser.add_argument("--minutes", type=float, default=8.0, help="when to stop, whatever is measured by then")
    parser.set_defaults(pad_to_multiple_of=None)
    args = parse_arguments(parser, steps=1, batch_size=4, questions=60, length=112)
    if not torch.cuda.is_available() and not args.smoke:
        report_progress("no GPU was found, so nothing is measured; --smoke tries the script on this CPU")
        finish([], args)
        return
    found: dict[Way, Measured] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            with stop_after(60 * args.minutes), compile_without_kernels() if args.smoke else nullcontext():
                measure_all(args, Path(folder), found)
        except TimeIsUp:
            report_progress(f"{args.minutes:g} minutes are over, so the rest is not measured")
    finish(build_rows(found, args), args)


if __name__ == "__main__":
    main()
