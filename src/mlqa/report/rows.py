"""The tables with a row per treatment or configuration: verdicts, prices, scores, tokenizers, further data sets."""

from __future__ import annotations

from mlqa.display.tokenizer_labels import FIGURES
from mlqa.report.answer import choose_configuration
from mlqa.report.cells import Cell, Column, Table, build_table, make_name_cell, make_number_column, make_text_column
from mlqa.report.comparison import Comparison
from mlqa.report.evaluations import TransferMatrix
from mlqa.report.flags import get_ceiling, get_control, list_flags, list_unfinished
from mlqa.report.standing import describe_standing, estimate_difference, estimate_interval, find_leader
from mlqa.report.treatments import Configuration, Treatment
from mlqa.report.wording import MINUS, count_things, format_interval, format_points, format_price

# heading, suffix of the metrics' names
SCORES = (
    ("official", ""),
    ("language's rules", "_language"),
    ("unseen contexts", "_unseen"),
    ("unseen, language's rules", "_language_unseen"),
)
TOKENIZER_FIGURES = (
    "vocab_size", "fertility", "continued_words", "unk_rate", "characters_per_token", "morpheme_precision",
    "morpheme_recall", "morpheme_f1", "clean_suffixes", "morphscore_recall", "language_tokens", "pure_tokens",
    "boundary_recall", "oracle_exact_match", "oracle_f1", "windows_per_question", "embedding_share",
)  # fmt: skip


def format_mean(mean: float, deviation: float | None) -> str:
    """Format a mean score with its standard deviation over seeds, e.g. "75.63 ± 0.41"."""
    return f"{mean:.2f}" + (f" ± {deviation:.2f}" if deviation is not None else "")


def _make_score_column(heading: str, name: str) -> Column:
    """Make a column of a score, with the deviation over seeds if there are several."""

    def make_cell(one: Treatment) -> Cell:
        mean = one.compute_mean("metrics", name)
        return Cell("") if mean is None else Cell(format_mean(mean, one.compute_std("metrics", name)), mean)

    return Column(heading, make_cell)


def _make_figure_column(heading: str, name: str) -> Column:
    return make_number_column(heading, FIGURES[name].form, lambda one: one.compute_mean("tokenization", name))


def _make_name_column(heading: str) -> Column:
    return Column(heading, lambda one: make_name_cell(one.whole_name, one.name), False)


def _make_serving_column(kind: str) -> Column:
    """Make a column of what a million questions cost by `mlqa export`, the lowest price of a kind of device."""
    return make_number_column(
        f"$ a million questions, {kind.upper()} (estimate)",
        ".2f",
        lambda one: one.compute_mean("serving", "usd_per_million", kind),
        is_cost=True,
    )


def build_treatment_table(comparison: Comparison) -> Table:
    """Build the main table: a row per treatment, the best first."""
    leader, race = find_leader(comparison), comparison.race

    def make_name(one: Treatment) -> Cell:
        notes = [*list_flags(comparison, one), *list_unfinished(one)]
        return make_name_cell(one.whole_name, one.name, "; ".join(notes))

    def make_interval(one: Treatment) -> Cell:
        interval = estimate_interval(comparison, one)
        return Cell("") if interval is None else Cell(format_interval(*interval), interval[0])

    def make_difference(one: Treatment) -> Cell:
        found = estimate_difference(comparison, one)
        if found is None:
            return Cell("")
        return Cell(format_points(found[0]), found[0], f"({format_interval(found[1], found[2])})")

    def get_offer(one: Treatment) -> Configuration:
        return choose_configuration(comparison, [one])

    columns = (
        Column("treatment", make_name, False),
        _make_score_column(comparison.score_name, comparison.metric),
        Column(f"{race.level if race else '95 %'} interval", make_interval),
        Column(f"{MINUS}\u00a0{leader.name}" if leader else "difference", make_difference),
        make_text_column("race" if race else "verdict", lambda one: describe_standing(comparison, one), True),
        *([] if comparison.metric == "exact_match" else [_make_score_column("EM", "exact_match")]),
        make_number_column("control", ".2f", get_control),
        make_number_column("ceiling", ".2f", get_ceiling),
        make_number_column("seeds", "d", lambda one: len(one.seeds)),
        make_text_column("cheapest on", lambda one: get_offer(one).hardware),
        Column("$ a run", lambda one: Cell(format_price(get_offer(one)), get_offer(one).usd), is_cost=True),
        make_number_column("minutes", ".1f", lambda one: get_offer(one).minutes, is_cost=True),
        *(_make_serving_column(kind) for kind in ("cpu", "gpu")),
    )
    return build_table(columns, comparison.treatments)


def _join_fronts(one: Configuration) -> str:
    return ", ".join(name for axis, name in (("usd", "dollars"), ("minutes", "minutes")) if axis in one.on_fronts)


def _count_runs(one: Configuration) -> Cell:
    total = len(one.runs) + len(one.unfinished)
    return Cell(str(total) if not one.unfinished else f"{len(one.runs)} of {total}", len(one.runs))


def build_configuration_table(comparison: Comparison) -> Table:
    """Build the table of prices and times: a row per treatment and hardware."""
    columns = (
        Column("configuration", lambda one: make_name_cell(one.whole_name, one.name, one.describe_unfinished()), False),
        make_text_column("hardware", lambda one: one.hardware, True),
        Column("runs", _count_runs),
        make_number_column(comparison.score_name, ".2f", lambda one: one.score),
        make_number_column("minutes", ".1f", lambda one: one.minutes, is_cost=True),
        Column("$", lambda one: Cell(format_price(one), one.usd), is_cost=True),
        # A price of 0 per hour means a machine without a price.
        make_number_column(
            "$ per hour", ".3f", lambda one: one.compute_mean("cost", "usd_per_hour") or None, is_cost=True
        ),
        make_number_column(
            "windows per second", ".1f", lambda one: one.compute_mean("timing", "train_samples_per_second")
        ),
        make_text_column("instance", lambda one: one.first.instance_type),
        make_number_column("count", ".0f", lambda one: one.first.instance_count),
        make_text_column("distribution", lambda one: one.first.distribution),
        make_text_column("Pareto front", _join_fronts),
    )
    return build_table(columns, comparison.configurations)


def build_score_table(comparison: Comparison) -> Table:
    """Build the table of all scores, official and by the language's rules, on all and on unseen contexts."""
    columns = (
        _make_name_column("treatment"),
        *(
            _make_score_column(f"{score}, {heading}", f"{name}{ending}")
            for heading, ending in SCORES
            for score, name in (("EM", "exact_match"), ("F1", "f1"))
        ),
        make_number_column("questions", ".0f", lambda one: one.count_questions("total")),
        make_number_column("unseen", ".0f", lambda one: one.count_questions("total_unseen")),
        make_number_column("epochs", "g", lambda one: one.first.epochs),
    )
    return build_table(columns, comparison.treatments)


def build_tokenizer_table(comparison: Comparison) -> Table:
    """Build the table of tokenizers, with the score that each has reached. Those of endpoints are not known."""

    def compute_share(one: Treatment) -> float | None:
        ceiling, f1 = get_ceiling(one), one.compute_mean("metrics", "f1")
        return f1 / ceiling if ceiling and f1 is not None else None

    columns = (
        _make_name_column("treatment"),
        make_number_column("F1 reached", ".2f", lambda one: one.compute_mean("metrics", "f1")),
        make_number_column("share of its ceiling", ".1%", compute_share),
        *(_make_figure_column(FIGURES[key].label, key) for key in TOKENIZER_FIGURES),
    )
    return build_table(columns, [one for one in comparison.treatments if not one.is_asked])


def build_transfer_table(matrix: TransferMatrix) -> Table:
    """Build the table of treatments by data set, with intervals."""

    def make_column(name: str) -> Column:
        def make(row: int) -> Cell:
            score = matrix.scores[row].get(name)
            if score is None:
                return Cell("")
            seeds = count_things(score.seeds, "seed")
            interval = f"({format_interval(*score.interval)}, {seeds})" if score.interval else f"({seeds})"
            return Cell(f"{score.score:.2f}", score.score, interval)

        return Column(name, make)

    treatments = matrix.treatments
    name = Column("treatment", lambda row: make_name_cell(treatments[row].whole_name, treatments[row].name), False)
    return build_table([name, *map(make_column, matrix.sets)], range(len(treatments)))
