"""What the page and its API ask a model, within stated sizes, and the answer in the form that they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.data.unicode_oddities import is_visible
from mlqa.errors import DataError
from mlqa.inference import Prediction, Predictor
from mlqa.metrics.scores_file import read_score_rows
from mlqa.result import SCORES, read_result

if TYPE_CHECKING:
    from mlqa.answers.decoding import Candidate

LONGEST_QUESTION = 1_000  # characters
LONGEST_CONTEXT = 50_000
MOST_ANSWERS = 20
SHOWN_ANSWERS = 5
ANSWER, RUNNER_UP = "answer", "runner-up"
WORD, NEXT_WORD = "word", "next word"  # the tokens of a word have one colour, those of the next word another

Marked = list[tuple[str, str | None]]  # stretches of a text, with a mark or without


@dataclass(frozen=True)
class Asked:
    """A model on the page.

    Attributes:
        name: What the page calls it, e.g. "berturk, seed 42".
        facts: What it was trained on and how it scored.
        predictor: The model.
    """

    name: str
    facts: str
    predictor: Predictor


@dataclass(frozen=True)
class Shown:
    """What the page shows of one model's answer.

    Attributes:
        verdict: The answer and its probability in a sentence, as Markdown without anything that was typed.
        passage: The context, with the answer and the runners-up that do not overlap it marked.
        table: Answer, probability and place of each candidate.
        tokens: Question and context, with each token marked.
    """

    verdict: str
    passage: Marked
    table: list[list[str]]
    tokens: Marked


def load_asked(run_dir: Path, risk: float | None) -> Asked:
    """Load the model of a run for the page.

    Raises:
        RunError: If the directory has no finished run.
        ModelError: If its model cannot be loaded.
        ConfigError: If the run has no calibration for a risk.
    """
    predictor = Predictor.from_run(run_dir, risk=risk)
    result = read_result(run_dir)
    score = result["metrics"].get("f1")
    facts = [str(result["choices"].get("dataset", "")), f"seed {result['seed']}"]
    facts += [f"F1 {score:.2f} ({result['reported_split']})"] if isinstance(score, int | float) else []
    return Asked(result["label"] or run_dir.name, ", ".join(part for part in facts if part), predictor)


def check_sizes(question: str, context: str) -> None:
    """Raise DataError if a text has no visible character or is too long, or is no text."""
    for name, text, longest in (("question", question, LONGEST_QUESTION), ("passage", context, LONGEST_CONTEXT)):
        if not isinstance(text, str) or not is_visible(text):
            raise DataError(f"the {name} is empty; give some text")
        if len(text) > longest:
            raise DataError(f"the {name} has {len(text):,} characters; give at most {longest:,}")


def build_answer(asked: Asked) -> Callable[[str, str, int], dict[str, Any]]:
    """Return the function of the API: (question, context, top_k) to what `mlqa predict --json` prints of a question."""

    def answer(question: str, context: str, top_k: int = 3) -> dict[str, Any]:
        check_sizes(question, context)
        if isinstance(top_k, bool) or not isinstance(top_k, int) or not 1 <= top_k <= MOST_ANSWERS:
            raise DataError(f"top_k is {top_k!r:.20}; choose 1 ... {MOST_ANSWERS}")
        most = min(top_k, asked.predictor.training.n_best_size)
        return {"question": question, **asked.predictor.predict(question, context, most).to_dict()}

    return answer


def show_answer(asked: Asked, question: str, context: str) -> Shown:
    """Answer a question and prepare what the page shows.

    Raises:
        DataError: If a text is empty or too long.
    """
    check_sizes(question, context)
    predictor = asked.predictor
    prediction = predictor.predict(question, context, min(SHOWN_ANSWERS, predictor.training.n_best_size))
    table = [
        [each.text or "(no answer)", f"{each.probability:.1%}", f"{each.start}-{each.end}" if each.text else ""]
        for each in prediction.answers
    ]
    tokens = [*mark_tokens(predictor, question), ("\n\n", None), *mark_tokens(predictor, context)]
    return Shown(describe_prediction(predictor, prediction), mark_answers(context, prediction.answers), table, tokens)


def describe_prediction(predictor: Predictor, prediction: Prediction) -> str:
    """Say how sure the model is. The sentence holds nothing that was typed."""
    kind = "An answer" if prediction.text else "No answer in the passage"
    percent = "over 99%" if prediction.probability > 0.99 else f"{prediction.probability:.1%}"
    chance = f"**{kind}, probability {percent}**"
    if prediction.is_sure is None:
        return f"{chance}. The model is not calibrated, so the probability is usually too high."
    calibration = predictor.calibration
    assert calibration is not None and predictor.risk is not None
    goal = f"a mean {calibration.metric_label} of {100 * (1 - predictor.risk):g}"
    if predictor.threshold is None:
        goal = f"{calibration.metric_label} {100 * (1 - predictor.risk):g}"
        return f"{chance}. Not sure: no threshold reaches {goal} on the {calibration.split} split."
    verb = "Sure" if prediction.is_sure else "Not sure"
    which = f"answers from {predictor.threshold:.1%} on" if predictor.threshold else "all answers"
    return f"{chance}. {verb}: {which} reach {goal} on the {calibration.split} split."


def mark_answers(context: str, answers: Sequence[Candidate]) -> Marked:
    """Cut a context at its answers. Of candidates that overlap, only the better one is marked."""
    places: list[tuple[int, int, str]] = []
    for number, each in enumerate(answers):
        is_free = all(each.end <= start or each.start >= end for start, end, _ in places)
        if each.text and is_free and (number == 0 or answers[0].text):
            places.append((each.start, each.end, RUNNER_UP if number else ANSWER))
    return _cut(context, sorted(places))


def mark_tokens(predictor: Predictor, text: str) -> Marked:
    """Cut a text into its tokens, each marked by whether its word is an odd or an even one.

    Tokens that share a character, as the bytes of a letter do, are one stretch.
    """
    places: list[tuple[int, int, str]] = []
    words, last = 0, 0
    for start, end in predictor.locate_tokens(text):
        start += len(text[start:end]) - len(text[start:end].lstrip())  # SentencePiece tokens hold the space before them
        if start < end and start >= last:
            words += not places or any(letter.isspace() for letter in text[last:start])
            places.append((start, end, NEXT_WORD if words % 2 == 0 else WORD))
            last = end
    return _cut(text, places)


def _cut(text: str, places: Sequence[tuple[int, int, str]]) -> Marked:
    """Cut a text at places that do not overlap, in their order."""
    marked: Marked = []
    bounds = [(0, 0, ""), *places, (len(text), len(text), "")]
    for (_, before, _), (start, end, mark) in pairwise(bounds):
        marked += [(text[before:start], None)] if before < start else []
        marked += [(text[start:end], mark)] if start < end else []
    return marked


def find_examples(run_dir: Path, count: int = 3) -> list[list[str]]:
    """Return a few questions that the run was scored on and their contexts, as long as its scores.jsonl has some."""
    result = read_result(run_dir)
    try:
        rows = read_score_rows(run_dir / SCORES, result["choices"]["dataset"], result["reported_split"])
    except (DataError, OSError, KeyError):
        return []
    firsts = [row for row in rows if len(row.get("context_text", "")) in range(1, LONGEST_CONTEXT)]
    chosen = firsts[:: max(1, len(firsts) // count)][:count]
    return [[row["question"], row["context_text"]] for row in chosen]
