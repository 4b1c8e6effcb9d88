"""Folds of one data set: each run answers other questions, and the report judges all of them together."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from made import config, write_scored

from mlqa.report.content import Section, make_report
from mlqa.report.latex import render_latex
from mlqa.report.page import render_page
from mlqa.report.tables import render_markdown

CONTEXTS = np.repeat(np.arange(40), 3)
SIZES = (48, 36, 36)  # questions of each fold, whole contexts


def write_folds(sweep: Path, models: dict[str, float], seeds: tuple[int, ...] = (1, 2)) -> dict[str, float]:
    """Write a run per model, seed and fold. Return each model's mean over all questions and seeds, 0-100."""
    draw, number, means = np.random.default_rng(3), 0, {}
    ends = np.cumsum([0, *SIZES])
    for model, strength in models.items():
        every = []
        for seed in seeds:
            scores = (draw.random(len(CONTEXTS)) < strength).astype(float)
            every.append(scores.mean())
            for fold, (begin, end) in enumerate(itertools.pairwise(ends)):
                settings = config({"instance_type": "ml.g6.xlarge"}, seed)
                settings["dataset"] |= {"folds": 3, "fold": fold}
                write_scored(
                    sweep / str(number), model, "g6", seed, scores[begin:end],
                    CONTEXTS[begin:end] - CONTEXTS[begin], settings=settings,
                    overrides=[f"model={model}", "hardware=g6", f"seed={seed}", f"dataset.fold={fold}"],
                    dataset={"fingerprint": f"fold {fold}"},
                )  # fmt: skip
                number += 1
        means[model] = 100 * float(np.mean(every))
    return means


def read_section(sweep: Path) -> Section:
    (section,) = make_report([sweep]).sections
    return section


def test_folds_are_pooled_question_by_question(tmp_path: Path) -> None:
    means = write_folds(tmp_path / "s", {"berturk": 0.8, "mbert": 0.4})
    comparison = read_section(tmp_path / "s").comparison
    assert [one.name for one in comparison.treatments] == ["berturk", "mbert"]
    assert [one.score for one in comparison.treatments] == pytest.approx([means["berturk"], means["mbert"]])
    assert comparison.total == len(CONTEXTS) and comparison.unseen is None
    assert comparison.questions is not None
    assert comparison.questions.context_of.tolist() == CONTEXTS.tolist()
    assert [[len(each.primary) for each in seeds] for seeds in comparison.scores] == [[120, 120]] * 2
    assert comparison.verdict is not None
    (difference,) = comparison.verdict.differences
    assert abs(difference.contrast.value) == pytest.approx(means["berturk"] - means["mbert"])
    assert all(list(one.seeds) == [1, 2] for one in comparison.treatments)


def test_more_seeds_are_all_folds(tmp_path: Path) -> None:
    """Two models of equal strength: two more seeds of both are 12 runs of ten minutes."""
    write_folds(tmp_path / "s", {"berturk": 0.6, "mbert": 0.6})
    settling = read_section(tmp_path / "s").settling
    assert settling.purchases[0].runs == 12 and settling.purchases[0].minutes == pytest.approx(120)
    assert "'dataset.fold=range(0,3)'" in settling.commands[0]


def test_every_form_of_the_report_is_written(tmp_path: Path) -> None:
    write_folds(tmp_path / "s", {"berturk": 0.8, "mbert": 0.4})
    report = make_report([tmp_path / "s"])
    assert "120 questions in 40 contexts" in render_markdown(report)
    assert "120 questions in 40 contexts" in render_latex(report)
    assert "120 questions in 40 contexts" in render_page(report)
    assert "each question in one of 3 folds" in render_page(report)


def test_a_model_that_lacks_a_fold_is_not_compared(tmp_path: Path) -> None:
    write_folds(tmp_path / "s", {"berturk": 0.8, "xlmr": 0.7, "mbert": 0.4}, seeds=(1,))
    for path in sorted((tmp_path / "s" / "8").rglob("*"), reverse=True):  # the last fold of mbert
        path.rmdir() if path.is_dir() else path.unlink()
    comparison = read_section(tmp_path / "s").comparison
    assert [one.name for one in comparison.compared] == ["berturk", "xlmr"]
    (gap,) = [gap for gap in comparison.list_gaps() if "mbert" in gap]
    assert "it lacks fold 2 of 0 to 2; run it with dataset.fold=2" in gap
