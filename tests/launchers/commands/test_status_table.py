"""The table of `hydra-sagemaker status` in terminals of any width."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from hydra_sagemaker_launcher.attached.member import MemberView
from hydra_sagemaker_launcher.commands.status import build_table
from hydra_sagemaker_launcher.manifest import MemberRecord

REASON = "ClientError: Artifact upload failed: " + "the specified bucket does not exist " * 10


def show(members: list[MemberView], last_lines: dict[int, str], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, legacy_windows=False)
    console.print(build_table(members, last_lines, width))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def make_member(number: int, words: str, record: MemberRecord) -> MemberView:
    record.plan = {"instance_type": "ml.m5.large", "instance_count": 1}
    return MemberView(number, [words], record, Path(str(number)))


@pytest.mark.parametrize("width", [80, 100, 140, 300])
def test_a_long_reason_leaves_the_other_columns_readable(width: int) -> None:
    failed = make_member(0, "x=1", MemberRecord(status="failed", reason=REASON, job_name="job"))
    (row,) = [line for line in show([failed], {}, width) if "ml.m5.large" in line]
    assert len(row) <= width
    for words in ("x=1", "ml.m5.large", "failed", "ClientErr"):
        assert words in row


def test_a_long_member_is_folded_and_its_last_line_is_still_there() -> None:
    running = make_member(0, "model=berturk " * 12, MemberRecord(job_name="job"))
    lines = show([running], {0: "epoch 3 of 4, loss 0.25"}, 100)
    assert sum(line.count("model=ber") for line in lines) >= 12 and max(map(len, lines)) <= 100
    assert any("epoch 3 o" in line for line in lines)


def test_only_the_member_is_folded() -> None:
    running = make_member(0, "experiment=quickstart " * 6, MemberRecord(status="completed", job_name="job"))
    running.record.plan["instance_type"] = "ml.p3.2xlarge"
    lines = show([running], {0: "objective=3.611"}, 80)
    (row,) = [line for line in lines if "ml.p3.2xlarge" in line]
    assert "completed" in row and "objective=3" in row
    assert {len(line) for line in lines} == {len(row)} and lines[0][-1] == "┓"
    assert "member" in lines[1] and len(row) <= 80
