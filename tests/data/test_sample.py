"""The sample generator: suffixes as Turkish grammar has them, answers that stand where they say, no leak."""

import re
import subprocess
import sys

import numpy as np
import pytest

from mlqa.data.examples import Answer, find_unseen_rows
from mlqa.data.sample import QUESTIONS_PER_PARAGRAPH, generate, render
from mlqa.data.sample_vocabulary import load_vocabulary
from mlqa.data.turkish_suffixes import inflect_name, inflect_noun, spell_last_word
from mlqa.errors import DataError

# Written by hand from the rules of vowel harmony and consonant assimilation, not from what the code prints.
NAMES = [
    ("İzmir", "DA", "İzmir'de"),
    ("Ankara", "DA", "Ankara'da"),
    ("İstanbul", "DA", "İstanbul'da"),
    ("Sinop", "DA", "Sinop'ta"),
    ("Paris", "DA", "Paris'te"),
    ("Zonguldak", "DA", "Zonguldak'ta"),
    ("Uşak", "DA", "Uşak'ta"),
    ("Ankara", "DAn", "Ankara'dan"),
    ("Kars", "DAn", "Kars'tan"),
    ("İzmir", "DAn", "İzmir'den"),
    ("Ahmet Yılmaz", "(n)In", "Ahmet Yılmaz'ın"),
    ("İstanbul", "(n)In", "İstanbul'un"),
    ("Ankara", "(n)In", "Ankara'nın"),
    ("Türkiye", "(n)In", "Türkiye'nin"),
    ("Ordu", "(n)In", "Ordu'nun"),
    ("Yeşilköy", "(n)In", "Yeşilköy'ün"),
    ("Turgut", "(n)In", "Turgut'un"),
    ("Bursa", "(y)A", "Bursa'ya"),
    ("Edirne", "(y)A", "Edirne'ye"),
    ("Van", "(y)A", "Van'a"),
    ("Mavi Köprü", "(y)I", "Mavi Köprü'yü"),
    ("Uzun Yol", "(y)I", "Uzun Yol'u"),
    ("Gizli Kapı", "(y)I", "Gizli Kapı'yı"),
    ("Son Rüzgâr", "(y)I", "Son Rüzgâr'ı"),
    ("1934", "DA", "1934'te"),
    ("1923", "DA", "1923'te"),
    ("1946", "DA", "1946'da"),
    ("1990", "DA", "1990'da"),
    ("1881", "DA", "1881'de"),
    ("1938", "DA", "1938'de"),
    ("1939", "DA", "1939'da"),
    ("1960", "DA", "1960'ta"),
    ("1970", "DA", "1970'te"),
    ("1900", "DA", "1900'de"),
    ("2000", "DA", "2000'de"),
    ("1919", "DAn", "1919'dan"),
    ("1453", "DAn", "1453'ten"),
    ("1930", "DIr", "1930'dur"),
    ("1934", "DIr", "1934'tür"),
    ("1905", "DIr", "1905'tir"),
    ("4200", "DIr", "4200'dür"),
    ("1950", "DIr", "1950'dir"),
    ("1946", "(n)In", "1946'nın"),
    ("1932", "(y)A", "1932'ye"),
    ("İzmir", "DA+ mI", "İzmir'de mi"),
    ("Ankara", "DA+ mI", "Ankara'da mı"),
    ("İstanbul", " mI", "İstanbul mu"),
    ("Mavi Köprü", " mI", "Mavi Köprü mü"),
    ("Bursa", "(y)A+ mI", "Bursa'ya mı"),
    ("1940", " mI", "1940 mı"),
    ("4200", " mI", "4200 mü"),
]
NOUNS = [
    ("kedi", "lAr+(s)I", "kedileri"),
    ("kedi", "lAr+(s)I+(y)lA", "kedileriyle"),
    ("martı", "lAr+(s)I+(y)lA", "martılarıyla"),
    ("köpek", "lAr+(s)I+(y)lA", "köpekleriyle"),
    ("kuş", "lAr+(s)I", "kuşları"),
    ("köpek", "(y)I", "köpeği"),
    ("ekmek", "(n)In", "ekmeğin"),
    ("renk", "(y)I", "renk" + "i"),  # one syllable: the rule leaves it (the lexical rengi is not drawn)
    ("kedi", "(s)I", "kedisi"),
    ("park", "lAr+DA", "parklarda"),
    ("dükkân", "lAr+DA", "dükkânlarda"),
    ("çatı", "lAr+DA", "çatılarda"),
    ("bahçe", "lAr+DA", "bahçelerde"),
    ("balık", "(y)lA", "balıkla"),
    ("süt", "(y)lA", "sütle"),
    ("köfte", "(y)lA", "köfteyle"),
    ("mimarlık", "DAn", "mimarlıktan"),
    ("terzilik", "(y)DI", "terzilikti"),
    ("şoförlük", "(y)DI", "şoförlüktü"),
    ("doktorluk", "(y)DI", "doktorluktu"),
    ("felsefe", "(y)DI", "felsefeydi"),
    ("fındık", "DAn", "fındıktan"),
    ("üzüm", "DAn", "üzümden"),
    ("kahverengi", "DIr", "kahverengidir"),
    ("turuncu", "DIr", "turuncudur"),
    ("beyaz", "DIr", "beyazdır"),
    ("sarı", "DIr", "sarıdır"),
]


@pytest.mark.parametrize(("stem", "form", "word"), NAMES)
def test_names_and_numbers_take_their_suffix_after_an_apostrophe(stem, form, word):
    assert inflect_name(stem, form) == word


@pytest.mark.parametrize(("stem", "form", "word"), NOUNS)
def test_nouns_join_their_suffix(stem, form, word):
    assert inflect_noun(stem, form) == word


@pytest.mark.parametrize(
    ("number", "word"),
    [("0", "sıfır"), ("7", "yedi"), ("40", "kırk"), ("300", "yüz"), ("5000", "bin"), ("90000", "bin"),
     ("2000000", "milyon"), ("4.200", "yüz"), ("1994", "dört")],
)  # fmt: skip
def test_a_number_ends_as_it_is_read(number, word):
    assert spell_last_word(number) == word


def test_a_name_answers_with_its_stem_and_a_noun_with_its_whole_word():
    text, spans = render("{place} {animal:lAr+(s)I+(y)lA} ünlüdür.", {"place": "Van", "animal": "kedi"})
    assert text == "Van kedileriyle ünlüdür."
    assert spans == {"place": Answer("Van", 0), "animal": Answer("kedileriyle", 4)}
    text, spans = render("{who} {year:DA} {city:DA} doğdu.", {"who": "Ali Kaya", "year": "1934", "city": "İzmir"})
    assert text == "Ali Kaya 1934'te İzmir'de doğdu."
    assert spans["year"] == Answer("1934", 9) and spans["city"] == Answer("İzmir", 17)


def test_a_sentence_begins_with_a_turkish_capital():
    assert render("{product} nerede yetişir?", {"product": "incir"})[0] == "İncir nerede yetişir?"


@pytest.fixture(scope="module")
def train():
    return generate(3000, 7)


def test_answers_stand_where_they_say_and_only_there(train):
    for row, (answer,) in enumerate(train.answers):
        context = train.get_context(row)
        assert context[answer.start : answer.end] == answer.text == answer.text.strip()
        before, after = context[: answer.start][-1:], context[answer.end]
        assert before in ("", " ") and after in " ',."
        assert "'" not in answer.text
    full_values = [row for row, (answer,) in enumerate(train.answers) if answer.text[0].isdigit()]
    for row in full_values:  # no second place in the text holds the same year or count
        assert len(re.findall(rf"\b{train.answers[row][0].text}\b", train.get_context(row))) == 1


def test_answers_are_inflected_in_the_text(train):
    inflected = [train.get_context(row)[answer.end] == "'" for row, (answer,) in enumerate(train.answers)]
    assert np.mean(inflected) > 0.4
    assert any(answer.text == "kedileriyle" for (answer,) in train.answers)


def test_paragraphs_tell_of_several_and_ask_several_questions(train):
    for context in train.contexts:
        assert 4 <= context.count(". ") + 1 <= 6
    assert np.all(np.bincount(train.context_of)[:-1] == QUESTIONS_PER_PARAGRAPH)
    for row in range(0, 600, QUESTIONS_PER_PARAGRAPH):
        assert len(set(train.questions[row : row + QUESTIONS_PER_PARAGRAPH])) == QUESTIONS_PER_PARAGRAPH


@pytest.mark.parametrize("rows", [1, 5, 6, 7, 100])
def test_exactly_as_many_rows_as_asked(rows):
    examples = generate(rows, 3)
    assert len(examples) == rows == len(set(examples.ids))
    assert examples.context_of.max() == len(examples.contexts) - 1


def test_a_longer_draw_begins_with_the_shorter():
    short, long = generate(50, 1), generate(200, 1)
    assert short.questions == long.questions[:50] and short.answers == long.answers[:50]


def test_seeds_differ_and_no_paragraph_comes_twice(train):
    assert train.compute_fingerprint() != generate(3000, 8).compute_fingerprint()
    assert len(set(train.contexts)) == len(train.contexts)


@pytest.mark.parametrize("seeds", [(7, 7), (7, 8), (0, 1)])
def test_train_and_validation_share_no_paragraph(seeds):
    assert find_unseen_rows(generate(2000, seeds[1], split="validation"), generate(2000, seeds[0])).all()


@pytest.mark.slow
def test_the_same_in_another_process():
    code = "from mlqa.data.sample import generate; print(generate(300, 5, split='validation').compute_fingerprint())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment(seed)
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == generate(300, 5, split="validation").compute_fingerprint()


def test_the_sample_stays_the_same_from_version_to_version():
    assert generate(3000, 7).compute_fingerprint() == "b0306780a0303dc4"
    assert generate(1000, 7, split="validation").compute_fingerprint() == "ca33340838724747"


def _environment(hash_seed: str) -> dict[str, str]:
    return {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)}


def test_wrong_arguments_are_refused():
    with pytest.raises(DataError, match="at least 1"):
        generate(0, 1)
    with pytest.raises(DataError, match="validation"):
        generate(1, 1, split="dev")


def test_every_sentence_and_question_fits_its_relation():
    slot = re.compile(r"\{(\w+)")
    for family in load_vocabulary().families:
        for relation in family.relations.values():
            slots = set(slot.findall(relation.sentences[0]))
            assert all(set(slot.findall(sentence)) == slots for sentence in relation.sentences)
            assert set(relation.questions) <= slots
            for answer, phrasings in relation.questions.items():
                assert all(set(slot.findall(text)) <= slots - {answer} for text in phrasings)
