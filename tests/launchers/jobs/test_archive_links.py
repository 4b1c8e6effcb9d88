"""Links in archives: those that stay inside come out as they were, all others are left out and never followed."""

from __future__ import annotations

import gzip
import io
import os
import posixpath
import shutil
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_sagemaker_launcher.jobs.safe_extract import extract

pytestmark = pytest.mark.slow

LIMITS = {"max_bytes": 1_000_000, "max_files": 200}
FILE, FOLDER, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def pack(path: Path, entries: list[tuple[str, bytes, str]]) -> Path:
    """Write a tar.gz of (name, kind, target or content)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, kind, value in entries:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o755
            content = value.encode() if kind == FILE else b""
            info.size = len(content)
            info.linkname = value if kind in (LINK, HARD) else ""
            archive.addfile(info, io.BytesIO(content))
    path.write_bytes(buffer.getvalue())
    return path


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a secret, next to where everything is extracted."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


KEPT = {
    "next to it": ([("a", FILE, "1"), ("b", LINK, "a")], {"b": "a"}),
    "before its file": ([("b", LINK, "./a"), ("a", FILE, "1")], {"b": "a"}),
    "up and down": ([("blobs/x", FILE, "1"), ("snap/r/m", LINK, "../../blobs/x")], {"snap/r/m": "../../blobs/x"}),
    "to a folder": ([("run/f", FILE, "1"), ("latest", LINK, "run/")], {"latest": "run"}),
    "through a folder": ([("run/f", FILE, "1"), ("latest", LINK, "run"), ("g", LINK, "latest/f")],
                         {"latest": "run", "g": "run/f"}),
    "a chain": ([("a", FILE, "1"), ("b", LINK, "a"), ("d/c", LINK, "../b")], {"b": "a", "d/c": "../a"}),
    "beyond a folder's own link": ([("x/y/f", FILE, "1"), ("l", LINK, "x/y"), ("m", LINK, "l/../y/f")],
                                   {"l": "x/y", "m": "x/y/f"}),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_links_inside_are_kept_and_lead_straight_to_their_end(case: str, tmp_path: Path) -> None:
    entries, expected = KEPT[case]
    assert extract(pack(tmp_path / "x.tar.gz", entries), tmp_path / "into", **LIMITS) == []
    links = {
        path.relative_to(tmp_path / "into").as_posix(): os.readlink(path)
        for path in (tmp_path / "into").rglob("*")
        if path.is_symlink()
    }
    assert links == expected
    assert all((tmp_path / "into" / name).exists() for name in links)


def test_hard_links_are_further_names_of_a_file(tmp_path: Path) -> None:
    entries = [("d/a", FILE, "one"), ("b", HARD, "d/a"), ("e/c", HARD, "./b")]
    assert extract(pack(tmp_path / "x.tar.gz", entries), tmp_path / "into", **LIMITS) == []
    for name in ("d/a", "b", "e/c"):
        path = tmp_path / "into" / name
        assert path.read_text() == "one" and not path.is_symlink()


LEFT_OUT = {
    "absolute": ([("x", LINK, "{outside}/secret")], ["x"]),
    "absolute, to itself": ([("x", LINK, "{into}/ok")], ["x"]),
    "out of the folder": ([("x", LINK, "../outside/secret")], ["x"]),
    "out and in again": ([("x", LINK, "../into/ok")], ["x"]),
    "deep and out": ([("d/x", LINK, "../../outside/secret")], ["d/x"]),
    "by another link": ([("d/e/up", LINK, "../.."), ("x", LINK, "d/e/up/../outside/secret")], ["d/e/up", "x"]),
    "by an absolute link": ([("o", LINK, "{outside}"), ("x", LINK, "o/secret")], ["o", "x"]),
    "a file below a link": ([("o", LINK, "{outside}"), ("o/x", FILE, "1")], ["o"]),
    "a link below a link": ([("o", LINK, "{outside}"), ("o/x", LINK, "secret")], ["o", "o/x"]),
    "a file in the place of a link": ([("o", LINK, "{outside}/secret"), ("o", FILE, "1")], ["o"]),
    "to nothing": ([("x", LINK, "gone")], ["x"]),
    "below a file": ([("x", LINK, "ok/../ok")], ["x"]),
    "itself": ([("x", LINK, "x")], ["x"]),
    "a circle": ([("x", LINK, "y"), ("y", LINK, "x")], ["x", "y"]),
    "the whole folder": ([("x", LINK, ".")], ["x"]),
    "the folder above": ([("d/x", LINK, "..")], ["d/x"]),
    "its own folder": ([("d/x", LINK, ".")], ["d/x"]),
    "folders in a circle": ([("d/x", LINK, "../e"), ("e/y", LINK, "../d")], ["d/x", "e/y"]),
    "a long chain": ([(f"l{n}", LINK, f"l{n + 1}") for n in range(60)], [f"l{n}" for n in range(60)]),
    "a hard link, absolute": ([("x", HARD, "{outside}/secret")], ["x"]),
    "a hard link out": ([("x", HARD, "../outside/secret")], ["x"]),
    "a hard link by a link": ([("o", LINK, "{outside}"), ("x", HARD, "o/secret")], ["o", "x"]),
    "a hard link to a link": ([("o", LINK, "ok"), ("x", HARD, "o")], ["x"]),
    "a hard link to a folder": ([("d", FOLDER, ""), ("x", HARD, "d")], ["x"]),
    "a hard link to what comes": ([("x", HARD, "late"), ("late", FILE, "1")], ["x"]),
    "a fifo": ([("x", tarfile.FIFOTYPE, "")], ["x"]),
    "a device": ([("x", tarfile.CHRTYPE, "")], ["x"]),
    "a block device": ([("x", tarfile.BLKTYPE, "")], ["x"]),
    "another kind": ([("x", b"V", "")], ["x"]),
}


@pytest.mark.parametrize("case", LEFT_OUT)
@pytest.mark.parametrize("existing", [False, True])
def test_other_links_and_special_files_are_left_out(case: str, existing: bool, tmp_path: Path, outside: Path) -> None:
    entries, names = LEFT_OUT[case]
    into = tmp_path / "into"
    if existing:
        into.mkdir()
    filled = [(name, kind, value.format(outside=outside, into=into)) for name, kind, value in entries]
    left_out = extract(pack(tmp_path / "x.tar.gz", [("ok", FILE, "fine"), *filled]), into, **LIMITS)
    assert sorted(left_out) == sorted(names)
    assert (into / "ok").read_text() == "fine"
    assert [path.read_text() for path in outside.iterdir()] == ["secret"]
    for path in into.rglob("*"):
        assert path.resolve().is_relative_to(into)
        assert "secret" not in (path.read_text() if path.is_file() else "")


def test_an_earlier_link_in_the_folder_is_replaced_and_not_followed(tmp_path: Path, outside: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    (into / "b").symlink_to(outside / "secret")
    extract(pack(tmp_path / "x.tar.gz", [("a", FILE, "1"), ("b", LINK, "a")]), into, **LIMITS)
    assert os.readlink(into / "b") == "a" and (outside / "secret").read_text() == "secret"


names = st.sampled_from("abc")
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
targets = st.lists(names | st.sampled_from(["..", "."]), min_size=1, max_size=4).map("/".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(paths, targets | st.none()), max_size=8))
def test_a_real_folder_of_links_comes_out_as_the_system_reads_it(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, str | None]]
) -> None:
    """What is kept reads as in the folder that was packed, and every link to a file inside it is kept."""
    base = tmp_path_factory.mktemp("links")
    origin = base / "deep" / "origin"
    origin.mkdir(parents=True)
    for path, target in made:
        place = origin / path
        # Only real folders, so that the packed folder holds what the names say.
        if any(parent.is_symlink() or parent.is_file() for parent in place.parents) or os.path.lexists(place):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(path) if target is None else place.symlink_to(target)
    archive = base / "x.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(origin, ".")
    left_out = set(extract(archive, base / "into", **LIMITS))
    for place in origin.rglob("*"):
        name = place.relative_to(origin).as_posix()
        mine = base / "into" / name
        if not place.is_symlink():
            assert mine.is_dir() == place.is_dir() and not mine.is_symlink()
            continue
        ending = os.path.realpath(place)
        if name not in left_out:
            assert os.path.relpath(os.path.realpath(mine), base / "into") == os.path.relpath(ending, origin)
        elif os.path.isfile(place):
            assert not stays_inside(origin, name), name
    shutil.rmtree(base)


def stays_inside(origin: Path, name: str) -> bool:
    """Follow a link step by step, as the kernel does, and tell whether it is below `origin` all the way."""
    at, to_come = posixpath.dirname(name).split("/"), [posixpath.basename(name)]
    at = [part for part in at if part]
    while to_come:
        part = to_come.pop(0)
        if part == ".":
            continue
        if part == "..":
            if not at:
                return False
            at.pop()
        elif (origin / "/".join([*at, part])).is_symlink():
            to_come = [*os.readlink(origin / "/".join([*at, part])).split("/"), *to_come]
        else:
            at.append(part)
    return True


def test_neither_many_files_nor_a_large_one_fill_the_memory(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar.gz"
    with gzip.open(archive, "wb", compresslevel=1) as zipped, tarfile.open(fileobj=zipped, mode="w|") as tar:
        large = tarfile.TarInfo("large")
        large.size = 60_000_000
        with open("/dev/zero", "rb") as zeros:
            tar.addfile(large, zeros)
        for number in range(3000):
            tar.addfile(tarfile.TarInfo(f"d{number % 7}/{'n' * 80}{number}"))
            tar.members.clear()
    tracemalloc.start()
    try:
        extract(archive, tmp_path / "into", max_bytes=100_000_000, max_files=5000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "into" / "large").stat().st_size == 60_000_000
    assert peak < 2_000_000  # bytes: 3,000 entries of tarfile's alone are 4,000,000
