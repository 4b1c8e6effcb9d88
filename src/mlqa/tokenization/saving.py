"""A tokenizer's files, as transformers from 4.36 on read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Writes tokenizer.json and its companions; what newer versions have renamed goes by both names.

    transformers 5 calls PreTrainedTokenizerFast TokenizersBackend, which 4 does not know; tokenizers 0.19 dropped
    Metaspace's add_prefix_space, on which 0.15 insists. The newer read the older names too.
    Raises OSError where it cannot be written.
    """
    tokenizer.save_pretrained(folder)
    _rewrite(folder / "tokenizer_config.json", _set_legacy_class)
    _rewrite(folder / "tokenizer.json", _add_legacy_prefix_space)


def _rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    if path.is_file():
        content = json.loads(path.read_text("utf-8"))
        change(content)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2), "utf-8")


def _set_legacy_class(config: dict[str, Any]) -> None:
    if config.get("tokenizer_class") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"


def _add_legacy_prefix_space(described: dict[str, Any]) -> None:
    """Every Metaspace of a tokenizer.json with the setting's older name beside the newer."""
    parts = [part for part in (described.get("pre_tokenizer"), described.get("decoder")) if part]
    while parts:
        part = parts.pop()
        parts += [*part.get("pretokenizers", ()), *part.get("decoders", ())]  # of a Sequence
        if part["type"] == "Metaspace":
            part.setdefault("add_prefix_space", part.get("prepend_scheme") != "never")
