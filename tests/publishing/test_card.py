"""A card says what the run says, and the hub's library reads it back without loss."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard, ModelCard
from saved_run import SAMPLE, write_run

from mlqa.cli import main
from mlqa.data.questions import make_unlabelled_examples
from mlqa.inference import Predictor
from mlqa.publishing.card import build_card, build_eval_results
from mlqa.publishing.emissions import estimate_emissions
from mlqa.publishing.limits import list_weak_groups
from mlqa.publishing.run_facts import read_run_facts

pytestmark = pytest.mark.slow

METRICS = {"f1": 51.234, "f1_ci_low": 45.0, "f1_ci_high": 57.5, "exact_match_language": 41.0, "f1_language": 52.0}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: two seeds of a model, and another model."""
    top = tmp_path_factory.mktemp("sweep")
    (top / "multirun.yaml").write_text("hydra: {}\n", "utf-8")
    write_run(top / "0", metrics=METRICS, seed=1)
    write_run(top / "1", metrics={**METRICS, "f1": 53.234}, seed=2)
    write_run(top / "2", "convbert", metrics=METRICS, seed=1)
    main(["card", str(top / "0"), "--license", "mit"])
    return top


@pytest.fixture(scope="module")
def card(sweep: Path) -> ModelCard:
    return ModelCard.load(sweep / "0" / "model" / "README.md")


def test_the_hub_reads_it_back_without_loss(sweep: Path, card: ModelCard) -> None:
    assert card.data.eval_results == build_eval_results(read_run_facts(sweep / "0"))
    again = ModelCard(str(card))
    assert again.data.to_dict() == card.data.to_dict()
    assert (card.data.language, card.data.license, card.data.library_name) == (["tr"], "mit", "transformers")
    assert (card.data.pipeline_tag, card.data.model_name) == ("question-answering", "tiny_bert")


def test_scores_seeds_and_intervals(card: ModelCard) -> None:
    found = {one.metric_name: (one.metric_type, one.metric_value, one.metric_args) for one in card.data.eval_results}
    script, rules = "by SQuAD's script", "by the rules of the language"
    assert found == {
        f"Exact match, {script}": ("exact_match", 40.0, {"seed": 1}),
        f"F1, {script}": ("f1", 51.23, {"seed": 1, "interval_95": [45.0, 57.5]}),
        f"Exact match, {script}, mean of 2 seeds": ("exact_match", 40.0, {"seeds": [1, 2], "std": 0.0}),
        f"F1, {script}, mean of 2 seeds": ("f1", 52.23, {"seeds": [1, 2], "std": 1.41}),  # 2 / sqrt(2)
        f"Exact match, {rules}": ("exact_match", 41.0, {"seed": 1}),
        f"F1, {rules}": ("f1", 52.0, {"seed": 1}),
    }
    assert "This is seed 1. Over the 2 seeds 1, 2: Exact match 40.00 ± 0.00, F1 52.23 ± 1.41" in card.text
    assert "| by SQuAD's script | 40.00 | 51.23 (45.00 to 57.50) |" in card.text


def test_energy_by_hand(card: ModelCard) -> None:
    # 2 hours of 2 g5.xlarge: an A10G at 300 W and 4 vCPUs at 5 W, times 1.15, at 473 g per kWh
    grams = 2 * 2 * (300 + 4 * 5) * 1.15 / 1000 * 473
    emissions = card.data.to_dict()["co2_eq_emissions"]
    assert emissions["emissions"] == pytest.approx(grams, abs=0.01)
    assert emissions["hardware_used"] == "2 x ml.g5.xlarge"
    assert "| hours | 2.00 |" in card.text and "| price of the training | $5.63 |" in card.text


def test_no_estimate_without_knowing_the_machine() -> None:
    cost = {"billable_seconds": 3600, "instance_type": "local", "instance_count": 1}
    maybe_gpu = {"cost": cost, "versions": {"torch": "2.13.0"}, "threads": {"cores": {"machine": 8}}}
    assert estimate_emissions(maybe_gpu, [], None, 473) is None
    given = estimate_emissions(maybe_gpu, [], 500.0, 400.0)
    assert given is not None and given.grams == pytest.approx(200.0)
    without_gpu = estimate_emissions({**maybe_gpu, "versions": {"torch": "2.13.0+cpu"}}, [], None, 473)
    assert without_gpu is not None and without_gpu.kilowatt_hours == pytest.approx(0.08)
    assert estimate_emissions({"cost": {**cost, "instance_type": "ml.unknown.xlarge"}}, [], None, 473) is None


def test_the_code_of_the_card_answers_as_mlqa_does(sweep: Path, card: ModelCard) -> None:
    code = re.search(r"```python\n(.*?)```", card.text, re.DOTALL)
    assert code is not None
    folder = sweep / "0" / "model"
    setup, five_lines = code[1].replace('"path/to/model"', repr(str(folder))).split("inputs = ")
    assert len(five_lines.strip().splitlines()) == 5
    scope: dict[str, object] = {}
    exec(setup, scope)
    texts = [SAMPLE.get_context(row)[:60] for row in (0, 6, 12, 18)]  # that fit into one window
    examples = make_unlabelled_examples(["Kim?", "Nerede?", "Kaç?", "Ne zaman?"], texts, list("0123"))
    expected = [one.text for one in Predictor.from_run(sweep / "0", device="cpu").answer(examples)]
    found = []
    for row, question in enumerate(examples.questions):
        scope |= {"question": question, "text": examples.get_context(row)}
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(f"inputs = {five_lines}", scope)
        found.append(printed.getvalue().strip())
    assert found == expected


def test_the_statement_on_the_data(sweep: Path) -> None:
    statement = DatasetCard.load(sweep / "0" / "model" / "data_statement.md")
    described = statement.data.to_dict()
    assert (described["language"], described["license"], described["size_categories"]) == (
        ["tr"],
        "apache-2.0",
        ["n<1K"],
    )
    assert "| questions read | 40 | 20 |" in statement.text and "fingerprint 0123456789abcdef" in statement.text


def test_weak_groups_by_hand() -> None:
    # the standard error of 100 questions at F1 80 is 4 points: 71 is more than two of them below, 73 is not
    groups = {
        "question_type": {
            "who": {"total": 100, "exact_match": 60, "f1": 71.0},
            "when": {"total": 100, "exact_match": 60, "f1": 73.0},
            "why": {"total": 10, "exact_match": 0, "f1": 0.0},
            "unknown": {"total": 100, "exact_match": 0, "f1": 0.0},
        }
    }
    assert list_weak_groups({"metrics": {"f1": 80.0}, "breakdown": groups}) == [
        "question type “who”: F1 71.00 on 100 questions"
    ]


def test_a_data_set_without_a_language(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path / "run")
    config = run_dir / ".hydra" / "config.yaml"
    config.write_text(config.read_text("utf-8").replace("language: tr", "language: null"), "utf-8")
    text = build_card(read_run_facts(run_dir), None, None, None).text
    assert "answers questions about a text with a part of the text" in text
    assert "on one data set alone, whose language is not recorded" in text
    assert "unknown alone" not in text and "a unknown" not in text


def test_what_is_known_of_base_and_data(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path / "run")
    path = run_dir / "result.json"
    content = json.loads(path.read_text("utf-8"))
    content["model"]["pretrained"] = "dbmdz/bert-base-turkish-cased"
    content["choices"]["dataset"] = "tquad"
    content["dataset"]["audit"] = {
        "leakage": {
            "validation_rows": 200,
            "questions": {"exact": 30, "normalized": 40, "near": 41},
            "contexts": {"exact": 50, "normalized": 60, "near": 61},
        }
    }
    path.write_text(json.dumps(content), "utf-8")
    main(["card", str(run_dir)])
    card = ModelCard.load(run_dir / "model" / "README.md")
    assert (card.data.base_model, card.data.license) == ("dbmdz/bert-base-turkish-cased", "mit")
    assert "20.0 % of the validation questions are in train with their context" in card.text
    assert "Data, TQuAD: its authors state none." in card.text


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "has no result.json"),
        (["--yes"], "belong to --push"),
        (["--watts", "0"], "--watts=0: choose more than 0"),
        (["--push", "nobody"], "give owner/name"),
        (["--push", "me/model"], "give --yes"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    with pytest.raises(SystemExit):
        main(["card", str(tmp_path), *arguments])
    assert part in capsys.readouterr().err
