"""Measure what model.trim_vocabulary saves, and what it does to text that the vocabulary was not trimmed by.

    python benchmarks/trimming.py --train-file train.json --validation-file dev.json DIR [DIR ...]

The whole and the trimmed model take the same optimizer steps in alternating rounds. Each DIR is a model folder. If it
only has a config.json and a tokenizer, the weights are random.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlqa.data.examples import Examples
from mlqa.data.readers import read_file
from mlqa.models.embeddings import keep_rows
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


def time_steps(
    folder: Path, tokenizer: Any, trimmed: TrimmedTokenizer, texts: list[str], args: argparse.Namespace
) -> None:
    """Print parameters, memory and seconds per step of the whole and the trimmed model."""
    whole, cut = load_model(folder), load_model(folder)
    keep_rows(cut, trimmed.kept)
    pairs = []
    for model, own_tokenizer in ((whole, tokenizer), (cut, trimmed.tokenizer)):
        ids = make_batch(own_tokenizer, texts, args.batch_size, args.length)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
        take_step(model, optimizer, ids)  # creates the state of the optimizer
        pairs.append((model, optimizer, ids))
    for name, (model, optimizer, _) in zip(("whole  ", "trimmed"), pairs, strict=True):
        millions = sum(parameter.numel() for parameter in model.parameters()) / 1e6
        entries = len(model.get_input_embeddings().weight)
        print(f"  {name} {entries:7,} entries  {millions:5.1f} M parameters"
              f"  {count_megabytes(model):5.0f} MB of weights"
              f"  {count_megabytes(model, optimizer):5.0f} MB with AdamW's moments")  # fmt: skip
    rounds = np.zeros((args.rounds, 2, 2))  # [rounds, models, parts]
    for number in range(args.rounds):
        rounds[number] = [take_step(*pair) for pair in pairs]
        slow, fast = rounds[number].sum(1)
        print(f"  round {number + 1}: {slow:.2f} -> {fast:.2f} s, ratio {slow / fast:.2f}")
    (forward, update), (forward_cut, update_cut) = np.median(rounds, axis=0)
    ratios = rounds.sum(2)[:, 0] / rounds.sum(2)[:, 1]
    print(f"  a step of {args.batch_size} x {args.length}: forward and backward {forward:.2f} -> {forward_cut:.2f} s, "
          f"clipping and AdamW {update:.2f} -> {update_cut:.2f} s")  # fmt: skip
    print(f"  whole / trimmed, {args.rounds} rounds: median {np.median(ratios):.2f} "
          f"(min {min(ratios):.2f}, max {max(ratios):.2f})")  # fmt: skip


def compare(tokenizer: Any, trimmed: TrimmedTokenizer, train: list[str], unseen: dict[str, list[str]]) -> None:
    """Print how many texts and words the trimmed tokenizer encodes as the whole one does."""

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
        print(f"  {len(texts):5} {name:21} {same:7.1%} tokenized identically, {share:.2%} of the words not, "
              f"{more:+.2%} tokens, unknown tokens {unknowns[0]} -> {unknowns[1]}")  # fmt: skip


def main() -> None:
    """Trim the vocabulary of each folder, and print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--train-file", required=True)
    parser.add_argument("--validation-file", required=True)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--length", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["texts", "steps"], help="leave out the other part")
    args = parser.parse_args()
    from transformers import AutoTokenizer
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    disable_progress_bar()
    set_verbosity_error()
    train: Examples = read_file(args.train_file)
    validation: Examples = read_file(args.validation_file)
    texts = [*train.contexts, *train.questions]
    new = set(validation.contexts) - set(train.contexts)
    unseen = {"unseen contexts": sorted(new), "validation questions": list(validation.questions)}
    for folder in args.folders:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        began = time.perf_counter()
        trimmed = trim_vocabulary(tokenizer, texts)
        print(
            f"{folder.name}: {len(tokenizer):,} -> {len(trimmed.kept):,} entries in {time.perf_counter() - began:.1f} s"
        )
        if args.only != "steps":
            compare(tokenizer, trimmed, texts, unseen)
        if args.only != "texts":
            time_steps(folder, tokenizer, trimmed, texts, args)


if __name__ == "__main__":
    main()
