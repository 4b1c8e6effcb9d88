"""One call of a sweep fails, whichever and however: no member is lost or doubled, and the message names what to do."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from exhaustive import keep_cases
from fault_matrix import COMPLETING, MEMBERS, STOPPING, Cell, Ended, Matrix

pytestmark = pytest.mark.slow

# What is called before the first job. Nothing runs and nobody has paid, so only a missing answer is waited for.
PREPARING = (
    *("GetCallerIdentity", "HeadBucket", "CreateBucket", "PutPublicAccessBlock", "PutBucketEncryption", "PutObject"),
    "HeadObject",  # also before a download. Without a body, its 403 may be anything, and is left to `resume`.
)
CODES = {
    "403": ("AccessDenied", "403"),
    "expired": ("ExpiredToken", "400: Bad Request"),
}

WAYS_OUT = ("README has the policies", "renew the credentials", "resume to fetch it again", "give a bucket")


def find_problems(cell: Cell, first: Ended, second: Ended | None, jobs: dict[str, str]) -> list[str]:
    """What is wrong with how a cell has ended.

    Args:
        cell: The cell.
        first: The launch with the fault.
        second: The launch after it, without a fault, if the first has not completed.
        jobs: All jobs that were created.
    """
    problems = list[str]()
    last = second or first
    if last.statuses != dict.fromkeys(range(MEMBERS), "completed"):
        problems.append(f"a member is lost: {last.statuses}")
    attempts = 2 if cell.operation in STOPPING else 1
    doubled = {member: count for member, count in _count_jobs(jobs).items() if count != attempts}
    if doubled or len(jobs) != MEMBERS * attempts:
        problems.append(f"{len(jobs)} jobs of {MEMBERS} members: {sorted(jobs)}")
    if running := [name for name, status in jobs.items() if status == "InProgress"]:
        problems.append(f"left running: {running}")
    if "Traceback" in first.said:
        problems.append("a traceback")
    if first.calls.attempts == 0:
        problems.append("the call was not made")
    if must_survive(cell) and second is not None and cell.operation not in STOPPING:
        problems.append("the sweep did not go on by itself")
    if second is not None and cell.operation not in STOPPING:
        if not any(code in first.said for code in CODES.get(cell.kind, ("",))):
            problems.append("the message does not name the cause")
        if not any(way in first.said for way in WAYS_OUT):
            problems.append("the message names no way out")
    return [f"{cell}: {problem}\n{first.said}" for problem in problems]


def _count_jobs(jobs: dict[str, str]) -> Counter[str]:
    return Counter(name.removesuffix("-r2").rpartition("-")[2] for name in jobs)


def must_survive(cell: Cell) -> bool:
    """Whether the sweep must go on by itself.

    A user is told at once of what only the user can cure, as long as no job runs: no right, no credentials. A right
    that is missing for the first job of an instance type is missing for all of them. An output that may not be read
    stays in S3 for `resume`.
    """
    where = cell.operation, cell.kind
    if where in (("GetObject", "403"), ("GetObject", "malformed")):
        return False
    if where in (("GetProducts", "expired"), ("ListServiceQuotas", "expired")):
        return False  # it is met again by the next call
    if where == ("CreateTrainingJob", "403"):
        return cell.occurrence != "first"
    return cell.operation not in PREPARING or cell.kind not in ("403", "expired")


@pytest.fixture(scope="module")
def matrix() -> Iterator[Matrix]:
    """A matrix in memory if the machine has such a folder: it writes thousands of small files, each to the disk."""
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder, Matrix(Path(folder)).open() as matrix:
        yield matrix


def test_the_matrix_has_every_call_of_the_launcher(matrix: Matrix) -> None:
    assert set(matrix.count(False)) | set(matrix.count(True)) == {*COMPLETING, *STOPPING}
    cells = matrix.list_cells()
    assert len(cells) == len(set(cells)) >= 200


@pytest.mark.parametrize("operation", keep_cases(["CreateTrainingJob"], [*COMPLETING, *STOPPING]))
def test_no_member_is_lost_or_doubled(matrix: Matrix, operation: str) -> None:
    problems = list[str]()
    for cell in matrix.list_cells():
        if cell.operation == operation:
            problems += find_problems(cell, *matrix.run(cell))
    assert not problems, "\n\n".join(problems)
