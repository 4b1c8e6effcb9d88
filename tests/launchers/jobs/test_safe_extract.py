"""Extraction of archives that nobody vouches for: hostile names and types, bombs, damage at every place."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.jobs.safe_extract import extract

Entry = tuple[tarfile.TarInfo, bytes]
LIMITS = {"max_bytes": 1_000_000, "max_files": 100}


def entry(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: object) -> Entry:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def tar(*entries: Entry, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def stored(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content))
    return path


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


GOOD = tar(
    entry("./", kind=tarfile.DIRTYPE),
    entry("./result.json", b"{}"),
    entry("checkpoints", kind=tarfile.DIRTYPE),
    entry("a/b/predictions.json", b"p" * 70_000),
    entry("a/run.sh", b"#!", mode=0o6755),
    entry("long/" + "n" * 120 + "/ü.txt", b"ok" * 256),
)
GOOD_TREE = {
    "result.json": b"{}",
    "checkpoints": None,
    "a": None,
    "a/b": None,
    "a/b/predictions.json": b"p" * 70_000,
    "a/run.sh": b"#!",
    "long": None,
    "long/" + "n" * 120: None,
    "long/" + "n" * 120 + "/ü.txt": b"ok" * 256,
}


def test_files_come_out_as_they_were(tmp_path):
    left_out = extract(stored(tmp_path / "x.tar.gz", GOOD), tmp_path / "new" / "into", **LIMITS)
    assert tree(tmp_path / "new" / "into") == GOOD_TREE
    assert left_out == []
    assert (tmp_path / "new" / "into" / "a" / "run.sh").stat().st_mode & 0o7100 == 0o100
    assert not (tmp_path / "new" / "into" / "result.json").stat().st_mode & 0o111
    assert (tmp_path / "new" / "into" / "result.json").stat().st_mtime > 10**9  # not the time in the archive, 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["into"]


def test_a_python_without_the_data_filter_is_refused(tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(LaunchError, match=r"its tarfile has no data filter; use Python 3\.10\.12, 3\.11\.4, 3\.12"):
        extract(stored(tmp_path / "x.tar.gz", GOOD), tmp_path / "into", **LIMITS)
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_of_tar_is_read(tmp_path, form):
    content = tar(entry("a/" + "b" * 90, b"x" * 512), entry("c" * 40 + "/" + "d" * 90, b"y"), form=form)
    assert extract(stored(tmp_path / "x.tar.gz", content), tmp_path / "into", **LIMITS) == []
    assert sum(path.is_file() for path in (tmp_path / "into").rglob("*")) == 2


def test_existing_files_are_replaced_and_others_stay(tmp_path):
    into = tmp_path / "into"
    (into / "a").mkdir(parents=True)
    (into / "a" / "run.sh").write_text("old")
    (into / "mine.txt").write_text("mine")
    outside = tmp_path / "outside.json"
    outside.write_text("untouched")
    (into / "result.json").symlink_to(outside)
    extract(stored(tmp_path / "x.tar.gz", GOOD), into, **LIMITS)
    assert tree(into) == {**GOOD_TREE, "mine.txt": b"mine"}
    assert outside.read_text() == "untouched" and not (into / "result.json").is_symlink()


@pytest.mark.parametrize("planted", ["a", "long", "checkpoints"])
def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path, planted):
    into, outside = tmp_path / "into", tmp_path / "outside"
    into.mkdir()
    outside.mkdir()
    (into / planted).symlink_to(outside, target_is_directory=True)
    with pytest.raises(LaunchError, match=f"{planted}: is not a folder"):
        extract(stored(tmp_path / "x.tar.gz", GOOD), into, **LIMITS)
    assert list(into.iterdir()) == [into / planted] and not list(outside.iterdir())


@pytest.mark.parametrize("blocked", ["result.json/", "a", "checkpoints"])
def test_a_folder_in_the_place_of_a_file_or_the_reverse_leaves_everything(tmp_path, blocked):
    into = tmp_path / "into"
    into.mkdir()
    (into / blocked).mkdir() if blocked.endswith("/") else (into / blocked).write_text("mine")
    before = tree(into)
    with pytest.raises(LaunchError, match="move it away"):
        extract(stored(tmp_path / "x.tar.gz", GOOD), into, **LIMITS)
    assert tree(into) == before


HOSTILE = {
    "absolute": entry("/etc/x", b"x"),
    "parent": entry("../x", b"x"),
    "deep parent": entry("a/../../x", b"x"),
    "parent folder": entry("..", kind=tarfile.DIRTYPE),
    "backslash": entry("..\\x", b"x"),
    "drive": entry("C:x", b"x"),
    "the same file": entry("ok", b"y"),
    "a file as a folder": entry("ok/x", b"y"),
    "no name": entry(".", b"y"),
    "a folder as a file": entry("folder", b"y"),
    "sparse": entry("x", kind=tarfile.REGTYPE, pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": str(10**12)}),
    "a name too long": entry("x" * 300, b"y"),
    "a path too long": entry("/".join(["x" * 200] * 30), b"y"),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("existing", [False, True])
def test_hostile_entries_are_refused_and_leave_nothing(tmp_path, kind, existing):
    into = tmp_path / "home" / "into"
    into.mkdir(parents=True) if existing else into.parent.mkdir()
    archive = stored(
        tmp_path / "x.tar.gz", tar(entry("ok", b"1"), entry("folder", kind=tarfile.DIRTYPE), HOSTILE[kind])
    )
    with pytest.raises(LaunchError) as raised:
        extract(archive, into, **LIMITS)
    (problem,) = raised.value.problems
    assert problem.startswith(f"{archive}: ") and "\n" not in problem
    assert sorted(path.name for path in (tmp_path / "home").rglob("*")) == (["into"] if existing else [])


def test_a_bomb_is_stopped_while_it_is_read(tmp_path):
    """8 GB of zeros are promised, 64 MB are there: the disk never sees more than the limit."""
    compressor = io.BytesIO()
    with gzip.GzipFile(fileobj=compressor, mode="wb", compresslevel=9) as zipped:
        header, _ = entry("zeros")
        header.size = 8_000_000_000
        zipped.write(header.tobuf())
        for _ in range(64):
            zipped.write(bytes(1 << 20))
    bomb = tmp_path / "x.tar.gz"
    bomb.write_bytes(compressor.getvalue())
    with pytest.raises(LaunchError, match=r"more than the 1,000,000 bytes"):
        extract(bomb, tmp_path / "into", **LIMITS)
    assert list(tmp_path.iterdir()) == [bomb]


@pytest.mark.parametrize(
    "entries",
    [
        [entry(f"f{number}") for number in range(101)],
        [entry("/".join(["d"] * 101))],
        [entry("same", kind=tarfile.DIRTYPE) for _ in range(101)],
    ],
)
def test_too_many_files_and_folders_are_refused(tmp_path, entries):
    with pytest.raises(LaunchError, match="more than the 100 files"):
        extract(stored(tmp_path / "x.tar.gz", tar(*entries)), tmp_path / "into", **LIMITS)
    assert not (tmp_path / "into").exists()


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path):
    longname, _ = entry("././@LongLink", kind=tarfile.GNUTYPE_LONGNAME)
    longname.size = 50_000_000
    content = longname.tobuf(tarfile.GNU_FORMAT) + b"x" * 50_000_000
    with pytest.raises(LaunchError, match="header that is too long"):
        extract(stored(tmp_path / "x.tar.gz", content), tmp_path / "into", max_bytes=10**9, max_files=10)


def test_headers_upon_headers_are_refused(tmp_path):
    extra = tar(entry("x", b"", kind=tarfile.XHDTYPE))[:512]
    with pytest.raises(LaunchError):
        extract(stored(tmp_path / "x.tar.gz", extra * 1900), tmp_path / "into", **LIMITS)


def test_truncated_anywhere_it_is_refused(tmp_path):
    whole = gzip.compress(GOOD)
    for size in range(0, len(whole), 7):
        cut = tmp_path / "x.tar.gz"
        cut.write_bytes(whole[:size])
        with pytest.raises(LaunchError, match=r"x\.tar\.gz: .* nothing of it was extracted"):
            extract(cut, tmp_path / "into", **LIMITS)
    assert list(tmp_path.iterdir()) == [cut]


def test_a_tar_truncated_before_it_was_compressed_is_refused(tmp_path):
    end = len(GOOD.rstrip(b"\0"))  # the last file fills its block
    assert end % 512 == 0
    for size in (*range(0, end + 1, 509), *range(512, end + 1, 512)):
        with pytest.raises(LaunchError, match="nothing of it was extracted"):
            extract(stored(tmp_path / "x.tar.gz", GOOD[:size]), tmp_path / "into", **LIMITS)
    extract(stored(tmp_path / "x.tar.gz", GOOD[: end + 512]), tmp_path / "into", **LIMITS)
    assert tree(tmp_path / "into") == GOOD_TREE


@pytest.mark.parametrize(
    "damage", [b"", b"not a gzip", b"<?xml version='1.0'?><Error/>", gzip.compress(b"no tar" * 999, mtime=0)]
)
def test_what_is_no_archive_is_said_in_one_line(tmp_path, damage):
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(damage)
    with pytest.raises(LaunchError, match=r"x\.tar\.gz: is truncated or not a tar\.gz \(.+\)"):
        extract(archive, tmp_path / "into", **LIMITS)


def test_a_missing_archive_and_a_place_that_is_a_file(tmp_path):
    with pytest.raises(LaunchError, match="No such file"):
        extract(tmp_path / "x.tar.gz", tmp_path / "into", **LIMITS)
    (tmp_path / "into").write_text("mine")
    with pytest.raises(LaunchError, match="into: is not a folder"):
        extract(stored(tmp_path / "y.tar.gz", GOOD), tmp_path / "into", **LIMITS)
    assert (tmp_path / "into").read_text() == "mine"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=600))
def test_damage_inside_ends_in_files_below_or_in_an_error(tmp_path_factory, place, garbage):
    folder = tmp_path_factory.mktemp("damage")
    content = GOOD[:place] + garbage + GOOD[place + len(garbage) :]
    check(folder, content)


hostile_name = st.text(st.sampled_from("./\\abC:~\0 \nü"), max_size=12) | st.sampled_from(["/", "..", "../..", "a/.."])
kinds = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, b"V"])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(hostile_name, kinds, hostile_name), max_size=5))
def test_no_name_and_no_kind_leads_out(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("names")
    made = [entry(name, b"x" if kind == tarfile.REGTYPE else b"", kind, linkname=link) for name, kind, link in entries]
    check(folder, tar(*made))


def check(folder: Path, content: bytes) -> None:
    """Either files, folders and links that stay below `into`, or an error and no trace. Nothing else in any case."""
    archive = stored(folder / "x.tar.gz", content)
    into = folder / "into"
    try:
        extract(archive, into, **LIMITS)
    except LaunchError:
        assert sorted(os.listdir(folder)) == ["x.tar.gz"]
    else:
        assert sorted(os.listdir(folder)) == ["into", "x.tar.gz"]
        for path in into.rglob("*"):
            assert path.is_file() or path.is_dir()
            if path.is_symlink():
                target = os.readlink(path)
                assert not target.startswith("/")
                ending = Path(os.path.normpath(path.parent / target))
                assert ending.is_relative_to(into) and ending != into
                assert ending == path.resolve(), "no link leads by way of another"
