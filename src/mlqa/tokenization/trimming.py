"""A pre-trained tokenizer without the pieces that a language does not need.

Most of a multilingual vocabulary belongs to other languages, and each piece costs a row of weights, of gradients and of
two moments of Adam (Abdaoui et al. 2020, arXiv 2010.05609, and Ushio et al. 2023, arXiv 2305.15020). Those papers keep
the pieces that occur in a segmented corpus. Here every piece stays that is *spelled* anywhere in the corpus's words,
used or not. Each word keeps the choices it had, so WordPiece's longest match, Unigram's best path, ties included, and
BPE's merges find the same tokens, and words outside the corpus change less (docs/vocabulary-trimming.md has figures).
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from mlqa.errors import ModelError
from mlqa.tokenization.byte_level import list_byte_characters, read_bytes
from mlqa.tokenization.encoding import require_fast_tokenizer
from mlqa.tokenization.renumbering import rebuild_tokenizer, renumber, split_merge

log = logging.getLogger(__name__)

KEY = "model.trim_vocabulary=true"
# Special tokens come first, and RoBERTa-type models count positions from the padding's id, so these ids stay.
FIRST = 8
SCRIPT_SHARE = 0.001  # a script belongs to the language if it has at least this share of the corpus's letters
BYTE = re.compile(r"<0x[0-9A-F]{2}>$")
NOT_A_PIECE = -1


class TrimmedTokenizer(NamedTuple):
    """A fast tokenizer with fewer pieces.

    Attributes:
        tokenizer: The trimmed tokenizer.
        kept: The id before trimming of each token [entries], ascending.
    """

    tokenizer: Any
    kept: np.ndarray


def trim_vocabulary(tokenizer: Any, texts: Iterable[str]) -> TrimmedTokenizer:
    """Reduce a tokenizer to the pieces that texts need. It splits these texts as before, token by token.

    These stay: each piece that is spelled in a word of the texts, all single characters that are ASCII, not letters, or
    letters of the scripts in the texts, special and added tokens, and the bytes that unknown characters fall back to.
    Ids are renumbered in their old order. The same texts in any order give the same vocabulary.

    Args:
        tokenizer: A fast WordPiece, Unigram or BPE tokenizer.
        texts: The corpus.

    Returns:
        A PreTrainedTokenizerFast whose rules are all in its tokenizer.json, and the old ids.

    Raises:
        ModelError: If the tokenizer is of another type, or the texts contain nothing to tokenize.
    """
    require_fast_tokenizer(tokenizer)
    backend = tokenizer.backend_tokenizer
    described = json.loads(backend.to_str())
    model = described["model"]
    inner = model.get("continuing_subword_prefix") or ""
    if model["type"] not in ("WordPiece", "Unigram", "BPE") or (model["type"] == "BPE" and inner):
        raise ModelError(
            f"{KEY}: the tokenizer is {model['type']}{' with a prefix' if inner else ''}, but only WordPiece, Unigram "
            "and plain BPE can be trimmed; leave model.trim_vocabulary out"
        )
    words = _collect_words(backend, texts, [token["content"] for token in described["added_tokens"]])
    if not words:
        raise ModelError(f"{KEY}: the train split has no text to trim by; give one that has (dataset.train_file)")

    ids = _get_piece_ids(model)
    ending = model.get("end_of_word_suffix") or ""
    read = read_bytes if _is_byte_level(described) else str  # the text that a piece stands for
    scripts = _find_scripts(filter(None, map(read, words)))
    keep = {token["id"] for token in described["added_tokens"]} | _get_unknown_ids(model, ids)
    keep.update(_find_spelled_pieces((word + ending for word in words), ids, inner))
    for piece, index in ids.items():
        text = read(piece.removeprefix(inner).removesuffix(ending)) or ""
        is_letter = len(text) == 1 and _should_keep(text, scripts)
        if index < FIRST or BYTE.match(piece) or is_letter or (read is read_bytes and piece in list_byte_characters()):
            keep.add(index)
    if model["type"] == "BPE":
        _add_parts(keep, model["merges"], ids)
    kept = sorted(keep)
    log.info("vocabulary trimmed from %d to %d entries", len(tokenizer), len(kept))
    renumber(described, {old: new for new, old in enumerate(kept)})
    return TrimmedTokenizer(rebuild_tokenizer(tokenizer, described), np.array(kept, dtype=np.int64))


def _is_byte_level(described: dict[str, Any]) -> bool:
    """Return whether a tokenizer.json writes each byte of a word as a character, as GPT-2's does."""
    return any('"ByteLevel"' in json.dumps(described[part]) for part in ("normalizer", "pre_tokenizer"))


def _add_parts(keep: set[int], merges: Iterable[Any], ids: dict[str, int]) -> None:
    """Add the pieces of which BPE makes the pieces in `keep`, in place: letters of several bytes that no word has."""
    parts: dict[int, tuple[int, int]] = {}
    for first, second in map(split_merge, merges):
        parts.setdefault(ids[first + second], (ids[first], ids[second]))
    waiting = list(keep)
    while waiting:
        missing = set(parts.get(waiting.pop(), ())) - keep
        keep |= missing
        waiting += missing


def _collect_words(backend: Any, texts: Iterable[str], added: list[str]) -> set[str]:
    """Return the distinct strings that the model splits into pieces, after normalization."""
    # The text on either side of an added token is tokenized alone.
    longest_first = sorted(filter(None, added), key=len, reverse=True)
    literal = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
    normalizer, splitter = backend.normalizer, backend.pre_tokenizer
    words: set[str] = set()
    for text in texts:
        parts = {text, *literal.split(text)}
        # Byte-level BPE writes the first word of a text otherwise than one after a space, where it may be elsewhere.
        parts |= {f" {word}" for part in parts for word in part.split(maxsplit=1)[:1]}
        for part in parts:
            normal = part if normalizer is None else normalizer.normalize_str(part)
            words.update([normal] if splitter is None else (word for word, _ in splitter.pre_tokenize_str(normal)))
    words.discard("")
    return words


def _get_piece_ids(model: dict[str, Any]) -> dict[str, int]:
    if model["type"] == "Unigram":
        return {piece: index for index, (piece, _) in enumerate(model["vocab"])}
    return dict(model["vocab"])


def _get_unknown_ids(model: dict[str, Any], ids: dict[str, int]) -> set[int]:
    """Return the unknown token, and for Unigram also the piece of the lowest score.

    Unigram derives the score of an unknown character from the lowest one.
    """
    if model["type"] != "Unigram":
        return {ids[model["unk_token"]]} if model["unk_token"] in ids else set()
    scores = [score for _, score in model["vocab"]]
    return {scores.index(min(scores))} | ({model["unk_id"]} - {None})


def _find_spelled_pieces(words: Iterable[str], ids: dict[str, int], inner: str) -> set[int]:
    """Return the pieces that match anywhere in a word, or after its start if they have the prefix `inner` (##)."""
    inside = _index_prefixes(
        {piece.removeprefix(inner): index for piece, index in ids.items() if piece.startswith(inner)}
    )
    at_begin = _index_prefixes(ids) if inner else inside
    found: set[int] = set()
    for word in words:
        for begin in range(len(word)):
            openings = inside if begin else at_begin
            for end in range(begin + 1, len(word) + 1):
                index = openings.get(word[begin:end])
                if index is None:
                    break
                found.add(index)
    return found - {NOT_A_PIECE}


def _index_prefixes(pieces: dict[str, int]) -> dict[str, int]:
    """Map each prefix of a piece to the piece's id, or to `NOT_A_PIECE`, which tells the search whether to go on."""
    openings = {piece[:end]: NOT_A_PIECE for piece in pieces for end in range(1, len(piece))}
    return openings | pieces


def _find_scripts(words: Iterable[str]) -> set[str]:
    counted: Counter[str] = Counter()
    for letter, count in Counter("".join(words)).items():
        if _is_letter(letter):
            counted[_get_script(letter)] += count
    least = SCRIPT_SHARE * sum(counted.values())
    return {script for script, count in counted.items() if count >= least}


def _get_script(letter: str) -> str:
    """Return the first word of a letter's name, such as LATIN or CJK (the standard library has no table of scripts)."""
    return unicodedata.name(letter, "").partition(" ")[0]


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"


def _should_keep(character: str, scripts: set[str]) -> bool:
    """Return whether a single character stays even if it is not in the corpus."""
    if character.isascii():
        return True
    if _is_letter(character):
        return _get_script(character) in scripts | {"COMBINING"}
    return unicodedata.category(character)[0] != "C"  # C: private use, unassigned
