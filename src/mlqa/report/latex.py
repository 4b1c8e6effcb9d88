"""Render results.tex, a table to paste into a paper: the best in bold, those that tie with it underlined."""

from __future__ import annotations

import re

from mlqa.display.latex import escape_latex
from mlqa.report.answer import choose_configuration
from mlqa.report.cautions import REHEARSED
from mlqa.report.content import Report, Section
from mlqa.report.evaluations import TransferMatrix
from mlqa.report.flags import describe_selection
from mlqa.report.race_sentences import describe_method
from mlqa.report.statistics.contrasts import LEVEL
from mlqa.report.treatments import Treatment
from mlqa.report.wording import count_things, format_usd, join_texts

_LABEL = re.compile(r"[^A-Za-z0-9]+")


def render_latex(report: Report) -> str:
    """Render a table per data set.

    Args:
        report: The report.

    Returns:
        LaTeX that needs the package booktabs. A report without a score is a comment that says so.
    """
    tables = [_render_table(report, section) for section in report.sections]
    tables += [_render_transfer(report, section) for section in report.sections if section.transfer]
    head = "% Needs \\usepackage{booktabs}. Written by mlqa.\n"
    return head + ("\n".join(tables) if tables else "% No member has a score.\n")


def _render_table(report: Report, section: Section) -> str:
    comparison = section.comparison
    has_price = any(choose_configuration(comparison, [one]).usd is not None for one in comparison.treatments)
    names = ["Exact match"] if comparison.metric != "exact_match" else []
    headings = ["Model", *names, escape_latex(comparison.score_name), *(["USD per run"] if has_price else [])]
    lines = [
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{_write_caption(report, section)}}}",
        rf"\label{{tab:{_LABEL.sub('-', comparison.dataset).strip('-') or 'results'}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}",
        r"\toprule",
        " & ".join(headings) + r" \\",
        r"\midrule",
    ]
    for treatment in comparison.treatments:
        cells = [escape_latex(treatment.whole_name)]
        if names:
            cells.append(_write_score(treatment, "exact_match"))
        score = _write_score(treatment, comparison.metric)
        if treatment is comparison.treatments[0]:
            score = rf"\textbf{{{score}}}"
        elif treatment in section.answer.tied:
            score = rf"\underline{{{score}}}"
        cells.append(score)
        if has_price:
            usd = choose_configuration(comparison, [treatment]).usd
            cells.append("" if usd is None else escape_latex(format_usd(usd).removeprefix("$")))
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _render_transfer(report: Report, section: Section) -> str:
    """Render the scores of each treatment on each data set, with their intervals."""
    matrix, comparison = section.transfer, section.comparison
    assert matrix is not None
    sets = join_texts([_describe_set(matrix, name) for name in matrix.sets], 10)
    seeds = _describe_seeds([cell.seeds for row in matrix.scores for cell in row.values()])
    caption = (
        f"{comparison.score_name} on {sets}, mean over {seeds}, in brackets the 95 % interval for new questions of the "
        "set and new seeds. Bold: the highest of each set, which was not tested."
    )
    if chosen := _describe_choices(section):
        caption += f" {chosen}"
    if report.is_rehearsal:
        caption += f" {REHEARSED}"
    lines = [
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{escape_latex(caption)}}}",
        rf"\label{{tab:{_LABEL.sub('-', comparison.dataset).strip('-') or 'results'}-transfer}}",
        rf"\begin{{tabular}}{{l{'r' * len(matrix.sets)}}}",
        r"\toprule",
        " & ".join(["Model", *map(escape_latex, matrix.sets)]) + r" \\",
        r"\midrule",
    ]
    best = {name: max(row[name].score for row in matrix.scores if name in row) for name in matrix.sets}
    for treatment, row in zip(matrix.treatments, matrix.scores, strict=True):
        cells = [escape_latex(treatment.whole_name)]
        for name in matrix.sets:
            cell = row.get(name)
            text = "" if cell is None else f"{cell.score:.2f}"
            if cell is not None and cell.score == best[name]:
                text = rf"\textbf{{{text}}}"
            if cell is not None and cell.interval is not None:
                text += f" [{cell.interval[0]:.1f}, {cell.interval[1]:.1f}]"
            cells.append(text)
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _describe_set(matrix: TransferMatrix, name: str) -> str:
    totals = {row[name].total for row in matrix.scores if name in row}
    total = totals.pop() if len(totals) == 1 else None
    return name if total is None else f"{name} ({count_things(total, 'question')})"


def _describe_seeds(counts: list[int]) -> str:
    least, most = min(counts), max(counts)
    return f"{least} to {most} seeds" if least != most else count_things(most, "seed")


def _describe_choices(section: Section) -> str:
    """Return which scores are a little too high, because something was chosen on the questions that are reported."""
    comparison = section.comparison
    named = [one.whole_name for one in comparison.treatments if describe_selection(one)]
    if not named:
        return ""
    return f"Chosen on the questions of {comparison.dataset}, so a little too high there: {join_texts(named, 10)}."


def _write_score(treatment: Treatment, name: str) -> str:
    mean, deviation = treatment.compute_mean("metrics", name), treatment.compute_std("metrics", name)
    if mean is None:
        return ""
    return f"{mean:.2f}" + (rf" $\pm$ {deviation:.2f}" if deviation is not None else "")


def _write_caption(report: Report, section: Section) -> str:
    comparison = section.comparison
    counts = [len(one.seeds) for one in comparison.treatments]
    seeds = _describe_seeds(counts)
    spread = "mean and standard deviation over " if max(counts) > 1 else ""
    parts = [
        f"Results on {comparison.dataset} ({', '.join(section.describe_facts()[:2])}; {spread}{seeds})."
        if comparison.total else f"Results on {comparison.dataset} ({spread}{seeds})."
    ]  # fmt: skip
    if comparison.race is not None:
        record = comparison.race.record
        left = "undecided" if not record.has_winner else "not shown to be worse"
        parts.append(f"Bold: the best {comparison.score_name}. Underlined: {left}. {describe_method(record)}")
    elif comparison.verdict is not None:
        what = comparison.score_name
        parts.append(
            f"Bold: the best {what}. Underlined: not told apart from it or from another unbeaten one (two-sided tests "
            f"with questions clustered by context and moderated seed variance, Holm's correction, p < {LEVEL:g})."
        )
    else:
        parts.append(f"Bold: the best {comparison.score_name}. Differences were not tested.")
    if any(len(one.seeds) == 1 for one in comparison.treatments):
        single = [one.whole_name for one in comparison.treatments if len(one.seeds) == 1]
        parts.append(f"One seed only: {join_texts(single, 10)}.")
    if chosen := _describe_choices(section):
        parts.append(chosen)
    if report.is_rehearsal:
        parts.append(REHEARSED)
    return escape_latex(" ".join(parts))
