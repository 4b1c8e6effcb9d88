"""A tokenizer's files in a form that transformers reads from 4.36 on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write tokenizer.json and its companions, with renamed settings under both names.

    transformers 5 calls PreTrainedTokenizerFast TokenizersBackend, which 4 does not know. tokenizers 0.19 dropped
    Metaspace's add_prefix_space, which 0.15 requires. Newer versions also read the older names.

    Args:
        tokenizer: A fast tokenizer.
        folder: The directory to write to.

    Raises:
        OSError: If the directory is not writable.
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
    """Add the older name of the setting to every Metaspace of a tokenizer.json."""
    parts = [part for part in (described.get("pre_tokenizer"), described.get("decoder")) if part]
    while parts:
        part = parts.pop()
        parts += [*part.get("pretokenizers", ()), *part.get("decoders", ())]  # if it is a Sequence
        if part["type"] == "Metaspace":
            part.setdefault("add_prefix_space", part.get("prepend_scheme") != "never")
