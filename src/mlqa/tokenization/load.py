"""The configured model's tokenizer: from the hub, from a folder, or trained on the data set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.data.file_errors import is_lfs_pointer
from mlqa.errors import ModelError, UnreachableError, summarize_error

if TYPE_CHECKING:
    from mlqa.config.schema import ModelConfig

OFFLINE = "offline, give a folder that holds the model: model.pretrained=<folder>"

# {start of the class of a slow tokenizer: a model for the same texts with a fast one}
NEAR = {
    "Phobert": "xlm-roberta-base",
    "ByT5": "google/mt5-small",
    "Canine": "bert-base-multilingual-cased",
    "Flaubert": "camembert-base",
    "RoFormer": "bert-base-chinese",
    "BertJapanese": "xlm-roberta-base",
}

# By name, because they belong to httpx, requests and huggingface_hub, and each version of transformers uses others.
UNREACHABLE = (
    "ConnectError",
    "ConnectTimeout",
    "ConnectionError",
    "LocalEntryNotFoundError",
    "OfflineModeIsEnabled",
    "ProxyError",
    "ReadTimeout",
)


def load_tokenizer(model: ModelConfig, texts: Iterable[str]) -> Any:
    """Load the model's fast tokenizer, or train it if the model is built from scratch.

    Args:
        model: The config group `model`.
        texts: The train split's texts, read only if the tokenizer is trained.

    Raises:
        UnreachableError: If the hub cannot be reached.
        ModelError: If there is no tokenizer, or no fast one.
    """
    if model.endpoint is not None:
        raise ModelError(
            "model.endpoint: a model behind an endpoint has no tokenizer that is known here; choose another model"
        )
    if model.scratch is not None:
        from mlqa.tokenization.scratch import train_tokenizer

        scratch = model.scratch
        return train_tokenizer(texts, scratch.tokenizer.value, scratch.vocab_size, scratch.max_position_embeddings)
    from transformers import AutoTokenizer

    tokenizer = load_pretrained(AutoTokenizer, "tokenizer", str(model.pretrained), model.revision)
    if not tokenizer.is_fast:
        kind = type(tokenizer).__name__
        near = next((name for start, name in NEAR.items() if kind.startswith(start)), "xlm-roberta-base")
        raise ModelError(
            f"model.pretrained={model.pretrained}: {kind} has no fast version (tokenizer.json), which gives the "
            f"character offsets that locate answers; choose a model that has one, such as {near}"
        )
    return tokenizer


def load_pretrained(factory: Any, what: str, pretrained: str, revision: str | None, **options: Any) -> Any:
    """Call `factory.from_pretrained` and sort its many exceptions into unreachable and unusable.

    Code that a repository contains never runs.

    Args:
        factory: A class of transformers with `from_pretrained`.
        what: What it loads, for messages, such as "tokenizer".
        pretrained: A hub name or a local folder.
        revision: Branch, tag or commit of a hub model.
        **options: Further arguments of `from_pretrained`.

    Raises:
        UnreachableError: If the hub cannot be reached.
        ModelError: If it is missing or broken.
    """
    folder = Path(pretrained).expanduser()
    name = str(folder) if folder.is_dir() else pretrained
    if folder.is_dir() and (pointer := _find_lfs_pointer(folder)):
        raise ModelError(
            f"model.pretrained={pretrained}: {pointer} is a pointer of Git LFS, not the file itself; run git lfs pull "
            "in the folder"
        )
    try:
        return factory.from_pretrained(name, revision=revision, trust_remote_code=False, **options)
    except Exception as error:
        reason = summarize_error(error)
        if folder.is_dir():
            raise ModelError(f"model.pretrained={pretrained}: its {what} cannot be loaded: {reason}") from error
        if _is_unreachable(error):
            raise UnreachableError(
                f"model.pretrained={pretrained}: its {what} could not be fetched from the Hugging Face hub; {OFFLINE}"
            ) from error
        raise ModelError(f"model.pretrained={pretrained}: its {what} cannot be loaded: {reason}") from error


def _find_lfs_pointer(folder: Path) -> str | None:
    """Return the name of a file that stands for a larger one, as a clone without Git LFS leaves them."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and is_lfs_pointer(path):
            return path.name
    return None


def _is_unreachable(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ConnectionError) or type(error).__name__ in UNREACHABLE:
            return True
        error = error.__cause__ or error.__context__
    return False
