"""Write what is known of a run's data set, in the format of the hub's data set cards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlqa.data.audit_warnings import format_percent
from mlqa.data.language import load_language
from mlqa.publishing.card import TASK
from mlqa.publishing.card_page import describe_data_licence
from mlqa.publishing.rendering import render
from mlqa.publishing.run_facts import RunFacts

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
# What readers count (mlqa.data.examples), and what a statement calls it.
COUNTS = {
    "rows": "questions read",
    "contexts": "texts",
    "unanswerable": "questions without an answer",
    "repaired": "answers whose offset was corrected",
    "dropped": "questions left out, because their answer has no certain place in the text",
}


def build_data_statement(facts: RunFacts) -> Any:
    """Build the statement on a run's data set.

    Args:
        facts: The facts about the run.

    Returns:
        A `huggingface_hub.DatasetCard`.
    """
    from huggingface_hub import DatasetCard, DatasetCardData

    dataset = facts.result["dataset"]
    total = int(dataset.get("train_examples", 0)) + int(dataset.get("eval_examples", 0))
    data = DatasetCardData(
        language=[facts.language] if facts.language else None,
        license=facts.data_facts.get("licence"),
        task_categories=[TASK],
        task_ids=["extractive-qa"],
        size_categories=[next((name for limit, name in SIZES if total < limit), "n>10M")],
        pretty_name=facts.dataset_name,
    )
    values = {
        "name": facts.dataset_name,
        "origin": _describe_origin(facts),
        "rows": list(_iter_counts(dataset)),
        "findings": list(_iter_findings(dataset)),
        "language": f"{load_language(facts.language).name} ({facts.language})" if facts.language else "unknown",
        "split_line": _describe_split(facts),
        "licence": describe_data_licence(facts),
        "fingerprint": dataset.get("fingerprint", "unknown"),
        "people": (
            "nobody: a program wrote it."
            if facts.member.get_option("dataset") == "sample"
            else "see its source. mlqa knows nothing of the annotators."
        ),
    }
    page = render("data_statement.md.j2", values)
    return DatasetCard(f"---\n{data.to_yaml()}\n---\n\n{page}")


def _describe_origin(facts: RunFacts) -> str:
    text, url = facts.data_facts.get("origin", ""), facts.data_facts.get("url", "")
    if not url and facts.hub_dataset:
        url = f"https://huggingface.co/datasets/{facts.hub_dataset}"
    source = f"Source: {url}." if url else "" if text else "Files of the user's own."
    return " ".join(part for part in (text, source) if part)


def _describe_split(facts: RunFacts) -> str:
    split = facts.result["reported_split"]
    return f"The scores are of the {split} split, which it was not trained on."


def _iter_counts(dataset: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    train, validation = dataset.get("train_rows") or {}, dataset.get("validation_rows") or {}
    for key, label in COUNTS.items():
        if key in train or key in validation:
            yield label, f"{train.get(key, 0):,}", f"{validation.get(key, 0):,}"
    yield "questions used", f"{dataset.get('train_examples', 0):,}", f"{dataset.get('eval_examples', 0):,}"


def _iter_findings(dataset: dict[str, Any]) -> Iterator[str]:
    """Yield the findings of the audit, a sentence each."""
    audit = dataset.get("audit") or {}
    if leakage := audit.get("leakage"):
        total = leakage["validation_rows"]
        for what, name in (("questions", "question is in train with its text"), ("contexts", "text is in train")):
            counts = leakage[what]
            yield (
                f"Evaluation questions whose {name}: {counts['exact']:,} letter by letter, {counts['normalized']:,} "
                f"after normalization ({format_percent(counts['normalized'], total)}), {counts['near']:,} nearly."
            )
    windows, without = dataset.get("windows"), dataset.get("windows_without_answer")
    if windows:
        yield f"{without:,} of {windows:,} training windows do not hold the whole answer."
    if cut := dataset.get("cut_questions"):
        yield f"{cut:,} questions were cut, because they leave too little room for the text."
