"""Test the pictures of a report without the rest of its page."""

from __future__ import annotations

import re
from pathlib import Path

from mlqa.report.pictures import collect_pictures


def test_all_pictures_of_a_page_and_nothing_else(written_sweep: Path) -> None:
    page = (written_sweep / "report" / "index.html").read_text("utf-8")
    pictures = collect_pictures(page)
    assert pictures.count("<figure") == page.count("<figure") >= 2
    for title in re.findall(r"<figcaption><h3>(.*?)</h3>", page):
        assert title in pictures
    assert len(pictures) < len(page) / 2
    for part in ("<script", "<table", "<a ", "http://", "https://"):
        assert part not in pictures, part
    assert collect_pictures("<style></style><p>no picture</p>") == ""
