"""`mlqa tokenizers`: several tokenizers side by side on a data set, without training anything."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.errors import MlqaError, RunError

if TYPE_CHECKING:
    from mlqa.config.schema import Config
    from mlqa.data.load import Splits

EXAMPLE = """\
examples; overrides are those of train.py, and every combination of comma-separated values is one tokenizer:
  mlqa tokenizers model=berturk,mbert,xlmr dataset=tquad
  mlqa tokenizers model=berturk model.pretrained=./cased,./uncased 'words=[Kedileri,evlerimizden]'
  mlqa tokenizers model=tiny_wordpiece,tiny_unigram dataset=sample --html tokenizers.html --csv tokenizers.csv
"""
# A run needs both splits; a comparison looks at what there is.
OPTIONAL = ("dataset.train_file", "dataset.validation_file", "dataset.hub.train_split")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", help="what to compare: model=a,b,... dataset=... words=[...]")
    parser.add_argument("--html", metavar="FILE", help="write a page with the words' splits in colour")
    parser.add_argument("--csv", metavar="FILE", help="write the figures, one line a tokenizer")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(args: argparse.Namespace) -> None:
    from mlqa.config.compose import compose_config, list_member_overrides
    from mlqa.display.tokenizer_tables import build_figures_table, build_words_table, format_figures_csv

    rows: list[dict[str, Any]] = []
    splits: dict[str, Splits] = {}  # read once, however many tokenizers look at them
    members = list_member_overrides(args.overrides)
    datasets: dict[str, None] = {}
    for overrides in members:
        config, choices = compose_config(overrides, OPTIONAL, weights=False)
        key = repr(config.dataset)
        if key not in splits:
            splits[key] = _read_splits(config)
        datasets[choices["dataset"]] = None
        # An option with another's weights does not go by the option's name.
        given = any(override.startswith("model.pretrained=") for override in overrides) and config.model.pretrained
        name = Path(given).name if given else choices["model"]
        rows.append({"model": name, **_analyse_config(config, splits[key])})
    for number, row in _find_duplicate_names(rows):
        row["model"] = " ".join([row["model"], *_find_varying_overrides(members, number)])
    dataset = ", ".join(datasets)
    if args.csv:
        _write(args.csv, format_figures_csv(rows))
    if args.html:
        from mlqa.display.tokenizer_page import render_tokenizer_page

        _write(args.html, render_tokenizer_page(rows, f"Tokenizers on {dataset}"))
    if args.json:
        json.dump({"dataset": dataset, "tokenizers": rows}, sys.stdout, ensure_ascii=False, indent=1, allow_nan=False)
        print()
        return

    from rich.console import Console

    console = Console()
    console.print(build_figures_table(rows, f"Tokenizers on {dataset}", console.width))
    console.print()
    console.print(build_words_table(rows, console.width))


def _read_splits(config: Config) -> Splits:
    from mlqa.config.validation import is_local_folder
    from mlqa.data.load import load_splits
    from mlqa.environment import go_offline_if_unreachable

    if config.dataset.hub is not None or not is_local_folder(config.model.pretrained or "."):
        go_offline_if_unreachable()
    return load_splits(config.dataset, both=False)


def _analyse_config(config: Config, splits: Splits) -> dict[str, Any]:
    """tokenization.json as a run of this config would write it, with the name or folder of the model."""
    from transformers.utils.logging import set_verbosity_error

    from mlqa.metrics.tokenizer_analysis import analyse_tokenizer
    from mlqa.tokenization.load import load_tokenizer
    from mlqa.tokenization.trimming import trim_vocabulary
    from mlqa.training.models import compute_embedding_share

    set_verbosity_error()
    texts = [*splits.train.contexts, *splits.train.questions]
    tokenizer = load_tokenizer(config.model, texts)
    if config.model.trim_vocabulary:
        tokenizer, _ = trim_vocabulary(tokenizer, texts)
    found = analyse_tokenizer(tokenizer, config, splits).to_dict()
    try:
        found["embedding_share"] = compute_embedding_share(config.model, tokenizer)
    except MlqaError:  # a folder that holds but a tokenizer
        pass
    return {"pretrained": config.model.pretrained, **found}


def _find_duplicate_names(rows: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Numbers and rows of those whose name is another's, too."""
    names = [row["model"] for row in rows]
    return [(number, row) for number, row in enumerate(rows) if names.count(row["model"]) > 1]


def _find_varying_overrides(members: Sequence[Sequence[str]], number: int) -> list[str]:
    """What a member was given and not all were, but for its model."""
    return [
        override
        for override in members[number]
        if not override.startswith("model=") and any(override not in other for other in members)
    ]


def _write(path: str, text: str) -> None:
    try:
        Path(path).expanduser().write_text(text, "utf-8")
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None
