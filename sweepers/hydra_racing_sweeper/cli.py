"""Look at a race from outside, while it runs or afterwards."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hydra_racing_sweeper.errors import exit_on_error

EXAMPLE = """\
example:
  hydra-racing show multirun/2026-11-28/10-00-00
  hydra-racing show multirun/2026-11-28/10-00-00 --watch
  hydra-racing show multirun/2026-11-28/10-00-00 --picture race.svg
"""
_PAUSE = 1.0  # seconds between two looks at the file


def main(argv: Sequence[str] | None = None) -> None:
    """Run the `hydra-racing` command.

    Args:
        argv: Arguments after the program's name. None means `sys.argv[1:]`.

    Raises:
        SystemExit: With a nonzero code if the command line is wrong or the command fails.
    """
    parser = argparse.ArgumentParser(prog="hydra-racing", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser(
        "show",
        help="how the treatments of a race stand",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.add_argument("sweep_dir", type=Path, help="the directory of the race")
    show.add_argument("--watch", action="store_true", help="stay, and update the table until the race has ended")
    show.add_argument("--picture", type=Path, metavar="FILE", help="also write the picture: FILE.html or FILE.svg")
    args = parser.parse_args(argv)
    with exit_on_error():
        try:
            show_race(args.sweep_dir, args.watch, args.picture)
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except BrokenPipeError:  # hydra-racing show | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None


def show_race(sweep_dir: Path, watch: bool = False, picture: Path | None = None) -> None:
    """Print the table of a race, and what it has found.

    Args:
        sweep_dir: The directory of the race.
        watch: Whether to stay until the race has ended.
        picture: The file to write the picture to, None for none.

    Raises:
        RaceError: There is no such race, or the picture cannot be written.
    """
    from rich.console import Console
    from rich.live import Live

    from hydra_racing_sweeper.display.lines import describe_end
    from hydra_racing_sweeper.display.picture import write_picture
    from hydra_racing_sweeper.display.table import build_race_table
    from hydra_racing_sweeper.state_file import read_race

    console = Console()
    race = read_race(sweep_dir)
    if watch:
        with Live(build_race_table(race), console=console, auto_refresh=False) as live:
            while race.end is None:
                time.sleep(_PAUSE)
                race = read_race(sweep_dir)
                live.update(build_race_table(race), refresh=True)
    else:
        console.print(build_race_table(race))
    for line in describe_end(race):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if picture is not None:
        write_picture(picture, race)


if __name__ == "__main__":
    main()
