"""Test the command line of `mlqa`: its arguments, and a reader that goes away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from forked import python

from mlqa.cli import main


def test_overrides_may_stand_on_both_sides_of_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", "dataset=sample", "--json", "model=tiny_char", "dataset.sample.train_rows=30"])
    audited = json.loads(capsys.readouterr().out)
    assert (audited["model"], audited["figures"]["train"]["rows"]["read"]) == ("tiny_char", 30)


@pytest.mark.parametrize("arguments", [["audit", "--jsn"], ["predict", "x", "seed=1"]])
def test_unknown_arguments_are_refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


@pytest.mark.slow
def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    """`mlqa audit | head`: no traceback."""
    code = "from mlqa.cli import main; main(['audit', 'dataset=sample', 'model=tiny_char'])"
    with subprocess.Popen(
        [*python("training"), "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_a_reader_of_help_that_has_seen_enough(tmp_path: Path) -> None:
    """`python train.py --help | head`: no traceback."""
    train = Path(__file__).resolve().parents[1] / "train.py"
    with subprocess.Popen(
        [sys.executable, str(train), "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
