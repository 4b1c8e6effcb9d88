"""Test what the report says of tokenizers and scores: by hand, and against scipy's published example of ranks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made import answers, config, questions, result, write_member

from mlqa.report.content import make_report
from mlqa.report.page import render_page
from mlqa.report.tokenizer_effects import compute_rank_correlation, measure_tokenizer_effects


def test_ranks_by_hand() -> None:
    # scipy.stats.spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) is 0.8207826816681233 in its documentation.
    assert compute_rank_correlation(list(zip([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], strict=True))) == pytest.approx(
        0.8207826816681233
    )
    assert compute_rank_correlation([(1, 3), (2, 2), (3, 1)]) == pytest.approx(-1)
    assert compute_rank_correlation([(1, 3), (2, 2)]) is None
    assert compute_rank_correlation([(1, 3), (1, 2), (1, 1)]) is None


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models: of the first 20 of 60 questions, whose golds are continued, one is right in 20, 10 and 0."""
    folder = tmp_path_factory.mktemp("effects")
    asked = questions()
    for number, (model, right, fertility) in enumerate([("one", 20, 1.5), ("two", 10, 1.7), ("three", 0, 1.9)]):
        content = result(model, "local", tokenization={"fertility": fertility, "oracle_f1": 99.0})
        given = answers(asked, lambda row, right=right: row >= 20 or row < right)
        member = folder / str(number)
        write_member(member, content, settings=config(), given=given, examples=asked)
        rows = [json.loads(line) for line in (member / "scores.jsonl").read_text("utf-8").splitlines()]
        for row, line in enumerate(rows):
            line["groups"]["gold_words"] = "continued" if row < 20 else "whole"
        (member / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in rows), "utf-8")
    (folder / "multirun.yaml").write_text("{}", "utf-8")
    return folder


def test_groups_of_questions_by_hand(sweep: Path) -> None:
    (section,) = make_report([sweep]).sections
    effects = measure_tokenizer_effects(section.comparison)
    by_model = {one.treatment.model: one for one in effects.effects}
    assert {one.label for one in effects.effects} == {"a word of the answer is continued"}
    assert by_model["one"].questions == (20, 40) and by_model["one"].scores == (100, 100)
    assert by_model["one"].interval == (0, 0)
    for model, at_most in (("two", -30), ("three", -60)):
        effect = by_model[model]
        assert effect.scores[1] == 100 and effect.scores[0] - 100 < at_most
        low, high = effect.interval or (0, 0)
        assert low < effect.scores[0] - 100 < high < 0

    (fertility,) = effects.correlations  # every oracle F1 is the same
    assert (fertility.figure, fertility.models) == ("fertility", 3) and fertility.rho == pytest.approx(-1)
    assert effects.caution.startswith("3 models are too few: below 6 ")


def test_the_page_and_markdown_say_so(sweep: Path) -> None:
    from mlqa.report.tables import render_markdown

    report = make_report([sweep])
    page, text = render_page(report), render_markdown(report)
    assert "Do the tokenizers matter?" in page and "3 models are too few" in page
    assert "| fertility | −1.00 | 3 |" in text and "3 models are too few" in text
    assert "a word of the answer is continued" in text


def test_runs_without_groups_have_no_effects(tmp_path: Path) -> None:
    asked = questions()
    write_member(tmp_path / "0", result("one"), settings=config(), given=answers(asked, lambda row: True))
    (tmp_path / "multirun.yaml").write_text("{}", "utf-8")
    report = make_report([tmp_path])
    assert not measure_tokenizer_effects(report.sections[0].comparison).effects
    assert "Do the tokenizers matter?" not in render_page(report)
