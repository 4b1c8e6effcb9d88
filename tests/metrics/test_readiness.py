"""What is said before a training is paid for, and that nothing is said of sound data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlqa.config.compose import compose_config
from mlqa.metrics.readiness import find_reasons_to_wait

CONFIG, _ = compose_config(["model=tiny_char", "dataset=sample"])

SOUND = {"unk_rate": 0.0004, "oracle_exact_match": 97.3}
SHORT = {"answers_beyond_max_answer_length": 0.004}
NOTHING = {"exact": 0, "normalized": 0, "near": 0}
CLEAN = {"validation_rows": 892, "questions": NOTHING, "contexts": NOTHING}
LEAK = {**CLEAN, "questions": {**NOTHING, "normalized": 194}, "contexts": {**NOTHING, "normalized": 260, "near": 260}}


def test_nothing_is_said_of_sound_data() -> None:
    assert list(find_reasons_to_wait(CLEAN, SOUND, [SHORT, SHORT], CONFIG)) == []
    assert list(find_reasons_to_wait(None, {}, [], CONFIG)) == []


@pytest.mark.parametrize(
    ("leakage", "permitted", "windows", "said"),
    [
        (None, {**SOUND, "unk_rate": 0.42}, SHORT, "42.0 % of the tokens are unknown to this tokenizer"),
        (None, {**SOUND, "oracle_exact_match": 55.0}, SHORT, "best exact match that this tokenizer permits is 55.00"),
        (None, SOUND, {"answers_beyond_max_answer_length": 0.25}, "25.0 % of the answers are longer than training."),
        (LEAK, SOUND, SHORT, "21.7 % of the validation questions are in train with their context"),
    ],
)
def test_each_reason(leakage: dict | None, permitted: dict, windows: dict, said: str) -> None:
    (reason,) = find_reasons_to_wait(leakage, permitted, [SHORT, windows], CONFIG)
    assert said in reason and reason.endswith(".")


def test_all_reasons_are_said_at_once() -> None:
    permitted = {"unk_rate": 0.02, "oracle_exact_match": 80.0}
    assert len(list(find_reasons_to_wait(LEAK, permitted, [{"answers_beyond_max_answer_length": 1.0}], CONFIG))) == 4


def test_a_head_that_nothing_trains(tmp_path: Path) -> None:
    untrained = ["model=tiny_char", "dataset=sample", "training.num_train_epochs=0"]
    (reason,) = find_reasons_to_wait(None, {}, [], compose_config(untrained)[0])
    assert reason.startswith("training.num_train_epochs=0: the model has no head for questions yet")
    assert not list(find_reasons_to_wait(None, {}, [], compose_config([*untrained, "training.max_steps=5"])[0]))
    for architecture, count in (("BertForMaskedLM", 1), ("BertForQuestionAnswering", 0), ("EsmWithSpanHead", 0)):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": [architecture]}))
        config, _ = compose_config(["dataset=sample", "training.num_train_epochs=0"], weights=False)
        config.model.pretrained, config.model.scratch = str(tmp_path), None
        assert len(list(find_reasons_to_wait(None, {}, [], config))) == count
