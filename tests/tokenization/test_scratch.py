"""Tokenizers trained from nothing: the same in every process, offsets into the given text, saved."""

import os
import subprocess
import sys
import unicodedata

import pytest

from mlqa.data.sample import generate
from mlqa.errors import ConfigError
from mlqa.tokenization.scratch import ALGORITHMS, SPECIAL_TOKENS, train_tokenizer

QUESTION, CONTEXT = "İstanbul'da kaç kedi yaşar?", "İzmir'de IŞIK var. İstanbul'da 4200 kedi yaşar."


@pytest.fixture(scope="module")
def texts():
    examples = generate(600, 1)
    return examples.contexts + examples.questions


@pytest.fixture(scope="module", params=ALGORITHMS)
def tokenizer(request, texts):
    return train_tokenizer(texts, request.param, 500, 128)


def test_pairs_look_like_berts(tokenizer):
    encoded = tokenizer(QUESTION, CONTEXT)
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    first = tokens.index("[SEP]")
    assert tokens[0] == "[CLS]" and tokens[-1] == "[SEP]" and tokens.count("[SEP]") == 2
    assert encoded["token_type_ids"] == [0] * (first + 1) + [1] * (len(tokens) - first - 1)
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == [0, 1, 2, 3, 4]
    assert tokenizer.pad_token_id == 0 and tokenizer.model_max_length == 128 and len(tokenizer) <= 500


def test_offsets_cover_the_text_and_keep_the_stem_apart(tokenizer):
    encoded = tokenizer(QUESTION, CONTEXT, return_offsets_mapping=True)
    spans = [span for span, of in zip(encoded["offset_mapping"], encoded.sequence_ids(), strict=True) if of == 1]
    assert "".join(CONTEXT[start:end] for start, end in spans).replace(" ", "") == CONTEXT.replace(" ", "")
    starts = {start + (CONTEXT[start] == " ") for start, end in spans if end > start}
    ends = {end for _, end in spans}
    for stem in ("İzmir", "İstanbul", "4200"):
        start = CONTEXT.index(stem)
        assert start in starts and start + len(stem) in ends


def test_case_is_kept(tokenizer):
    ids = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in ("Irmak", "ırmak", "İrem", "irem")]
    assert len({tuple(sequence) for sequence in ids}) == 4


def test_decomposed_text_gives_the_same_tokens_and_offsets_into_itself(tokenizer):
    composed, decomposed = "Çiğdem Şirin doğdu.", unicodedata.normalize("NFD", "Çiğdem Şirin doğdu.")
    assert len(decomposed) > len(composed)
    encoded = tokenizer(decomposed, return_offsets_mapping=True, add_special_tokens=False)
    assert encoded["input_ids"] == tokenizer(composed, add_special_tokens=False)["input_ids"]
    assert encoded["offset_mapping"][-1] == (len(decomposed) - 1, len(decomposed))


def test_unknown_characters_become_unk(tokenizer):
    assert tokenizer.unk_token_id in tokenizer("☃", add_special_tokens=False)["input_ids"]


def test_one_unknown_character_does_not_hide_its_word_from_char(texts):
    tokens = train_tokenizer(texts, "char", 200, 128).tokenize("ke☃di")
    assert tokens == ["k", "##e", "[UNK]", "##d", "##i"]


def test_it_survives_saving(tokenizer, tmp_path):
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.is_fast and loaded.model_max_length == 128
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert dict(loaded(QUESTION, CONTEXT)) == dict(tokenizer(QUESTION, CONTEXT))


@pytest.mark.slow
def test_two_processes_train_the_same_vocabularies():
    code = (
        "from mlqa.data.sample import generate\n"
        "from mlqa.tokenization.scratch import ALGORITHMS, train_tokenizer\n"
        "e = generate(600, 1)\n"
        "for a in ALGORITHMS:\n"
        "    for size in (250, 400):\n"
        "        print(train_tokenizer(e.contexts + e.questions, a, size, 64).backend_tokenizer.to_str())\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": ":".join(sys.path), "TOKENIZERS_PARALLELISM": parallel},
        ).stdout
        for parallel in ("true", "false")
    ]
    assert runs[0] == runs[1] and len(runs[0]) > 1000


def test_char_keeps_the_most_frequent_characters():
    tokenizer = train_tokenizer(["aab aab ac"], "char", 8, 16)
    assert sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get) == [
        *SPECIAL_TOKENS,
        "a",
        "##a",
        "##b",
    ]


def test_wrong_choices_are_refused(texts):
    with pytest.raises(ConfigError, match="wordpiece, unigram, char"):
        train_tokenizer(texts, "bpe", 500, 128)
    with pytest.raises(ConfigError, match="is too small for the"):
        train_tokenizer(texts, "wordpiece", 30, 128)
    with pytest.raises(ConfigError, match="vocab_size=5"):
        train_tokenizer(texts, "char", 5, 128)
