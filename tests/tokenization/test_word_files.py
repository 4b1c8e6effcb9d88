"""Test files of words: every format, and what is wrong with a file in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlqa.errors import DataError
from mlqa.tokenization.word_files import WordEntry, read_word_file

CONLLU = """\
# text = Kedileri gördüm.
1-2\tx\t_\t_\t_\t_\t_\t_\t_\t_
1\tKedileri\tkedi\tNOUN\t_\t_\t2\tobj\t_\tMSeg=Kedi-ler-i
2\tgördüm\tgör\tVERB\t_\t_\t0\troot\t_\t_
3\t.\t.\tPUNCT\t_\t_\t2\tpunct\t_\t_
4\tgördüm\tgör\tVERB\t_\t_\t0\troot\t_\t_
5\t사람들은\t사람+들+은\tNOUN\t_\t_\t0\troot\t_\t_
"""


def read(folder: Path, name: str, text: str) -> list[WordEntry]:
    (folder / name).write_text(text, "utf-8")
    return read_word_file(folder / name)


def show(entries: list[WordEntry]) -> list[tuple[str, list[str], str, float]]:
    return [
        (entry.word, ["+".join(way.surfaces) for way in entry.readings], entry.lemma, entry.weight) for entry in entries
    ]


def test_words_one_per_line(tmp_path: Path) -> None:
    expected = [("kediler", [], "", 1.0), ("kedileri", ["kedi+ler+i", "kedi+leri"], "", 1.0)]
    assert show(read(tmp_path, "a.txt", "\ufeffkediler\n\nkedileri\tkedi+ler+i | kedi leri\nkediler\n")) == expected


def test_tables(tmp_path: Path) -> None:
    assert show(read(tmp_path, "a.csv", "word;morphemes;lemma\nevler;ev ler;ev\nev;;ev\n")) == [
        ("evler", ["ev+ler"], "ev", 1.0), ("ev", [], "ev", 1.0),
    ]  # fmt: skip
    # the columns of MorphScore's two versions
    assert show(read(tmp_path, "v1.csv", ",full_word,pt1,rest\n0,görmedi,gör,medi\n1,ev,ev,\n")) == [
        ("görmedi", ["gör+medi"], "", 1.0), ("ev", ["ev"], "", 1.0),
    ]  # fmt: skip
    v2 = "wordform,unique,lemma,stem,preceding_part,following_part,word_freq_norm\nevler,unique,ev,ev,,ler,0.25\n"
    assert show(read(tmp_path, "v2.csv", v2)) == [("evler", ["ev+ler"], "ev", 0.25)]


def test_a_treebank(tmp_path: Path) -> None:
    assert show(read(tmp_path, "a.conllu", CONLLU)) == [
        ("Kedileri", ["Kedi+ler+i"], "kedi", 1.0), ("gördüm", [], "gör", 2.0),
        ("사람들은", ["사람+들+은"], "사람+들+은", 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.txt", "evde\tev te\n", "line 1: the morphemes of evde do not join to it; write word<tab>mor phemes"),
        ("a.txt", "iki söz\n", "line 1: 'iki söz' is not one word"),
        ("a.txt", "\n", "no word in this file"),
        ("a.csv", "x,y\n1,2\n", "no column of words; name one of its columns word"),
        ("a.conllu", "1\tev\tev\n", "line 1: 3 columns, but CoNLL-U has 10"),
        ("a.xlsx", "ev\n", "a.xlsx: does not end in .txt, .tsv, .csv or .conllu, so its format is unknown; if it has"),
        ("words.tur", "ev\n", "if it has one word per line, call it words.txt"),
        ("a", "ev\n", "a: does not end in .txt"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, name, text)
    assert reason in str(caught.value) and "\n" not in str(caught.value)
