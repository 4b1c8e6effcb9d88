"""Whole runs against an endpoint whose answers are known: scores, files, price, cache, budget, failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stand_in import KEY, MODEL, StandIn

from mlqa.config.compose import compose_config
from mlqa.data.load import load_splits
from mlqa.errors import ModelError, RunError, UnreachableError
from mlqa.experiment import run
from mlqa.llm.questioner import Questioner
from mlqa.llm.spending import BYTES_PER_TOKEN
from mlqa.tokenization.load import load_tokenizer

pytestmark = pytest.mark.slow  # they start runs and an endpoint
TOP = Path(__file__).resolve().parents[2]
ROWS = 12
# In English, because the morphological analyzer of Turkish takes seconds to load.
SMALL = ["experiment=quickstart", "model=llm", "training.shuffled_questions_control=false", "dataset.language=en"]
SAMPLE = [f"dataset.sample.validation_rows={ROWS}", "dataset.sample.train_rows=60"]


def overrides(stand_in: StandIn, *more: str) -> list[str]:
    return [*SMALL, f"model.endpoint.base_url={stand_in.base_url}", f"model.endpoint.name={MODEL}", *more]


def run_llm(stand_in: StandIn, folder: Path, *more: str) -> dict[str, Any]:
    sample = () if any(item.startswith("dataset=") for item in more) else SAMPLE
    config, choices = compose_config(overrides(stand_in, *sample, *more))
    config.training.output_dir = str(folder)
    run(config, choices)
    return read(folder)


def read(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "result.json").read_text("utf-8")))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def know_golds(*more: str) -> dict[str, str]:
    """{what a message ends with: the gold answer} of the validation questions."""
    splits = load_splits(compose_config([*SMALL, *SAMPLE, "model=tiny_wordpiece", *more])[0].dataset)
    asked = splits.validation
    return {
        f"Passage: {asked.get_context(row)}\nQuestion: {asked.questions[row]}": asked.answers[row][0].text
        for row in range(len(asked))
    }


def answer_by(golds: dict[str, str], change: Callable[[str], str | None] = str) -> Callable[[str], str | None]:
    def answer(message: str) -> str | None:
        return change(next(gold for asked, gold in golds.items() if message.endswith(asked)))

    return answer


def test_right_answers_score_100_and_leave_the_files_of_every_run(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.answer = answer_by(know_golds())
    result = run_llm(
        stand_in, tmp_path / "run", "model.endpoint.usd_per_million_input=2", "model.endpoint.usd_per_million_output=8"
    )
    assert result["status"] == "completed" and result["label"] == MODEL
    assert (result["metrics"]["exact_match"], result["metrics"]["f1"], result["metrics"]["total"]) == (100, 100, ROWS)
    assert result["objective"] == 100 and result["metrics"]["f1_ci_low"] == 100
    golds = list(know_golds().values())
    predictions = json.loads((tmp_path / "run" / "predictions.json").read_text("utf-8"))
    assert list(predictions.values()) == golds
    rows = read_lines(tmp_path / "run" / "scores.jsonl")
    assert [row["answer"] for row in rows] == golds and all(row["exact_match"] == 1 for row in rows)
    lines = read_lines(tmp_path / "run" / "endpoint_answers.jsonl")
    assert [line["written"] for line in lines] == golds and {line["step"] for line in lines} == {"exact"}
    assert not (tmp_path / "run" / "model").exists()

    asked = result["endpoint"]
    sizes = [len(json.dumps(body["messages"], ensure_ascii=False)) // 4 for body in stand_in.bodies]
    words = [len(gold.split()) for gold in golds]
    assert (asked["input_tokens"], asked["output_tokens"]) == (sum(sizes), sum(words))
    usd = (2 * sum(sizes) + 8 * sum(words)) / 1e6
    assert asked["usd"] == pytest.approx(usd, abs=1e-6) == asked["usd_paid"]
    assert result["cost"]["usd"] == asked["usd"] and result["cost"]["estimate"] is False
    assert asked["served"] == [MODEL] and asked["prompt_language"] == "en" and len(asked["examples"]) == 3
    assert asked["seconds_per_answer"]["median"] > 0 and asked["requests"] == ROWS


def test_the_request_is_in_turkish_with_examples_of_train(stand_in: StandIn) -> None:
    more = ["dataset.language=tr", "seed=7", "model.endpoint.parameters={top_p: 0.9, max_tokens: null}"]
    config = compose_config(overrides(stand_in, *SAMPLE, *more))[0]
    splits = load_splits(config.dataset)
    body = Questioner(config, splits).writer.build_request("Kaç kedi?", "İki kedi.")
    assert (body["model"], body["seed"], body["temperature"], body["top_p"]) == (MODEL, 7, 0.0, 0.9)
    assert "max_tokens" not in body
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["user", "assistant"] * 3 + ["user"]
    assert body["messages"][0]["content"].startswith("Metni oku ve soruyu yanıtla.")
    assert "YANIT YOK" not in body["messages"][0]["content"]  # every question has an answer
    for asked, shown in zip(body["messages"][:-1:2], body["messages"][1::2], strict=True):
        assert shown["content"] in asked["content"]


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (lambda gold: gold.translate(str.maketrans("aekmn", "AEKMN")), "folded"),
        (lambda gold: f'Answer: "{gold}".', "unwrapped"),
        (lambda gold: json.dumps({"answer": gold}), "unwrapped"),
    ],
    ids=["wrong case", "free text", "json"],
)
def test_answers_in_another_form_are_aligned(
    stand_in: StandIn, tmp_path: Path, change: Callable[[str], str], step: str
) -> None:
    stand_in.answer = answer_by(know_golds(), change)
    result = run_llm(stand_in, tmp_path / "run")
    steps = result["endpoint"]["alignment"]
    assert steps[step] + steps["exact"] == ROWS and steps[step] > ROWS / 2  # some are numbers
    assert result["metrics"]["exact_match"] == 100


def test_an_answer_that_is_not_in_the_context_is_scored_as_it_is(
    stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Official F1 of "<gold> zq": one of two words (or one of three) is right."""
    golds = know_golds()
    stand_in.answer = answer_by(golds, lambda gold: f"{gold} zq")
    result = run_llm(stand_in, tmp_path / "run")
    words = [len(gold.split()) for gold in golds.values()]
    expected = [2 * count / (2 * count + 1) for count in words]
    assert result["endpoint"]["alignment"]["unaligned"] == ROWS
    assert result["metrics"]["f1"] == pytest.approx(100 * sum(expected) / ROWS)
    assert f"{ROWS} of {ROWS} answers are not in their context" in caplog.text


def test_a_rerun_costs_nothing_and_needs_no_endpoint(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.answer = answer_by(know_golds())
    prices = ["model.endpoint.usd_per_million_input=2", "model.endpoint.usd_per_million_output=8"]
    first = run_llm(stand_in, tmp_path / "first", *prices)
    stand_in.troubles = [500] * 99
    again = run_llm(stand_in, tmp_path / "again", *prices)
    assert len(stand_in.bodies) == ROWS
    assert (again["endpoint"]["kept"], again["endpoint"]["requests"], again["endpoint"]["usd_paid"]) == (ROWS, 0, 0)
    assert again["endpoint"]["usd"] == first["endpoint"]["usd"] and again["metrics"] == first["metrics"]
    stand_in.troubles = []
    run_llm(stand_in, tmp_path / "seed", *prices, "seed=1")  # another draw is asked anew
    assert len(stand_in.bodies) == 2 * ROWS


def test_troubles_that_pass(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.answer = answer_by(know_golds())
    not_json = (200, {}, b"<html>busy</html>")
    no_choice = (200, {}, b'{"choices": []}')
    wish = (429, {"Retry-After": "0.05"}, b'{"error": {"message": "slow down"}}')
    stand_in.troubles = [429, wish, 503, not_json, no_choice, 0.3]
    result = run_llm(stand_in, tmp_path / "run", "model.endpoint.timeout_seconds=0.2", "model.endpoint.concurrency=3")
    assert result["metrics"]["exact_match"] == 100
    assert (result["endpoint"]["requests"], result["endpoint"]["retries"]) == (ROWS + 6, 6)
    assert stand_in.most_busy <= 4  # one may still hang on the side of the server


def test_an_endpoint_that_stays_down_ends_the_run_and_keeps_the_answers(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.answer = answer_by(know_golds())
    stand_in.troubles = [(200, {}, json.dumps({"choices": [{"message": {"content": "x"}}]}).encode())] * 4 + [503] * 99
    settings = ["model.endpoint.max_retries=1", "model.endpoint.concurrency=1"]
    with pytest.raises(UnreachableError, match=r"no answer after 2 tries: 503 trouble 503.*continues from"):
        run_llm(stand_in, tmp_path / "run", *settings)
    assert read(tmp_path / "run")["status"] == "failed"
    asked = len(stand_in.bodies)
    stand_in.troubles = []
    assert run_llm(stand_in, tmp_path / "run", *settings)["endpoint"]["kept"] == 4
    assert len(stand_in.bodies) - asked == ROWS - 4


def test_the_budget_is_checked_before_and_during(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.answer = answer_by(know_golds())
    prices = ["model.endpoint.usd_per_million_input=1000", "model.endpoint.usd_per_million_output=1000"]
    with pytest.raises(RunError, match=r"budget_usd=0.001: 12 questions will cost about .*max_eval_samples=1"):
        run_llm(stand_in, tmp_path / "before", *prices, "model.endpoint.budget_usd=0.001")
    assert stand_in.bodies == []

    # One answer costs what the stand-in counts. The forecast is far lower than a verbose model turns out to be.
    stand_in.answer = answer_by(know_golds(), lambda gold: f"{gold} " * 60)
    expensive = ["model.endpoint.usd_per_million_input=1", "model.endpoint.usd_per_million_output=1e6"]
    budget = 200.0  # 3 answers of 60 words at $1 a word, and the fourth might take 64
    with pytest.raises(RunError, match=r"budget_usd=200: \$\d+.\d+ is spent, and \d+ of 12 questions are left"):
        run_llm(stand_in, tmp_path / "during", *expensive, f"model.endpoint.budget_usd={budget}")
    result = read(tmp_path / "during")
    assert result["status"] == "failed" and 60 < result["cost"]["usd"] <= budget
    asked = len(stand_in.bodies)
    assert 1 <= asked <= 3
    # A higher budget goes on from there.
    done = run_llm(stand_in, tmp_path / "during", *expensive, "model.endpoint.budget_usd=5000")
    assert done["endpoint"]["kept"] == asked and len(stand_in.bodies) == ROWS
    assert done["endpoint"]["usd"] > budget > 0


def test_a_refused_question_scores_0_and_the_others_count(stand_in: StandIn, tmp_path: Path) -> None:
    golds = know_golds()
    first = next(iter(golds.values()))
    stand_in.answer = answer_by(golds, lambda gold: None if gold == first else gold)
    refused = sum(gold == first for gold in golds.values())
    result = run_llm(stand_in, tmp_path / "run", "model.endpoint.concurrency=1")
    assert result["endpoint"]["refused"] == refused >= 1
    assert result["metrics"]["exact_match"] == pytest.approx(100 * (ROWS - refused) / ROWS)
    assert len(json.loads((tmp_path / "run" / "predictions.json").read_text("utf-8"))) == ROWS - refused
    assert "content filter" in read_lines(tmp_path / "run" / "endpoint_answers.jsonl")[0]["refused"]


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (400, "the first 5 questions were all refused: 400 trouble 400"),
        (404, "404 trouble 404; correct model.endpoint.base_url"),
        (402, "402 trouble 402; correct the settings"),
        ((429, {}, b'{"error": {"code": "insufficient_quota", "message": "pay"}}'), "no credit left: pay"),
        ((302, {"Location": "https://x.example/v1"}, b""), "redirects to https://x.example/v1"),
    ],
)
def test_what_will_not_pass_ends_the_run_at_once(stand_in: StandIn, tmp_path: Path, trouble: Any, message: str) -> None:
    stand_in.troubles = [trouble] * 99
    with pytest.raises(ModelError, match=message):
        run_llm(stand_in, tmp_path / "run")
    assert len(stand_in.bodies) <= 9


def test_nobody_at_the_address(stand_in: StandIn, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"base_url=http://127.0.0.1:1/v1: cannot be reached .*start the server"):
        run_llm(stand_in, tmp_path / "run", "model.endpoint.base_url=http://127.0.0.1:1/v1")


def test_the_key_goes_to_the_endpoint_and_nowhere_else(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    stand_in.answer = answer_by(know_golds(), lambda gold: f"{gold} {KEY}")  # a server that repeats the key
    stand_in.key = KEY
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    with pytest.raises(ModelError, match="it requires a key"):
        run_llm(stand_in, tmp_path / "run")
    assert all("Authorization" not in headers for headers in stand_in.headers)  # not OpenAI's
    monkeypatch.setenv("MLQA_LLM_API_KEY", "sk-wrong")
    with pytest.raises(ModelError, match=r"the key is refused \(401 Incorrect API key provided: Bearer \*\*\*\)"):
        run_llm(stand_in, tmp_path / "run")
    monkeypatch.setenv("MLQA_LLM_API_KEY", KEY)
    run_llm(stand_in, tmp_path / "run", "tracking=files")
    assert stand_in.headers[-1]["Authorization"] == f"Bearer {KEY}"
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > ROWS
    for path in written:
        assert not any(key.encode() in path.read_bytes() for key in (KEY, "sk-wrong", "sk-of-openai")), path
    assert KEY not in caplog.text and "sk-wrong" not in caplog.text


def test_a_data_set_with_unanswerable_questions(stand_in: StandIn, tmp_path: Path) -> None:
    """SQuAD 2.0: the phrase of the prompt counts as no answer, for which the official script gives a point."""

    def paragraph(name: str, answerable: bool) -> dict[str, Any]:
        context = f"{name} köyünde 42 kedi yaşar."
        answers = [{"text": "42", "answer_start": context.index("42")}] if answerable else []
        question = f"{name} köyünde kaç {'kedi' if answerable else 'köpek'} yaşar?"
        return {"context": context, "qas": [{"id": name, "question": question, "answers": answers,
                                             "is_impossible": not answerable}]}  # fmt: skip

    for split, count in (("train", 8), ("validation", 6)):
        paragraphs = [paragraph(f"{split}{number}", number % 2 == 0) for number in range(count)]
        content = {"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]}
        (tmp_path / f"{split}.json").write_text(json.dumps(content), "utf-8")
    stand_in.answer = lambda message: "No answer." if "köpek" in message.splitlines()[-1] else "42"
    result = run_llm(
        stand_in, tmp_path / "run", "dataset=squad_json",
        f"dataset.train_file={tmp_path / 'train.json'}", f"dataset.validation_file={tmp_path / 'validation.json'}",
    )  # fmt: skip
    assert result["dataset"]["squad_version"] == "2.0"
    assert (result["metrics"]["exact_match"], result["metrics"]["NoAns_f1"], result["metrics"]["HasAns_f1"]) == (
        100,
    ) * 3
    assert result["endpoint"]["alignment"]["no answer"] == 3
    messages = stand_in.bodies[0]["messages"]
    assert "write only: NO ANSWER" in messages[0]["content"]
    assert "NO ANSWER" in [message["content"] for message in messages[1::2]]  # one of the examples


def test_completions_for_a_model_without_a_chat_template(stand_in: StandIn, tmp_path: Path) -> None:
    golds = {f"{asked}\nAnswer:": gold for asked, gold in know_golds().items()}
    stand_in.answer = answer_by(golds, lambda gold: f" {gold}")
    stand_in.counts = False
    result = run_llm(
        stand_in, tmp_path / "run", "model.endpoint.api=completions",
        "model.endpoint.usd_per_million_input=3", "model.endpoint.usd_per_million_output=0",
    )  # fmt: skip
    assert result["metrics"]["exact_match"] == 100
    body = stand_in.bodies[0]
    assert body["stop"] == ["\n"] and "messages" not in body and body["prompt"].count("\nAnswer: ") == 3
    # Tokens that the endpoint does not count are estimated, and the price says so.
    bytes_of_prompts = sum(len(json.dumps(body["prompt"], ensure_ascii=False).encode()) for body in stand_in.bodies)
    assert result["endpoint"]["input_tokens"] is None and result["cost"]["estimate"] is True
    assert result["cost"]["usd"] == pytest.approx(3 * bytes_of_prompts / BYTES_PER_TOKEN / 1e6, abs=1e-6)


def test_a_language_without_a_prompt_is_asked_in_english_and_that_is_said(
    stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = run_llm(stand_in, tmp_path / "run", "dataset.language=sw", "dataset.max_eval_samples=2")
    assert result["endpoint"]["prompt_language"] == "en"
    assert "there is no prompt in 'sw', so the questions are asked in English" in caplog.text
    assert stand_in.bodies[0]["messages"][0]["content"].startswith("Read the passage")


def test_the_control_swaps_the_questions(stand_in: StandIn, tmp_path: Path) -> None:
    golds = know_golds()

    def answer(message: str) -> str:  # answers what is asked, whatever the context
        return next((gold for asked, gold in golds.items() if message.endswith(asked)), "bilmem")

    stand_in.answer = answer
    result = run_llm(stand_in, tmp_path / "run", "training.shuffled_questions_control=true")
    assert result["metrics"]["f1"] == 100 and result["metrics"]["f1_shuffled_questions"] < 50
    assert len(stand_in.bodies) == ROWS  # every question of a context was asked before, so the control is free


def test_what_the_model_remembers_is_asked_without_the_context(stand_in: StandIn, tmp_path: Path) -> None:
    """It knows half of the answers by heart, and reads the others."""
    golds = know_golds()
    known = {asked.rpartition("\n")[2]: gold for asked, gold in list(golds.items())[::2]}
    by_reading = answer_by(golds)
    stand_in.answer = lambda message: (
        by_reading(message) if "Passage:" in message else known.get(message.splitlines()[-1], "I do not know")
    )
    result = run_llm(stand_in, tmp_path / "run", "model.endpoint.without_context=true")
    assert result["metrics"]["exact_match"] == 100
    assert result["metrics"]["exact_match_without_context"] == pytest.approx(50)
    messages = [body["messages"] for body in stand_in.bodies[ROWS:]]
    assert len(messages) == ROWS and all(len(each) == 1 and "Passage" not in each[0]["content"] for each in messages)
    assert messages[0][0]["content"].startswith("Answer the question.")


def test_the_scores_are_there_if_the_budget_ends_in_a_control(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.answer = answer_by(know_golds(), lambda gold: f"{gold} a b c")
    by_reading = stand_in.answer
    stand_in.answer = lambda message: by_reading(message) if "Passage:" in message else "word " * 60
    prices = ["model.endpoint.usd_per_million_input=0", "model.endpoint.usd_per_million_output=1e6"]
    budget = ["model.endpoint.budget_usd=200", "model.endpoint.concurrency=1", "model.endpoint.without_context=true"]
    with pytest.raises(RunError, match="are left; the answers so far are kept"):
        run_llm(stand_in, tmp_path / "run", *prices, *budget)
    result = read(tmp_path / "run")
    assert result["status"] == "failed" and result["metrics"]["total"] == ROWS and result["metrics"]["f1"] > 0
    assert len(read_lines(tmp_path / "run" / "scores.jsonl")) == ROWS
    assert "f1_without_context" not in result["metrics"] and 12 < result["endpoint"]["usd_paid"] <= 200


def test_a_tokenizer_of_an_endpoint_is_refused_in_one_line(stand_in: StandIn) -> None:
    config = compose_config(overrides(stand_in, *SAMPLE))[0]
    with pytest.raises(ModelError, match="a model behind an endpoint has no tokenizer that is known here"):
        load_tokenizer(config.model, [])


@pytest.mark.slow
def test_a_run_on_the_command_line_loads_no_torch(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.answer = answer_by(know_golds())
    arguments = [*overrides(stand_in, *SAMPLE), f"hydra.run.dir={tmp_path / 'run'}", "tracking=files"]
    code = (
        "import atexit, runpy, sys\n"
        "heavy = ('torch', 'transformers', 'tokenizers', 'datasets', 'accelerate', 'wandb')\n"
        "atexit.register(lambda: print('HEAVY', [name for name in heavy if name in sys.modules], file=sys.stderr))\n"
        f"sys.argv = ['train.py', *{arguments!r}]\n"
        f"runpy.run_path({str(TOP / 'train.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0 and "HEAVY []" in done.stderr, done.stderr
    assert "0 of 12 answers are not in their context" in done.stderr
    assert read(tmp_path / "run")["metrics"]["exact_match"] == 100


@pytest.mark.slow
def test_ctrl_c_ends_at_once_and_the_same_command_goes_on(stand_in: StandIn, tmp_path: Path) -> None:
    """Two questions are answered, the others hang: the run must not wait for them."""
    answered = (200, {}, json.dumps({"choices": [{"message": {"content": "kedi"}}]}).encode())
    stand_in.troubles = [answered, answered, *[30.0] * 99]
    arguments = [*overrides(stand_in, *SAMPLE), f"hydra.run.dir={tmp_path / 'run'}", "model.endpoint.concurrency=2"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(TOP / "train.py"), *arguments]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while len(stand_in.bodies) < 4:
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.wait(20) == 130
        assert time.monotonic() - began < 15
    assert read(tmp_path / "run")["status"] == "stopped"
    stand_in.troubles = []
    done = run_llm(stand_in, tmp_path / "run", "model.endpoint.concurrency=2")
    assert (done["status"], done["endpoint"]["kept"], done["endpoint"]["requests"]) == ("completed", 2, ROWS - 2)
