"""What a W&B agent puts on the command line, in Hydra's words."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from typing import Any


def translate_agent_arguments(argv: Sequence[str]) -> list[str]:
    """Translate the values that a W&B agent writes as Python: None, 16.0 for an integer, nested parameters.

    Args:
        argv: The command line without the program.

    Returns:
        The same arguments if no agent has started this process (WANDB_SWEEP_ID). Otherwise `None` is null, a whole
        number has no point, because a search draws 16.0 for 16, and {'learning_rate': 1e-05} of a nested parameter is
        a dotted override per value.
    """
    if not os.environ.get("WANDB_SWEEP_ID"):
        return list(argv)
    return [translated for argument in argv for translated in _translate(argument)]


def _translate(argument: str) -> Iterator[str]:
    key, sign, text = argument.partition("=")
    if not sign or key.startswith("-"):
        yield argument
        return
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError):
        yield argument
        return
    if isinstance(value, dict) and value and all(isinstance(name, str) for name in value):
        for name, part in value.items():
            yield from _translate(f"{key}.{name}={part}")
    elif value is None or isinstance(value, float):
        yield f"{key}={_format(value)}"
    else:
        yield argument


def _format(value: Any) -> str:
    if value is None:
        return "null"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
