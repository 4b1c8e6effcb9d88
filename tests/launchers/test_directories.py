"""Directories of members that cannot be made: known from the plan, not after the job was paid."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher_app import App
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.directories import find_directory_problems, make_sweep_dir
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.member import Member


def member(number: int, directory: Path) -> Member:
    return Member(number, [], OmegaConf.create(), directory, None)


def test_names_and_paths_that_fit_are_taken(tmp_path: Path) -> None:
    names = ["0", "k" * 255, "kitapçı öğrenci/evler ve kediler", "ö" * 127]
    assert find_directory_problems([member(number, tmp_path / name) for number, name in enumerate(names)]) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("k" * 256, "the directory of #0 has a name of 256 bytes (kkkkkkkkkk"),
        ("ö" * 128, "the directory of #0 has a name of 256 bytes (öööööööööö"),  # a letter of two bytes
        ("/".join(["k" * 250] * 16), "the file system takes 4096"),
        ("file/0", "is a file; choose another name"),
    ],
)
def test_a_directory_that_cannot_be_made_is_a_problem(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").write_text("x")
    (line,) = find_directory_problems([member(0, tmp_path / name)])
    assert line.startswith("hydra.sweep.subdir: ") and words in line


@pytest.mark.parametrize("name", ["file", "file/below", "k" * 256])
def test_a_sweep_directory_that_cannot_be_made_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LaunchError) as refused:
        make_sweep_dir(tmp_path / name)
    (line,) = refused.value.problems
    assert line.startswith(f"hydra.sweep.dir={tmp_path / name}: cannot be made: ") and "choose a directory" in line
    make_sweep_dir(tmp_path / "new" / "one")
    make_sweep_dir(tmp_path / "new" / "one")
    assert (tmp_path / "new" / "one").is_dir()


def test_many_of_one_kind_are_one_line(tmp_path: Path) -> None:
    lines = find_directory_problems(
        [member(number, tmp_path / f"{number:0256}") for number in range(500)] + [member(500, tmp_path / "500")]
    )
    assert len(lines) == 1 and lines[0].endswith("(499 more like #0)")


def test_members_that_share_a_directory_with_earlier_ones_are_a_problem(tmp_path: Path) -> None:
    (line,) = find_directory_problems([member(1, tmp_path / "same")], [member(0, tmp_path / "same")])
    assert f"#0 and #1 would share {tmp_path / 'same'}" in line


@pytest.mark.slow
@pytest.mark.parametrize("dry", ["true", "false"])
def test_a_plan_refuses_what_is_too_long_together_with_all_else(tmp_path: Path, dry: str) -> None:
    app = App.make(tmp_path)
    done = app.run(
        "hydra.launcher.service=rehearsal",
        "hardware=local,m5",
        f"text={'k' * 300},short",
        "hydra.sweep.subdir=${hydra.job.override_dirname}",
        "hydra.launcher.keep_alive_seconds=100000",
        f"hydra.launcher.dry_run={dry}",
    )
    assert done.code == 1
    done.says(
        "error: hydra.sweep.subdir: the directory of #0 has a name of 320 bytes (hardware=local,",
        "hydra.job.config.override_dirname.exclude_keys (1 more like #0)",
        "error: CreateTrainingJob: ResourceConfig.KeepAlivePeriodInSeconds=100000",
    )
    assert "Traceback" not in done.output and not (tmp_path / "sweep" / "members.jsonl").exists()
