"""The table at the end of a run."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from mlqa.result import Result
from mlqa.runtime import console


def show(result: Result, run_dir: Path) -> None:
    """The closing table."""
    metrics, timing, cost = result.metrics, result.timing, result.cost
    table = Table(title=" ".join(result.choices.values()), title_justify="left")
    table.add_column("")
    table.add_column("exact match", justify="right")
    table.add_column("F1", justify="right")
    table.add_column("questions", justify="right")
    rows = {
        "all questions": ("", "total"),
        "by the language's rules": ("_language", "total"),
        "context not in train": ("_unseen", "total_unseen"),
    }
    for label, (suffix, total) in rows.items():
        if f"f1{suffix}" in metrics:
            cells = (metrics[f"exact_match{suffix}"], metrics[f"f1{suffix}"])
            table.add_row(label, *(f"{cell:.2f}" for cell in cells), str(metrics[total]))
    if "f1_shuffled_questions" in metrics:
        table.add_row("control: questions exchanged", "", f"{metrics['f1_shuffled_questions']:.2f}", "")
    tokenization = result.tokenization
    oracle = (tokenization["oracle_exact_match"], tokenization["oracle_f1"])
    table.add_row("best this tokenizer permits", *(f"{cell:.2f}" for cell in oracle), "")
    console().print(table)
    minutes = timing["total_seconds"] / 60
    usd = "" if not cost["usd"] else f", ${cost['usd']:.2f}"
    console().print(f"{minutes:.1f} minutes{usd}; everything is in {run_dir}", highlight=False, soft_wrap=True)
