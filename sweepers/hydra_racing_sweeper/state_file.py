"""race.json: the state of a race in its directory. README.md documents the format, which other programs read."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.files import read_json, write_json
from hydra_racing_sweeper.race import End, Look, Member, Race, Treatment
from hydra_racing_sweeper.rule import Rule
from hydra_racing_sweeper.standings import build_standings

FILE = "race.json"
FORMAT = "hydra-racing"
VERSION = 1
# What must not change when a race goes on: decisions were made by it.
_FIXED = ("rule", "direction", "replicate_key", "replicates", "rung_share", "rung_margin")


def write_race(sweep_dir: Path, race: Race) -> None:
    """Write a race with its standings, whole or not at all.

    Raises:
        RaceError: The file cannot be written.
    """
    standings = [asdict(standing) for standing in build_standings(race)]
    write_json(sweep_dir / FILE, {"format": FORMAT, "version": VERSION, **asdict(race), "standings": standings})


def read_race(sweep_dir: Path) -> Race:
    """Read a race.

    Raises:
        RaceError: There is none, or this version cannot read it.
    """
    path = sweep_dir / FILE
    if not path.is_file():
        raise RaceError(f"{path}: does not exist; give the directory of a race (multirun/<date>/<time>)")
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise RaceError(f"{path}: is not the state of a race; restore the file, or choose another directory")
    if content.get("version") != VERSION:
        raise RaceError(f"{path}: was written by another version of hydra-racing-sweeper; read it with that version")
    try:
        return _build_race(content)
    except (KeyError, TypeError, ValueError) as error:
        raise RaceError(f"{path}: cannot be read: {error!r}") from None


def check_same(old: Race, new: Race, sweep_dir: Path) -> None:
    """Check that a command line asks for the race that is in its directory.

    Raises:
        RaceError: It asks for another one.
    """
    differing = [name for name in _FIXED if getattr(old, name) != getattr(new, name)]
    if [each.overrides for each in old.treatments] != [each.overrides for each in new.treatments]:
        differing.append("treatments")
    if differing:
        raise RaceError(
            f"{sweep_dir / FILE}: the directory holds a race with other {' and '.join(differing)}; give the same "
            "command to go on with it, or choose another hydra.sweep.dir"
        )


def _build_race(content: dict[str, Any]) -> Race:
    plain = {item.name: content[item.name] for item in fields(Race)}
    plain["rule"] = Rule(**content["rule"])
    plain["treatments"] = [Treatment(**each) for each in content["treatments"]]
    plain["members"] = [Member(**each) for each in content["members"]]
    plain["looks"] = [Look(**each) for each in content["looks"]]
    plain["end"] = content["end"] and End(**content["end"])
    return Race(**plain)
