"""The tables of `mlqa audit`, and under each what it asks one to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlqa.data.audit import Audit
from mlqa.data.audit_warnings import describe_leakage, format_percent
from mlqa.data.leakage import NEAR_CONTEXT, NEAR_QUESTION, WAYS
from mlqa.data.load import SPLITS
from mlqa.data.unicode_oddities import escape_oddities

Figures = dict[str, Any]


def show(audit: Audit, tokenizer: dict[str, Figures] | str, choices: dict[str, str], max_answer_length: int) -> None:
    """Prints everything on stdout; `tokenizer` is figures by split, or the line that says why there are none."""
    console = Console()
    splits = {name: audit.figures[name] for name in SPLITS if name in audit.figures}
    for make in (
        _build_row_table,
        _build_leakage_table,
        _build_answer_table,
        _build_unicode_table,
        _build_length_table,
    ):
        table = make(splits, audit)
        if table is not None:
            console.print(table)
            for line in READINGS[make](splits, audit):
                console.print(Text(escape_oddities(line)), style="yellow")
            console.print()
    title = f"Windows by the tokenizer of model={choices['model']}"
    if isinstance(tokenizer, str):
        console.print(Text(escape_oddities(f"{title}: left out: {tokenizer}")), style="yellow")
        return
    console.print(_build_window_table(tokenizer, title, max_answer_length))
    for line in _explain_windows(tokenizer, max_answer_length):
        console.print(Text(line), style="yellow")


def _create_table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _format_count(number: int) -> str:
    return f"{number:,}"


def _format_share(number: int, of: int) -> str:
    return f"{number:,} ({format_percent(number, of)})" if number else "0"


def _build_row_table(splits: dict[str, Figures], audit: Audit) -> Table:
    table = _create_table("Rows and offsets", *splits)
    lines: dict[str, Callable[[Figures], str]] = {
        "rows read": lambda found: _format_count(found["rows"]["read"]),
        "dropped": lambda found: _format_share(found["rows"]["dropped"], found["rows"]["read"]),
        "short of a gold": lambda found: _format_share(found["rows"]["short_of_a_gold"], found["rows"]["read"]),
        "audited": lambda found: _format_count(found["rows"]["audited"]),
        "distinct contexts": lambda found: _format_count(found["rows"]["contexts"]),
        "unanswerable": lambda found: _format_share(found["rows"]["unanswerable"], found["rows"]["audited"]),
        "answer offsets right": lambda found: _format_share(found["offsets"]["right"], found["offsets"]["golds"]),
        "  repaired": lambda found: _format_share(found["offsets"]["repaired"], found["offsets"]["golds"]),
        "  without a place": lambda found: _format_share(found["offsets"]["unlocated"], found["offsets"]["golds"]),
        "  with outer white space": lambda found: _format_share(
            found["offsets"]["stripped"], found["offsets"]["golds"]
        ),
        "repeated ids": lambda found: _format_count(found["rows"]["duplicate_ids"]),
        "duplicate rows": lambda found: _format_share(found["duplicates"]["rows"], found["rows"]["audited"]),
        "  with conflicting answers": lambda found: _format_count(found["duplicates"]["conflicting_groups"]),
    }
    for label, cell in lines.items():
        table.add_row(label, *map(cell, splits.values()))
    return table


def _explain_rows(splits: dict[str, Figures], audit: Audit) -> Iterator[str]:
    for name, found in splits.items():
        examples = audit.examples[name]
        if dropped := found["rows"]["dropped"]:
            yield f"Dropped rows of {name}: {dropped:,}; dataset.strict=true refuses such a data set. The first:"
            yield from (f"  {row['place']}: {row['text']}" for row in examples["dropped"])
        if short := found["rows"]["short_of_a_gold"]:
            yield f"Rows of {name} that keep one gold and lose the place of another: {short:,}. The first:"
            yield from (f"  {row['place']}: {row['text']}" for row in examples["short_of_a_gold"])
        if repaired := found["offsets"]["repaired"]:
            first = examples["repaired_offsets"][0]
            yield (
                f"Answers of {name} that stand elsewhere than they say, and only there: {repaired:,}; their offsets "
                f"were mended. The first: {first['place']}: {first['text']}"
            )
        for row in examples.get("conflicting", ())[:2]:
            yield f"Conflicting in {name}: {row['place']}: {row['text']}"
    if any(found["offsets"]["stripped"] for found in splits.values()):
        yield "Outer white space is taken off on reading; a label that covers it ends in the wrong token."


def _build_leakage_table(splits: dict[str, Figures], audit: Audit) -> Table | None:
    found = audit.figures.get("leakage")
    if found is None:
        return None
    title = f"Leakage: of {found['validation_rows']:,} validation questions, these stand in train"
    table = _create_table(title, "same text", "normalised", "near")
    for label, kind in (("with their context", "questions"), ("their context alone", "contexts")):
        table.add_row(label, *(_format_share(found[kind][way], found["validation_rows"]) for way in WAYS))
    table.caption = (
        f"normalised: NFC, lower case, white space folded; near: {NEAR_CONTEXT} of a context's word trigrams, "
        f"{NEAR_QUESTION} of a question's character 4-grams (Jaccard)"
    )
    table.caption_justify = "left"
    return table


def _explain_leakage(splits: dict[str, Figures], audit: Audit) -> Iterator[str]:
    return describe_leakage(audit.figures["leakage"])


def _build_answer_table(splits: dict[str, Figures], audit: Audit) -> Table:
    table = _create_table("Answers of the audited rows (each text and place of a question once)", *splits)
    table.add_column("for example")  # the only one to give way on a narrow terminal
    lines = {
        "begin or end inside a word": "inside_word",
        "  begin": "begin_inside_word",
        "  end": "end_inside_word",
        "before an apostrophe suffix": "before_apostrophe_suffix",
    }
    for label, key in lines.items():
        cells = (_format_share(found["boundaries"][key], found["boundaries"]["golds"]) for found in splits.values())
        examples = [row["text"] for name in splits for row in audit.examples[name].get(key, ())]
        table.add_row(label, *cells, Text(escape_oddities(min(examples, key=len, default=""))))
    return table


def _explain_answers(splits: dict[str, Figures], audit: Audit) -> Iterator[str]:
    inside = {name: found["boundaries"] for name, found in splits.items() if found["boundaries"]["inside_word"]}
    if inside:
        shares = (f"{format_percent(found['inside_word'], found['golds'])} of {name}" for name, found in inside.items())
        yield (
            f"Cut out of a word: {', '.join(shares)}. Whole tokens cannot always give these answers: see "
            '"best this tokenizer permits" at the end of a run.'
        )


def _build_unicode_table(splits: dict[str, Figures], audit: Audit) -> Table:
    table = _create_table("Unicode, in distinct contexts and all questions", *splits)
    for kind in ("contexts", "questions", "answers"):
        counts = [found["unicode"]["not_nfc"][kind] for found in splits.values()]
        if kind == "contexts" or any(counts):
            table.add_row(f"{kind} not in NFC", *map(_format_count, counts))
    for kind in ("invisible", "control", "replacement", "space", "line_break", "apostrophes"):
        names = dict.fromkeys(name for found in splits.values() for name in found["unicode"][kind])
        for name in names:
            counts = [found["unicode"][kind].get(name, 0) for found in splits.values()]
            table.add_row(f"{kind.replace('_', ' ').removesuffix('s')} {name}", *map(_format_count, counts))
    return table


def _explain_unicode(splits: dict[str, Figures], audit: Audit) -> Iterator[str]:
    unicode = [found["unicode"] for found in splits.values()]
    if any(found["not_nfc"]["contexts"] for found in unicode):
        yield "Some texts are not in NFC: normalising a context would move every offset after them; mlqa leaves it."
    if any(found["invisible"] or found["control"] or found["replacement"] for found in unicode):
        yield "Invisible characters make equal words unequal; --json shows where they stand."
    if any(found["mixed_apostrophes"] for found in unicode):
        yield "Both ' and ’ set off suffixes: official exact match drops ' but not ’; see exact_match_language."


def _build_length_table(splits: dict[str, Figures], audit: Audit) -> Table:
    shares = ("p5", "p50", "p95", "p99", "max")  # more would not fit 80 columns where texts are long
    table = _create_table("Lengths at percentiles", *shares)
    for name, found in splits.items():
        table.add_section()
        table.add_row(name)
        for what, values in found["lengths"].items():
            if values:
                table.add_row(f"  {what.replace('_', ' ')}", *(f"{values[share]:,.0f}" for share in shares))
    return table


def _explain_nothing(splits: dict[str, Figures], audit: Audit) -> Iterator[str]:
    return iter(())


READINGS = {
    _build_row_table: _explain_rows,
    _build_leakage_table: _explain_leakage,
    _build_answer_table: _explain_answers,
    _build_unicode_table: _explain_unicode,
    _build_length_table: _explain_nothing,
}


def _build_window_table(tokenizer: dict[str, Figures], title: str, max_answer_length: int) -> Table:
    table = _create_table(title, *tokenizer)
    lines: dict[str, Callable[[Figures], str]] = {
        "windows": lambda found: _format_count(found["windows"]),
        "windows per question": lambda found: f"{found['windows_per_question']:.2f}",
        "questions of several windows": lambda found: format_percent(found["questions_of_several_windows"], 1),
        "windows without answer": lambda found: format_percent(found["windows_without_answer"], 1),
        "padding at max_seq_length": lambda found: format_percent(found["padding_at_max_seq_length"], 1),
        f"answers of more than {max_answer_length} tokens": lambda found: format_percent(
            found["answers_beyond_max_answer_length"], 1
        ),
        "cut questions": lambda found: _format_count(found["cut_questions"]),
    }
    for label, cell in lines.items():
        table.add_row(label, *map(cell, tokenizer.values()))
    return table


def _explain_windows(tokenizer: dict[str, Figures], max_answer_length: int) -> Iterator[str]:
    share = max(found["answers_beyond_max_answer_length"] for found in tokenizer.values())
    if share:
        yield (
            f"Up to {format_percent(share, 1)} of the answers cannot be given whole at training.max_answer_length="
            f"{max_answer_length}; a larger one permits them."
        )
    if any(found["cut_questions"] for found in tokenizer.values()):
        yield "Some questions lose their end: choose a larger training.max_seq_length."
