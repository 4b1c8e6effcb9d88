"""Test the main job end to end on small data: the files it leaves, what it repeats and how it fails."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
from pathlib import Path

import pytest
import yaml
from forked import python
from tiny_runs import TINY, TOP, run_here, train

from mlqa.config.compose import compose_config
from mlqa.data.questions import make_unlabelled_examples
from mlqa.data.sample import generate
from mlqa.errors import DataError, RunError
from mlqa.experiment import run
from mlqa.inference import Predictor
from mlqa.metrics.squad import compute_squad_scores

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Run once from the command line, for all tests that look at the files of a run."""
    folder = tmp_path_factory.mktemp("run")
    done = train(folder, *TINY, f"hydra.run.dir={folder}/out", cold=True)
    assert done.returncode == 0, done.stderr
    return folder / "out", done


@pytest.mark.legacy
def test_a_run_leaves_its_files(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, done = finished
    expected = {".hydra", "train.log", "result.json", "predictions.json", "scores.jsonl", "tokenization.json"}
    expected |= {"history.jsonl", "model"}
    assert expected == {path.name for path in out.iterdir()}
    assert {path.name for path in (out / ".hydra").iterdir()} == {"config.yaml", "overrides.yaml", "hydra.yaml"}
    assert "exact match" in done.stderr
    assert done.stdout == ""


def test_result_json_holds_the_contract(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    result = json.loads((finished[0] / "result.json").read_text("utf-8"))
    assert result["schema_version"] == 2
    assert (result["label"], result["reported_split"]) == ("tiny_wordpiece", "validation")
    assert result["status"] == "completed"
    assert result["error"] is None
    # From scratch: nothing was loaded, and of the new weights the head is named.
    assert result["weights"] == {"loaded": 0, "missing": ["qa_outputs.bias", "qa_outputs.weight"], "head": "new"}
    assert result["choices"] == {
        "model": "tiny_wordpiece",
        "dataset": "sample",
        "hardware": "local",
        "optimizer": "adamw",
        "tracking": "files",
        "experiment": "quickstart",
    }
    nodes = {
        "metrics": {
            "exact_match",
            "f1",
            "total",
            "exact_match_unseen",
            "f1_unseen",
            "exact_match_language",
            "f1_language",
        },
        "tokenization": {"vocab_size", "fertility", "continued_words", "unk_rate", "boundary_recall"}
        | {"oracle_exact_match", "oracle_f1"},
        "timing": {"features_seconds", "train_seconds", "eval_seconds", "total_seconds", "train_samples_per_second"},
        "cost": {
            "billable_seconds",
            "instance_type",
            "instance_count",
            "usd_per_hour",
            "usd",
            "price_source",
            "estimate",
        },
        "model": {"pretrained", "parameters", "embedding_parameters"},
        "dataset": {"fingerprint", "train_examples", "eval_examples", "windows"},
        "versions": {"python", "torch", "transformers"},
        "threads": {"count", "processes", "cores", "set_by", "spinning"},
    }
    for node, keys in nodes.items():
        assert keys <= set(result[node]), f"{node} lacks {keys - set(result[node])}"
    assert result["objective"] == result["metrics"]["f1"]
    assert result["dataset"]["train_examples"] == 120
    assert result["metrics"]["total"] == 30


def test_metrics_follow_from_the_predictions(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, _ = finished
    validation = generate(30, 0, split="validation")
    predictions = json.loads((out / "predictions.json").read_text("utf-8"))
    assert list(predictions) == validation.ids
    for row, answer in enumerate(predictions.values()):
        assert answer in validation.get_context(row)
    golds = [[answer.text for answer in answers] for answers in validation.answers]
    scores = compute_squad_scores(list(predictions.values()), golds)
    metrics = json.loads((out / "result.json").read_text("utf-8"))["metrics"]
    assert (metrics["exact_match"], metrics["f1"]) == (scores.exact_match, scores.f1)


def test_scores_jsonl_holds_every_question(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """The means are result.json's metrics, the groups its breakdown, the answers those of predictions.json."""
    out, _ = finished
    validation = generate(30, 0, split="validation")
    rows = [json.loads(line) for line in (out / "scores.jsonl").read_text("utf-8").split("\n")[:-1]]
    result = json.loads((out / "result.json").read_text("utf-8"))
    assert [row["question"] for row in rows] == validation.questions
    golds = [list(dict.fromkeys(validation.get_gold_texts(row))) for row in range(len(validation))]
    assert [row["golds"] for row in rows] == golds
    assert {row["id"]: row["answer"] for row in rows} == json.loads((out / "predictions.json").read_text("utf-8"))
    assert {(row["set"], row["split"]) for row in rows} == {("sample", "validation")}
    contexts = {row["context"]: row["context_text"] for row in rows if "context_text" in row}
    assert contexts == dict(enumerate(validation.contexts))
    for name in ("exact_match", "f1", "exact_match_language", "f1_language"):
        assert 100 * statistics.fmean(row[name] for row in rows) == pytest.approx(result["metrics"][name], abs=1e-9)
    assert sum(not row["seen"] for row in rows) == result["metrics"]["total_unseen"]
    for grouping, groups in result["breakdown"].items():
        for group, figures in groups.items():
            members = [row for row in rows if row["groups"][grouping] == group]
            assert len(members) == figures["total"]
            assert 100 * statistics.fmean(row["f1"] for row in members) == pytest.approx(figures["f1"])


def test_mlqa_score_gives_the_runs_own_scores(
    finished: tuple[Path, subprocess.CompletedProcess[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    from mlqa.cli import main

    dataset = [override for override in TINY if override.startswith("dataset.")]
    main(["score", str(finished[0] / "predictions.json"), "dataset=sample", *dataset, "--json"])
    scored = json.loads(capsys.readouterr().out)
    result = json.loads((finished[0] / "result.json").read_text("utf-8"))
    result["metrics"].pop("f1_shuffled_questions")
    assert scored["metrics"] == result["metrics"]
    for grouping in ("token_boundary", "gold_words", "gold_suffixes", "gold_rarity"):
        del result["breakdown"][grouping]  # needs the tokens of the model or train, which a file of predictions lacks
    assert scored["breakdown"] == result["breakdown"]


def test_the_audit_is_part_of_the_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Test data with two of three validation questions in train, and one answer of train not in its context."""
    rows = [
        {"id": number, "question": f"{number} kimi gördü?", "context": f"{number} Ali'yi gördü", "answers": answers}
        for number in range(40)
        for answers in [{"text": ["Ali"], "answer_start": [len(str(number)) + 1]}]
    ]
    lost = {"id": "x", "question": "Kim?", "context": "Kimse yok", "answers": {"text": ["Ali"], "answer_start": [0]}}
    other = {"id": "y", "question": "Kim?", "context": "Ayşe var", "answers": {"text": ["Ayşe"], "answer_start": [0]}}
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, [*rows, lost])), "utf-8")
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, [*rows[:2], other])), "utf-8")
    common = [override for override in TINY if "sample" not in override]
    common += [
        "dataset=squad_json",
        "dataset.language=tr",
        f"dataset.train_file={tmp_path}/train.jsonl",
        f"dataset.validation_file={tmp_path}/dev.jsonl",
        "training.max_steps=1",
    ]
    config, choices = compose_config(common)
    config.training.output_dir = str(tmp_path / "out")
    result = run(config, choices)
    assert "66.7 % of the validation questions are in train" in caplog.text
    assert result.metrics["total_unseen"] == 1
    audit = result.dataset["audit"]
    assert audit["leakage"]["questions"]["exact"] == 2
    assert audit["train"]["rows"]["dropped"] == 1
    assert audit["tokenizer"]["validation"]["windows"] == 3

    config, choices = compose_config([*common, "dataset.strict=true"])
    config.training.output_dir = str(tmp_path / "strict")
    with pytest.raises(DataError, match=r"line 41.*is not at 0"):
        run(config, choices)


def test_history_has_a_line_a_logged_step(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    rows = [json.loads(line) for line in (finished[0] / "history.jsonl").read_text("utf-8").splitlines()]
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    assert sum("loss" in row for row in rows) == 2  # 4 steps of 32, logged every 2
    assert "eval_f1" in rows[-1]


@pytest.mark.legacy
def test_the_saved_model_is_an_ordinary_transformers_model(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(finished[0] / "model")
    model = AutoModelForQuestionAnswering.from_pretrained(finished[0] / "model")
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer)


def test_the_same_seed_gives_the_same_predictions(tmp_path: Path) -> None:
    first, again, other = (
        run_here(tmp_path / name, f"seed={seed}", "training.shuffled_questions_control=false")
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    texts = [(tmp_path / name / "predictions.json").read_text("utf-8") for name in "abc"]
    assert texts[0] == texts[1] != texts[2]
    assert first["metrics"] == again["metrics"]
    assert first["config_hash"] == again["config_hash"] != other["config_hash"]
    assert first["dataset"]["fingerprint"] == other["dataset"]["fingerprint"]


@pytest.mark.legacy
@pytest.mark.parametrize("model", ["tiny_unigram", "tiny_char"])
def test_the_other_tiny_models_run(tmp_path: Path, model: str) -> None:
    result = run_here(tmp_path, f"model={model}", "training.max_steps=2")
    assert result["status"] == "completed"
    assert result["tokenization"]["fertility"] > 1


def test_a_multirun_with_hydras_own_launcher(tmp_path: Path) -> None:
    done = train(
        tmp_path, "-m", *TINY, "model=tiny_wordpiece,tiny_unigram", "seed=1,2", "training.max_steps=1",
        "training.shuffled_questions_control=false",
        f"hydra.sweep.dir={tmp_path}/sweep",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = [json.loads((tmp_path / "sweep" / str(number) / "result.json").read_text()) for number in range(4)]
    assert [(result["choices"]["model"], result["seed"]) for result in results] == [
        ("tiny_wordpiece", 1),
        ("tiny_wordpiece", 2),
        ("tiny_unigram", 1),
        ("tiny_unigram", 2),
    ]
    assert (tmp_path / "sweep" / "multirun.yaml").is_file()


@pytest.mark.legacy
def test_evaluation_while_training(tmp_path: Path) -> None:
    run_here(tmp_path, "training.eval_strategy=steps", "training.eval_steps=2")
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text("utf-8").splitlines()]
    assert [row["step"] for row in rows if "eval_f1" in row] == [2, 4]


def test_zero_epochs_scores_the_untrained_model(tmp_path: Path) -> None:
    result = run_here(tmp_path, "training.num_train_epochs=0")
    assert result["status"] == "completed"
    assert "train_seconds" not in result["timing"]


@pytest.mark.legacy
def test_squad_2_data_may_be_answered_by_nothing(tmp_path: Path) -> None:
    """Test with questions whose first word tells if there is an answer, which a model learns in a few steps."""
    rows = [
        {"id": str(number), "question": question, "context": f"Ali geldi {number % 7}", "answers": answers}
        for number in range(200)
        for question, answers in [
            ("kim geldi", {"text": ["Ali"], "answer_start": [0]})
            if number % 2
            else ("nerede", {"text": [], "answer_start": []})
        ]
    ]
    for name in ("train", "dev"):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    files = [f"dataset.train_file={tmp_path}/train.jsonl", f"dataset.validation_file={tmp_path}/dev.jsonl"]
    common = [override for override in TINY if "sample" not in override]
    common += ["model.scratch.hidden_size=128", "model.scratch.intermediate_size=256"]  # learns it in so few steps
    config, choices = compose_config(
        [*common, "dataset=squad_json", "dataset.language=tr", *files, "training.num_train_epochs=4"]
    )
    config.training.output_dir = str(tmp_path / "out")
    result = run(config, choices)
    predictions = json.loads((tmp_path / "out" / "predictions.json").read_text("utf-8"))
    assert set(predictions.values()) == {"", "Ali"}
    assert result.metrics["exact_match"] == 100.0
    questions = make_unlabelled_examples(["kim geldi", "nerede"], ["Ali geldi 3"] * 2, ["0", "1"])
    predictor = Predictor.from_run(tmp_path / "out")
    assert [found.text for found in predictor.answer(questions)] == ["Ali", ""]
    tuned = Predictor.from_run(tmp_path / "out", null_threshold="tuned")
    assert tuned.training.null_score_diff_threshold == result.metrics["best_f1_thresh"]
    assert [found.text for found in tuned.answer(questions)] == ["Ali", ""]
    predictor.training.null_score_diff_threshold = 1e9
    assert "" not in [found.text for found in predictor.answer(questions)]
    odds = json.loads((tmp_path / "out" / "null_odds.json").read_text("utf-8"))
    assert list(odds) == list(predictions)
    assert all((predictions[identifier] == "") == (value > 0) for identifier, value in odds.items())
    metrics = result.metrics
    assert (metrics["HasAns_exact"], metrics["NoAns_exact"]) == (100.0, 100.0)
    assert metrics["best_exact"] == 100.0
    answered = [value for identifier, value in odds.items() if predictions[identifier]]
    assert metrics["best_exact_thresh"] == max(answered), "the odds of the last row that is answered"


def test_an_input_inside_the_run_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run" / "model").mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / "run" / "model" / name).write_text("{}")
    done = train(tmp_path, "model=berturk", f"model.pretrained={tmp_path}/run/model", f"hydra.run.dir={tmp_path}/run")
    assert done.returncode == 2
    assert "is inside the run directory" in done.stderr


def test_a_model_that_cannot_be_written_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("a file where the folder should be")
    with pytest.raises(RunError, match="the model cannot be written"):
        run_here(tmp_path, "training.max_steps=1")


def test_a_config_folder_of_ones_own_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "conf" / "dataset").mkdir(parents=True)
    option = tmp_path / "conf" / "dataset" / "mine.yaml"
    option.write_text("language: tr\nsample: {train_rows: 60, validation_rows: 10}\n")
    arguments = ["--config-dir", f"{tmp_path}/conf", "dataset=mine", "model=tiny_wordpiece", "tracking=files"]
    done = train(tmp_path, *arguments, "training.doc_stride=900", "hardware=p3", f"hydra.run.dir={tmp_path}/out")
    assert done.returncode == 2
    assert "training.doc_stride=900" in done.stderr
    assert "hardware=p3" in done.stderr
    done = train(tmp_path, *arguments, "training.max_steps=1", f"hydra.run.dir={tmp_path}/out")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (
            ["dataset=squad_json", "dataset.language=tr", "dataset.train_file={bad}", "dataset.validation_file={bad}"],
            1,
            "broken JSON at line 2",
        ),
        (
            [
                "dataset=squad_json",
                "dataset.language=tr",
                "dataset.train_file={empty}",
                "dataset.validation_file={empty}",
            ],
            1,
            "no question in this source",
        ),
        (
            [
                "dataset=squad_json",
                "dataset.language=tr",
                "dataset.train_file=nope.json",
                "dataset.validation_file={bad}",
            ],
            2,
            "no such file",
        ),
        (["model=berturk", "dataset=sample"], 1, "model.pretrained=dbmdz/bert-base-turkish-uncased: its tokenizer"),
        (["model=berturk", "model.pretrained={folder}", "dataset=sample"], 1, "its tokenizer cannot be loaded"),
        (["training.doc_stride=384"], 2, "training.doc_stride=384"),
        (["hardware=p3"], 2, "hardware=p3"),
    ],
)
def test_bad_input_ends_with_one_line(tmp_path: Path, arguments: list[str], code: int, part: str) -> None:
    files = {name: tmp_path / f"{name}.json" for name in ("bad", "empty")}
    files["bad"].write_text('{"data":\n [}')
    files["empty"].write_text('{"data": []}')
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_text("{}")
    filled = [argument.format(**files, folder=folder) for argument in arguments]
    done = train(tmp_path, "tracking=files", f"hydra.run.dir={tmp_path}/out", *filled)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1, done.stderr
    assert part in errors[0]
    if code == 1:
        result = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
        assert result["status"] == "failed"
        assert part in result["error"]
        assert part in (tmp_path / "out" / "train.log").read_text("utf-8")


def test_the_resolved_config_is_printed(tmp_path: Path) -> None:
    done = train(tmp_path, "--cfg", "job", "--resolve", *TINY)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["training"]["seed"] == 42


def test_full_error_shows_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    done = train(tmp_path, "training.doc_stride=384")
    assert "Traceback" in done.stderr
    assert "ConfigError" in done.stderr


def test_ctrl_c_says_stopped(tmp_path: Path) -> None:
    long = [*TINY, "training.num_train_epochs=100", f"hydra.run.dir={tmp_path}"]  # the first line after 40 steps
    command = [*python("training"), str(TOP / "train.py"), *long]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "step" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "stopped by Ctrl-C" in rest
    assert "Traceback" not in rest
    assert json.loads((tmp_path / "result.json").read_text("utf-8"))["status"] == "stopped"


def test_ctrl_c_while_trackers_open_says_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B takes seconds to open, and a sweep that is stopped then must not report a failed member."""

    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlqa.experiment.open_trackers", press)
    with pytest.raises(KeyboardInterrupt):
        run_here(tmp_path)
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert (result["status"], result["error"]) == ("stopped", "stopped by Ctrl-C")
