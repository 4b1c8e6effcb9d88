"""Copy a saved model without what its files say of this machine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlqa.errors import RunError

# transformers writes the place from which it loaded them into config.json and tokenizer_config.json.
SOURCES = ("_name_or_path", "name_or_path", "tokenizer_file", "vocab_file", "merges_file", "special_tokens_map_file")
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt")  # whose entries may look like paths
_PATH = re.compile(r"(?<![\w./:~-])(?:~|/[\w.-]+)(?:/[\w.@+-]+)+/?|\b[A-Za-z]:\\(?:[^\s\\\"']+\\)*[^\s\\\"']+")


def copy_model(folder: Path, target: Path) -> None:
    """Copy the files of a saved model. Paths of this machine in its JSON files become the last part of their name.

    Args:
        folder: A folder that `save_model` wrote.
        target: The folder to write.

    Raises:
        RunError: A file cannot be read or written.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.iterdir()):
            if path.is_dir() or path.name == "training_args.bin":
                continue
            if path.suffix == ".json" and path.name not in VOCABULARIES:
                write_clean_json(json.loads(path.read_text("utf-8")), target / path.name)
            else:
                shutil.copyfile(path, target / path.name)
    except (OSError, ValueError) as error:
        raise RunError(f"{folder}: the model cannot be copied to {target}: {error}") from None


def write_clean_json(content: Any, path: Path) -> None:
    """Write JSON. In its texts, each path of a machine is shortened to its last part."""
    path.write_text(json.dumps(_shorten_paths(content), ensure_ascii=False, indent=2) + "\n", "utf-8")


def _shorten_paths(content: Any, name: str = "") -> Any:
    if isinstance(content, dict):
        return {key: _shorten_paths(value, key) for key, value in content.items()}
    if isinstance(content, list):
        return [_shorten_paths(value, name) for value in content]
    if isinstance(content, str):
        return Path(content).name if name in SOURCES and Path(content).is_absolute() else _PATH.sub(_get_name, content)
    return content


def _get_name(found: re.Match[str]) -> str:
    return re.split(r"[/\\]", found[0].rstrip("/\\"))[-1]


def find_machine_paths(folder: Path, run_dir: Path) -> Iterator[str]:
    """Yield a line for each file below a folder that names the user's folders.

    Weights and vocabularies are not looked at: they hold numbers, and words that may look like a path.

    Args:
        folder: The folder to look through.
        run_dir: The directory of the run. It, the home folder and the working directory are looked for.
    """
    places = [str(path).encode() for path in (Path.home(), Path.cwd(), run_dir.resolve()) if len(path.parts) > 1]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".safetensors" and path.name not in VOCABULARIES:
            content = path.read_bytes()
            if any(place in content for place in places):
                yield f"{path.relative_to(folder)}: names a folder of this machine"
