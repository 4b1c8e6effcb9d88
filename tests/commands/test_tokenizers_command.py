"""Test `mlqa tokenizers`: several tokenizers compared in the terminal, as CSV and as a page."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mlqa.cli import main
from mlqa.display.tokenizer_labels import FIGURES

pytestmark = pytest.mark.slow  # most of them train a tokenizer
SAMPLE = ["dataset=sample", "dataset.sample.train_rows=200", "dataset.sample.validation_rows=40"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("tokenizers")
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as said:
        main(
            [
                "tokenizers", "model=tiny_wordpiece,tiny_char", *SAMPLE, "words=[Kedileri,xyz]", "--json",
                "--html", str(folder / "page.html"), "--csv", str(folder / "figures.csv"),
            ]
        )  # fmt: skip
    return json.loads(said.getvalue()), folder


def test_every_combination_is_a_tokenizer(compared: tuple[dict[str, Any], Path]) -> None:
    wordpiece, char = compared[0]["tokenizers"]
    assert (wordpiece["model"], char["model"]) == ("tiny_wordpiece", "tiny_char")
    assert wordpiece["fertility"] < char["fertility"]
    assert char["boundary_recall"] == 1.0  # single characters cut anywhere
    assert [row["word"] for row in char["analysed_words"]] == ["Kedileri", "xyz"]
    assert "".join(char["analysed_words"][0]["pieces"]) == "Kedileri"
    assert wordpiece["words"] == char["words"] > 1000  # a figure, beside the words that were asked for
    missing = set(FIGURES) - set(char) - {"parity"}
    assert not missing


def test_csv_holds_the_numbers_in_full(compared: tuple[dict[str, Any], Path]) -> None:
    rows = list(csv.DictReader((compared[1] / "figures.csv").open(encoding="utf-8")))
    assert [row["model"] for row in rows] == ["tiny_wordpiece", "tiny_char"]
    for row, found in zip(rows, compared[0]["tokenizers"], strict=True):
        assert float(row["fertility"]) == found["fertility"]


def test_the_page_is_whole_and_fetches_nothing(compared: tuple[dict[str, Any], Path]) -> None:
    text = (compared[1] / "page.html").read_text("utf-8")
    assert "Kedi" in text and "tiny_char" in text
    assert "http:" not in text and "https:" not in text and text.count("<script") == 1
    opened: list[str] = []

    class Balanced(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag not in ("meta", "link", "input", "br"):
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Balanced().feed(text)
    assert not opened


def test_tables_name_each_tokenizer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    main(["tokenizers", "model=tiny_wordpiece,tiny_char", *SAMPLE, "words=[Kedileri]"])
    said = capsys.readouterr().out
    for part in ("tiny_wordpiece", "tiny_char", "fertility", "oracle F1", "Kedileri", "Kedi (cat) + ler (plural)"):
        assert part in said


@pytest.mark.parametrize(("columns", "whole"), [(100, True), (80, False)])
def test_a_narrow_terminal_keeps_figures_and_tokens(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, whole: bool
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    main(["tokenizers", "model=tiny_wordpiece,tiny_char", *SAMPLE, "words=[Kedileri]"])
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= columns
    assert ("meaning" in said) is whole and ("tokens per word" in said) is whole
    assert (" ids " in said) is whole
    for part in ("tiny_wordpiece", "tiny_char", "morpheme precision", "oracle F1", "Kedi (cat) + ler (plural)"):
        assert part in said


def test_folders_of_one_option_are_told_apart(assets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ",".join(str(assets / "tokenizers" / name) for name in ("berturk-cased-32k", "xlm-roberta"))
    main(["tokenizers", "model=berturk", f"model.pretrained={folders}", *SAMPLE, "words=[Kedileri]", "--json"])
    first, second = json.loads(capsys.readouterr().out)["tokenizers"]
    assert (first["model"], second["model"]) == ("berturk-cased-32k", "xlm-roberta")
    assert first["analysed_words"][0]["input_ids"] == [21611, 2065]
    assert second["analysed_words"][0]["input_ids"] == [1345, 428, 1341]
    assert first["embedding_share"] < second["embedding_share"]


def test_an_option_with_other_weights_goes_by_the_folders_name(
    assets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = assets / "tokenizers" / "mbert-uncased"
    main(["tokenizers", "model=berturk", f"model.pretrained={folder}", *SAMPLE, "words=[Kedileri]", "--json"])
    assert json.loads(capsys.readouterr().out)["tokenizers"][0]["model"] == "mbert-uncased"


def test_languages_and_lengths_stand_side_by_side(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Test that a language without a list has no words, and that columns of one model are named by what differs."""
    monkeypatch.setenv("COLUMNS", "200")
    page_file = tmp_path / "page.html"
    main(["tokenizers", "model=tiny_char", *SAMPLE, "dataset.language=tr,fi", "--html", str(page_file)])
    said = capsys.readouterr().out
    for part in ("tiny_char dataset.language=tr", "tiny_char dataset.language=fi", "kedileri"):
        assert part in said
        assert part in page_file.read_text("utf-8")


def test_gold_segmentations_and_parity_come_from_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def squad(name: str, context: str) -> str:
        answers = [{"text": context.split()[0], "answer_start": 0}]
        qas = [{"id": "q1", "question": "?", "answers": answers}]
        path = tmp_path / name
        path.write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}), "utf-8")
        return str(path)

    gold = tmp_path / "gold.tsv"
    gold.write_text("kediler\tkedi ler\n", "utf-8")
    main(
        [
            "tokenizers", "model=tiny_char", "dataset=squad_json", "dataset.language=tr",
        f"dataset.segmentation_file={gold}", "--json",
            f"dataset.train_file={squad('tr.json', 'abcd abcd')}", f"dataset.parallel_file={squad('en.json', 'abcd')}",
        ]
    )  # fmt: skip
    (found,) = json.loads(capsys.readouterr().out)["tokenizers"]
    assert (found["parity"], found["parity_texts"], found["morpheme_words"]) == (2.0, 1, 1)


def test_a_file_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tokenizers", "model=tiny_char", *SAMPLE, "words=[ev]", "--csv", str(tmp_path / "no" / "x.csv")])
    assert ended.value.code == 1
    assert "x.csv: cannot be written" in capsys.readouterr().err


def test_words_and_texts_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    main(["tokenizers", "--words", "kedileri", "kâğıdı", "model=tiny_char", *SAMPLE, "--json"])
    (row,) = json.loads(capsys.readouterr().out)["tokenizers"]
    assert [word["word"] for word in row["analysed_words"]] == ["kedileri", "kâğıdı"]
    assert [len(word["readings"]) for word in row["analysed_words"]] == [2, 1]
    main(["tokenizers", "model=tiny_char", *SAMPLE, "--text", "Kediler, kediler uyur.  Kediler,", "--json"])
    (row,) = json.loads(capsys.readouterr().out)["tokenizers"]
    assert [word["word"] for word in row["analysed_words"]] == ["Kediler,", "kediler", "uyur."]


def test_a_words_file_has_readings_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    file = tmp_path / "words.txt"
    file.write_text("mbwa\nwatoto\twa toto\n", "utf-8")
    main(["tokenizers", "model=tiny_char", *SAMPLE, "dataset.language=ha", f"words_file={file}"])
    said = " ".join(capsys.readouterr().out.split())
    assert "wa + toto" in said and "mbwa Hausa has no word list and no analyzer" in said
    assert "No morpheme figures: Hausa has no analyzer, and 0 listed words of the 50 that are needed" in said
    assert "fertility" in said and "oracle F1" in said


def test_a_language_without_words_has_no_empty_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    main(["tokenizers", "model=tiny_char", *SAMPLE, "dataset.language=ha", "--html", str(page)])
    said = " ".join(capsys.readouterr().out.split())
    advice = "Hausa has no word list; give words=, words_file= or --words, or write one: docs/new-language.md"
    assert f"No words to show: {advice}." in said and "morphemes met" not in said
    assert f"No words to show: {advice}" in page.read_text("utf-8")


def test_a_missing_words_file_and_unquoted_letters_say_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "words.xlsx").write_text("ev", "utf-8")
    for override, said in (
        (f"words_file={tmp_path / 'words.xlsx'}", "words.xlsx: does not end in .txt, .tsv, .csv or .conllu"),
        (f"dataset.segmentation_file={tmp_path / 'words.xlsx'}", "words.xlsx: does not end in .txt, .tsv"),
        (f"words_file={tmp_path / 'no.txt'}", "no.txt: there is no such file; give the path of a file"),
        ("words=[ışık]", """quote each word: 'words=["kâğıdı"]', or give words_file="""),
    ):
        with pytest.raises(SystemExit):
            main(["tokenizers", "model=tiny_char", *SAMPLE, override])
        assert said in capsys.readouterr().err


def test_an_empty_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["tokenizers", "model=tiny_char", *SAMPLE, "--text", ""])
    assert "error: tokenizers: --text: is empty" in capsys.readouterr().err


def test_the_readings_that_count_are_chosen(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    gold = tmp_path / "gold.txt"
    gold.write_text("ab\tab | a b\n", "utf-8")  # the likeliest reading has no boundary, the tokens have one
    f1 = {}
    for reading in ("best", "mean", "likeliest"):
        options = [f"dataset.segmentation_file={gold}", "--readings", reading, "--words", "ev", "--json"]
        main(["tokenizers", "model=tiny_char", *SAMPLE, *options])
        (row,) = json.loads(capsys.readouterr().out)["tokenizers"]
        f1[reading] = (row["morpheme_precision"], row["morpheme_recall"])
        assert row["morphemes"]["readings"][reading]["morpheme_precision"] == row["morpheme_precision"]
    assert f1 == {"best": (1, 1), "mean": (0.5, 1), "likeliest": (0, 1)}


def test_a_language_with_a_list_has_morpheme_figures(capsys: pytest.CaptureFixture[str]) -> None:
    main(["tokenizers", "model=tiny_char", *SAMPLE, "dataset.language=hu", "--json", "--words", "házban"])
    (row,) = json.loads(capsys.readouterr().out)["tokenizers"]
    assert row["morpheme_words"] == 60 and row["morphemes"]["source"].startswith("the word list of Hungarian (")
    assert {"plural", "case", "possessive", "tense"} <= set(row["morphemes"]["suffix_families"])
    assert row["analysed_words"][0]["why"] == "it is not in the word list of Hungarian, which has no analyzer"
    low, high = row["intervals"]["morpheme_f1"]
    assert low <= row["morpheme_f1"] <= high
