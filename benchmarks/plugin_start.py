"""What the launcher's plugin adds to the start of a Hydra app that does not use it.

    python benchmarks/plugin_start.py              --help, --hydra-help and a run, 25 pairs each
    python benchmarks/plugin_start.py --rounds 50

Hydra imports every module below `hydra_plugins` at each start of each app. The app has one key and no config group. It
runs in two folders of packages, which hold Hydra and its dependencies, one of them also the launcher. The two take
turns, and the first round is not counted. On a busy machine seconds scatter by several per cent, so the target is for
the number of function calls, which does not depend on the load.
"""

from __future__ import annotations

import re
import sys
import tempfile
from functools import partial
from importlib.metadata import distribution
from pathlib import Path

from measuring import alternate, build_parser, finish, parse_arguments, run, split_pairs, time_process
from rows import Row

LAUNCHERS = Path(__file__).resolve().parent.parent / "launchers"
TARGET = 1.05  # times the start without the launcher
HYDRA = ("hydra-core", "omegaconf", "antlr4-python3-runtime", "PyYAML", "packaging")
APP = """
import hydra

@hydra.main(version_base="1.3", config_path=None)
def main(config):
    pass

main()
"""
WAYS = {
    "--help": ["--help"],
    "--hydra-help": ["--hydra-help"],
    "a run": ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none"],
}


def link_packages(folder: Path, with_launcher: bool) -> Path:
    """Link Hydra, its dependencies and perhaps the launcher into a folder.

    Args:
        folder: Where the links go.
        with_launcher: Whether the launcher's packages are also linked.

    Returns:
        The folder.
    """
    folder.mkdir()
    for name in HYDRA:
        source = distribution(name)
        for top in {file.parts[0] for file in source.files or () if ".." not in file.parts}:
            (folder / top).symlink_to(Path(str(source.locate_file(top))))
    if with_launcher:
        for package in ("hydra_plugins", "hydra_sagemaker_launcher", "sagemaker_rehearsal"):
            (folder / package).symlink_to(LAUNCHERS / package)
    return folder


def count_calls(app: Path, arguments: list[str], packages: Path) -> float:
    """Return the number of function calls of one start."""
    command = [sys.executable, "-S", "-m", "cProfile", str(app), *arguments]
    printed = run(command, app.parent, PYTHONPATH=str(packages))
    return float(re.findall(r"(\d+) function calls", printed)[-1])


def main() -> None:
    """Compare each kind of start with and without the launcher."""
    parser = build_parser(__doc__, rounds=25)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    args = parse_arguments(parser, rounds=1, ways=["a run"])
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = folder / "app.py"
        app.write_text(APP, "utf-8")
        packages = {key: link_packages(folder / str(key), with_launcher=key) for key in (False, True)}
        for way in args.ways:
            command = [sys.executable, "-S", str(app), *WAYS[way]]
            tasks = {
                key: partial(time_process, command, folder, PYTHONPATH=str(path)) for key, path in packages.items()
            }
            what = f"a Hydra app with the launcher installed, {way}"
            for clock, seconds in zip(("", ": CPU"), split_pairs(alternate(args.rounds, tasks, True)), strict=True):
                rows.append(Row(what + clock, seconds[True], seconds[False], "without", is_overhead=True))
            calls = {key: [count_calls(app, WAYS[way], path)] for key, path in packages.items()}
            rows.append(Row(f"{what}: function calls", calls[True], calls[False], "without", "", at_most=TARGET))
    finish(rows, args)


if __name__ == "__main__":
    main()
