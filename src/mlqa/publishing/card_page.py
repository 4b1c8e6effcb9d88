"""The page of a model card, below its header."""

from __future__ import annotations

from collections.abc import Mapping

from mlqa.data.language import load_language
from mlqa.display.serving_tables import COST_HEADINGS, GRAPH_HEADINGS, list_cost_rows, list_graph_rows
from mlqa.publishing.emissions import Emissions
from mlqa.publishing.how_to import build_how_to
from mlqa.publishing.limits import list_cautions, list_weak_groups
from mlqa.publishing.rendering import render
from mlqa.publishing.run_facts import RunFacts
from mlqa.result import ONNX

NAMES = {"exact_match": "Exact match", "f1": "F1"}
KINDS = {
    "": "by SQuAD's script",
    "_language": "by the rules of the language",
    "_unseen": "by SQuAD's script, on texts that are not in train",
    "_language_unseen": "by the rules of the language, on texts that are not in train",
}


def build_page(facts: RunFacts, licence: str | None, emissions: Emissions | None, repository: str | None) -> str:
    """Return the text below the header of a card.

    Args:
        facts: The facts about the run.
        licence: What the model is published under, None if it is not stated.
        emissions: The emissions of its training, if they could be estimated.
        repository: Its name on the hub, None if it has none yet.
    """
    result, member = facts.result, facts.member
    training, serving = result.get("training") or {}, result.get("serving") or {}
    language = load_language(facts.language).name if facts.language else None
    may_be_null = bool(((result["dataset"].get("train_rows")) or {}).get("unanswerable"))
    checks = serving.get("checks") or {}
    base = f"fine-tuned from {facts.base_model}" if facts.base_model else "trained from random weights"
    values = {
        "title": repository or result["label"],
        "summary": (
            f"A model that answers questions about {f'{language} text' if language else 'a text'} with a part of the "
            f"text (extractive question answering), {base} on {facts.dataset_name}."
        ),
        "how_to": None if facts.has_own_head else build_how_to(repository, training),
        "max_seq_length": training.get("max_seq_length"),
        "may_be_null": may_be_null,
        "has_onnx": (facts.directory / ONNX / "predict.py").is_file(),
        "scores_heading": (
            f"On {int(result['metrics'].get('total', 0)):,} questions of the {result['reported_split']} split of "
            f"{facts.dataset_name}:"
        ),
        "score_columns": list(NAMES.values()),
        "score_rows": _list_score_rows(facts),
        "interval_note": "In brackets is the 95 % interval: how far other texts of this kind could move the score.",
        "seeds_line": _describe_seeds(facts),
        "evaluations": [
            [name, row.get("language", ""), row.get("total", ""), f"{row['exact_match']:.2f}", f"{row['f1']:.2f}"]
            for name, row in (result.get("evaluations") or {}).items()
            if isinstance(row, Mapping) and "f1" in row and "exact_match" in row
        ],
        "cautions": list(list_cautions(result)),
        "weak_groups": list_weak_groups(result),
        "language_name": language,
        "data_line": f"{facts.dataset_name}: {int(result['dataset'].get('train_examples', 0)):,} questions.",
        "training_rows": _list_training_rows(facts),
        "resource_rows": _list_resource_rows(facts, emissions),
        "opset": serving.get("opset"),
        "questions": serving.get("questions"),
        "graph_headings": GRAPH_HEADINGS,
        "graph_rows": list_graph_rows(serving) if checks else [],
        "cost_headings": COST_HEADINGS,
        "cost_rows": list_cost_rows(serving) if serving.get("costs") else [],
        "licence_lines": list_licence_lines(facts, licence),
        "versions": {"mlqa": "?", "torch": "?", "transformers": "?", **(member.result.get("versions") or {})},
    }
    return render("model_card.md.j2", values)


def _list_score_rows(facts: RunFacts) -> list[list[str]]:
    rows = []
    for ending, kind in list_kinds(facts).items():
        cells = [kind]
        for metric in NAMES:
            value = facts.member.get_number("metrics", metric + ending)
            interval = get_interval(facts, metric + ending).get("interval_95")
            shown = "" if value is None else f"{value:.2f}"
            cells.append(f"{shown} ({interval[0]:.2f} to {interval[1]:.2f})" if interval else shown)
        if any(cells[1:]):
            rows.append(cells)
    return rows


def _describe_seeds(facts: RunFacts) -> str:
    seeds = list(facts.treatment.seeds)
    if len(seeds) < 2:
        return f"One run, seed {facts.member.seed}. Another seed would give another score."
    parts = []
    for metric, name in NAMES.items():
        mean = facts.treatment.compute_mean("metrics", metric)
        deviation = facts.treatment.compute_std("metrics", metric)
        if mean is not None and deviation is not None:
            parts.append(f"{name} {mean:.2f} ± {deviation:.2f}")
    listed = ", ".join(map(str, seeds))
    return (
        f"This is seed {facts.member.seed}. Over the {len(seeds)} seeds {listed}: {', '.join(parts)} (mean ± standard "
        "deviation)."
    )


def _list_training_rows(facts: RunFacts) -> list[tuple[str, str]]:
    training, optimizer = facts.result.get("training") or {}, facts.member.get_config_value("optimizer") or {}
    rows = [
        ("base model", facts.base_model or "none"),
        ("epochs", f"{training['num_train_epochs']:g}" if "num_train_epochs" in training else ""),
        ("learning rate", f"{optimizer.get('learning_rate', '')}"),
        ("windows per step and device", f"{training.get('per_device_train_batch_size', '')}"),
        ("window", f"{training.get('max_seq_length')} tokens, of which neighbours share {training.get('doc_stride')}"),
        ("seed", f"{facts.member.seed}"),
    ]
    return [(name, value) for name, value in rows if value]


def _list_resource_rows(facts: RunFacts, emissions: Emissions | None) -> list[tuple[str, str]]:
    minutes, dollars = facts.member.minutes, facts.member.usd
    parameters = facts.member.get_number("model", "parameters")
    rows = [("parameters", f"{parameters / 1e6:,.1f} million" if parameters else "")]
    rows += [("trained on", describe_hardware(facts))]
    rows += [("hours", "" if minutes is None else f"{minutes / 60:.2f}")]
    rows += [("price of the training", "" if dollars is None else f"${dollars:.2f}")]
    if emissions is None:
        rows += [("CO2 of the training", "not estimated: the power of the hardware is not known")]
    else:
        grams = f"{emissions.grams:.0f} g" if emissions.grams < 1000 else f"{emissions.grams / 1000:.2f} kg"
        basis = f"{emissions.kilowatt_hours:.3g} kWh: {emissions.basis}"
        rows += [("CO2 of the training, estimated", f"about {grams} ({basis})")]
    return [(name, value) for name, value in rows if value]


def describe_hardware(facts: RunFacts) -> str:
    """Return what a run was trained on."""
    count, name = int(facts.member.instance_count or 1), facts.member.instance_type
    if name != "local":
        return f"{count} x {name}" if count > 1 else name
    cores = (facts.result.get("threads") or {}).get("cores") or {}
    return f"a machine of the user's own, {cores['machine']} cores" if cores else "a machine of the user's own"


def list_licence_lines(facts: RunFacts, licence: str | None) -> list[str]:
    """Return what is known of the licences of the model, its base and its data, a sentence each."""
    base = facts.model_facts.get("licence")
    lines = [f"This model: {licence}." if licence else "This model: no licence is stated."]
    if facts.base_model:
        lines.append(f"Base model, {facts.base_model}: {base or 'not known to mlqa, see its own card'}.")
    lines.append(f"Data, {facts.dataset_name}: {describe_data_licence(facts)}.")
    return lines


def describe_data_licence(facts: RunFacts) -> str:
    """Return the licence of the data set, or that none is known."""
    known = facts.data_facts.get("licence")
    if known:
        return known
    return "its authors state none" if facts.data_facts else "not known to mlqa"


def list_kinds(facts: RunFacts) -> dict[str, str]:
    """Return the kinds of scores that a run has, by the suffix of their names.

    Those on unseen texts are left out if all texts are unseen.
    """
    metrics = facts.result["metrics"]
    some_seen = metrics.get("total_unseen", 0) < metrics.get("total", 0)
    return {ending: kind for ending, kind in KINDS.items() if some_seen or "_unseen" not in ending}


def get_interval(facts: RunFacts, metric: str) -> dict[str, list[float]]:
    """Return {"interval_95": [low, high]} of a metric, or {} if it has no interval."""
    low, high = (facts.member.get_number("metrics", f"{metric}_ci_{end}") for end in ("low", "high"))
    return {} if low is None or high is None else {"interval_95": [round(low, 2), round(high, 2)]}
