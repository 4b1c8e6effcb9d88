"""An output beyond the limits: the member is completed, and a resumed sweep fetches the rest without a new job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_app import BUCKET, App, Service

BODY = """
for number in range(30):
    (out / f"part{number}").write_text("1")
(out / "here").symlink_to("part0")
(out / "there").symlink_to("/etc/hostname")
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


def parts(directory: Path) -> int:
    return len(list(directory.glob("part*")))


def test_a_refused_output_is_fetched_later_without_a_new_job(service: Service, tmp_path: Path) -> None:
    app = App.make(tmp_path, BODY, environment=service.environment())
    first = app.run("x=3", "hardware=m5", "hydra.launcher.archive_max_files=20")
    assert first.code == 0, first.output
    sweep = app.sweep()
    first.says("#0 completed", "#0: a part of its output was not fetched: s3://", "more than the 20 files",
               "raise hydra.launcher.archive_max_gb or archive_max_files", "resume to fetch it again")  # fmt: skip
    assert sweep.result(0)["objective"] == 6.0
    assert sweep.statuses() == {0: "completed"}
    assert parts(sweep.path / "0") == 0
    billed = [event["usd"] for event in sweep.events() if event["event"] == "ended"]

    resume = f"hydra.launcher.resume={sweep.path}"
    for _ in range(2):  # the second time there is nothing left to do
        again = app.run("x=3", "hardware=m5", resume, "hydra.launcher.retry_failed=true")
        assert again.code == 0, again.output
        assert "was not fetched" not in again.output
        assert parts(sweep.path / "0") == 30
    assert (sweep.path / "0" / "here").readlink() == Path("part0")
    assert not (sweep.path / "0" / "there").is_symlink()
    events = [event["event"] for event in sweep.events()]
    assert (events.count("submitting"), events.count("ended"), events.count("finished")) == (1, 1, 2)
    assert [event["usd"] for event in sweep.events() if event["event"] == "ended"] == billed
    assert len(service.names(sweep)) == 1
    assert sweep.result(0)["objective"] == 6.0


def test_what_can_no_longer_be_fetched_leaves_a_completed_member(service: Service, tmp_path: Path) -> None:
    app = App.make(tmp_path, BODY, environment=service.environment())
    assert app.run("x=3", "hardware=m5", "hydra.launcher.archive_max_files=20").code == 0
    sweep = app.sweep()
    (name,) = service.names(sweep)
    (key,) = [
        entry["Key"]
        for page in service.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        for entry in page["Contents"]
        if f"{name}/output/output.tar.gz" in entry["Key"]
    ]
    service.s3.delete_object(Bucket=BUCKET, Key=key)
    again = app.run("x=3", "hardware=m5", f"hydra.launcher.resume={sweep.path}")
    assert again.code == 0, again.output
    again.says("#0 completed", "output.tar.gz: is no longer there")
    assert sweep.result(0)["objective"] == 6.0
    assert len(service.names(sweep)) == 1
