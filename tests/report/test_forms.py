"""results.tex by its structure, the axes of the figures, and the words in which numbers are given."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made import config, result, write_member
from test_answer import World, write_a1, write_scored

from mlqa.report.content import make_report
from mlqa.report.latex import escape_latex, render_latex
from mlqa.report.shapes import make_axis
from mlqa.report.wording import format_chance, format_duration, format_points, format_usd, join_texts


def check_structure(tex: str) -> None:
    """What LaTeX would refuse: unbalanced braces and environments, rows of another width, bare special signs."""
    bare = re.sub(r"\\.", "", tex)
    assert bare.count("{") == bare.count("}")
    opened = re.findall(r"\\(begin|end)\{(\w+)\}", tex)
    stack: list[str] = []
    for kind, name in opened:
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    for columns, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", tex, re.DOTALL):
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert rows and all(len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1 for row in rows)
        assert [command in body for command in (r"\toprule", r"\midrule", r"\bottomrule")] == [True] * 3
    lines = [line for line in tex.splitlines() if not line.startswith("%")]
    assert not re.search(r"(?<!\\)[%#_]", "\n".join(lines).replace(r"\label{tab:sample}", ""))


def test_the_latex_table_can_be_pasted(tmp_path: Path) -> None:
    write_a1(tmp_path / "s")
    tex = render_latex(make_report([tmp_path / "s"]))
    check_structure(tex)
    assert tex.count(r"\textbf{") == 1 and tex.count(r"\underline{") == 1
    assert tex.isascii()


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no LaTeX")
def test_latex_compiles_it(tmp_path: Path) -> None:
    write_a1(tmp_path / "s")
    table = render_latex(make_report([tmp_path / "s"]))
    document = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{table}\end{{document}}"
    (tmp_path / "t.tex").write_text(document, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0


def test_a_hostile_name_stays_a_name_in_latex(tmp_path: Path) -> None:
    hostile = r"\input{/etc/passwd} & 50% $x$ #1 _a_ {b} ~ ^ <c>"
    world = World()
    for number in range(2):
        scores = world.run(str(number), 0.8)
        write_scored(tmp_path / "s" / str(number), f"{hostile}{number}", "g6", 1, scores, world.context_of)
    tex = render_latex(make_report([tmp_path / "s"]))
    check_structure(tex)
    assert r"\input" not in tex and r"\textbackslash{}input\{/etc/passwd\} \& 50\%" in tex


def test_latex_of_a_sweep_without_a_score_is_a_comment(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result(status="failed", error="x", metrics={}), settings=config())
    tex = render_latex(make_report([tmp_path / "s"]))
    assert all(line.startswith("%") for line in tex.splitlines())
    assert escape_latex("a\nb ± −1") == r"a b $\pm$ $-$1"


@pytest.mark.parametrize("values", [(70.1, 77.14), (0.0, 0.0063), (1, 50_000), (42.0,), (-3.2, 4.1)])
def test_an_axis_holds_its_values_and_has_a_few_round_marks(values: tuple[float, ...]) -> None:
    axis = make_axis(values)
    assert all(0 < axis.locate(value) < 100 for value in values)
    assert 2 <= len(axis.ticks) <= 8 and len({tick.text for tick in axis.ticks}) == len(axis.ticks)
    for tick in axis.ticks:
        assert 0 <= tick.at <= 100
        value = float(tick.text.replace(",", ""))
        assert axis.locate(value) == pytest.approx(tick.at, abs=0.01)


def test_words_of_numbers() -> None:
    assert [format_points(value) for value in (3.44, -0.94, -0.04, 0.0)] == ["3.4", "−0.9", "0.0", "0.0"]
    assert [format_duration(value) for value in (1.0, 4.2, 19.4, 119.0, 250.0)] == [
        "1.0 minute", "4.2 minutes", "19 minutes", "119 minutes", "4.2 hours",
    ]  # fmt: skip
    assert [format_usd(value) for value in (0.41, 0.0042, 0, 1234.5)] == ["$0.41", "$0.0042", "$0.00", "$1,234.50"]
    assert [format_chance(value) for value in (0.0, 0.344, 1.0)] == ["< 1 %", "34 %", "> 99 %"]
    assert join_texts(["a"]) == "a" and join_texts(["a", "b"]) == "a and b"
    assert join_texts(list("abcdefg")) == "a, b, c, d, e and 2 more"
