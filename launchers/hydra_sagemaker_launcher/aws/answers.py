"""Fields of a service's answer, which need not be there: a proxy also answers with status 200."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MalformedAnswerError(Exception):
    """A service's answer lacks what it always holds, as the page of a proxy or of a hotel's network does."""


def read_field(answer: Mapping[str, Any], name: str) -> Any:
    """Return a field of a service's answer.

    Raises:
        MalformedAnswerError: The answer has no such field.
    """
    try:
        return answer[name]
    except KeyError:
        raise MalformedAnswerError(f"the answer has no {name}") from None
