"""Measure what model.trim_vocabulary saves, and what it does to text that the vocabulary was not trimmed by.

    python benchmarks/trimming.py                            generated: a BERT of 4 layers x 256, 20,000 entries
    MLQA_ASSETS=... python benchmarks/trimming.py DIR ...    TQuAD, model folders of yours
    python benchmarks/trimming.py --data DIR DIR ...         your train*.json and dev*.json

The whole and the trimmed model take the same optimizer steps in alternating rounds. If a model folder only has a
config.json and a tokenizer, the weights are random.
"""

from __future__ import annotations

import argparse
import random
import string
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from inputs import build_bert, load_train_and_dev
from measuring import alternate, build_parser, finish, parse_arguments, report_progress
from rows import Row

from mlqa.models.embeddings import keep_rows
from mlqa.tokenization.scratch import train_tokenizer
from mlqa.tokenization.trimming import TrimmedTokenizer, trim_vocabulary


def take_step(model: Any, optimizer: torch.optim.Optimizer, ids: torch.Tensor) -> tuple[float, float]:
    """Take an optimizer step as the Trainer does. Return the seconds of forward and backward, and of the update."""
    places = torch.arange(1, len(ids) + 1)
    began = time.perf_counter()
    model(input_ids=ids, start_positions=places, end_positions=places).loss.backward()
    between = time.perf_counter()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return between - began, time.perf_counter() - between


def count_megabytes(model: Any, optimizer: torch.optim.Optimizer | None = None) -> float:
    """Return the megabytes of a model's weights, and of the optimizer's state if it is given."""
    tensors = list(model.parameters())
    for state in optimizer.state.values() if optimizer else ():
        tensors += [value for value in state.values() if torch.is_tensor(value)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors) / 1e6


def load_model(folder: Path) -> Any:
    """Load the model of a folder, with random weights if the folder has none."""
    from transformers import AutoConfig, AutoModelForQuestionAnswering

    torch.manual_seed(0)
    if (folder / "model.safetensors").is_file():
        return AutoModelForQuestionAnswering.from_pretrained(folder).float().train()
    return AutoModelForQuestionAnswering.from_config(AutoConfig.from_pretrained(folder)).train()


def make_batch(tokenizer: Any, texts: list[str], size: int, length: int) -> torch.Tensor:
    """Make a batch of running text, in the tokenizer's ids [size, length]."""
    ids = np.concatenate([encoding.ids for encoding in tokenizer.backend_tokenizer.encode_batch(texts[: size * 20])])
    return torch.from_numpy(np.resize(ids, (size, length)).astype(np.int64))


def compare_steps(
    folder: Path, tokenizer: Any, trimmed: TrimmedTokenizer, texts: list[str], args: argparse.Namespace
) -> list[Row]:
    """Return entries, parameters, memory and seconds per step of the trimmed model beside the whole one."""
    whole, cut = load_model(folder), load_model(folder)
    keep_rows(cut, trimmed.kept)
    trained = {}
    for name, model, own_tokenizer in (("whole", whole, tokenizer), ("trimmed", cut, trimmed.tokenizer)):
        ids = make_batch(own_tokenizer, texts, args.batch_size, args.length)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
        take_step(model, optimizer, ids)  # creates the state of the optimizer
        trained[name] = model, optimizer, ids
    tasks = {name: partial(take_step, *parts) for name, parts in trained.items()}
    steps = {name: np.array(seconds).T for name, seconds in alternate(args.rounds, tasks).items()}  # [parts, rounds]
    sizes = {
        name: [
            len(model.get_input_embeddings().weight),
            sum(parameter.numel() for parameter in model.parameters()) / 1e6,
            count_megabytes(model),
            count_megabytes(model, optimizer),
        ]
        for name, (model, optimizer, _) in trained.items()
    }
    labels = ("entries", ""), ("parameters", "M"), ("weights", "MB"), ("weights and AdamW's moments", "MB")
    step = f"a step of {args.batch_size} x {args.length}"
    seconds = {
        step: [parts.sum(axis=0) for parts in steps.values()],
        f"{step}, forward and backward": [parts[0] for parts in steps.values()],
        f"{step}, clipping and AdamW": [parts[1] for parts in steps.values()],
    }
    what = f"trimmed {folder.name}"
    return [
        *(
            Row(f"{what}: {label}", [ours], [peer], "whole", unit)
            for (label, unit), peer, ours in zip(labels, *sizes.values(), strict=True)
        ),
        *(Row(f"{what}: {label}", ours.tolist(), peer.tolist(), "whole") for label, (peer, ours) in seconds.items()),
    ]


def compare_texts(tokenizer: Any, trimmed: TrimmedTokenizer, train: list[str], unseen: dict[str, list[str]]) -> None:
    """Report how many texts and words the trimmed tokenizer encodes as the whole one does."""

    def encode(tokenizer: Any, texts: list[str]) -> list[list[int]]:
        return [item.ids for item in tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)]

    def encode_trimmed(texts: list[str]) -> list[list[int]]:
        """Encode with the trimmed tokenizer, and map the ids back to those of the whole one."""
        return [trimmed.kept[ids].tolist() for ids in encode(trimmed.tokenizer, texts)]

    unknown = tokenizer.unk_token_id
    for name, texts in {"train": train, **unseen}.items():
        before, after = encode(tokenizer, texts), encode_trimmed(texts)
        same = sum(ids == others for ids, others in zip(before, after, strict=True)) / len(texts)
        more = sum(map(len, after)) / sum(map(len, before)) - 1
        unknowns = [sum(ids.count(unknown) for ids in side) for side in (before, after)]
        words = list(dict.fromkeys(word for text in texts for word in text.split()))
        pairs = zip(words, encode(tokenizer, words), encode_trimmed(words), strict=True)
        changed = {word for word, ids, others in pairs if ids != others}
        share = sum(word in changed for text in texts for word in text.split()) / sum(len(t.split()) for t in texts)
        report_progress(f"  {len(texts):5} {name:21} {same:7.1%} tokenized identically, {share:.2%} of the words not, "
                        f"{more:+.2%} tokens, unknown tokens {unknowns[0]} -> {unknowns[1]}")  # fmt: skip


def save_generated_model(folder: Path, texts: list[str], vocabulary: int) -> Path:
    """Save a small BERT's config and a tokenizer most of whose entries are pieces of another language."""
    draw = random.Random(0)
    words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(4, 9))) for _ in range(vocabulary)]
    tokenizer = train_tokenizer([*texts, *words], "wordpiece", vocabulary, 512)
    tokenizer.save_pretrained(folder)
    build_bert(len(tokenizer)).config.save_pretrained(folder)
    return folder


def main() -> None:
    """Trim the vocabulary of each folder, and make both comparisons."""
    parser = build_parser(__doc__, rounds=5)
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR")
    parser.add_argument("--data", help="folder with train*.json and dev*.json")
    parser.add_argument("--questions", type=int, default=4000, help="how many to generate")
    parser.add_argument("--vocabulary", type=int, default=20_000, help="entries of the generated tokenizer")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--length", type=int, default=192)
    parser.add_argument("--only", choices=["texts", "steps"], help="leave out the other part")
    args = parse_arguments(parser, rounds=1, questions=60, vocabulary=1000, batch_size=2, length=32)
    from transformers import AutoTokenizer
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    disable_progress_bar()
    set_verbosity_error()
    train, validation = load_train_and_dev(args.data, args.questions)
    texts = [*train.contexts, *train.questions]
    new = set(validation.contexts) - set(train.contexts)
    unseen = {"unseen contexts": sorted(new), "validation questions": list(validation.questions)}
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for folder in args.folders or [save_generated_model(Path(temporary, "model"), texts, args.vocabulary)]:
            tokenizer = AutoTokenizer.from_pretrained(folder)
            began = time.perf_counter()
            trimmed = trim_vocabulary(tokenizer, texts)
            rows.append(Row(f"trimming the vocabulary of {folder.name}", [time.perf_counter() - began]))
            if args.only != "steps":
                compare_texts(tokenizer, trimmed, texts, {name: lines for name, lines in unseen.items() if lines})
            if args.only != "texts":
                rows += compare_steps(folder, tokenizer, trimmed, texts, args)
    finish(rows, args)


if __name__ == "__main__":
    main()
