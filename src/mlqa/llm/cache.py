"""Answers of endpoints on disk: a request that was answered once is never paid again.

A file is named by the hash of what was asked. So any change of the prompt, the model or its settings asks anew, and
runs share what they have in common. No file holds a key: it is a header of the request, and only the body is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """What an endpoint answered.

    Attributes:
        text: What the model wrote.
        finish: Why it stopped, e.g. "stop", or "length" if `max_tokens` cut it off. None if the endpoint does not say.
        input_tokens: Tokens of the prompt. None if the endpoint does not count them.
        output_tokens: Tokens of the answer.
        seconds: From the request to the answer, without retries.
        model: What the endpoint says that it served.
    """

    text: str
    finish: str | None
    input_tokens: int | None
    output_tokens: int | None
    seconds: float
    model: str | None


class AnswerCache:
    """The answers of one endpoint to one draw. Several processes may use a folder at once."""

    def __init__(self, folder: Path, url: str, draw: int) -> None:
        """Open a cache.

        Args:
            folder: The folder of its files.
            url: The address that is asked.
            draw: The seed of the run: another one never takes the answers of this one, even if no seed is sent.
        """
        self._folder, self._url, self._draw = folder, url, draw
        self._may_write = True

    def find(self, body: dict[str, Any]) -> Reply | None:
        """Return the answer to a request, None if it was not asked or its file is damaged."""
        try:
            content = json.loads(self._locate(body).read_text("utf-8"))
            reply = Reply(**content["reply"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return reply if isinstance(reply.text, str) else None

    def keep(self, body: dict[str, Any], reply: Reply) -> None:
        """Write an answer. If it cannot be written, log one warning for all: the run goes on without the cache."""
        if not self._may_write:
            return
        path = self._locate(body)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        content = {"url": self._url, "draw": self._draw, "request": body, "reply": asdict(reply)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(content, ensure_ascii=True, indent=1), "utf-8")
            partial.replace(path)
        except OSError as error:
            self._may_write = False
            with contextlib.suppress(OSError):
                partial.unlink()
            log.warning(
                "%s: the answers cannot be kept (%s), so a rerun would ask and pay again",
                self._folder,
                error.strerror or error,
            )

    def _locate(self, body: dict[str, Any]) -> Path:
        asked = json.dumps([self._url, self._draw, body], sort_keys=True)
        digest = hashlib.sha256(asked.encode()).hexdigest()
        return self._folder / digest[:2] / f"{digest}.json"
