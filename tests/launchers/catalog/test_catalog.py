"""The catalog's data files: every row says who says so and when, and the files travel with the code."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
from launcher_app import LAUNCHERS

from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.data_file import read_data_file
from hydra_sagemaker_launcher.packaging.program import Program, pack_program

CATALOG = LAUNCHERS / "hydra_sagemaker_launcher" / "catalog"
FILES = sorted(path.name for path in CATALOG.glob("*.yaml"))


def rows(name: str) -> Iterator[dict[str, Any]]:
    content = read_data_file(f"catalog/{name}")
    (table,) = (value for key, value in content.items() if key != "sources")
    if name == "prices.yaml":
        yield from (row for region in table.values() for row in region.values())
    else:
        yield from table


def is_date(value: Any) -> bool:
    """A day, or a month if a price's day is not known."""
    return isinstance(value, datetime.date) or bool(re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", str(value)))


@pytest.mark.parametrize("name", FILES)
def test_every_row_has_a_source_and_a_date(name: str) -> None:
    sources = read_data_file(f"catalog/{name}")["sources"]
    for row in rows(name):
        assert row["source"] in sources, row
        assert is_date(row["date"]), row
    assert {row["source"] for row in rows(name)} == set(sources)


def test_ends_of_life_are_dates() -> None:
    for row in rows("images.yaml"):
        assert isinstance(row["ga"], datetime.date) and isinstance(row["end_of_patch"], datetime.date), row
        assert row["end_of_patch"].year > row["ga"].year, row
    assert all(is_date(row["end_of_life"]) for row in rows("instances.yaml") if "end_of_life" in row)


def test_the_tables_travel_into_a_container(tmp_path: Any) -> None:
    (tmp_path / "app.py").write_text("")
    source = pack_program(Program(tmp_path, "app.py", False, ()), SageMakerLauncherConf(), set(), tmp_path / "sweep")
    assert FILES == ["images.yaml", "instances.yaml", "prices.yaml"]
    tables = {path.relative_to(LAUNCHERS).as_posix() for path in CATALOG.parent.rglob("*.yaml")}
    assert len(tables) == len(FILES) + 3 and tables <= set(source.names)
