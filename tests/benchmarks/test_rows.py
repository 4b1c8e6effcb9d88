"""Test the table of the benchmarks: ratios, targets, and the run of all of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rows import Row, print_rows, read_rows, write_markdown, write_rows

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

SCRIPT = """
from measuring import build_parser, finish, parse_arguments
from rows import Row

if __name__ == "__main__":
    args = parse_arguments(build_parser(None, rounds=2), rounds=1)
    finish([Row("{what}", [{ours}] * args.rounds, [6.0] * args.rounds, "peer", at_least=3)], args)
"""


@pytest.mark.parametrize(
    ("targets", "ratios", "is_met"),
    [
        ({"at_least": 4}, [3.0, 5.0, 4.0], True),
        ({"at_least": 4.5}, [3.0, 5.0, 4.0], False),
        ({"at_most": 0.25}, [1 / 3, 0.2, 0.25], True),
        ({"at_most": 0.2}, [1 / 3, 0.2, 0.25], False),
        ({}, [3.0, 5.0, 4.0], None),
        ({"is_overhead": True}, [1 / 3, 0.2, 0.25], None),
    ],
)
def test_the_median_of_the_rounds_meets_a_target_or_misses_it(
    targets: dict[str, float], ratios: list[float], is_met: bool | None
) -> None:
    row = Row("what", [1.0, 2.0, 4.0], [3.0, 10.0, 16.0], "peer", **targets)
    assert row.ratios == pytest.approx(ratios)
    assert row.is_met is is_met


def test_a_target_without_a_peer_is_neither_met_nor_missed() -> None:
    row = Row("what", [1.0], at_least=2)
    assert row.is_met is None
    assert row.format_cells(is_smoke=False)[-3:] == ("", ">= 2", "no peer")


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [Row("ıspanak", [0.1, 1e-9], [2.0, 3.0], "peer", "MB", at_least=2), Row("alone", [1.0])]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert len((tmp_path / "rows.jsonl").read_text("utf-8").splitlines()) == 2
    assert read_rows(tmp_path / "rows.jsonl") == rows


def test_the_table_is_markdown_for_a_page(tmp_path: Path) -> None:
    rows = [Row("steps", [2.0, 4.0], [8.0, 8.0], "run_qa.py", at_least=4), Row("alone", [1.0])]
    write_markdown(tmp_path / "table.md", rows, is_smoke=False)
    head, line, row = (tmp_path / "table.md").read_text("utf-8").splitlines()
    assert (head.count("|"), line) == (7, "| --- | --: | --: | --: | --: | --: |")
    assert row == "| steps | 3 s | run_qa.py 8 s | 3.00 (2.00 ... 4.00) | >= 4 | NO |"


def test_a_smoke_run_says_that_it_measures_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    row = Row("what", [2.0], [2.0], "peer", at_least=3)
    print_rows([row], is_smoke=True)
    assert "mean nothing" in (smoke := capsys.readouterr().out) and "NO" not in smoke
    print_rows([row], is_smoke=False)
    assert "NO" in (real := capsys.readouterr().out) and "mean nothing" not in real


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of benchmarks of which one meets its target of 3 times the peer."""
    for name in ("__main__.py", "measuring.py", "rows.py"):
        shutil.copy(BENCHMARKS / name, tmp_path)
    (tmp_path / "good.py").write_text(SCRIPT.format(what="a fast way", ours=1.5), "utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(folder), *arguments], capture_output=True, text=True)


def test_all_benchmarks_end_with_one_table(folder: Path) -> None:
    """Test that 6.0 over 1.5 is 4 times, that each script is announced, and that support modules are none."""
    done = run(folder, f"--json={folder}/all.jsonl")
    assert done.returncode == 0, done.stderr
    assert "[1 of 1] good" in done.stdout
    assert "4.00 (4.00 ... 4.00)" in done.stdout.rpartition("good took")[2]
    assert [row.what for row in read_rows(folder / "all.jsonl")] == ["a fast way"]


@pytest.mark.slow
def test_a_missed_target_is_named_and_fails(folder: Path) -> None:
    (folder / "slow.py").write_text(SCRIPT.format(what="a slow way", ours=3.0), "utf-8")
    done = run(folder)
    assert done.returncode == 1
    assert "missed: a slow way" in done.stdout
    assert run(folder, "good").returncode == 0
    assert run(folder, "--smoke").returncode == 0, "a smoke run is not held to targets"


def test_a_benchmark_that_fails_is_named_and_the_others_run(folder: Path) -> None:
    (folder / "broken.py").write_text('\nif __name__ == "__main__":\n    raise SystemExit("no data")\n', "utf-8")
    done = run(folder)
    assert done.returncode == 1
    assert "failed: broken" in done.stdout and "a fast way" in done.stdout
    assert run(folder, "absent").returncode == 2
