"""race.json and the members' records: whole or not there, readable by anybody, and held to the same race."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from test_stepping import drive, make_race

from hydra_racing_sweeper.config import ItemsConf, RacingSweeperConf
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.files import lock_directory
from hydra_racing_sweeper.member_record import make_plain
from hydra_racing_sweeper.race import Member, group_consecutive
from hydra_racing_sweeper.reporting import read_items, record_return
from hydra_racing_sweeper.state_file import FILE, check_same, read_race, write_race

OPTIONS = RacingSweeperConf()


def test_a_race_comes_back_as_it_was(tmp_path: Path) -> None:
    race = make_race(3, OPTIONS)
    drive(race, OPTIONS, {(2, 1): 50.0, (2, 2): 51.0, (1, 2): "boom"})
    write_race(tmp_path, race)
    assert read_race(tmp_path) == race
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_file_says_what_other_programs_need(tmp_path: Path) -> None:
    race = make_race(2, OPTIONS)
    drive(race, OPTIONS, {(1, 1): 60.0, (1, 2): 60.5})
    write_race(tmp_path, race)
    content = json.loads((tmp_path / FILE).read_text("utf-8"))
    assert (content["format"], content["version"]) == ("hydra-racing", 1)
    assert content["end"]["kind"] == "decided"
    first, second = content["standings"]
    assert (first["name"], first["state"], first["mean"], first["counted"]) == ("m=a", "best", 80.0, 2)
    assert second["behind"] == 19.75 and second["behind_low"] < 19.75 < second["behind_high"]
    assert [member["replicate"] for member in content["members"]] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "does not exist; give the directory of a race"),
        ("{", "is not the state of a race"),
        ("[1]", "is not the state of a race"),
        ('{"format": "hydra-racing", "version": 2}', "written by another version"),
        ('{"format": "hydra-racing", "version": 1, "rule": {}}', "cannot be read"),
    ],
)
def test_a_file_that_is_no_race(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / FILE).write_text(text)
    with pytest.raises(RaceError, match=said):
        read_race(tmp_path)


def test_another_race_does_not_go_on_in_its_place(tmp_path: Path) -> None:
    race = make_race(2, OPTIONS)
    check_same(race, make_race(2, OPTIONS), tmp_path)
    with pytest.raises(RaceError, match="with other treatments"):
        check_same(race, make_race(3, OPTIONS), tmp_path)
    other = make_race(2, OPTIONS)
    other.rule = replace(other.rule, alpha=0.1)
    with pytest.raises(RaceError, match="with other rule"):
        check_same(race, other, tmp_path)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    held = lock_directory(tmp_path / "race")
    with pytest.raises(RaceError, match="another process drives this race"):
        lock_directory(tmp_path / "race")
    held.close()
    lock_directory(tmp_path / "race").close()


def test_members_are_launched_in_groups_of_consecutive_numbers() -> None:
    members = [Member(number, 0, 1, []) for number in (7, 2, 3, 5)]
    assert [[each.number for each in group] for group in group_consecutive(members)] == [[2, 3], [5], [7]]


# --- what a member reports


def record(tmp_path: Path, value: Any, status: JobStatus = JobStatus.COMPLETED, **options: Any) -> Member:
    member = Member(0, 0, 1, ["m=a"])
    returned = JobReturn(working_dir=str(tmp_path), status=status, _return_value=value)
    record_return(member, returned, tmp_path, tmp_path, 7.0, RacingSweeperConf(**options))
    return member


def test_a_number_is_the_score_and_the_launch_tells_the_time(tmp_path: Path) -> None:
    member = record(tmp_path, 81.5)
    assert (member.status, member.score, member.seconds, member.usd) == ("completed", 81.5, 7.0, None)


def test_a_mapping_tells_more(tmp_path: Path) -> None:
    member = record(tmp_path, {"score": 81, "seconds": 60, "usd": 0.25})
    assert (member.score, member.seconds, member.usd) == (81.0, 60.0, 0.25)


def test_a_file_tells_what_the_value_does_not(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"cost": {"usd": 1.5, "billable_seconds": 30}, "f1": 70}')
    keys = {"usd_key": "cost.usd", "seconds_key": "cost.billable_seconds", "score_key": "f1"}
    assert (record(tmp_path, 81.5, **keys).usd, record(tmp_path, 81.5, **keys).seconds) == (1.5, 30.0)
    assert record(tmp_path, None, **keys).score == 70.0


@pytest.mark.parametrize("value", [None, "83", float("nan"), float("inf"), True, {"f1": 3}])
def test_what_is_no_score_is_a_failure(tmp_path: Path, value: Any) -> None:
    member = record(tmp_path, value)
    assert member.status == "failed"
    assert member.reason is not None and "a race needs a finite number" in member.reason


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "failed"),
        (OSError("berturk does not appear to have a file named config.json"), "failed"),
        (RuntimeError("#3 job failed: CapacityError: no capacity for ml.g6.xlarge"), "lost"),
        (RuntimeError("#3 job failed: InternalServerError: please retry"), "lost"),
        (RuntimeError("the spot instance was interrupted"), "lost"),
        (ConnectionError("gone"), "lost"),
        (RuntimeError("#3 stopped: not run: budget"), "lost"),
    ],
)
def test_whose_fault_a_failure_is(tmp_path: Path, error: Exception, status: str) -> None:
    assert record(tmp_path, error, JobStatus.FAILED).status == status


def test_items_of_a_value_and_of_a_file(tmp_path: Path) -> None:
    member = record(tmp_path, {"score": 1, "items": {"q1": 1, "q2": 0}, "groups": {"q1": "t"}})
    assert read_items(member, tmp_path, OPTIONS) == {"q1": (1.0, "t"), "q2": (0.0, "q2")}
    lines = ['{"id": "q1", "f1": 0.5, "context": 3}', '{"id": "q2", "f1": 1, "context": 3}']
    (tmp_path / "scores.jsonl").write_text("\n".join(lines))
    items = ItemsConf(file="scores.jsonl", score="f1", group="context", scale=100)
    member = record(tmp_path, 75.0)
    assert read_items(member, tmp_path, RacingSweeperConf(items=items)) == {"q1": (50.0, "3"), "q2": (100.0, "3")}


def test_items_of_other_test_sets_in_the_same_file_are_left_out(tmp_path: Path) -> None:
    lines = [
        {"set": name, "split": split, "id": "q1", "f1": f1}
        for name, split, f1 in (("tquad", "validation", 0.5), ("tquad", "test", 0.25), ("xquad", "validation", 1))
    ]
    (tmp_path / "scores.jsonl").write_text("\n".join(map(json.dumps, lines)))
    items = ItemsConf(file="scores.jsonl", score="f1", match={"set": "choices.dataset", "split": "reported_split"})
    options = RacingSweeperConf(items=items)
    member = record(tmp_path, 50.0)
    assert read_items(member, tmp_path, options) == {}  # no result.json says which set the score is of
    result = {"choices": {"dataset": "tquad"}, "reported_split": "validation"}
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert read_items(member, tmp_path, options) == {"q1": (0.5, "q1")}


def test_the_score_of_an_item_is_the_metric_that_the_member_names(tmp_path: Path) -> None:
    (tmp_path / "scores.jsonl").write_text(json.dumps({"id": "q1", "f1": 0.5, "exact_match": 0}))
    items = ItemsConf(file="scores.jsonl", score="f1", score_named_by="dataset.primary_metric")
    options = RacingSweeperConf(items=items)
    member = record(tmp_path, 50.0)
    assert read_items(member, tmp_path, options) == {}  # nothing names it
    (tmp_path / "result.json").write_text(json.dumps({"dataset": {"primary_metric": "exact_match"}}))
    assert read_items(member, tmp_path, options) == {"q1": (0.0, "q1")}


def test_numbers_of_other_libraries_become_plain() -> None:
    import numpy

    assert make_plain({"a": numpy.float32(0.5), 1: [numpy.int64(2)]}) == {"a": 0.5, "1": [2.0]}
