"""Rewrite a tokenizer.json for fewer ids, wherever it holds them."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any


def renumber(described: dict[str, Any], new: dict[int, int]) -> None:
    """Reduce a tokenizer.json in place to some of its ids.

    Args:
        described: The content of the tokenizer.json.
        new: The new id of each id that stays.
    """
    model = described["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [entry for old, entry in enumerate(model["vocab"]) if old in new]
        model["unk_id"] = None if model["unk_id"] is None else new[model["unk_id"]]
    else:
        model["vocab"] = {piece: new[old] for piece, old in model["vocab"].items() if old in new}
    if model["type"] == "BPE":
        model["merges"] = [merge for merge in model["merges"] if _is_possible(merge, model["vocab"])]
    for token in described["added_tokens"]:
        token["id"] = new[token["id"]]
    described["truncation"] = described["padding"] = None
    _renumber_processor(described["post_processor"], new)


def split_merge(merge: str | list[str]) -> tuple[str, str]:
    """Return the two pieces of a merge of BPE, which tokenizers before 0.20 write as one text."""
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first, second


def _is_possible(merge: str | list[str], pieces: Container[str]) -> bool:
    first, second = split_merge(merge)
    return first in pieces and second in pieces and first + second in pieces


def _renumber_processor(processor: dict[str, Any] | None, new: dict[int, int]) -> None:
    if processor is None:
        return
    for part in processor.get("processors", ()):  # Sequence
        _renumber_processor(part, new)
    for token in processor.get("special_tokens", {}).values():  # TemplateProcessing
        token["ids"] = [new[old] for old in token["ids"]]
    for end in ("cls", "sep"):  # BertProcessing and RobertaProcessing: [token, id]
        if end in processor:
            processor[end][1] = new[processor[end][1]]


def rebuild_tokenizer(tokenizer: Any, described: dict[str, Any]) -> Any:
    """Build a fast tokenizer from a tokenizer.json alone, with the settings of another tokenizer.

    It does not keep its class, because some classes rebuild their rules from a vocab.txt or a sentencepiece.bpe.model.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    named = {name: str(token) for name, token in tokenizer.special_tokens_map.items() if isinstance(token, str)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(described, ensure_ascii=False)),
        model_max_length=tokenizer.model_max_length,
        padding_side=tokenizer.padding_side,
        truncation_side=tokenizer.truncation_side,
        model_input_names=list(tokenizer.model_input_names),
        clean_up_tokenization_spaces=False,
        **named,
    )
