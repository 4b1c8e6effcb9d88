"""Train splits of several data sets as one: what of them is left, and how much of it an epoch reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlqa.config.compose import compose_config
from mlqa.config.schema import MixedSetConfig
from mlqa.data.examples import Examples
from mlqa.data.load import load_splits
from mlqa.data.mixing import mix_train_splits
from mlqa.data.rows import ExamplesBuilder
from mlqa.errors import DataError

CATS = "İzmir'in kedileri geceyi liman kahvehanesinin sıcak çatısında geçirir, sabah olunca balık beklerler."
BIRDS = "Leylekler ilkbaharda köyün en yüksek bacasına yuva yapar ve yaz sonunda güneye doğru uçarlar."
HORSES = "Yılkı atları Erciyes'in eteklerinde sürüler halinde dolaşır ve kışın köylere kadar iner."
NEAR_CATS = CATS.replace("balık", "ekmek")  # 9 of 13 word trigrams: near by the audit's rule


def split(*rows: tuple[str, bool] | str) -> Examples:
    """Rows of a context, the answer being its first word. (context, False) has no answer."""
    builder = ExamplesBuilder("test")
    for number, row in enumerate(rows):
        context, answerable = (row, True) if isinstance(row, str) else row
        golds = [{"text": context.split()[0], "answer_start": 0}] if answerable else []
        builder.add(f"row {number}", number, f"{number}. soru nedir?", context, golds)
    return builder.build()


def mix(
    trains: dict[str, Examples], scored: dict[str, Examples], **settings: dict[str, Any]
) -> tuple[Examples, dict[str, dict[str, Any]]]:
    sets = {name: MixedSetConfig(language="tr", **settings.get(name, {})) for name in trains}
    examples, described = mix_train_splits(trains, sets, scored)
    return examples, {each.name: each.to_dict() for each in described}


def test_rows_with_a_scored_context_are_left_out_and_counted_by_split() -> None:
    trains = {"own": split(CATS, NEAR_CATS, BIRDS, HORSES), "other": split(BIRDS, BIRDS.upper(), HORSES)}
    scored = {"validation": split(CATS), "test": split(BIRDS, CATS)}
    train, sets = mix(trains, scored)
    assert [train.get_context(row) for row in range(len(train))] == [HORSES, HORSES]
    assert train.contexts == [HORSES]  # stored once
    counts = {"rows": 1, "rows_per_epoch": 1, "without_answer": 0}
    assert sets == {
        "own": {**counts, "removed": {"validation": 2, "test": 1}},
        "other": {**counts, "removed": {"validation": 0, "test": 2}},
    }


def test_weights_and_caps_count_rows_that_are_left() -> None:
    rows = [f"{number}. paragraf {'çok ' * number}uzun" for number in range(11)]
    trains = {"half": split(*rows), "capped": split(*rows), "twice": split(*rows), "both": split(*rows)}
    _, sets = mix(
        trains, {"validation": split(rows[0])}, half={"weight": 0.5}, capped={"max_train_samples": 3},
        twice={"weight": 2.0}, both={"weight": 0.01, "max_train_samples": 900},
    )  # fmt: skip
    assert {name: (each["rows"], each["rows_per_epoch"]) for name, each in sets.items()} == {
        "half": (10, 5), "capped": (10, 3), "twice": (10, 20), "both": (10, 1),
    }  # fmt: skip


def test_questions_without_an_answer_go_with_those_that_are_scored() -> None:
    trains = {"own": split(CATS), "squad2": split(BIRDS, (HORSES, False))}
    train, sets = mix(trains, {"validation": split("Kartal yüksekten uçar.")})
    assert not train.has_unanswerable and sets["squad2"]["without_answer"] == 1
    train, sets = mix(trains, {"validation": split("Kartal yüksekten uçar.", ("Martı denize dalar.", False))})
    assert train.has_unanswerable and sets["squad2"]["without_answer"] == 0


def test_nothing_left_of_a_set_is_an_error() -> None:
    with pytest.raises(DataError, match=r"dataset\.mix\.sets\.own: none of its 2 rows is left"):
        mix({"own": split(CATS, NEAR_CATS)}, {"validation": split(CATS)})


def write(folder: Path, name: str, *contexts: str) -> str:
    rows = [
        {"id": number, "question": f"{number}. soru nedir?", "context": context,
         "answers": {"text": [context.split()[0]], "answer_start": [0]}}
        for number, context in enumerate(contexts)
    ]  # fmt: skip
    (folder / name).write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return str(folder / name)


@pytest.mark.slow
def test_the_target_set_alone_is_scored(tmp_path: Path) -> None:
    """The files of the target's set are its own splits, of other sets only train is read."""
    train, dev = write(tmp_path, "train.jsonl", CATS, BIRDS), write(tmp_path, "dev.jsonl", NEAR_CATS)
    sets = f"{{squad_json: {{language: fi, train_file: {train}, validation_file: {dev}}}, sample: {{weight: 0.5}}}}"
    config, _ = compose_config(["dataset=mix", f"dataset.mix.sets={sets}"])
    splits = load_splits(config.dataset)
    assert config.dataset.language == "fi"
    assert splits.validation.contexts == [NEAR_CATS] and not len(splits.test)
    own, other = splits.mixed_sets
    assert (own.name, own.rows, own.removed) == ("squad_json", 1, {"validation": 1})
    assert (other.name, other.rows, other.rows_per_epoch) == ("sample", 28000, 14000)
    assert len(splits.train) == 28001 and splits.train.get_context(0) == BIRDS


@pytest.mark.slow
def test_a_target_may_be_scored_without_being_trained_on(tmp_path: Path) -> None:
    dev = write(tmp_path, "dev.jsonl", CATS)
    overrides = ["dataset=mix", "dataset.mix.sets=[sample]", "dataset.mix.target=squad_json", "dataset.language=tr"]
    config, _ = compose_config([*overrides, f"dataset.validation_file={dev}"])
    splits = load_splits(config.dataset)
    assert splits.validation.contexts == [CATS] and [each.name for each in splits.mixed_sets] == ["sample"]


def test_a_validation_split_cut_out_of_the_target_is_not_trained_on(tmp_path: Path) -> None:
    contexts = [f"{number}. paragraf {' '.join(f'k{number * word}' for word in range(9))}" for number in range(1, 41)]
    train, dev = write(tmp_path, "train.jsonl", *contexts), write(tmp_path, "dev.jsonl", CATS)
    again = write(tmp_path, "again.jsonl", *contexts, CATS, HORSES)
    sets = f"{{squad_json: {{language: tr, train_file: {train}, validation_file: {dev}}}, hub: {{language: tr, "
    sets += f"train_file: {again}, hub: {{path: none}}}}}}"
    config, _ = compose_config(["dataset=mix", f"dataset.mix.sets={sets}", "dataset.validation_share=0.25"])
    splits = load_splits(config.dataset)
    assert (len(splits.validation), splits.test.contexts) == (10, [CATS])
    assert not set(splits.train.contexts) & {*splits.validation.contexts, CATS}
    assert [(each.rows, each.removed) for each in splits.mixed_sets] == [
        (30, {"validation": 0, "test": 0}),
        (31, {"validation": 10, "test": 1}),
    ]


def test_further_data_sets_count_as_scored(tmp_path: Path) -> None:
    train, dev = write(tmp_path, "train.jsonl", CATS, BIRDS, HORSES), write(tmp_path, "dev.jsonl", CATS)
    sets = f"{{squad_json: {{language: tr, train_file: {train}, validation_file: {dev}}}}}"
    config, _ = compose_config(["dataset=mix", f"dataset.mix.sets={sets}"])
    splits = load_splits(config.dataset, further={"xquad_tr": split(BIRDS)})
    assert splits.train.contexts == [HORSES]
    assert splits.mixed_sets[0].removed == {"validation": 1, "xquad_tr": 1}
    expected = (
        "mix: squad_json: 1 of 3 rows (1 have a context of validation and 1 have a context of xquad_tr: left out)"
    )
    assert splits.mixed_sets[0].describe() == f"{expected}, 1 of them an epoch"


@pytest.mark.slow
def test_tquad_without_its_leak(tquad: tuple[Examples, Examples]) -> None:
    """Of dev's 892 questions none has a context of train any more: the audit finds 355 before."""
    from mlqa.data.leakage import find_leakage

    train, dev = tquad
    mixed, sets = mix({"tquad": train}, {"validation": dev})
    assert find_leakage(dev, train)[1].count_by_way()["near"] == 355
    assert find_leakage(dev, mixed)[1].count_by_way()["near"] == 0
    assert sets["tquad"]["removed"]["validation"] == len(train) - len(mixed) > 0
