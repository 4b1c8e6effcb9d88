"""The tables of `mlqa audit`, each followed by advice on what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlqa.data.audit import LEAKAGE, Audit
from mlqa.data.audit_warnings import describe_leakage, format_percent, get_leaking_split
from mlqa.data.leakage import NEAR_CONTEXT, NEAR_QUESTION, WAYS
from mlqa.data.load import SPLITS
from mlqa.data.unicode_oddities import escape_oddities

Figures = dict[str, Any]
# label, count and, if the share is also shown, what it is a share of
ROWS = (
    ("rows read", "rows.read", None),
    ("dropped", "rows.dropped", "rows.read"),
    ("with an unlocated gold", "rows.short_of_a_gold", "rows.read"),
    ("audited", "rows.audited", None),
    ("distinct contexts", "rows.contexts", None),
    ("unanswerable", "rows.unanswerable", "rows.audited"),
    ("correct answer offsets", "offsets.right", "offsets.golds"),
    ("  corrected by one rule", "offsets.by_rule", "offsets.golds"),
    ("  in other letters", "offsets.respelt", "offsets.golds"),
    ("  repaired", "offsets.repaired", "offsets.golds"),
    ("  not in the context", "offsets.unlocated", "offsets.golds"),
    ("  with outer whitespace", "offsets.stripped", "offsets.golds"),
    ("repeated ids", "rows.duplicate_ids", None),
    ("duplicate rows", "duplicates.rows", "rows.audited"),
    ("  with conflicting answers", "duplicates.conflicting_groups", None),
)
INCOMPLETE = {
    "dropped": "Dropped rows of {name}: {number:,}. dataset.strict=true refuses such a data set. The first:",
    "short_of_a_gold": "Rows of {name} with an unlocated gold, kept for their other golds: {number:,}. The first:",
}
CORRECTED = {  # by the keys of the count and of its examples
    ("by_rule", "offsets_by_rule"): "The offsets of {name} are wrong by one rule, and were corrected by it: "
    "{number:,} answers.",
    ("respelt", "respelt_answers"): "Answers of {name} that their context writes with other white space, signs, case "
    "or Unicode form: {number:,}. They are trained as the context has them and scored as given.",
    ("repaired", "repaired_offsets"): "Answers of {name} whose offset is wrong and whose text occurs exactly once: "
    "{number:,}. Their offsets were fixed.",
}
BOUNDARIES = {
    "begin or end inside a word": "inside_word",
    "  begin": "begin_inside_word",
    "  end": "end_inside_word",
    "before an apostrophe suffix": "before_apostrophe_suffix",
}
ODDITIES = ("invisible", "control", "replacement", "space", "line_break", "apostrophes")
PERCENTILES = ("p5", "p50", "p95", "p99", "max")  # more would not fit in 80 columns if the texts are long


def print_audit(audit: Audit, windows: dict[str, Figures] | str, model: str, max_answer_length: int) -> None:
    """Print every table of an audit on stdout.

    Args:
        audit: Figures and examples of the data set.
        windows: Window figures of each split, or the reason why there are none.
        model: Option whose tokenizer cut the windows.
        max_answer_length: In tokens.
    """
    splits = {name: audit.figures[name] for name in SPLITS if name in audit.figures}
    console = Console()
    _print_table(console, _build_row_table(splits), _explain_rows(splits, audit.examples))
    for leakage in (audit.figures[key] for key in LEAKAGE if key in audit.figures):
        _print_table(console, _build_leakage_table(leakage), describe_leakage(leakage))
    _print_table(console, _build_answer_table(splits, audit.examples), _explain_answers(splits))
    _print_table(console, _build_unicode_table(splits), _explain_unicode(splits))
    _print_table(console, _build_length_table(splits), ())
    title = f"Windows with the tokenizer of model={model}"
    if isinstance(windows, str):
        _print_advice(console, [f"{title}: skipped: {windows}"])
    else:
        console.print(_build_window_table(windows, title, max_answer_length))
        _print_advice(console, _explain_windows(windows, max_answer_length))


def print_reasons(reasons: list[str]) -> None:
    """Print what to look at before paying for a training, under one heading.

    Args:
        reasons: Sentences of `mlqa.metrics.readiness.find_reasons_to_wait`.
    """
    if not reasons:
        return
    console = Console()
    console.print()
    console.print("Before you pay for a training", style="bold")
    _print_advice(console, (f"- {reason}" for reason in reasons))


def _print_table(console: Console, table: Table, advice: Iterable[str]) -> None:
    console.print(table)
    _print_advice(console, advice)
    console.print()


def _print_advice(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(Text(escape_oddities(line)), style="yellow")


def _create_table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _format_share(number: int, total: int) -> str:
    return f"{number:,} ({format_percent(number, total)})" if number else "0"


def _build_row_table(splits: dict[str, Figures]) -> Table:
    table = _create_table("Rows and offsets", splits)
    groups = ("rows", "offsets", "duplicates")
    counts = [{f"{of}.{key}": n for of in groups for key, n in figures[of].items()} for figures in splits.values()]
    for label, key, total in ROWS:
        table.add_row(label, *(_format_share(of[key], of[total]) if total else f"{of[key]:,}" for of in counts))
    return table


def _explain_rows(splits: dict[str, Figures], examples_of: Mapping[str, Any]) -> Iterator[str]:
    for name, figures in splits.items():
        examples = examples_of[name]
        for kind, text in INCOMPLETE.items():
            if number := figures["rows"][kind]:
                yield text.format(name=name, number=number)
                yield from (f"  {row['place']}: {row['text']}" for row in examples[kind])
        for (key, examples_key), text in CORRECTED.items():
            if number := figures["offsets"][key]:
                first = examples[examples_key][0]
                yield f"{text.format(name=name, number=number)} The first: {first['place']}: {first['text']}"
        for row in examples.get("conflicting", ())[:2]:
            yield f"Conflicting answers in {name}: {row['place']}: {row['text']}"
    if any(figures["offsets"]["stripped"] for figures in splits.values()):
        yield "Outer whitespace is stripped on reading. A label that includes it would end in the wrong token."


def _build_leakage_table(leakage: Figures) -> Table:
    split = get_leaking_split(leakage)
    total = leakage[f"{split}_rows"]
    table = _create_table(f"Leakage: {split} questions ({total:,}) found in train", ("same text", "normalized", "near"))
    for label, kind in (("with their context", "questions"), ("their context alone", "contexts")):
        table.add_row(label, *(_format_share(leakage[kind][way], total) for way in WAYS))
    table.caption = (
        "normalized: NFC, lower case, whitespace folded. near: Jaccard similarity of at least "
        f"{NEAR_CONTEXT} (word trigrams of contexts), {NEAR_QUESTION} (character 4-grams of questions)"
    )
    table.caption_justify = "left"
    return table


def _build_answer_table(splits: dict[str, Figures], examples_of: Mapping[str, Any]) -> Table:
    table = _create_table("Answers in the audited rows (each text and offset once per question)", splits)
    table.add_column("for example")  # the only column that shrinks on a narrow terminal
    for label, key in BOUNDARIES.items():
        cells = (
            _format_share(figures["boundaries"][key], figures["boundaries"]["golds"]) for figures in splits.values()
        )
        examples = [row["text"] for name in splits for row in examples_of[name].get(key, ())]
        table.add_row(label, *cells, Text(escape_oddities(min(examples, key=len, default=""))))
    return table


def _explain_answers(splits: dict[str, Figures]) -> Iterator[str]:
    inside = {name: figures["boundaries"] for name, figures in splits.items() if figures["boundaries"]["inside_word"]}
    if inside:
        shares = (
            f"{format_percent(counts['inside_word'], counts['golds'])} of {name}" for name, counts in inside.items()
        )
        yield (
            f"Answers that begin or end inside a word: {', '.join(shares)}. Whole tokens cannot always produce them: "
            'see "best this tokenizer permits" at the end of a run.'
        )


def _build_unicode_table(splits: dict[str, Figures]) -> Table:
    table = _create_table("Unicode in distinct contexts and all questions", splits)
    unicode = [figures["unicode"] for figures in splits.values()]
    for kind in ("contexts", "questions", "answers"):
        counts = [found["not_nfc"][kind] for found in unicode]
        if kind == "contexts" or any(counts):
            table.add_row(f"{kind} not in NFC", *(f"{count:,}" for count in counts))
    for kind in ODDITIES:
        for name in dict.fromkeys(name for found in unicode for name in found[kind]):
            label = f"{kind.replace('_', ' ').removesuffix('s')} {name}"
            table.add_row(label, *(f"{found[kind].get(name, 0):,}" for found in unicode))
    return table


def _explain_unicode(splits: dict[str, Figures]) -> Iterator[str]:
    unicode = [figures["unicode"] for figures in splits.values()]
    if any(found["not_nfc"]["contexts"] for found in unicode):
        yield "Some contexts are not in NFC. mlqa leaves them, because normalizing would shift every later offset."
    if any(found["invisible"] or found["control"] or found["replacement"] for found in unicode):
        yield "Invisible characters make equal words differ. --json shows where they are."
    if any(found["mixed_apostrophes"] for found in unicode):
        yield "Both ' and ’ set off suffixes. Official exact match drops ' but not ’: see exact_match_language."


def _build_length_table(splits: dict[str, Figures]) -> Table:
    table = _create_table("Lengths at percentiles", PERCENTILES)
    for name, figures in splits.items():
        table.add_section()
        table.add_row(name)
        for unit, values in figures["lengths"].items():
            if values:
                table.add_row(f"  {unit.replace('_', ' ')}", *(f"{values[share]:,.0f}" for share in PERCENTILES))
    return table


def _build_window_table(windows: dict[str, Figures], title: str, max_answer_length: int) -> Table:
    format_whole = partial(format_percent, of=1)
    lines: dict[str, tuple[str, Callable[[float], str]]] = {
        "windows": ("windows", "{:,}".format),
        "windows per question": ("windows_per_question", "{:.2f}".format),
        "questions with several windows": ("questions_of_several_windows", format_whole),
        "windows without an answer": ("windows_without_answer", format_whole),
        "padding at max_seq_length": ("padding_at_max_seq_length", format_whole),
        f"answers of more than {max_answer_length} tokens": ("answers_beyond_max_answer_length", format_whole),
        "truncated questions": ("cut_questions", "{:,}".format),
    }
    table = _create_table(title, windows)
    for label, (key, write) in lines.items():
        table.add_row(label, *(write(figures[key]) for figures in windows.values()))
    return table


def _explain_windows(windows: dict[str, Figures], max_answer_length: int) -> Iterator[str]:
    share = max(figures["answers_beyond_max_answer_length"] for figures in windows.values())
    if share:
        yield (
            f"Up to {format_percent(share, 1)} of the answers are longer than training.max_answer_length="
            f"{max_answer_length} and cannot be given in full. A larger value permits them."
        )
    if any(figures["cut_questions"] for figures in windows.values()):
        yield "Some questions lose their end: choose a larger training.max_seq_length."
