"""Check exported graphs against the model of the run, on questions of its data set, by the predict.py that ships."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mlqa.data.examples import Examples
from mlqa.errors import ModelError
from mlqa.metrics.squad import Version, compute_squad_scores

# A graph in float32 may differ by rounding alone: as a share of the logits' range. torch's and onnxruntime's products
# differ by some 1e-6 of it.
ROUNDING = 1e-4
BATCH = 8  # windows of different widths that are read together once, to see that the graph takes any number


class Session(Protocol):
    """What reads windows, as onnxruntime's InferenceSession does."""

    def run(self, names: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return start and end logits, each [windows, width], of inputs [windows, width]."""
        ...


class TorchSession:
    """The model of a run as a session."""

    def __init__(self, model: Any) -> None:
        self.model = model.eval()

    def run(self, _: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return start and end logits, each [windows, width]."""
        import torch

        with torch.inference_mode():
            output = self.model(**{name: torch.from_numpy(rows) for name, rows in inputs.items()})
        return [output.start_logits.float().numpy(), output.end_logits.float().numpy()]


@dataclass
class ComparingSession:
    """Read by a graph, and note how far its logits are from another session's.

    Attributes:
        graph: The session under test, whose logits are returned.
        reference: What it is compared with.
        difference: The greatest difference of a logit so far, padding not counted.
        low: The lowest logit of the reference so far.
        high: The highest.
        kept: The inputs of some windows, narrow and wide ones.
    """

    graph: Session
    reference: Session
    difference: float = 0.0
    low: float = np.inf
    high: float = -np.inf
    kept: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)

    def run(self, _: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return the logits of the graph."""
        mine, theirs = self.graph.run(None, inputs), self.reference.run(None, inputs)
        there = inputs["attention_mask"] > 0 if "attention_mask" in inputs else np.ones_like(inputs["input_ids"], bool)
        for logits, expected in zip(mine, theirs, strict=True):
            self.difference = max(self.difference, float(np.abs(logits - expected)[there].max()))
            self.low = min(self.low, float(expected[there].min()))
            self.high = max(self.high, float(expected[there].max()))
        if len(self.kept) < BATCH:
            self.kept.setdefault(int(there.sum()), inputs)
        return mine

    def run_together(self, pad_id: int) -> None:
        """Read the kept windows once more, in one batch that is padded to the widest."""
        width = max((rows["input_ids"].shape[1] for rows in self.kept.values()), default=0)
        batch: dict[str, list[np.ndarray]] = {}
        for inputs in [*self.kept.values()]:
            for name, rows in inputs.items():
                filler = pad_id if name == "input_ids" else 0
                padded = np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=filler)
                batch.setdefault(name, []).append(padded)
        if batch:
            self.run(None, {name: np.concatenate(rows) for name, rows in batch.items()})


@dataclass(frozen=True)
class GraphCheck:
    """How a graph answers, beside the model of the run.

    Attributes:
        logit_difference: The greatest difference of a logit.
        logit_range: The range of the model's logits.
        same_answers: Questions with the same answer at the same place.
        questions: All questions.
        exact_match: Official, 0-100. None without gold answers, as F1.
        f1: Official, 0-100.
    """

    logit_difference: float
    logit_range: float
    same_answers: int
    questions: int
    exact_match: float | None
    f1: float | None


def check_graph(
    reader: Any, session: Session, reference: Session, examples: Examples, expected: list[tuple[str, int]]
) -> GraphCheck:
    """Answer questions by predict.py with a graph, and compare with the answers of mlqa.

    Args:
        reader: A `Reader` of predict.py.
        session: The graph.
        reference: The model of the run.
        examples: The questions.
        expected: The text and the place of mlqa's answer to each.
    """
    comparing = ComparingSession(session, reference)
    reader.session = comparing
    answers = [reader.answer(question, examples.get_context(row))[0] for row, question in enumerate(examples.questions)]
    comparing.run_together(reader.settings["pad_id"])
    reader.session = session
    found = [(answer["text"], answer["start"]) for answer in answers]
    exact_match, f1 = score_answers([text for text, _ in found], examples)
    return GraphCheck(
        logit_difference=comparing.difference,
        logit_range=comparing.high - comparing.low,
        same_answers=sum(mine == theirs for mine, theirs in zip(found, expected, strict=True)),
        questions=len(examples),
        exact_match=exact_match,
        f1=f1,
    )


def score_answers(texts: list[str], examples: Examples) -> tuple[float | None, float | None]:
    """Return the official exact match and F1, 0-100, of answers. None for questions without golds (`--file`)."""
    golds = [examples.get_gold_texts(row) for row in range(len(examples))]
    if not any(golds):
        return None, None
    version: Version = "2.0" if examples.has_unanswerable else "1.1"
    scores = compute_squad_scores(texts, golds, version)
    return scores.exact_match, scores.f1


def refuse_unequal(check: GraphCheck) -> None:
    """Refuse a graph in float32 that differs by more than rounding.

    Raises:
        ModelError: A logit differs by more than `ROUNDING` of the range, or an answer differs.
    """
    if check.logit_difference > ROUNDING * check.logit_range:
        raise ModelError(
            f"the ONNX graph is refused: its logits differ by up to {check.logit_difference:.2g}, allowed is "
            f"{ROUNDING:g} of their range ({ROUNDING * check.logit_range:.2g}); serve this model with mlqa or by "
            "--sagemaker, which needs no ONNX"
        )
    if check.same_answers < check.questions:
        raise ModelError(
            f"the ONNX graph is refused: {check.questions - check.same_answers} of {check.questions} answers differ "
            "from mlqa's, though its logits are equal; serve this model with mlqa or by --sagemaker"
        )


def explain_refusal(quantized: GraphCheck, exact: GraphCheck, most: float) -> str | None:
    """Return why the graph in 8 bits is refused, None if it is not.

    Args:
        quantized: The check of the graph in 8 bits.
        exact: That of the graph in float32.
        most: The points of F1 that it may lose. Without gold answers, the per cent of answers that may differ.
    """
    if quantized.f1 is None or exact.f1 is None:
        lost, of_what = 100 * (1 - quantized.same_answers / quantized.questions), "per cent of its answers differ"
    else:
        lost, of_what = exact.f1 - quantized.f1, "points of F1 are lost"
    if lost <= most:
        return None
    return f"{lost:.2f} {of_what} on {quantized.questions} questions, more than --max-loss={most:g}"
