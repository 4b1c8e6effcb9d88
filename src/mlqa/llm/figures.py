"""What a run records of an endpoint: how it was asked, what it took, and what lowers its score."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from mlqa.answers.predictions_file import name_rows
from mlqa.data.examples import Examples
from mlqa.llm.alignment import Step
from mlqa.llm.questioner import Answered, Questioner

log = logging.getLogger(__name__)

MANY_UNALIGNED = 0.1  # share of the answers


def describe_answers(questioner: Questioner, answered: Answered) -> dict[str, Any]:
    """Return the node `endpoint` of result.json. Tokens are those of all answers, dollars too (`usd`).

    What controls cost (`usd_controls`) and what this run paid (`usd_paid`) come later.

    Args:
        questioner: How it was asked.
        answered: The answers to the questions of the scored split.
    """
    endpoint, writer, asked = questioner.endpoint, questioner.writer, answered.asked
    replies = [reply for reply in asked.replies if reply is not None]
    steps = Counter(
        one.step.value for one, reply in zip(answered.aligned, asked.replies, strict=True) if reply is not None
    )
    return {
        "base_url": endpoint.base_url,
        "name": endpoint.name,
        "api": endpoint.api.value,
        "served": sorted({reply.model for reply in replies if reply.model}),
        "prompt_language": writer.language,
        "prompt": hashlib.sha256(repr(asdict(writer.prompt)).encode()).hexdigest()[:12],
        "examples": writer.shown.ids,
        "temperature": endpoint.temperature,
        "questions": len(asked.replies),
        "kept": sum(asked.is_kept),
        "requests": asked.requests,
        "retries": asked.retries,
        "refused": len(asked.refusals),
        "cut_off": sum(reply.finish == "length" for reply in replies),
        "alignment": {step.value: steps[step.value] for step in Step},
        "input_tokens": _sum_counts([reply.input_tokens for reply in replies]),
        "output_tokens": _sum_counts([reply.output_tokens for reply in replies]),
        "usd": None if answered.usd is None else round(answered.usd, 6),
        "usd_controls": 0.0,
        "usd_paid": None,
        "seconds_per_answer": _summarize([reply.seconds for reply in replies]),
    }


def warn_of_losses(figures: dict[str, Any], answered: Answered, max_tokens: int | None) -> None:
    """Log a warning for each reason why the scores may understate what the model knows.

    Args:
        figures: The figures from `describe_answers`.
        answered: The answers.
        max_tokens: The limit of an answer.
    """
    total = figures["questions"]
    if refusals := answered.asked.refusals:
        first = next(iter(refusals.values()))
        log.warning("%d of %d questions were refused and score 0; first: %s", len(refusals), total, first)
    if figures["cut_off"]:
        log.warning(
            "%d of %d answers were cut off at model.endpoint.max_tokens=%s; raise it if the model thinks first",
            figures["cut_off"],
            total,
            max_tokens,
        )
    if empty := sum(not reply.text.strip() for reply in answered.asked.replies if reply is not None):
        log.warning(
            "%d of %d answers are empty; raise model.endpoint.max_tokens=%s if the model thinks before it writes",
            empty,
            total,
            "null" if max_tokens is None else max_tokens,
        )
    unaligned = figures["alignment"][Step.unaligned.value]
    if unaligned > MANY_UNALIGNED * total:
        log.warning(
            "%d of %d answers are not in their context and are scored as they are; more model.endpoint.examples may "
            "help",
            unaligned,
            total,
        )


def build_answer_lines(examples: Examples, answered: Answered) -> list[dict[str, Any]]:
    """Return the lines of endpoint_answers.jsonl.

    Returns:
        One per question: id, what the model wrote, what counts as its answer, by which step of the rule, and its
        tokens and seconds. For a refused question: id and the reason.
    """
    lines = []
    for row, name in enumerate(name_rows(examples.ids)):
        line: dict[str, Any] = {"id": name}
        if (reply := answered.asked.replies[row]) is None:
            line["refused"] = answered.asked.refusals[row]
        else:
            one, (text, *rest) = answered.aligned[row], asdict(reply).items()
            line |= {"written": text[1], "answer": one.text, "step": one.step.value, **dict(rest)}
            line["kept"] = answered.asked.is_kept[row]
        lines.append(line)
    return lines


def _sum_counts(counts: Sequence[int | None]) -> int | None:
    """Return the sum, None if the endpoint did not count some."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _summarize(seconds: Sequence[float]) -> dict[str, float]:
    """Return mean, median and the 95th percentile, {} if there is nothing."""
    if not seconds:
        return {}
    median, high = np.quantile(seconds, [0.5, 0.95])
    return {
        name: round(float(value), 3) for name, value in (("mean", np.mean(seconds)), ("median", median), ("p95", high))
    }
