"""SQuAD JSON of any size: one paragraph in memory at a time, by ijson, with the place of each.

Values are those that `json` gives. What ijson's parsers take without a word (half of a surrogate pair becomes a
question mark) is refused, for such an answer would stand elsewhere than it says.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from mlqa.data.unicode_oddities import escape_oddities
from mlqa.errors import DataError, summarize_error

BLOCK = 1 << 16
NAMES = 12  # so many members of an object are named in an error
_LONGEST_ESCAPE = 12  # bytes of a pair of surrogates
_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# Every escape in turn, so that an escaped backslash before "ud83d" is not taken for one; a whole pair is one match.
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


def stream_paragraphs(path: Path) -> Iterator[tuple[str, Any]]:
    """(place, paragraph) of each, such as ("data[3].paragraphs[7]", {"context": ..., "qas": [...]}).

    Raises DataError, naming the file and the place, for what is not UTF-8, no JSON or not SQuAD's.
    """
    import ijson  # type: ignore[import-untyped]

    with path.open("rb") as file:
        text = _BlockReader(file, str(path))
        stream = _Stream(ijson.basic_parse(text, buf_size=BLOCK), str(path))
        try:
            yield from stream.iter_paragraphs()
        except (ijson.JSONError, ValueError, RecursionError) as error:
            where = f"in or after {stream.place}" if stream.place else "at the beginning"
            raise DataError(
                f"{path}: broken JSON {where}, before byte {text.position}: {summarize_error(error)}"
            ) from None


def make_squad_error(place: str, key: str, found: str) -> DataError:
    """The error for a node without the member that SQuAD's form has there."""
    hint = "; rows with question, context and answers are read from JSON lines, a .jsonl" if key == "data" else ""
    return DataError(f"{place}: no {key!r} here, so this is not SQuAD's JSON; {found}{hint}")


def describe_members(names: Iterable[object]) -> str:
    """What an object or a table has, for an error that misses something in it."""
    named = list(map(str, islice(names, NAMES + 1)))
    listed = ", ".join(named[:NAMES]) + ", ..." * (len(named) > NAMES)
    return f"it has {escape_oddities(listed)}" if listed else "it is empty"


def make_utf8_error(source: str, byte: int) -> DataError:
    """The error for a file in another encoding."""
    return DataError(f"{source}: not UTF-8 at byte {byte}; save it as UTF-8")


class _Stream:
    """Parser events, taken one after the other; `place` is the paragraph that was begun last."""

    def __init__(self, events: Iterator[tuple[str, Any]], source: str) -> None:
        self.place = ""
        self._events = events
        self._source = source

    def iter_paragraphs(self) -> Iterator[tuple[str, Any]]:
        for article, first in self._iter_elements(next(self._events), self._source, "data"):
            place = f"data[{article}]"
            for number, opening in self._iter_elements(first, f"{self._source}, {place}", "paragraphs"):
                self.place = f"{place}.paragraphs[{number}]"
                yield self.place, self._build_value(*opening)
        next(self._events, None)  # reads on to the end of the file, where broken JSON may stand

    def _iter_elements(self, opening: tuple[str, Any], place: str, key: str) -> Iterator[tuple[int, tuple[str, Any]]]:
        """(index, first event) of each element of the list `key` of an object; who asks takes the element's rest."""
        event, value = opening
        if event != "start_map":
            kind = {"start_array": "list", "number": "int" if isinstance(value, int) else "float"}
            raise make_squad_error(place, key, f"found {kind.get(event, type(value).__name__)}")
        found: list[str] = []
        while (member := next(self._events))[0] == "map_key":
            found.append(member[1])
            opening = next(self._events)
            if member[1] != key:
                self._skip(opening[0])
                continue
            if found.count(key) > 1:
                raise DataError(f"{place}: {key!r} stands here twice")
            if opening[0] != "start_array":
                raise DataError(f"{place}: {key!r} must be a list")
            number = 0
            while (opening := next(self._events))[0] != "end_array":
                yield number, opening
                number += 1
        if key not in found:
            raise make_squad_error(place, key, describe_members(found))

    def _build_value(self, event: str, value: Any) -> Any:
        """What the events from this one on build, as `json` would."""
        if event == "start_map":
            node = {}
            while (member := next(self._events))[0] == "map_key":
                node[member[1]] = self._build_value(*next(self._events))
            return node
        if event == "start_array":
            elements = []
            while (opening := next(self._events))[0] != "end_array":
                elements.append(self._build_value(*opening))
            return elements
        # Not ijson's use_float: with it, whole numbers beyond 64 bits are an error.
        return float(value) if isinstance(value, Decimal) else value

    def _skip(self, event: str) -> None:
        depth = int(event.startswith("start_"))
        while depth:
            event = next(self._events)[0]
            depth += event.startswith("start_") - event.startswith("end_")


class _BlockReader:
    """A file of bytes, read in blocks that end neither inside a letter nor inside an escape."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        self.position = 0
        self._file = file
        self._source = source
        self._rest = file.read(len(_BOM))
        if self._rest == _BOM:
            self._rest, self.position = b"", len(_BOM)

    def read(self, size: int) -> bytes:
        """The next block, about `size` bytes; empty at the end, and for 0 bytes, by which ijson asks for the type."""
        if not size:
            return b""
        block, cut, more = self._rest, 0, b" "
        while not cut and more:
            more = self._file.read(size)
            block += more
            cut = self._count_whole_bytes(block, final=not more)
        block, self._rest = block[:cut], block[cut:]
        self._check_surrogates(block)
        self.position += len(block)
        return block

    def _count_whole_bytes(self, block: bytes, final: bool) -> int:
        """How many of its bytes, of which the first begins a letter or an escape, can go: at most 14 stay behind."""
        try:
            _, cut = codecs.utf_8_decode(block, "strict", final)
        except UnicodeDecodeError as error:
            raise make_utf8_error(self._source, self.position + error.start) from None
        return cut if final else _find_open_escape(block, cut)

    def _check_surrogates(self, block: bytes) -> None:
        if _SURROGATE.search(block):
            for escape in _ESCAPE.finditer(block):
                if escape[1]:
                    shown = escape[0].decode("ascii", "replace")
                    raise DataError(
                        f"{self._source}: half of a surrogate pair ({shown}) at byte {self.position + escape.start()}, "
                        "which is no text"
                    )


def _find_open_escape(block: bytes, end: int) -> int:
    """`end`, or where the escape begins that may go on behind it. `block` itself does not begin inside one."""
    tail = end - _LONGEST_ESCAPE
    place = block.find(b"\\", max(0, tail - _LONGEST_ESCAPE // 2), end)  # or one half of a pair would be its beginning
    if place >= 0:
        place = len(block[:place].rstrip(b"\\"))  # every second backslash of a row of them is an escaped one
    while 0 <= place <= tail:
        escape = _ESCAPE.match(block, place)
        place = block.find(b"\\", escape.end() if escape else place + 1, end)
    return place if place >= 0 else end
