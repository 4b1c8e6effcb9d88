"""Splits that are cut out of train, by whole contexts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mlqa.config.schema import DatasetConfig, SampleConfig
from mlqa.data.cutting import cut_fold, cut_share
from mlqa.data.examples import Examples, normalize_context
from mlqa.data.leakage import find_leakage, find_related_contexts
from mlqa.data.load import Splits, load_splits
from mlqa.data.sample import generate
from mlqa.errors import DataError

TRAIN = generate(600, 0)  # 6 questions per context


def make_examples(contexts: list[str], each: int = 1) -> Examples:
    rows = len(contexts) * each
    names = [str(row) for row in range(rows)]
    return Examples(names, names, contexts, np.repeat(np.arange(len(contexts)), each), [()] * rows)


def test_a_share_is_cut_by_whole_contexts() -> None:
    left, cut = cut_share(TRAIN, 0.2)
    assert sorted([*left.ids, *cut.ids]) == sorted(TRAIN.ids)
    assert len(cut) == pytest.approx(120, abs=6)
    assert not {*left.contexts} & {*cut.contexts}
    assert find_leakage(cut, left)[1].count_by_way()["near"] == 0


def test_the_cut_does_not_depend_on_the_order_of_the_rows() -> None:
    shuffled = TRAIN.select(np.random.default_rng(0).permutation(len(TRAIN)))
    assert {*cut_share(TRAIN, 0.2)[1].ids} == {*cut_share(shuffled, 0.2)[1].ids}


def test_each_question_is_in_one_fold() -> None:
    folds = [cut_fold(TRAIN, 5, fold) for fold in range(5)]
    assert sorted(name for _, fold in folds for name in fold.ids) == sorted(TRAIN.ids)
    assert all(len(left) + len(fold) == 600 and abs(len(fold) - 120) <= 6 for left, fold in folds)


def test_contexts_that_are_nearly_the_same_stay_together() -> None:
    """The second differs from the first by a word, the third from the second, so that all three belong together."""
    words = [f"kelime{number}" for number in range(40)]
    near = [" ".join(words), " ".join([*words[:-1], "son"]), " ".join(["ilk", *words[1:-1], "son"])]
    other = [" ".join(f"{letter}{number}" for number in range(20)) for letter in "abcdef"]
    examples = make_examples([*near, *other])
    groups = find_related_contexts(examples).tolist()
    assert len({*groups[:3]}) == 1 and len({*groups}) == 7
    for fold in range(3):
        _, cut = cut_fold(examples, 3, fold)
        assert len({*near} & {*cut.contexts}) in (0, 3)


def test_a_case_is_the_same_context() -> None:
    examples = make_examples(["Ankara başkenttir.", "ankara  başkenttir.", "Bir başka metin."])
    assert normalize_context(examples.contexts[0]) == normalize_context(examples.contexts[1])
    assert find_related_contexts(examples)[0] == find_related_contexts(examples)[1]


def test_too_few_contexts_are_refused() -> None:
    with pytest.raises(DataError, match=r"dataset.validation_share=0.1: the 1 contexts of train are too few"):
        cut_share(make_examples(["yalnız"], each=9), 0.1)


def load(**settings: object) -> Splits:
    dataset = DatasetConfig(language="tr", sample=SampleConfig(train_rows=600, validation_rows=30), **settings)  # type: ignore[arg-type]
    return load_splits(dataset)


def test_the_given_validation_split_becomes_the_test_split() -> None:
    plain, cut = load(), load(validation_share=0.2)
    assert plain.reported_split == "validation" and not len(plain.test)
    assert cut.reported_split == "test" and cut.test.ids == plain.validation.ids
    assert sorted([*cut.train.ids, *cut.validation.ids]) == sorted(plain.train.ids)
    assert cut.compute_fingerprint() != plain.compute_fingerprint()


def test_train_rows_are_drawn_after_the_cut() -> None:
    whole, drawn = load(validation_share=0.2), load(validation_share=0.2, max_train_samples=50, max_eval_samples=10)
    assert {*drawn.train.ids} < {*whole.train.ids} and len(drawn.train) == 50
    assert {*drawn.validation.ids} < {*whole.validation.ids} and len(drawn.validation) == len(drawn.test) == 10


def test_a_fold_is_the_test_split_if_there_is_a_validation_split() -> None:
    splits = load(folds=5, fold=1)
    assert splits.reported_split == "test" and {*splits.test.ids} < {*load().train.ids}
    assert splits.validation.ids == load().validation.ids


def test_one_file_gives_all_splits(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    rows = [
        {
            "id": name,
            "question": TRAIN.questions[row],
            "context": TRAIN.get_context(row),
            "answer": answer[0].text,
            "answer_start": answer[0].start,
        }
        for row, (name, answer) in enumerate(zip(TRAIN.ids, TRAIN.answers, strict=True))
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    fold = load_splits(DatasetConfig(language="tr", train_file=str(file), folds=5, fold=0))
    assert fold.reported_split == "validation" and len(fold.validation) + len(fold.train) == 600
    both = load_splits(DatasetConfig(language="tr", train_file=str(file), folds=5, fold=0, validation_share=0.1))
    assert both.test.ids == fold.validation.ids
    assert len(both.validation) == pytest.approx(48, abs=6)


def test_a_test_file_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "test.jsonl"
    file.write_text(json.dumps({"id": 1, "question": "Kim?", "context": "Ali geldi.", "answer": "Ali"}), "utf-8")
    splits = load(test_file=str(file))
    assert splits.reported.ids == ["1"] and len(splits.validation) == 30
