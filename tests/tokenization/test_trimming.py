"""Trimmed vocabularies: the corpus cut as before, other text still cut, files that older and newer versions read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from inspect import getsource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from mlqa.data.readers import read_file
from mlqa.data.sample import generate
from mlqa.errors import ModelError
from mlqa.tokenization.saving import save_tokenizer
from mlqa.tokenization.scratch import train_tokenizer
from mlqa.tokenization.trimming import TrimmedTokenizer, trim_vocabulary

pytestmark = pytest.mark.legacy

BERT = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
ROBERTA = {"unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SENTENCES = [
    "Kedileri İzmir'de  kaç   yıl yaşadı?",
    "x [MASK]kedi <mask>x ☃ 4200",
    "ŞIK\u0307 de\u0301 ﬁ 猫が好き — кот",
    "a</s>b",
]
texts = st.text(
    st.sampled_from("abçdeişk İIı'?.▁#☃猫ж\u0301\u0307\n0") | st.characters(exclude_categories=["Cs"]), max_size=40
)
corpora = st.lists(st.sampled_from(SENTENCES) | texts, min_size=1, max_size=4).filter(
    lambda corpus: "".join(corpus).strip()
)


def wordpiece(vocab: list[str], end: Any = None) -> Any:
    """BERT's: lower case, punctuation apart, ## inside of words."""
    ids = {piece: index for index, piece in enumerate(vocab)}
    backend = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = end or processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    return PreTrainedTokenizerFast(tokenizer_object=backend, **BERT)


def unigram(scored: list[tuple[str, float]], scheme: str = "always", byte_fallback: bool = False) -> Any:
    """XLM-R's: specials first and <mask> last, spaces as ▁."""
    vocab = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")] + scored + [("<mask>", 0.0)]
    backend = Tokenizer(models.Unigram(vocab, unk_id=3, byte_fallback=byte_fallback))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme=scheme)]
    )
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, **ROBERTA)


def bpe(kind: str, end: Any = None) -> Any:
    """Byte-level as GPT-2's, split first as Llama 3's, or of SentencePiece as Llama 2's and Gemma's. Specials last."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=kind == "sentencepiece", fuse_unk=True))
    special, alphabet = ["<unk>"], []
    if kind == "sentencepiece":
        special = ["<unk>", *BYTES]
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        backend.decoder = decoders.Metaspace()
    elif kind == "suffix":
        backend.normalizer, backend.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    else:
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
    if kind == "split":
        split = pre_tokenizers.Split(Regex(r"\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+"), "isolated")
        backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    suffix = {"end_of_word_suffix": "</w>"} if kind == "suffix" else {}
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=special, initial_alphabet=alphabet, show_progress=False, **suffix
    )
    backend.train_from_iterator([*generate(150, seed=1).contexts, *SENTENCES * 9], trainer)
    late = [token for token in ROBERTA.values() if token != "<unk>"]
    backend.add_special_tokens(late)
    ids = {token: backend.token_to_id(token) for token in ("<s>", "</s>")}
    backend.post_processor = processors.RobertaProcessing(
        ("</s>", ids["</s>"]), ("<s>", ids["<s>"]), trim_offsets=False
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, **ROBERTA)


def pieces_of(algorithm: str) -> list[tuple[str, float]]:
    """Real pieces of a trained vocabulary, in whose corpus there are several languages."""
    sample = generate(300, seed=1)
    trained = train_tokenizer([*sample.contexts, *sample.questions, *SENTENCES * 9], algorithm, 700, 128)
    model = json.loads(trained.backend_tokenizer.to_str())["model"]
    vocab = model["vocab"] if algorithm == "unigram" else [(piece, 0.0) for piece in model["vocab"]]
    return [(piece, score) for piece, score in vocab if piece not in BERT.values()]


UNIGRAM = pieces_of("unigram")
SCORED_BYTES = [(byte, -9.0 - number / 256) for number, byte in enumerate(BYTES)]
TOKENIZERS = {
    "wordpiece": wordpiece([*BERT.values(), *(piece for piece, _ in pieces_of("wordpiece"))]),
    "unigram": unigram(UNIGRAM),
    "first": unigram(UNIGRAM, scheme="first"),
    "bytes": unigram(SCORED_BYTES + UNIGRAM, byte_fallback=True),
    "trained": train_tokenizer([*SENTENCES * 9], "unigram", 120, 64),
    **{f"bpe-{kind}": bpe(kind) for kind in ("bytes", "split", "sentencepiece", "suffix")},
}


def encode(tokenizer: Any, text: str, pair: str | None = None) -> Any:
    return tokenizer.backend_tokenizer.encode(text, pair)


def assert_same(whole: Any, trimmed: TrimmedTokenizer, text: str, pair: str | None = None) -> None:
    before, after = encode(whole, text, pair), encode(trimmed.tokenizer, text, pair)
    assert after.tokens == before.tokens
    assert trimmed.kept[after.ids].tolist() == before.ids
    assert (after.offsets, after.type_ids, after.special_tokens_mask) == (
        before.offsets,
        before.type_ids,
        before.special_tokens_mask,
    )


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=40)
@example(corpus=["\x1b"], other="kedi")  # BERT's normalizer drops control characters: no word is left
@example(corpus=SENTENCES, other="猫 ж ☃\u0307 [MASK] <mask>kedi")
@given(corpora, texts)
def test_the_corpus_is_cut_as_before_and_other_text_is_cut(name: str, corpus: list[str], other: str) -> None:
    whole = TOKENIZERS[name]
    if not any(whole.tokenize(text) for text in corpus):
        with pytest.raises(ModelError, match="no text to trim by"):
            trim_vocabulary(whole, corpus)
        return
    trimmed = trim_vocabulary(whole, corpus)
    assert len(trimmed.tokenizer) == len(trimmed.kept) <= len(whole)
    # Pieces of BPE may hold several spaces, and those of SentencePiece cross words: both meet new neighbours here.
    joined = [] if name.startswith("bpe") else [" ".join(reversed(corpus))]
    for text in (*corpus, *joined):
        assert_same(whole, trimmed, text, corpus[0])
    encoding = encode(trimmed.tokenizer, other, corpus[0])
    assert all(0 <= index < len(trimmed.kept) for index in encoding.ids)
    of_other = [span for span, of in zip(encoding.offsets, encoding.sequence_ids, strict=True) if of == 0]
    assert all(0 <= start <= end <= len(other) for start, end in of_other)


small_pieces = st.sets(st.text("abcd", min_size=1, max_size=4), min_size=4, max_size=25)
small_corpora = st.lists(st.text("abcde ", min_size=1, max_size=12), min_size=1, max_size=4).filter(
    lambda corpus: "".join(corpus).strip()
)


@settings(max_examples=150)
@given(small_pieces, st.data(), small_corpora)
def test_ties_between_paths_are_broken_as_before(pieces: set[str], data: st.DataObject, corpus: list[str]) -> None:
    ordered = data.draw(st.permutations(sorted(pieces)))
    whole = unigram([("▁", -1.0)] + [(piece, -float(data.draw(st.integers(1, 4)))) for piece in ordered])
    trimmed = trim_vocabulary(whole, corpus)
    for text in corpus:
        assert_same(whole, trimmed, text)


@settings(max_examples=150)
@given(small_pieces, small_pieces, small_corpora)
def test_unknown_words_stay_unknown(first: set[str], inside: set[str], corpus: list[str]) -> None:
    whole = wordpiece([*BERT.values(), *sorted(first), *(f"##{piece}" for piece in sorted(inside))])
    trimmed = trim_vocabulary(whole, corpus)
    for text in corpus:
        assert_same(whole, trimmed, text)


VOCAB = (
    "[PAD] [unused] [CLS] [SEP] [MASK] [UNK] x0 x1 ev kedi evler e ##v ##ler "
    "##le ##vle köpek a ##z ж ##ж 猫 7 — \ue000 é \u0301"
)


def test_what_stays() -> None:
    whole = wordpiece(VOCAB.split())
    kept = trim_vocabulary(whole, ["Evler"]).tokenizer.convert_ids_to_tokens(range(18))
    # The first 8 ids, what is spelled in evler, Latin letters, and all single characters that are no letters.
    assert kept == [*VOCAB.split()[:9], *"evler e ##v ##ler ##le ##vle a ##z 7".split()]
    russian = trim_vocabulary(whole, ["жж"])
    assert {"ж", "##ж", "7", "—", "\u0301", "a"} <= set(russian.tokenizer.get_vocab())
    assert not {"kedi", "猫", "é", "\ue000"} & set(russian.tokenizer.get_vocab())
    assert {"猫"} <= set(trim_vocabulary(whole, ["猫"]).tokenizer.get_vocab())


def test_of_unigram_the_lowest_score_and_the_bytes_stay() -> None:
    whole = unigram(
        [*SCORED_BYTES, ("ab", -2.0), ("▁", -2.5), ("zz", -20.0), ("yy", -3.0), ("b", -4.0)], byte_fallback=True
    )
    vocab = trim_vocabulary(whole, ["ab"]).tokenizer.get_vocab()
    # zz: an unknown character costs ten more than it, and the choice between "a?" and "ab" may hang on that.
    assert set(vocab) == {*ROBERTA.values(), *BYTES, "ab", "▁", "zz", "b"}
    assert [vocab[token] for token in ("<s>", "<pad>", "</s>", "<unk>")] == [0, 1, 2, 3]


def test_of_byte_level_bpe_every_byte_stays_and_letters_of_several_bytes_with_their_merges() -> None:
    whole = TOKENIZERS["bpe-bytes"]
    trimmed = trim_vocabulary(whole, ["猫 kedi"])
    vocab = set(trimmed.tokenizer.get_vocab())
    assert set(pre_tokenizers.ByteLevel.alphabet()) <= vocab and len(vocab) < len(whole) // 2
    assert encode(trimmed.tokenizer, "猫").tokens == encode(whole, "猫").tokens
    # ş is in no text, but it is Latin: it stays one token, as it was.
    assert len(encode(whole, "ş").tokens) == len(encode(trimmed.tokenizer, "ş").tokens) == 3


@pytest.mark.parametrize(
    "end",
    [
        processors.RobertaProcessing(("[SEP]", 20), ("[CLS]", 22)),
        processors.TemplateProcessing("[CLS] $A [SEP]:2", "[CLS] $A [SEP] $B:1 [SEP]", [("[CLS]", 22), ("[SEP]", 20)]),
        processors.Sequence([processors.ByteLevel(), processors.BertProcessing(("[SEP]", 20), ("[CLS]", 22))]),
    ],
    ids=lambda end: type(end).__name__,
)
def test_special_tokens_that_stand_late_go_where_they_went(end: Any) -> None:
    vocab = ["[PAD]", "[UNK]", *"bcdefghijklmnopqrs", "[SEP]", "[MASK]", "[CLS]", "dog", "kedi"]
    whole = wordpiece(vocab, end)
    whole.backend_tokenizer.enable_padding(pad_id=0, length=30)
    whole.backend_tokenizer.enable_truncation(5)
    whole.add_tokens(["köpek"])
    trimmed = trim_vocabulary(whole, ["kedi"])
    whole.backend_tokenizer.no_padding()
    whole.backend_tokenizer.no_truncation()
    assert "dog" not in trimmed.tokenizer.get_vocab() and len(trimmed.kept) == len(vocab)
    assert_same(whole, trimmed, "kedi köpek kedi [MASK]", "kedi")
    for name in BERT:
        assert getattr(trimmed.tokenizer, name) == getattr(whole, name)
    assert [int(trimmed.kept[index]) for index in trimmed.tokenizer("kedi", "kedi")["input_ids"]] == encode(
        whole, "kedi", "kedi"
    ).ids


def test_what_cannot_be_trimmed_is_refused() -> None:
    with pytest.raises(ModelError, match="BPE with a prefix, but only WordPiece, Unigram and plain BPE"):
        trim_vocabulary(train_tokenizer(SENTENCES, "char", 200, 64), SENTENCES)
    with pytest.raises(ModelError, match="no text to trim by"):
        trim_vocabulary(TOKENIZERS["unigram"], iter([]))


def test_the_order_of_the_texts_does_not_matter() -> None:
    one, other = (trim_vocabulary(TOKENIZERS["bytes"], order) for order in (SENTENCES, SENTENCES[::-1]))
    assert np.array_equal(one.kept, other.kept)
    assert one.tokenizer.backend_tokenizer.to_str() == other.tokenizer.backend_tokenizer.to_str()


def seen_of(tokenizer: Any, texts: list[str]) -> list[Any]:
    """What a user sees of a tokenizer, as JSON has it; runs in other processes too."""
    encoded = [tokenizer(text, pair, return_offsets_mapping=True) for text in texts for pair in (None, text)]
    return [
        [[list(one["input_ids"]), [list(span) for span in one["offset_mapping"]]] for one in encoded],
        [tokenizer.model_max_length, list(tokenizer.model_input_names), tokenizer.pad_token_id],
        [tokenizer.mask_token, tokenizer.mask_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id],
    ]


def legacy_python() -> str | None:
    """An interpreter with transformers 4.36: $MLQA_LEGACY_PYTHON, or what `make legacy` has made."""
    made = Path(__file__).resolve().parents[2] / ".venv-legacy" / "bin" / "python"
    return os.environ.get("MLQA_LEGACY_PYTHON") or (str(made) if made.is_file() else None)


READ = [*SENTENCES, "a <mask>  b", ""]  # at a text's first space 0.15's prepend_scheme "first" differs


def save_trimmed(name: str, folder: Path) -> Any:
    """Save a trimmed tokenizer beside a config whose own class would not do, and return what is seen of it."""
    trimmed = trim_vocabulary(TOKENIZERS[name], [*SENTENCES[:2], *generate(30, seed=1).contexts])
    save_tokenizer(trimmed.tokenizer, folder)
    (folder / "config.json").write_text('{"model_type": "xlm-roberta"}')
    return seen_of(trimmed.tokenizer, READ)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_this_version_reads_what_is_saved(name: str, tmp_path: Path) -> None:
    expected = save_trimmed(name, tmp_path)
    files = {path.name for path in tmp_path.iterdir()} - {"config.json"}
    assert files <= {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}
    assert "PreTrainedTokenizerFast" in (tmp_path / "tokenizer_config.json").read_text("utf-8")
    assert seen_of(AutoTokenizer.from_pretrained(tmp_path), READ) == expected


@pytest.mark.slow
@pytest.mark.skipif(not legacy_python(), reason="no interpreter with transformers 4.36: `make legacy` makes one")
def test_the_oldest_version_reads_what_is_saved(tmp_path: Path) -> None:
    # Its tokenizers do not know the pairs of BPE's merges as tokenizers writes them since 0.20.
    names = [name for name in TOKENIZERS if not name.startswith("bpe")]
    expected = {str(tmp_path / name): save_trimmed(name, tmp_path / name) for name in names}
    code = (
        f"import json\nfrom typing import Any\nfrom transformers import AutoTokenizer\n{getsource(seen_of)}\n"
        f"read = {{path: seen_of(AutoTokenizer.from_pretrained(path), {READ!r}) for path in {list(expected)!r}}}\n"
        "print(json.dumps(read))"
    )
    done = subprocess.run([str(legacy_python()), "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


@pytest.mark.parametrize(("name", "most"), [("mbert-uncased", 10_000), ("xlm-roberta", 14_000)])
def test_tquad_is_cut_as_before(name: str, most: int, assets: Path, tmp_path: Path) -> None:
    if name == "xlm-roberta" and tokenizers.__version__ < "0.19":
        pytest.skip("this tokenizer.json is newer than its reader")
    examples = read_file(assets / "data" / "tquad" / "dev-v0.1.json")
    texts = [*examples.contexts, *examples.questions]
    whole = AutoTokenizer.from_pretrained(assets / "tokenizers" / name)
    trimmed = trim_vocabulary(whole, texts)
    assert len(trimmed.kept) < most
    save_tokenizer(trimmed.tokenizer, tmp_path)
    shutil.copy(assets / "tokenizers" / name / "config.json", tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    before = whole.backend_tokenizer.encode_batch(texts)
    for old, new in zip(before, loaded.backend_tokenizer.encode_batch(texts), strict=True):
        assert trimmed.kept[new.ids].tolist() == old.ids and new.offsets == old.offsets
    assert loaded.model_input_names == whole.model_input_names and loaded.padding_side == whole.padding_side
