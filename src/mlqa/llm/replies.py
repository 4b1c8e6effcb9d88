"""What the replies of an OpenAI-compatible endpoint say. They come from outside, so any value may have any type."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from typing import Any

from mlqa.config.schema import EndpointApi
from mlqa.llm.cache import Reply


def parse_reply(content: bytes, api: EndpointApi, seconds: float) -> Reply:
    """Parse the reply to a request.

    Args:
        content: The body of the reply.
        api: The route that was asked.
        seconds: How long the reply took.

    Raises:
        ValueError: The body is no reply of this API.
    """
    try:
        parsed = json.loads(content)
        choice = parsed["choices"][0]
        text = choice["message"]["content"] if api is EndpointApi.chat else choice["text"]
        usage = parsed.get("usage") or {}
        if isinstance(text, list):  # parts, as some endpoints write a message
            text = "".join(part.get("text") or "" for part in text)
        if text is not None and not isinstance(text, str):
            raise TypeError
        counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
        finish, model = choice.get("finish_reason"), parsed.get("model")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise ValueError("not a reply of this API") from None
    tokens = [count if type(count) is int and count >= 0 else None for count in counts]
    return Reply(
        text or "",
        finish if isinstance(finish, str) else None,
        tokens[0],
        tokens[1],
        round(seconds, 3),
        model if isinstance(model, str) else None,
    )


def parse_error_text(content: bytes) -> str | None:
    """Return the endpoint's own words about an error, None if the body is not JSON."""
    try:
        parsed = json.loads(content)
        error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
        words = error.get("message", error) if isinstance(error, dict) else error
        return words if isinstance(words, str) else json.dumps(words, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def parse_model_names(content: bytes) -> list[Any]:
    """Return the names in an endpoint's list of models, none if the body is no such list."""
    try:
        return [one["id"] for one in json.loads(content)["data"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def parse_retry_after(value: str) -> float | None:
    """Return the seconds in a Retry-After header, which has seconds or a date. None if it asks for no wait."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return seconds if 0 < seconds < float("inf") else None
