"""Write the model card of a run in the format of the Hugging Face hub: a header that its libraries read, and a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlqa.publishing.card_page import NAMES, build_page, describe_hardware, get_interval, list_kinds
from mlqa.publishing.emissions import Emissions
from mlqa.publishing.run_facts import RunFacts

TASK = "question-answering"


def build_card(facts: RunFacts, licence: str | None, emissions: Emissions | None, repository: str | None) -> Any:
    """Build the card of a run's model.

    Args:
        facts: The facts about the run.
        licence: What the model is published under, as the hub names licences. None means that of the base model.
        emissions: The emissions of its training, if they could be estimated.
        repository: Its name on the hub, None if it has none yet.

    Returns:
        A `huggingface_hub.ModelCard`.
    """
    from huggingface_hub import ModelCard, ModelCardData

    result = facts.result
    licence = licence or facts.model_facts.get("licence")
    more: dict[str, Any] = {}
    if emissions is not None:
        more["co2_eq_emissions"] = {
            "emissions": round(emissions.grams, 2),
            "source": f"estimated by mlqa: {emissions.basis}",
            "training_type": "fine-tuning" if facts.base_model else "pre-training",
            "hardware_used": describe_hardware(facts),
        }
    data = ModelCardData(
        language=[facts.language] if facts.language else None,
        license=licence,
        library_name="transformers",
        pipeline_tag=TASK,
        base_model=facts.base_model if facts.base_is_on_hub else None,
        datasets=[facts.hub_dataset] if facts.hub_dataset else None,
        metrics=list(NAMES),
        tags=["mlqa", "extractive-qa"],
        model_name=repository.rpartition("/")[2] if repository else result["label"],
        eval_results=build_eval_results(facts),
        **more,
    )
    page = build_page(facts, licence, emissions, repository)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{page}", ignore_metadata_errors=False)


def build_eval_results(facts: RunFacts) -> list[Any]:
    """Return the scores of a run as `huggingface_hub.EvalResult`s: of this model, and the means over its seeds.

    The arguments of a metric say which seed or seeds it is of, and its 95 % interval.
    """
    from huggingface_hub import EvalResult

    result, several = facts.result, len(facts.treatment.seeds) > 1
    shared = {
        "task_type": TASK,
        "task_name": "Extractive question answering",
        "dataset_type": facts.hub_dataset or facts.member.get_option("dataset"),
        "dataset_name": facts.dataset_name,
        "dataset_config": facts.member.get_config_value("dataset", "hub", "name"),
        "dataset_revision": facts.member.get_config_value("dataset", "hub", "revision"),
        "dataset_split": result["reported_split"],
    }
    found = []
    for ending, kind in list_kinds(facts).items():
        for metric, name in NAMES.items():
            value = facts.member.get_number("metrics", metric + ending)
            if value is None:
                continue
            arguments = {"seed": facts.member.seed, **get_interval(facts, metric + ending)}
            found.append(
                EvalResult(
                    **shared,
                    metric_type=metric,
                    metric_name=f"{name}, {kind}",
                    metric_value=round(value, 2),
                    metric_args=arguments,
                )
            )
            if several and not ending:
                mean = facts.treatment.compute_mean("metrics", metric)
                deviation = facts.treatment.compute_std("metrics", metric)
                found.append(
                    EvalResult(
                        **shared,
                        metric_type=metric,
                        metric_name=f"{name}, {kind}, mean of {len(facts.treatment.seeds)} seeds",
                        metric_value=round(mean or 0.0, 2),
                        metric_args={"seeds": list(facts.treatment.seeds), "std": round(deviation or 0.0, 2)},
                    )
                )
    for name, scores in (result.get("evaluations") or {}).items():
        for metric, label in NAMES.items():
            if isinstance(scores, Mapping) and scores.get(metric) is not None:
                found.append(
                    EvalResult(
                        task_type=TASK,
                        task_name=shared["task_name"],
                        dataset_type=name,
                        dataset_name=name,
                        dataset_split="test",
                        metric_type=metric,
                        metric_name=f"{label}, by SQuAD's script",
                        metric_value=round(float(scores[metric]), 2),
                        metric_args={"seed": facts.member.seed},
                    )
                )
    return found
