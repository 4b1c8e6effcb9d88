"""`mlqa tokenizers`: compare several tokenizers on a data set without training a model."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.commands.inputs import OPTIONAL, load_available_splits, load_model_tokenizer
from mlqa.errors import ConfigError, MlqaError, RunError

if TYPE_CHECKING:
    from mlqa.config.schema import Config
    from mlqa.data.load import Splits

READINGS = ("best", "mean", "likeliest")
OVERRIDE = re.compile(r"[~+]*[A-Za-z_][\w./@-]*=")  # key=value, which no word is
EXAMPLE = """\
examples; overrides are those of train.py, and every combination of comma-separated values is one tokenizer:
  mlqa tokenizers model=berturk,mbert,xlmr dataset=tquad
  mlqa tokenizers model=berturk model.pretrained=./cased,./uncased --words Kedileri kâğıdı
  mlqa tokenizers model=berturk dataset=tquad --text "Ankara'nın kedileri uyuyor." words_file=mywords.csv
  mlqa tokenizers model=tiny_wordpiece,tiny_unigram dataset=sample --html tokenizers.html --csv tokenizers.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa tokenizers`."""
    parser.add_argument("overrides", nargs="*", help="what to compare: model=a,b,... dataset=... words_file=...")
    parser.add_argument("--words", metavar="WORD", nargs="+", default=[], help="show these words instead of the list")
    parser.add_argument("--text", metavar="TEXT", help="show the words of this text, each once")
    parser.add_argument(
        "--readings",
        choices=READINGS,
        default="best",
        help="which reading of an ambiguous word the morpheme figures take: the best for the tokenizer (default), the "
        "mean of all, or the likeliest",
    )
    parser.add_argument("--html", metavar="FILE", help="write a page that shows the tokens of each word in colour")
    parser.add_argument("--csv", metavar="FILE", help="write the figures, one row per tokenizer")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(args: argparse.Namespace) -> None:
    """Analyze each tokenizer, write the requested files, and print tables or JSON.

    Raises:
        ConfigError: If an override is wrong.
        DataError: If the data set cannot be read.
        ModelError: If a model has no fast tokenizer.
        RunError: If a file cannot be written.
        UnreachableError: If the data set or a model cannot be reached.
    """
    from mlqa.config.compose import compose_config
    from mlqa.config.member_overrides import list_member_overrides
    from mlqa.display.tokenizer_tables import format_figures_csv

    words, overrides = _separate_overrides(args.words)
    if args.text is not None and not args.text.split():
        raise ConfigError("tokenizers: --text: is empty; give the text whose words to show")
    words += (args.text or "").split()
    rows: list[dict[str, Any]] = []
    splits: dict[str, Splits] = {}  # each data set is read once, however many tokenizers use it
    members = list_member_overrides([*args.overrides, *overrides])
    datasets: dict[str, None] = {}
    for overrides in members:
        config, choices = compose_config(overrides, OPTIONAL, weights=False)
        key = repr(config.dataset)
        if key not in splits:
            splits[key] = load_available_splits(config)
        datasets[choices["dataset"]] = None
        # If the weights are not the option's own, the option's name would mislead.
        given = any(override.startswith("model.pretrained=") for override in overrides) and config.model.pretrained
        name = Path(given).name if given else choices["model"]
        if words:
            config.words = list(dict.fromkeys(words))
        rows.append({"model": name, **_choose_reading(_analyze_config(config, splits[key]), args.readings)})
    _make_names_unique(rows, members)
    dataset = ", ".join(datasets)
    if args.csv:
        _write_file(args.csv, format_figures_csv(rows))
    if args.html:
        from mlqa.display.tokenizer_page import render_tokenizer_page

        _write_file(args.html, render_tokenizer_page(rows, f"Tokenizers on {dataset}"))
    if args.json:
        content = {"dataset": dataset, "tokenizers": rows}
        print(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False))
        return

    _print_tables(rows, f"Tokenizers on {dataset}")


def _separate_overrides(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words after --words, and the overrides that follow them, such as model=berturk."""
    overrides = [word for word in words if OVERRIDE.match(word)]
    return [word for word in words if word not in overrides], overrides


def _choose_reading(row: dict[str, Any], reading: str) -> dict[str, Any]:
    """Return a row with the figures of `reading` for words of several readings."""
    by_reading = row["morphemes"].get("readings", {})
    if reading not in by_reading or reading == "best":
        return row
    changed = by_reading[reading]
    intervals = {name: interval for name, interval in row["intervals"].items() if name not in changed}
    return {**row, **changed, "intervals": intervals, "morphemes": {**row["morphemes"], "reading": reading}}


def _print_tables(rows: Sequence[dict[str, Any]], title: str) -> None:
    from rich.console import Console

    from mlqa.display.tokenizer_tables import (
        build_families_table,
        build_figures_table,
        build_words_table,
        describe_sources,
    )

    console = Console()
    console.print(build_figures_table(rows, title, console.width))
    console.print()
    if (families := build_families_table(rows)) is not None:
        console.print(families)
        console.print()
    for line in describe_sources(rows):
        console.print(line, markup=False, highlight=False)
    if (words := build_words_table(rows, console.width)) is not None:
        console.print()
        console.print(words)


def _analyze_config(config: Config, splits: Splits) -> dict[str, Any]:
    """Return the tokenization.json that a run of this config would write, plus the model's name or folder."""
    from mlqa.metrics.tokenizer_analysis import analyze_tokenizer
    from mlqa.models.loading import compute_embedding_share

    tokenizer = load_model_tokenizer(config, splits)
    row = analyze_tokenizer(tokenizer, config, splits).to_dict()
    with contextlib.suppress(MlqaError):  # the folder holds only a tokenizer
        row["embedding_share"] = compute_embedding_share(config.model, tokenizer)
    return {"pretrained": config.model.pretrained, **row}


def _make_names_unique(rows: Sequence[dict[str, Any]], members: Sequence[Sequence[str]]) -> None:
    """Append to each repeated model name the overrides that not all members have, except `model=`."""
    times = Counter(row["model"] for row in rows)
    for row, overrides in zip(rows, members, strict=True):
        if times[row["model"]] > 1:
            varying = (
                override
                for override in overrides
                if not override.startswith("model=") and any(override not in other for other in members)
            )
            row["model"] = " ".join([row["model"], *varying])


def _write_file(path: str, text: str) -> None:
    try:
        Path(path).expanduser().write_text(text, "utf-8")
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None
