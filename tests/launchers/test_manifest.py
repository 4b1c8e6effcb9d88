"""members.jsonl: every event is on disk before what it announces, and a dead client's file is taken up again."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.manifest import FILE, Manifest


def test_a_sweep_is_known_again(tmp_path: Path) -> None:
    first = Manifest(tmp_path)
    assert not first.has_jobs()
    sweep_id = first.open_sweep(service="aws")
    first.write("planned", 0, overrides=["x=1"], config_sha256="a", instance_type="ml.m5.large")
    assert not first.has_jobs()
    first.write("submitting", 0, job_name="job-0")
    assert first.has_jobs()
    again = Manifest(tmp_path)
    assert again.open_sweep() == sweep_id
    record = again.get_record(0)
    assert (record.overrides, record.config_sha256, record.job_name, record.attempts) == (["x=1"], "a", "job-0", 1)
    assert Manifest(tmp_path / "other").open_sweep() != sweep_id


def test_attempts_refusals_and_bills(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.write("submitting", 0, job_name="a")
    manifest.write("refused", 0, reason="quota")
    assert (manifest.get_record(0).job_name, manifest.get_record(0).attempts) == (None, 0)
    for name, usd in (("a", 1.5), ("b", 0.25)):
        manifest.write("submitting", 0, job_name=name)
        manifest.write("submitting", 0, job_name=name)  # the answer was lost: the same attempt
        for _ in range(2):  # it was looked at twice: billed once
            manifest.write("ended", 0, job_name=name, job_status="Failed", usd=usd, reason="x")
        manifest.write("finished", 0, status="failed", reason="x", return_value=None)
    for known in (manifest, Manifest(tmp_path)):
        assert (known.get_record(0).attempts, known.sum_billed_usd(), known.get_record(0).status) == (2, 1.75, "failed")


def test_what_could_not_be_fetched_is_remembered_until_it_is(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.write("submitting", 0, job_name="a")
    manifest.write("lost", 0, reason="denied")
    assert Manifest(tmp_path).get_record(0).is_lost
    manifest.write("finished", 0, status="completed", reason=None, return_value=1)
    assert not Manifest(tmp_path).get_record(0).is_lost


def test_a_line_is_json_for_every_reader(tmp_path: Path) -> None:
    value = {"loss": float("nan"), "bounds": [float("-inf"), float("inf"), 1.5], "own": {"float": "wide"}}
    Manifest(tmp_path).write("finished", 0, status="completed", reason=None, return_value=value)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    for line in (tmp_path / FILE).read_text("utf-8").splitlines():
        json.loads(line, parse_constant=refuse)
    read = Manifest(tmp_path).get_record(0).return_value
    assert math.isnan(read["loss"])
    assert (read["bounds"], read["own"]) == (value["bounds"], value["own"])


def test_an_event_is_on_disk_when_write_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, bytes]] = []
    fsync = os.fsync

    def spy(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced.append((path.name, path.read_bytes() if path.is_file() else b""))
        fsync(descriptor)

    if not Path("/proc/self/fd").exists():
        pytest.skip("reads /proc")
    monkeypatch.setattr(os, "fsync", spy)
    manifest = Manifest(tmp_path)
    manifest.write("submitting", 3, job_name="a")
    (name, content), (folder, _) = synced
    assert name == FILE and json.loads(content)["job_name"] == "a"
    assert folder == tmp_path.name  # a new file's entry, too
    manifest.write("submitted", 3, job_name="a")
    assert len(synced) == 3 and synced[2][1].count(b"\n") == 2


def test_half_a_line_is_cut_off_and_a_whole_one_ended(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.write("submitting", 0, job_name="a")
    whole = manifest.path.read_bytes()
    for torn in (b'{"event": "submitting", "member": 1, "job_n', b"\xc3", b"{"):
        manifest.path.write_bytes(whole + torn)
        assert Manifest(tmp_path).get_record(1).job_name is None
        assert manifest.path.read_bytes() == whole
    manifest.path.write_bytes(whole + b'{"event": "submitting", "member": 1, "job_name": "b"}')
    again = Manifest(tmp_path)
    assert again.get_record(1).job_name == "b"
    again.write("submitted", 1, job_name="b")
    assert len(manifest.path.read_bytes().splitlines()) == 3


@pytest.mark.parametrize("bad", ["nonsense", "[]", "{}", '"text"', "null", ""])
def test_a_damaged_line_is_named(tmp_path: Path, bad: str) -> None:
    manifest = Manifest(tmp_path)
    manifest.write("submitting", 0, job_name="a")
    with manifest.path.open("a") as file:
        file.write(bad + "\n")
    manifest.write("submitted", 0, job_name="a")
    with pytest.raises(LaunchError, match=rf"{FILE}, line 2: not an event of this launcher; fix or remove the line"):
        Manifest(tmp_path)


@given(st.text(), st.text())
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, override: str, reason: str) -> None:
    folder = tmp_path_factory.mktemp("manifest")
    manifest = Manifest(folder)
    manifest.write("planned", 0, overrides=[override], config_sha256="a", instance_type=None)
    manifest.write("finished", 0, status="failed", reason=reason, return_value={"text": reason})
    record = Manifest(folder).get_record(0)
    assert (record.overrides, record.reason, record.return_value) == ([override], reason, {"text": reason})


def test_half_a_surrogate_pair_comes_back(tmp_path: Path) -> None:
    Manifest(tmp_path).write("finished", 0, status="failed", reason="\ud800", return_value={"a": "\udfff"})
    record = Manifest(tmp_path).get_record(0)
    assert (record.reason, record.return_value) == ("\ud800", {"a": "\udfff"})


def test_another_config_is_refused(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.write("planned", 0, overrides=["x=1"], config_sha256="a", instance_type=None)
    manifest.check_unchanged(0, "a")
    manifest.check_unchanged(1, "b")
    with pytest.raises(LaunchError, match=r"#0: its config is not the one .*\(x=1\)"):
        manifest.check_unchanged(0, "b")
