"""Test the section of docs/results.md on the price of published scores: computed, complete, as the launcher says."""

from __future__ import annotations

import io
import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf
from rich.console import Console

from hydra_sagemaker_launcher.catalog.hardware import parse_hardware
from hydra_sagemaker_launcher.display.plan_table import build_plan_table
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.plan import make_plan
from mlqa.config.compose import compose_all, initialize_hydra
from mlqa.config.conversion import validate_composed
from mlqa.config.member_overrides import split_members
from mlqa.report.reference import load_references

TOP = Path(__file__).resolve().parents[1]
COSTS: dict[str, Any] = runpy.run_path(str(TOP / "docs" / "reference_costs.py"))
SECTION = (TOP / "docs" / "results.md").read_text("utf-8").partition(COSTS["TITLE"])[2]
COMMANDS = dict(re.findall(r"^# (\d+)\n(python .*)$", SECTION, re.MULTILINE))
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in SECTION.splitlines()
    if re.match(r"\| .*not run here \|$", line)
]


@pytest.mark.slow
def test_the_page_is_what_is_computed() -> None:
    page = (TOP / "docs" / "results.md").read_text("utf-8")
    assert COSTS["replace_section"](page, COSTS["render_section"]()) == page, "run docs/reference_costs.py --write"


def test_every_published_score_is_there() -> None:
    published = [
        (f"{score:.2f}" if score else "", f"{row.f1:.2f}")
        for name in ("blog", "turkish", "xquad_tr")
        for reference in load_references(name)
        for row in reference.rows
        if (score := row.exact_match) or row.f1
        if row.f1
    ]
    assert [(row[1], row[2]) for row in ROWS] == published
    assert len(ROWS) == 26
    assert {row[3] for row in ROWS} == {"", *COMMANDS}
    assert [row[0].partition(" (cannot")[0] for row in ROWS if not row[3]] == [
        "BERT-Large, questions translated to English (under 3 % of them dropped)"
    ]


@pytest.mark.slow
def test_the_launcher_says_the_upper_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test that each command composes, and that the plan of its dry run ends with the jobs and dollars of the table."""
    monkeypatch.chdir(TOP)
    for number, command in COMMANDS.items():
        (row,) = {(row[4], row[8]) for row in ROWS if row[3] == number}
        words = shlex.split(command)[3:]
        with initialize_hydra():
            overrides = split_members(words, multirun=True)
            (composed,) = compose_all([overrides[-1]])  # raises with all problems. Members differ by their seed alone
            assert validate_composed(composed) == []
        hardware = parse_hardware(OmegaConf.to_container(composed.hardware))
        members = [Member(place, [], composed, Path(str(place)), hardware) for place in range(len(overrides))]
        planned = make_plan(members, OmegaConf.to_object(composed.hydra.launcher), "us-east-1", None)
        console = Console(width=200, record=True, file=io.StringIO())
        console.print(build_plan_table([], planned, {}))
        (total,) = re.findall(r"(\d+) jobs, at most +([\d.]+)", console.export_text())
        assert total == row, command
        assert {item.hardware.instance_type for item in planned} == {"ml.g6.xlarge"}


@pytest.mark.slow
@pytest.mark.parametrize("option", ["berturk", "berturk_cased", "berturk_128k", "mbert", "mbert_cased", "xlmr_base"])
def test_sizes_are_those_of_the_architecture(option: str) -> None:
    """Test header and weights against the model itself, without memory for its weights.

    XLM-R is a BERT with two more positions and one token type. The pooler, which question answering lacks, is in the
    published number of parameters.
    """
    import torch
    from transformers import BertConfig, BertForQuestionAnswering

    parameters, vocabulary = COSTS["read_header"](option)
    is_xlmr = option == "xlmr_base"
    shape = {"max_position_embeddings": 514, "type_vocab_size": 1} if is_xlmr else {}
    with torch.device("meta"):
        model = BertForQuestionAnswering(BertConfig(vocab_size=vocabulary, **shape))
    pooler = 768 * 768 + 768
    assert parameters == round((sum(part.numel() for part in model.bert.parameters()) + pooler) / 1e6)
    size = COSTS["find_size"](option, "")
    matrices = sum(part.weight.numel() for part in model.modules() if isinstance(part, torch.nn.Linear))
    assert size.matrices == pytest.approx(matrices, rel=0.02)
    # docs/performance.md counts 0.54 GFLOP for a position of a BERT-base, with attention over shorter windows.
    assert size.count_operations(1) / 1e9 == pytest.approx(0.54, rel=0.05)


def test_what_two_jobs_of_the_original_experiment_have_in_common() -> None:
    """1,487 s on a V100 and 1,809 s on a T4: what is left if training takes 125 / 65 times as long on the T4."""
    ratio = 125 / 65
    training = (1809 - 1487) / (ratio - 1)
    assert COSTS["FACTS"]["other_minutes"][1] == round((1487 - training) / 60)


def test_a_row_by_hand() -> None:
    """BERTurk cased, five seeds: 8 x 2,503,680 positions x (6 x 86.4 million + 12 x 12 x 768 x 384) operations."""
    operations = 8 * 2_503_680 * (6 * (111e6 - 32_000 * 768) + 12 * 12 * 768 * 384)
    least, most = (operations / (share * 121e12) / 60 for share in (0.40, 0.25))
    price = yaml.safe_load((TOP / "launchers/hydra_sagemaker_launcher/catalog/prices.yaml").read_text("utf-8"))
    hourly = price["prices"]["us-east-1"]["ml.g6.xlarge"]["usd_per_hour"]
    (row,) = (row for row in ROWS if row[0] == "BERTurk, cased, 32k")
    assert row[4:9] == [
        "5", f"{least:.1f} - {most:.1f}", f"{least + 6:.0f} - {most + 19:.0f}",
        f"{5 * hourly * (least + 6) / 60:.2f} - {5 * hourly * (most + 19) / 60:.2f}", f"{5 * hourly:.2f}",
    ]  # fmt: skip
