"""predict.py, which ships with an export, answers as mlqa does: windows, offsets, spans, no answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from saved_run import SAMPLE, write_run

from mlqa.data.questions import make_unlabelled_examples
from mlqa.errors import DataError
from mlqa.inference import Predictor
from mlqa.serving.check import TorchSession
from mlqa.serving.export import SHIPPED, load_reader, write_settings

LONG = " ".join(SAMPLE.contexts[:3])
TEXTS = [
    (SAMPLE.questions[0], SAMPLE.get_context(0)),
    ("Kim?", LONG),  # several windows
    (" ".join(SAMPLE.questions[:6]), LONG),  # the question is cut
    ("  Nerede?", "  Ankara   \n\n  başkenttir.\t "),
    (
        "Hangi ağaç?",
        "c\u0327am ag\u0306ac\u0327 deg\u0306il. I\u0307stanbul\u0301",
    ),  # marks that are letters of their own
    ("Ne?", "🙂 ☃"),
    ("Ne?", "."),
]


def test_it_is_short() -> None:
    assert len((SHIPPED / "predict.py").read_text("utf-8").splitlines()) < 60


def make_reader(predictor: Predictor, folder: Path) -> Any:
    write_settings(predictor, folder)
    return load_reader(SHIPPED / "predict.py")(folder, TorchSession(predictor.model))


@pytest.mark.parametrize("unanswerable", [0, 5])
@pytest.mark.parametrize(
    ("model_type", "algorithm"),
    [("bert", "wordpiece"), ("convbert", "char"), ("xlm-roberta", "unigram"), ("gpt2", "wordpiece")],
)  # fmt: skip
def test_it_answers_as_mlqa_does(tmp_path: Path, model_type: str, algorithm: str, unanswerable: int) -> None:
    predictor = Predictor.from_run(write_run(tmp_path / "run", model_type, algorithm, unanswerable), device="cpu")
    reader = make_reader(predictor, tmp_path)
    questions, contexts = map(list, zip(*TEXTS, strict=True))
    examples = make_unlabelled_examples(questions, contexts, [str(number) for number in range(len(TEXTS))])
    for (question, context), expected in zip(TEXTS, predictor.answer(examples, 5), strict=True):
        found = reader.answer(question, context, 5)
        assert [(one["text"], one["start"]) for one in found] == [(one.text, one.start) for one in expected.answers]
        probabilities = [one.probability for one in expected.answers]
        assert [one["probability"] for one in found] == pytest.approx(probabilities, abs=1e-5)


@pytest.mark.parametrize("empty", ["", " \t\n", "\u200b", "\0", "\u00a0\ufeff"])
def test_text_without_a_visible_character_is_refused(tmp_path: Path, empty: str) -> None:
    predictor = Predictor.from_run(write_run(tmp_path / "run"), device="cpu")
    reader = make_reader(predictor, tmp_path)
    for question, context in ((empty, LONG), ("Kim?", empty)):
        with pytest.raises(ValueError, match="the question or the context is empty"):
            reader.answer(question, context)
        with pytest.raises(DataError, match="is empty"):
            predictor.predict(question, context)


@pytest.mark.parametrize("arguments", [[], ["Kim?"], ["Kim?", ""], ["\u200b", LONG], ["Kim?", LONG, "5"]])
def test_wrong_arguments_print_the_usage(arguments: list[str]) -> None:
    command = [sys.executable, str(SHIPPED / "predict.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: python predict.py QUESTION CONTEXT: neither may be empty\n"


def test_the_threshold_decides_between_an_answer_and_none(tmp_path: Path) -> None:
    predictor = Predictor.from_run(write_run(tmp_path / "run", unanswerable=5), device="cpu")
    texts = []
    for threshold in (-1e6, 1e6):
        predictor.training.null_score_diff_threshold = threshold
        texts.append(make_reader(predictor, tmp_path).answer("Kim?", LONG)[0]["text"])
    assert texts[0] == "" and texts[1]
