"""Find what looks like a secret in a request: everyone who may describe a job can read all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hydra_sagemaker_launcher.secret_scan import find_secrets, is_secret_name


def find_secrets_in_request(request: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each name or value that looks like a secret, without the secret itself."""
    for path, value in _iter_leaves(request, ()):
        kind = _classify_text(f"{path[-1]}: {value}".replace("\0", " "))
        if kind is None and path[0] == "Environment" and is_secret_name(path[-1]):
            kind = "a secret, by its name"
        if kind is not None:
            shown = ".".join(part for part in path if _classify_text(part) is None)
            yield (
                f"CreateTrainingJob: {shown} holds what looks like {kind}; all who may describe the job can read it; "
                "put the value into Secrets Manager and its ARN into hydra.launcher.secrets"
            )


def _classify_text(text: str) -> str | None:
    """Return the kind of the first secret in a text. None if there is none."""
    return next((kind for _, kind in find_secrets("", text.encode("utf-8", "replace"))), None)


def _iter_leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every value that holds no others, with the keys that lead to it."""
    if not isinstance(value, dict | list):
        yield path, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _iter_leaves(item, (*path, str(key)))
