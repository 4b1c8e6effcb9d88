"""Any file in SQuAD's forms becomes the same examples, and what is wrong with one is said with its place."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlqa.data import readers
from mlqa.data.examples import Answer, Examples, find_unseen_rows
from mlqa.data.formats import tables
from mlqa.data.readers import read_file
from mlqa.data.rows import ExamplesBuilder
from mlqa.errors import DataError

CONTEXT = "Ankara 1923'te başkent oldu. İzmir bir liman kentidir."
ROWS = [
    {
        "id": 1,  # TQuAD writes ids as numbers and answer_start as text
        "question": "Ankara ne zaman başkent oldu?",
        "context": CONTEXT,
        "answers": {"text": ["1923"], "answer_start": ["7"]},
    },
    {
        "id": "b",
        "question": "Hangi kent limandır?",
        "context": CONTEXT,
        "answers": {"text": ["İzmir"], "answer_start": [29]},
    },
]


def row(**changed: object) -> str:
    """A line of JSON lines with something changed."""
    return json.dumps({"id": "0", "question": "x", "context": "y", "answers": [], **changed}, default=str)


HEADER = "id,question,context,answers"
NO_ANSWERS = json.dumps({"data": [{"paragraphs": [{"context": "y", "qas": [{"question": "x", "answrs": []}]}]}]})
# What pandas prints of a Parquet file's answers, and what Python's parser stumbles over.
STRANGE_CELLS = [
    "{'text': array(['y'], dtype=object), 'answer_start': array([0])}", "{'text': 1+2j, 'answer_start': 3}", "...",
    "{'text': ['y'], 'answer_start': [1+2j]}", "{'text': ..., 'answer_start': [1]}", "{[1]: 2}", "{1: 2, 'a': 3}",
    "[" * 100_000, "(" * 300, "9" * 5000, "-" * 100_000 + "1", "5", "'text'",
]  # fmt: skip


def squad(rows: list[dict], version_2: bool = False) -> dict:
    qas = [
        {
            "id": row["id"],
            "question": row["question"],
            "answers": [
                {"text": text, "answer_start": start}
                for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
            ],
            **({"is_impossible": not row["answers"]["text"]} if version_2 else {}),
        }
        for row in rows
    ]
    return {"data": [{"title": "t", "paragraphs": [{"context": CONTEXT, "qas": qas}]}]}


def as_json(folder: Path) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(squad(ROWS), ensure_ascii=False), "utf-8")
    return path


def as_json_with_bom(folder: Path) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(squad(ROWS, version_2=True)), "utf-8-sig")
    return path


def as_json_lines(folder: Path) -> Path:
    path = folder / "data.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n\n", "utf-8")
    return path


def as_csv(folder: Path) -> Path:
    path = folder / "data.csv"
    quoted = lambda value: '"' + str(value).replace('"', '""') + '"'  # noqa: E731
    lines = ["id,question,context,answers"]
    # The first as pandas writes a mapping, the second as JSON.
    for record, cell in zip(ROWS, (str(ROWS[0]["answers"]), json.dumps(ROWS[1]["answers"])), strict=True):
        lines.append(",".join(map(quoted, (record["id"], record["question"], record["context"], cell))))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def as_parquet(folder: Path) -> Path:
    path = folder / "data.parquet"
    rows = [
        {**row, "id": str(row["id"]), "answers": {**row["answers"], "answer_start": list(map(int, starts))}}
        for row in ROWS
        for starts in [row["answers"]["answer_start"]]
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def as_rows_under_data(folder: Path) -> Path:
    """The JSON that run_qa.py takes."""
    path = folder / "data.json"
    path.write_text(json.dumps({"version": "0.1", "data": ROWS}), "utf-8")
    return path


def as_list_of_rows(folder: Path) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(ROWS), "utf-8")
    return path


def as_list_of_articles(folder: Path) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(squad(ROWS)["data"]), "utf-8")
    return path


def as_one_article(folder: Path) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(squad(ROWS)["data"][0]), "utf-8")
    return path


def as_annotation_export(folder: Path) -> Path:
    """As Haystack's annotation tool writes it."""
    content = squad(ROWS)
    for qa in content["data"][0]["paragraphs"][0]["qas"]:
        qa["answers"] = [{**answer, "answer_id": 5, "answer_category": "SHORT"} for answer in qa["answers"]]
        qa["is_impossible"] = False
    path = folder / "data.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def as_table_with_plain_answers(folder: Path, ending: str = "csv", delimiter: str = ",") -> Path:
    path = folder / f"data.{ending}"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["id", "question", "context", "answer"])
        writer.writerows([row["id"], row["question"], row["context"], row["answers"]["text"][0]] for row in ROWS)
    return path


def as_tsv(folder: Path) -> Path:
    return as_table_with_plain_answers(folder, "tsv", "\t")


def as_parquet_with_plain_answers(folder: Path) -> Path:
    path = folder / "data.parquet"
    rows = [
        {"id": str(row["id"]), "question": row["question"], "context": row["context"],
         "answer_text": row["answers"]["text"][0], "answer_start": int(row["answers"]["answer_start"][0])}
        for row in ROWS
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def as_json_lines_with_texts_alone(folder: Path) -> Path:
    path = folder / "data.jsonl"
    path.write_text("\n".join(json.dumps({**row, "answers": row["answers"]["text"]}) for row in ROWS), "utf-8")
    return path


WRITERS = [
    as_json, as_json_with_bom, as_rows_under_data, as_list_of_rows, as_list_of_articles, as_one_article,
    as_annotation_export, as_json_lines, as_json_lines_with_texts_alone, as_csv, as_table_with_plain_answers, as_tsv,
    as_parquet, as_parquet_with_plain_answers,
]  # fmt: skip


@pytest.mark.parametrize("write", WRITERS)
def test_every_form_gives_the_same_examples(write: Callable[[Path], Path], tmp_path: Path) -> None:
    examples = read_file(write(tmp_path))
    assert examples.ids == ["1", "b"]
    assert examples.contexts == [CONTEXT]
    assert examples.context_of.tolist() == [0, 0]
    assert examples.answers == [(Answer("1923", 7),), (Answer("İzmir", 29),)]


def test_squad_2_rows_without_answer_are_kept(tmp_path: Path) -> None:
    rows = [*ROWS, {"id": "c", "question": "Neden?", "answers": {"text": [], "answer_start": []}}]
    path = tmp_path / "v2.json"
    path.write_text(json.dumps(squad(rows, version_2=True)), "utf-8")
    examples = read_file(path)
    assert examples.answers[2] == ()
    assert examples.has_unanswerable
    assert examples.counts["unanswerable"] == 1


@pytest.mark.parametrize(
    "answers",
    [
        {"text": [""], "answer_start": [-1]},
        {"text": [""], "answer_start": [None]},  # IndicQA
        {"text": [None], "answer_start": [None]},
        {"text": None, "answer_start": None},
        {"text": "", "answer_start": ""},
        [{"text": "", "answer_start": -1, "answer_category": "NO_ANSWER"}],  # Haystack's export
        [{"text": "\u00a0", "answer_start": 0}],
        [None],
        [],
        None,
    ],
)
def test_every_way_to_say_that_there_is_no_answer(answers: object) -> None:
    builder = ExamplesBuilder("test", strict=True)
    builder.add("row 0", 0, "q", "Samsun", [{"text": "Samsun", "answer_start": 0}])
    builder.add("row 1", 1, "q", "Samsun", answers)
    examples = builder.build()
    assert examples.answers == [(Answer("Samsun", 0),), ()]
    assert examples.counts["unanswerable"] == 1 and examples.has_unanswerable
    assert examples.get_gold_texts(1) == []


def test_a_plain_answer_that_occurs_twice_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question,context,answer\nx,bir iki bir,bir\nx,bir iki bir,iki\nx,bir iki bir,\n", "utf-8")
    examples = read_file(path)
    assert (examples.ids, examples.answers) == (["1", "2"], [(Answer("iki", 4),), ()])
    (note,) = examples.notes["dropped"]
    assert note.text == "answer 'bir' has no answer_start, and is not exactly once in the context"
    scored = read_file(path, keep_unplaced=True)
    assert [scored.get_gold_texts(row) for row in range(3)] == [["bir"], ["iki"], []]
    assert [scored.is_answerable(row) for row in range(3)] == [True, True, False]


def test_tquad(assets: Path) -> None:
    train, dev = (read_file(assets / "data" / "tquad" / f"{split}-v0.1.json") for split in ("train", "dev"))
    assert (len(train), len(dev)) == (8308, 892)
    assert train.counts["stripped_answers"] == 935
    assert dev.counts["stripped_answers"] == 120  # each dev question has three times the same answer
    assert (train.counts["answers"], dev.counts["answers"]) == (8308, 892)
    assert train.counts.get("dropped", 0) == dev.counts.get("dropped", 0) == 0
    for examples in (train, dev):
        for row, answers in enumerate(examples.answers):
            for answer in answers:
                assert examples.get_context(row)[answer.start : answer.end] == answer.text == answer.text.strip()
    assert int((~find_unseen_rows(dev, train)).sum()) == 260


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("a.json", '{"data": [', ["broken JSON at line 1, column 11"]),
        ("a.json", '{\n"data": [}', ["line 2, column 10"]),
        ("a.json", '{"version": "1.1"}', ["no 'data' here", "it has version"]),
        ("a.json", "[]", ["no question in this source"]),
        ("a.json", "3", ["no 'data' here", "found int"]),
        ("a.json", '{"data": [{"paragraphs": [{"qas": []}]}]}', ["data[0].paragraphs[0]", "no 'context'"]),
        ("a.json", '{"data": []}', ["no question in this source"]),
        ("a.json", '{"data": [{"paragraphs": [{"context": "x", "qas": [{"id": 1}]}]}]}', ["qas[0]", "no 'question'"]),
        ("a.jsonl", '{"question": "x"}', ["line 1", "no column context, answers", "it has question"]),
        ("a.jsonl", '{"question": "x"}\n{', ["line 1"]),
        ("a.jsonl", "3", ["line 1", "expected an object"]),
        ("a.csv", "soru,metin\na,b\n", ["no column question, context, answers", "it has soru, metin"]),
        ("a.csv", "question,context,answers\na,b,nonsense\n", ["line 2", "'answers' must hold"]),
        ("a.parquet", "x", ["not a Parquet file"]),
        ("a.jsonl", '{"question": "x"}\n{"a" 1}', ["no column context"]),
        ("a.json", "[" * 100000, ["broken JSON"]),
        ("a.jsonl", row(answers={"text": ["y"], "answer_start": [0.5]}), ["line 1", "whole number", "0.5"]),
        ("a.jsonl", row(answers={"text": ["y"], "answer_start": ["x"]}), ["line 1", "whole number", "'x'"]),
        ("a.jsonl", row(answers={"text": ["y"], "answer_start": [float("inf")]}), ["line 1", "whole number"]),
        ("a.jsonl", row(answers={"text": [3], "answer_start": [0]}), ["line 1", "answer must be text"]),
        ("a.jsonl", row(question="\ud83d"), ["line 1", "question has half of a surrogate pair"]),
        ("a.json", '{"data": [], "data": []}', ["broken JSON: 'data' appears twice in the same object"]),
        ("a.json", '{"data": [{"paragraphs": [], "title": "", "paragraphs": []}]}', ["'paragraphs' appears twice"]),
        ("a.json", '{"data": {"a": 1}}', ["'data' must be a list"]),
        ("a.json", '{"data": [[]]}', [", data[0]: no 'paragraphs' here", "found list"]),
        (
            "a.json",
            '{"data": [{"paragraphs": []}, {"title": ""}]}',
            [", data[1]: no 'paragraphs' here", "it has title"],
        ),
        ("a.json", '{"\\u001b[31m": 1}', ["it has <U+001B>[31m"]),
        ("a.json", '{"data": []} 7', ["line 1, column 14: Extra data"]),
        ("a.json", NO_ANSWERS.replace('"y"', '"\\ud83d"').replace("answrs", "answers"), ["context has half of a surr"]),
        ("a.txt", "x", ["cannot read .txt", ".json, .jsonl, .csv, .tsv, .parquet"]),
        ("a.json.gz", "x", ["cannot read .gz; unpack it first"]),
        ("a.json", '{"id": 1}\n{"id": 2}', ["line 2, column 1: Extra data", "name the file .jsonl"]),
        ("a.json", "[{}]", ["entry 0: no 'paragraphs' here", "a list of rows", "it is empty"]),
        ("a.json", "[3]", ["entry 0: no 'paragraphs' here", "found int"]),
        ("a.json", "{}", ["no 'data' here", "it is empty"]),
        ("a.json", json.dumps(dict.fromkeys(map(str, range(999)))), ["it has 0, 1,", "10, 11, ..."]),
        ("a.json", NO_ANSWERS, ["data[0].paragraphs[0].qas[0]: no column answers", "it has question, answrs"]),
        ("a.jsonl", row(id="\ud83d"), ["line 1", "id has half of a surrogate pair"]),
        ("a.jsonl", row(answers={"text": {"0": "y"}, "answer_start": {"0": 0}}), ["line 1: text of 'answers'", "list"]),
        ("a.jsonl", row(answers={"text": ["y"], "answer_start": [Decimal("7.5")]}), ["whole number", "'7.5'"]),
        ("a.jsonl", row(answers={"text": ["y"], "answer_start": ["1_0"]}), ["line 1", "whole number", "1_0"]),
        ("a.csv", f'{HEADER},note\n1,x,y,,ok\n2,x,y,,"oops\n3,x,y,,"z"\n', ["row that begins at line 3", "broken CSV"]),
        ("a.csv", f'{HEADER}\n1,x,y,,\n2,"x\ny",y,,5\n', ["line 2: 5 cells, but the header has 4"]),
        ("a.csv", f'{HEADER}\n1,"x\ny",y,\n2,x,y,,5\n', ["line 4: 5 cells, but the header has 4"]),
        ("a.csv", f'{HEADER}\n1,x,y,"open\n', ["row that begins at line 2", "unexpected end of data"]),
        ("a.csv", f"{HEADER},question\n1,x,y,,x\n", ["line 1: the header names question more than once"]),
        ("a.csv", "id;question;context;answers\n", ["line 1: no column question", "(a CSV separated by commas)"]),
        *(("a.csv", f'{HEADER}\n1,x,y,"{cell}"\n', ["line 2: ", "answer"]) for cell in STRANGE_CELLS),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, name: str, content: str, parts: list[str]) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(DataError) as caught:
        read_file(path)
    message = str(caught.value)
    assert message.isprintable() and len(message) < 400
    assert message.startswith(str(path))
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_missing_file_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_file(tmp_path / "missing.json")
    path = tmp_path / "latin5.json"
    path.write_bytes('{"data": "ş"}'.encode("iso-8859-9"))
    with pytest.raises(DataError, match="not UTF-8 at byte 10"):
        read_file(path)


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_byte_that_is_not_utf_8_is_counted_from_the_start_of_the_file(
    tmp_path: Path, ending: str, mark: bytes
) -> None:
    path = tmp_path / f"a.{ending}"
    row = json.dumps({**ROWS[1], "context": CONTEXT * 1000}, ensure_ascii=False).encode() + b"\n"
    content = {"json": row, "jsonl": row * 9, "csv": f"{HEADER}\n".encode() + b'1,x,"y"\n' * 9999}[ending]
    path.write_bytes(mark + content + b'{"a": "\xfe"}')
    with pytest.raises(DataError, match=f"not UTF-8 at byte {len(mark) + len(content) + 7}; save it as UTF-8"):
        read_file(path)


def test_members_that_are_not_squads_may_repeat(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    content = json.dumps(squad(ROWS)).replace('"title": "t"', '"title": "t", "title": {"data": [], "more": 1}')
    path.write_text(content, "utf-8")
    assert read_file(path).ids == ["1", "b"]


def peak(path: Path) -> int:
    """The most bytes that reading held at a time, the examples included."""
    tracemalloc.start()
    read_file(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_files_of_rows_are_read_a_part_at_a_time(tmp_path: Path, ending: str) -> None:
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
    batch = tables.PARQUET_ROWS * 10_000 if ending == "parquet" else 0
    text = 10_000 * 1000 * (8 if ending == "parquet" else 1)
    assert peak(path) < batch * 2 + text / 8


def test_a_parquet_file_that_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    binary = pa.array([b"ab\xff"], pa.binary())
    text = pa.StringArray.from_buffers(len(binary), *binary.buffers()[1:])
    answers = pa.array([{"text": ["y"], "answer_start": [Decimal("0.5")]}])
    pq.write_table(pa.table({"question": text, "context": ["y"], "answers": answers}), path)
    with pytest.raises(DataError, match="not UTF-8 in one of the 1024 rows from row 0 on"):
        read_file(path)
    pq.write_table(pa.table({"question": ["x"], "context": ["y"], "answers": answers}), path)
    with pytest.raises(DataError, match=r"row 0: answer_start must be a whole number of characters, found Decimal"):
        read_file(path)
    content = bytearray(path.read_bytes())
    content[-60:-30] = b"\x0f" * 30
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a Parquet file, or a broken one") as caught:
        read_file(path)
    assert str(caught.value).isprintable()


def test_rows_without_an_id_have_their_position(tmp_path: Path) -> None:
    """A row that is dropped keeps its number, or the predictions of all after it would slide."""
    path = tmp_path / "a.csv"
    cell = '"{""text"": [""y""], ""answer_start"": [0]}"'
    path.write_text(f"{HEADER}\n,x,y,{cell}\n,x,z,{cell}\n,x,yy,{cell}\n")
    examples = read_file(path)
    assert (examples.ids, examples.dropped_ids) == (["0", "2"], {"1"})
    assert "duplicate_ids" not in examples.counts


def test_a_missing_id_is_not_taken_for_one_that_is_given() -> None:
    builder = ExamplesBuilder("test")
    for identifier in ("1", None, 2.0, float("nan"), ""):
        builder.add("row", identifier, "q", "bir", [{"text": "bir", "answer_start": 0}])
    assert builder.build().ids == ["1", "row 1", "2", "row 3", "row 4"]


def test_golds_without_a_place_are_remembered() -> None:
    builder = ExamplesBuilder("test")
    golds = [("bir", 0), ("üç ", 3), ("üç ", 3), ("", 0)]
    for answers in (golds[:1], golds[1:], golds):
        listed = [{"text": text, "answer_start": start} for text, start in answers]
        builder.add("row", None, "q", "bir iki", listed)
    examples = builder.build()
    assert (examples.ids, examples.unplaced, examples.dropped_ids) == (["0", "2"], {1: ("üç ", "")}, {"1"})


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "True", "TRUE", "1"])
@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "parquet"])
def test_is_impossible_in_every_form(tmp_path: Path, ending: str, value: object) -> None:
    """The second row says that its answer is none."""
    path = tmp_path / f"a.{ending}"
    answers = {"text": ["y"], "answer_start": [0]}
    no: object = {bool: False, int: 0, float: 0.0, str: "false"}[type(value)]
    rows = [{"id": "1", "question": "x", "context": "y", "answers": answers, "is_impossible": no}]
    rows.append({**rows[0], "id": "2", "is_impossible": value})
    if ending == "json":
        qas = [{**row, "answers": [{"text": "y", "answer_start": 0}]} for row in rows]
        path.write_text(json.dumps({"data": [{"paragraphs": [{"context": "y", "qas": qas}]}]}))
    elif ending == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif ending == "csv":
        cell = json.dumps(answers).replace('"', '""')
        path.write_text(
            f"{HEADER},is_impossible\n" + "\n".join(f'{row["id"]},x,y,"{cell}",{row["is_impossible"]}' for row in rows)
        )
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    assert read_file(path).answers == [(Answer("y", 0),), ()]


def test_no_answerable_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"question": "x", "context": "y", "answers": []}), "utf-8")
    with pytest.raises(DataError, match=r"no question \(of 1\) has an answer"):
        read_file(path)


def test_offsets_are_repaired_only_where_there_is_one_place() -> None:
    builder = ExamplesBuilder("test")
    builder.add("row 0", 0, "q", "bir iki üç", [{"text": "iki", "answer_start": 99}])
    builder.add("row 1", 1, "q", "iki iki üç", [{"text": "iki", "answer_start": 99}])
    builder.add("row 2", 2, "q", "bir iki üç", [{"text": "dört", "answer_start": 0}])
    builder.add("row 3", 2, "q", "bir iki üç", [{"text": " iki\n", "answer_start": 0}, {"text": "", "answer_start": 0}])
    examples = builder.build()
    assert examples.ids == ["0", "2"]
    assert examples.answers == [(Answer("iki", 4),), (Answer("iki", 4),)]
    assert examples.counts["repaired_offsets"] == 2
    assert examples.counts["dropped"] == 2


def test_an_answer_that_overlaps_itself_stands_twice() -> None:
    builder = ExamplesBuilder("test")
    builder.add("row 0", 0, "q", "lalala", [{"text": "lala", "answer_start": 5}])
    builder.add("row 1", 1, "q", "bir", [{"text": "bir", "answer_start": 0}])
    assert builder.build().ids == ["1"]


def test_an_offset_that_is_right_but_for_the_white_space_is_right() -> None:
    builder = ExamplesBuilder("test")
    builder.add("row 0", 0, "q", "iki iki.", [{"text": "iki ", "answer_start": 4}])
    examples = builder.build()
    assert examples.answers == [(Answer("iki", 4),)]
    assert examples.counts["stripped_answers"] == 1
    assert "repaired_offsets" not in examples.counts


def test_golds_of_a_row_are_counted_once() -> None:
    builder = ExamplesBuilder("test")
    golds = [("iki ", 4), ("iki ", 4), ("üç", 0), ("üç", 0), ("dört", 0), ("dört", 0), ("bir", 0)]
    builder.add("row 0", 0, "q", "bir iki üç", [{"text": text, "answer_start": start} for text, start in golds])
    examples = builder.build()
    assert examples.answers == [
        (Answer("iki", 4), Answer("iki", 4), Answer("üç", 8), Answer("üç", 8), Answer("bir", 0))
    ]
    counted = {name: examples.counts[name] for name in ("answers", "stripped_answers", "repaired_offsets")}
    assert counted == {"answers": 4, "stripped_answers": 1, "repaired_offsets": 1}
    assert (examples.counts["unlocated_answers"], examples.counts["short_of_a_gold"]) == (1, 1)


def faulty(rows: int, strict: bool) -> ExamplesBuilder:
    """A good row, then `rows` whose answer has no place."""
    builder = ExamplesBuilder("test", strict)
    builder.add("row 0", 0, "q", "bir iki", [{"text": "bir", "answer_start": 0}])
    for number in range(1, rows + 1):
        builder.add(f"row {number}", number, "q", "bir iki", [{"text": f"on{number}", "answer_start": 3}])
    return builder


def test_strict_refuses_with_the_first_places_and_the_count() -> None:
    with pytest.raises(DataError) as caught:
        faulty(7, strict=True).build()
    message = str(caught.value)
    assert message.startswith("test: 7 of 8 rows are faulty: row 1: answer 'on1' is not at 3")
    assert "row 5: answer 'on5'" in message and "row 6" not in message and "; ...; " in message
    assert "dataset.strict=false" in message and "\n" not in message


def test_strict_refuses_a_gold_of_several_and_an_empty_question() -> None:
    for question, golds, reason in (
        ("q", [{"text": "bir", "answer_start": 0}, {"text": "üç", "answer_start": 0}], "answer 'üç' is not at 0"),
        (
            "q",
            [{"text": "bir", "answer_start": 0}, {"text": "iki", "answer_start": 9}, {"text": "bi ki"}],
            "answer 'bi ki' has no answer_start",
        ),
        (" ", [{"text": "bir", "answer_start": 0}], "the question is empty"),
    ):
        builder = ExamplesBuilder("test", strict=True)
        builder.add("row 0", 0, question, "bir iki", golds)
        with pytest.raises(DataError, match=f"1 of 1 rows are faulty: row 0: {reason}"):
            builder.build()


def test_strict_takes_what_is_mended_without_a_doubt() -> None:
    builder = ExamplesBuilder("test", strict=True)
    builder.add("row 0", 0, "q", "bir iki", [{"text": "iki ", "answer_start": 0}])
    assert builder.build().answers == [(Answer("iki", 4),)]


def test_strict_reaches_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(row(answers={"text": ["x"], "answer_start": [0]}) + "\n" + row(answers=ROWS[0]["answers"]), "utf-8")
    with pytest.raises(DataError, match="2 of 2 rows are faulty: line 1: answer 'x' is not at 0"):
        read_file(path, strict=True)


def test_places_of_dropped_rows_are_kept_up_to_a_limit() -> None:
    examples = faulty(1500, strict=False).build()
    assert examples.counts["dropped"] == 1500
    assert len(examples.notes["dropped"]) == 1000
    assert examples.notes["dropped"][1].place == "row 2"
    assert examples.notes["dropped"][1].text == "answer 'on2' is not at 3, nor exactly once elsewhere"


def test_a_csv_cell_of_any_size(tmp_path: Path) -> None:
    """Python's csv module stops at 128 KB unless told otherwise."""
    path = tmp_path / "a.csv"
    path.write_text(
        f'question,context,answers\nx,{"kedi " * 40_000},"{{""text"": [""kedi""], ""answer_start"": [5]}}"\n'
    )
    assert len(read_file(path).contexts[0]) == 200_000


@pytest.mark.parametrize("text", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("form", ["list of structs", "struct of lists"])
def test_parquet_as_libraries_write_it(tmp_path: Path, text: pa.DataType, form: str) -> None:
    start = pa.int64()
    answers: pa.DataType
    if form == "list of structs":
        answers = pa.large_list(pa.struct([("text", text), ("answer_start", start)]))
        cells = [[{"text": "İzmir", "answer_start": 29}], [{"text": "1923", "answer_start": 7}]]
    else:
        answers = pa.struct([("text", pa.list_(text)), ("answer_start", pa.list_(start))])
        cells = [{"text": [cell["text"]], "answer_start": [cell["answer_start"]]}
                 for cell in ({"text": "İzmir", "answer_start": 29}, {"text": "1923", "answer_start": 7})]  # fmt: skip
    columns = {"question": ["a", "b"], "context": [CONTEXT] * 2, "answers": cells, "title": ["t", "t"]}
    schema = pa.schema([("question", text), ("context", text), ("answers", answers), ("title", text)])
    pq.write_table(pa.table(columns, schema=schema), tmp_path / "a.parquet")
    assert read_file(tmp_path / "a.parquet").answers == [(Answer("İzmir", 29),), (Answer("1923", 7),)]


@pytest.mark.parametrize(
    "answers",
    [
        {"text": "iki", "answer_start": 4},
        {"text": "iki", "answer_start": [4]},
        {"text": ["iki"], "answer_start": [4.0]},
        [{"text": "iki", "answer_start": "4"}],
        {"text": "iki", "answer_start": Decimal(4)},
        {"text": ("iki",), "answer_start": (Decimal("4.0"),)},
    ],
)
def test_forms_of_one_answer(answers: object) -> None:
    builder = ExamplesBuilder("test")
    builder.add("row 0", 0, "q", "bir iki üç", answers)
    assert builder.build().answers == [(Answer("iki", 4),)]


def test_repeated_ids_keep_their_rows() -> None:
    builder = ExamplesBuilder("test")
    for number in range(3):
        builder.add(f"row {number}", "same", f"q{number}", "bir iki", [{"text": "bir", "answer_start": 0}])
    examples = builder.build()
    assert examples.questions == ["q0", "q1", "q2"]
    assert examples.counts["duplicate_ids"] == 2


@pytest.mark.slow
@given(
    before=st.text(max_size=20),
    answer=st.text(min_size=1, max_size=10).filter(str.strip),
    after=st.text(max_size=20),
    shift=st.integers(-3, 3),
)
def test_a_kept_answer_is_always_a_slice_of_its_context(before: str, answer: str, after: str, shift: int) -> None:
    context = before + answer + after
    builder = ExamplesBuilder("test")
    builder.add("row 0", 0, "q", context, [{"text": answer, "answer_start": len(before) + shift}])
    builder.add("row 1", 1, "q", "bir", [{"text": "bir", "answer_start": 0}])
    examples = builder.build()
    for row, golds in enumerate(examples.answers):
        for gold in golds:
            assert examples.get_context(row)[gold.start : gold.end] == gold.text == gold.text.strip()
    if shift == 0:
        assert examples.answers[0][0].text == answer.strip()


def test_subsets_are_drawn_by_seed_and_keep_order() -> None:
    builder = ExamplesBuilder("test")
    for number in range(50):
        builder.add(f"row {number}", number, "q", f"bir {number // 5}", [{"text": "bir", "answer_start": 0}])
    examples = builder.build()
    drawn = examples.sample_rows(10, seed=0)
    assert len(drawn) == 10
    assert drawn.ids == examples.sample_rows(10, seed=0).ids
    assert drawn.ids != examples.sample_rows(10, seed=1).ids
    assert sorted(map(int, drawn.ids)) == list(map(int, drawn.ids))
    for row, identifier in enumerate(drawn.ids):
        assert drawn.get_context(row) == f"bir {int(identifier) // 5}"
    assert examples.sample_rows(None, seed=0) is examples
    assert drawn.compute_fingerprint() != examples.compute_fingerprint()


def test_unseen_means_not_in_train_after_normalization() -> None:
    def one(contexts: list[str]) -> Examples:
        builder = ExamplesBuilder("test")
        for number, context in enumerate(contexts):
            builder.add(f"row {number}", number, "q", context, [{"text": context[0], "answer_start": 0}])
        return builder.build()

    train = one(["Şehir  büyüktür.", "Kedi"])
    # Decomposed, other white space and case: still the same context.
    validation = one(["S\u0327ehir bu\u0308yu\u0308ktu\u0308r.", "KEDI ", "Köpek"])
    assert find_unseen_rows(validation, train).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        *((f"x{suffix}", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "is a pointer of Git LFS")
          for suffix in readers.READERS),
        ("x.json", " \n", "is empty"),
        ("x.json", "question,context,answer", "is not JSON; give JSON, or give the file the suffix of its format"),
        ("x.jsonl", "[" + row() + "]", "if the whole file is one list, name it .json"),
    ],
)  # fmt: skip
def test_a_file_that_holds_something_else(name: str, content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(DataError) as refused:
        read_file(tmp_path / name)
    assert said in str(refused.value) and "\n" not in str(refused.value)
