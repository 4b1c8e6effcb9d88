"""A large file, a paragraph at a time, gives what the same file parsed at once gives, in bounded memory."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import ijson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlqa.data import readers
from mlqa.data.examples import Examples
from mlqa.data.readers import read_file
from mlqa.data.squad_stream import BLOCK, _BlockReader, stream_paragraphs
from mlqa.errors import DataError

# ijson's parser in Python complains about broken JSON once more when it is thrown away.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
BACKENDS = [name for name in ("yajl2_c", "python") if name in ijson.ALL_BACKENDS]


@pytest.fixture(params=BACKENDS)
def streaming(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is streamed, by each of ijson's parsers that may be the one installed."""
    try:
        backend = ijson.get_backend(request.param)
    except ImportError:
        pytest.skip(f"ijson has no {request.param} here")
    monkeypatch.setattr(ijson, "basic_parse", backend.basic_parse)
    monkeypatch.setattr(readers, "STREAM_ABOVE", -1)


def qa(question: str = "q", text: str = "bir", start: Any = 0, **more: Any) -> dict[str, Any]:
    return {"question": question, "answers": [{"text": text, "answer_start": start}], **more}


def squad(*articles: list[dict[str, Any]]) -> dict[str, Any]:
    return {"version": 1.1, "data": [{"title": "t", "paragraphs": list(paragraphs)} for paragraphs in articles]}


def parsed_at_once(path: Path) -> list[tuple[str, Any]]:
    return list(readers._load_paragraphs(path))


def same(one: Examples, other: Examples) -> bool:
    return (one.compute_fingerprint(), one.counts, one.notes) == (
        other.compute_fingerprint(),
        other.counts,
        other.notes,
    )


SETS = {
    "plain": squad([{"context": "bir iki", "qas": [qa(id=1), qa(id="x")]}], [{"context": "bir", "qas": [qa(id=2**7)]}]),
    "numbers": squad([{"context": "bir iki", "qas": [qa(start=0.0), qa(id=1e300), qa(id=-0.0), qa(id=2**70)]}]),
    "escapes": squad([{"context": 'bir "\\ud83d\\\\" \u0000 \U0001f600', "qas": [qa("\\\\ud83d \U0001f600?")]}]),
    "SQuAD 2.0": squad([{"context": "bir", "qas": [qa(), qa(is_impossible=True, id=None), qa(text="beş")]}]),
    "empty parts": squad([], [{"context": "x", "qas": []}, {"context": "bir", "qas": [qa()]}]),
    "other members": {**squad([{"context": "bir", "qas": [qa()], "data": [[1], {"data": []}]}]), "more": {"data": []}},
}  # fmt: skip


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("name", SETS)
def test_both_ways_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, ascii_only: bool, indent: int | None
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(SETS[name], ensure_ascii=ascii_only, indent=indent), "utf-8-sig" if indent else "utf-8")
    at_once = read_file(path)
    assert list(stream_paragraphs(path)) == parsed_at_once(path)
    monkeypatch.setattr(readers, "STREAM_ABOVE", -1)
    assert same(read_file(path), at_once)


def test_tquad(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split in ("train", "dev"):
        path = assets / "data" / "tquad" / f"{split}-v0.1.json"
        at_once = read_file(path)
        with monkeypatch.context() as patched:
            patched.setattr(readers, "STREAM_ABOVE", -1)
            assert same(read_file(path), at_once)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(paragraphs=st.lists(st.lists(values, max_size=3), max_size=3), ascii_only=st.booleans(), spaces=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_value_is_what_json_makes_of_it(
    tmp_path: Path, paragraphs: list[list[Any]], ascii_only: bool, spaces: bool
) -> None:
    path = tmp_path / "a.json"
    content = {"data": [{"paragraphs": inner, "title": inner} for inner in paragraphs], "x": paragraphs}
    separators = None if spaces else (",", ":")
    path.write_text(json.dumps(content, ensure_ascii=ascii_only, separators=separators), "utf-8")
    streamed, at_once = list(stream_paragraphs(path)), parsed_at_once(path)
    assert repr(streamed) == repr(at_once)  # -0.0 and 0, 1 and 1.0 and True are told apart


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["broken JSON at the beginning"]),
        ("[]", ["no 'data' here", "found list"]),
        ("3", ["no 'data' here", "found int"]),
        ('"data"', ["no 'data' here", "found str"]),
        ('{"version": "1.1"}', ["no 'data' here", "it has version", "JSON lines"]),
        ("{}", ["no 'data' here", "it is empty"]),
        ('{"\\u001b[31m": 1}', ["it has <U+001B>[31m"]),
        (
            '{"data": [{"paragraphs": [{"context": "x", "qas": [{"question": "q", "answrs": []}]}]}]}',
            ["data[0].paragraphs[0].qas[0]: no 'answers' here; it has question, answrs"],
        ),
        ('{"data": {"a": 1}}', ["'data' must be a list"]),
        ('{"data": []}', ["holds no question"]),
        ('{"data": [], "data": []}', ["'data' stands here twice"]),
        ('{"data": [[]]}', [", data[0]: no 'paragraphs' here", "found list"]),
        ('{"data": [{"paragraphs": []}, {"title": ""}]}', [", data[1]: no 'paragraphs' here", "it has title"]),
        ('{"data": [{"paragraphs": [{"qas": []}]}]}', [", data[0].paragraphs[0]: no 'context'"]),
        ('{"data": [{"paragraphs": [{"context": "x", "qas": [{"id": 1}]}]}]}', ["paragraphs[0].qas[0]: no 'question'"]),
        ('{"data": [{"paragraphs": [{"context": "x", "qas": []}', ["broken JSON", "byte 53"]),
        ('{"data": []} 7', ["broken JSON"]),
        ('{"data": [{"paragraphs": [{"context": "\\ud83d", "qas": []}]}]}', ["(\\ud83d) at byte 39, which is no text"]),
        ('{"data": [{"paragraphs": [{"context": "\\\\\\udE00"', ["half of a surrogate pair (\\udE00) at byte 41"]),
        (
            '{"data": [{"paragraphs": [{"context": "\\ud83d\\ud83d\\ude00"',
            ["half of a surrogate pair (\\ud83d) at byte"],
        ),
        ('{"data": [{"paragraphs": [' + '{"a":' * 100_000, ["broken JSON in or after data[0].paragraphs[0]"]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, content: str, parts: list[str]) -> None:
    path = tmp_path / "a.json"
    path.write_text(content, "utf-8")
    with pytest.raises(DataError) as caught:
        read_file(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.usefixtures("streaming")
def test_what_is_wrong_at_the_end_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    paragraphs = [{"context": f"bir iki {number} " + "ş" * 1000, "qas": [qa()]} for number in range(200)]
    whole = json.dumps(squad(paragraphs[:100], paragraphs[100:]), ensure_ascii=False).encode()
    assert len(whole) > 5 * BLOCK
    path.write_bytes(whole[:-3])
    with pytest.raises(
        DataError, match=rf"broken JSON in or after data\[1\].paragraphs\[\d+\], before byte {len(whole) - 3}"
    ):
        read_file(path)
    path.write_bytes(whole[:-9] + b"\xfe" + whole[-9:])
    with pytest.raises(DataError, match=f"not UTF-8 at byte {len(whole) - 9}; save it as UTF-8"):
        read_file(path)


@pytest.mark.usefixtures("streaming")
def test_text_without_any_space(tmp_path: Path) -> None:
    """Neither letters nor escapes are torn between blocks."""
    content = squad([{"context": "bir" + "ş😀" * BLOCK, "qas": [qa()]}])
    for ascii_only in (True, False):
        path = tmp_path / f"{ascii_only}.json"
        path.write_text(json.dumps(content, ensure_ascii=ascii_only, separators=(",", ":")), "utf-8")
        assert read_file(path).contexts == ["bir" + "ş😀" * BLOCK]


class InBlocks(io.BytesIO):
    """A file that is read a few bytes at a time, however many are asked for."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self.size = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.size)


ESCAPES = ("\\\\", "\\n", "\\u00e7", "\\ud83d\\ude00", "ş", "漢", "😀", "x", "u", "d83d", " ")


@given(parts=st.lists(st.sampled_from(ESCAPES), max_size=40), size=st.integers(1, 20))
def test_blocks_end_between_letters_and_escapes(parts: list[str], size: int) -> None:
    """Each block by itself is text of whole escapes, so that it is JSON between quotes; together they are the file."""
    content = "".join(parts)
    text = _BlockReader(InBlocks(content.encode(), size), "test")
    blocks = list(iter(lambda: text.read(BLOCK).decode(), ""))
    assert "".join(blocks) == content
    assert "".join(json.loads(f'"{block}"') for block in blocks) == json.loads(f'"{content}"')
    assert all(len(block.encode()) < 2 * size + 14 + 12 for block in blocks)


def peak(path: Path) -> int:
    """The most bytes that reading held at a time, the examples included."""
    tracemalloc.start()
    read_file(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(
    "text", ["kedi " * 2000, "漢字かな" * 800, "漢字" * 800 + "\\" * 1600], ids=["spaces", "no spaces", "backslashes"]
)
def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """One article, paragraphs that share four contexts: the examples are small, the file is not."""
    path = tmp_path / "a.json"
    contexts = [f"bir{number}{text}" for number in range(4)]
    paragraphs = [{"context": contexts[number % 4], "qas": [qa(id=number)]} for number in range(1000)]
    path.write_text(json.dumps(squad(paragraphs), ensure_ascii=False, separators=(",", ":")), "utf-8")
    size = path.stat().st_size
    assert size > 7_900_000
    monkeypatch.setattr(readers, "STREAM_ABOVE", size)
    assert peak(path) > size  # at once, as small files are read
    monkeypatch.setattr(readers, "STREAM_ABOVE", -1)
    read_file(path)  # imports are not what is measured
    assert peak(path) < size / 8


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_other_formats_hold_a_part_at_a_time_too(tmp_path: Path, ending: str) -> None:
    import csv

    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / f"a.{ending}"
    rows = [
        {"id": str(number), "question": "q", "context": f"bir {number % 4} " + "kedi " * 2000,
         "answers": {"text": ["bir"], "answer_start": [0]}}
        for number in range(1000)
    ]  # fmt: skip
    if ending == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    elif ending == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({**row, "answers": json.dumps(row["answers"])} for row in rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows * 8), path)
    read_file(path)
    batch = readers.PARQUET_ROWS * 10_000 if ending == "parquet" else 0
    text = 10_000 * 1000 * (8 if ending == "parquet" else 1)
    assert peak(path) < batch * 2 + text / 8
