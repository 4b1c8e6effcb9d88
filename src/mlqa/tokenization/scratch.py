"""Tokenizers trained on given texts: WordPiece, Unigram or characters, cased, in BERT's form.

They serve models with random weights, and comparisons of algorithms at an equal vocabulary. All three keep case
(Turkish I/ı and İ/i), compose characters (NFC, with offsets that still point into the text as given) and split off
punctuation, so that a stem ends at its apostrophe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlqa.errors import ConfigError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.models import Model
    from transformers import PreTrainedTokenizerFast

ALGORITHMS = ("wordpiece", "unigram", "char")
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONTINUED = "##"


def train_tokenizer(texts: Iterable[str], algorithm: str, vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer on texts.

    Pairs become `[CLS] first [SEP] second [SEP]` with token_type_ids 0 and 1. The same texts in the same order give the
    same vocabulary in every process.

    Args:
        texts: The corpus.
        algorithm: One of `ALGORITHMS`. `char` keeps the most frequent characters.
        vocab_size: The most tokens that the vocabulary may have, special ones included.
        max_length: The tokenizer's model_max_length.

    Raises:
        ConfigError: If the algorithm is unknown, or the vocabulary is too small for the alphabet.
    """
    if algorithm not in ALGORITHMS:
        raise ConfigError(f"tokenizer: unknown algorithm '{algorithm}'; choose one of {', '.join(ALGORITHMS)}")
    if vocab_size <= len(SPECIAL_TOKENS):
        raise ConfigError(f"tokenizer: vocab_size={vocab_size} has room for the special tokens only; raise it")
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    build = {"wordpiece": _train_wordpiece, "unigram": _train_unigram, "char": _train_char}[algorithm]
    tokenizer = build(list(texts), vocab_size)
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", cls), ("[SEP]", sep)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def _create_word_tokenizer() -> Tokenizer:
    """Create a tokenizer that splits at white space and punctuation as BERT does, and keeps case and accents."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _rank_characters(tokenizer: Tokenizer, texts: list[str]) -> list[str]:
    """Return the characters of all words, most frequent first: `c` at the start of a word, `##c` inside it."""
    stretches = Counter(stretch for text in texts for stretch in text.split(" "))
    counts: Counter[str] = Counter()
    for stretch, times in stretches.items():  # no word contains a space: split each stretch once
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(stretch)):
            counts[word[0]] += times
            for letter in word[1:]:
                counts[CONTINUED + letter] += times
    return sorted(counts, key=lambda token: (-counts[token], token))


def _train_wordpiece(texts: list[str], vocab_size: int) -> Tokenizer:
    from tokenizers import models, trainers

    tokenizer = _create_word_tokenizer()
    characters = _rank_characters(tokenizer, texts)
    if len(SPECIAL_TOKENS) + len(characters) > vocab_size:
        raise ConfigError(
            f"tokenizer: vocab_size={vocab_size} is too small for the {len(characters)} characters of the texts "
            f"(first and inner ones counted apart); raise it above {len(SPECIAL_TOKENS) + len(characters)}"
        )
    # The trainer breaks ties between merges by token id, and numbers the characters in the order of a hash map that
    # differs between processes. Passing all characters as "special" fixes their ids. The vocabulary then moves to a
    # tokenizer that treats them as ordinary characters.
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=[*SPECIAL_TOKENS, *characters], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    vocab = tokenizer.get_vocab()
    return _assemble_tokenizer(models.WordPiece(vocab, unk_token="[UNK]", continuing_subword_prefix=CONTINUED))


def _train_char(texts: list[str], vocab_size: int) -> Tokenizer:
    from tokenizers import models

    kept = _rank_characters(_create_word_tokenizer(), texts)[: vocab_size - len(SPECIAL_TOKENS)]
    vocab = {token: index for index, token in enumerate((*SPECIAL_TOKENS, *kept))}
    # BPE without merges, because unlike in WordPiece an unknown character does not turn its whole word into [UNK].
    return _assemble_tokenizer(models.BPE(vocab, [], unk_token="[UNK]", continuing_subword_prefix=CONTINUED))


def _assemble_tokenizer(model: Model) -> Tokenizer:
    from tokenizers import decoders

    tokenizer = _create_word_tokenizer()
    tokenizer.model = model
    tokenizer.decoder = decoders.WordPiece(prefix=CONTINUED, cleanup=False)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def _train_unigram(texts: list[str], vocab_size: int) -> Tokenizer:
    import json

    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=list(SPECIAL_TOKENS), unk_token="[UNK]", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    # The trainer sums in the order of a hash map. The pieces are the same in every process, but the last digits of
    # their scores and the order of the characters that it appends at the end are not. So round the scores, give those
    # characters one score, and sort by score and piece.
    trained = {piece: round(score, 6) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]}
    scores = {piece: score for piece, score in trained.items() if piece not in SPECIAL_TOKENS}
    floor = min((score for piece, score in scores.items() if len(piece) > 1), default=0.0)
    appended = [piece for piece, score in scores.items() if len(piece) == 1 and score < floor]
    scores.update(dict.fromkeys(appended, max((scores[piece] for piece in appended), default=floor)))
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    scored = [(piece, 0.0) for piece in SPECIAL_TOKENS] + ordered
    tokenizer.model = models.Unigram(scored, unk_id=SPECIAL_TOKENS.index("[UNK]"))
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer
