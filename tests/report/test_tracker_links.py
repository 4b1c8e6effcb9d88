"""Test that the report leads to each member's W&B run, and to nothing that is no address."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import made

from mlqa.report.build import write_report


def test_each_member_links_to_its_run(tmp_path: Path) -> None:
    urls: list[dict[str, Any]] = [
        {"mode": "online", "url": "https://wandb.ai/team/mlqa/runs/a"},
        {"mode": "offline", "url": None},
        {"mode": "online", "url": "javascript:alert(1)"},
    ]
    for number, place in enumerate(urls):
        content = {**made.result("berturk", f1=70.0, seed=number), "tracking": {"wandb": place}}
        made.write_member(tmp_path / str(number), content)
    write_report([str(tmp_path)])
    page = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert '<a href="https://wandb.ai/team/mlqa/runs/a">run</a>' in page
    assert f'title="to upload it: mlqa sync {tmp_path / "1"}">offline<' in page
    assert "javascript:alert" not in page
    with (tmp_path / "report" / "results.csv").open(encoding="utf-8", newline="") as file:
        found = [row["wandb_url"] for row in csv.DictReader(file)]
    assert found == ["https://wandb.ai/team/mlqa/runs/a", "", ""]
