"""Ask an OpenAI-compatible endpoint one question at a time, patiently.

What may pass is asked again: a busy or broken endpoint (408, 409, 425, 429, 5xx), a lost connection, a timeout, a reply
that cannot be read. Waits double from one try to the next, and the endpoint's own wish (Retry-After) is granted to all
questions. What will not pass ends the run with one line. A question that the endpoint refuses as it is (400, 413, 422)
is the caller's to judge.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlqa.config.endpoint import is_this_machine, read_key
from mlqa.config.schema import EndpointApi, EndpointConfig
from mlqa.errors import ModelError, UnreachableError, summarize_error
from mlqa.llm.cache import Reply
from mlqa.llm.replies import parse_error_text, parse_model_names, parse_reply, parse_retry_after

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

FIRST_WAIT = 1.0  # seconds before the first repetition
LONGEST_WAIT = 60.0
LONGEST_WISH = 600.0  # of an endpoint that says when to come again
SILENT_WISH = 20.0  # a wait up to this is not worth a warning
REPEATED = (408, 409, 425, 429)
REFUSED = (400, 413, 422)
MOST_SHOWN = 200  # characters of an endpoint's own words
MOST_NAMES = 5


class RefusedError(Exception):
    """The endpoint does not answer this question, however often it is asked."""


class _PassingError(Exception):
    """What may be gone at the next try."""


def build_url(endpoint: EndpointConfig) -> str:
    """Return the address of an endpoint's route."""
    route = "chat/completions" if endpoint.api is EndpointApi.chat else "completions"
    return f"{endpoint.base_url.rstrip('/')}/{route}"


class EndpointClient:
    """A connection to an endpoint, open inside an `async with`.

    Attributes:
        requests: How many were sent.
        retries: How many of them repeated another.
    """

    def __init__(self, endpoint: EndpointConfig) -> None:
        """Read the key from the environment.

        Args:
            endpoint: The config of the endpoint.
        """
        self._endpoint, self._key = endpoint, read_key(endpoint)
        self.url = build_url(endpoint)
        self.requests = self.retries = 0
        self._not_before = 0.0  # monotonic seconds until which the endpoint wishes to rest
        self._client: httpx.AsyncClient

    async def __aenter__(self) -> EndpointClient:
        """Open the connection."""
        import httpx

        headers = {"User-Agent": "mlqa"}
        is_local = is_this_machine(self._endpoint.base_url)
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
            if not is_local and not self._endpoint.base_url.startswith("https:"):
                log.warning("model.endpoint.base_url=%s: the key is not encrypted; use https", self._endpoint.base_url)
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(self._endpoint.timeout_seconds, pool=None),
            limits=httpx.Limits(max_connections=self._endpoint.concurrency),
            trust_env=not is_local,  # no proxy between this machine and itself
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def check(self) -> None:
        """Ask once for the list of models, before the first question.

        It costs nothing and shows a wrong address or key at once. An endpoint without such a list passes.

        Raises:
            UnreachableError: The endpoint does not answer.
            ModelError: The key is refused.
        """
        import httpx

        try:
            answer = await self._client.get(f"{self._endpoint.base_url.rstrip('/')}/models", timeout=10)
        except httpx.TimeoutException:
            return  # it may be loading a model, and a question waits longer
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._explain_silence(error) from None
        if answer.status_code in (401, 403):
            raise self._explain_rejection(answer)
        self._warn_of_unknown_name(answer)

    async def ask(self, body: dict[str, Any]) -> Reply:
        """Return the answer to one request, after as many tries as the config grants.

        Raises:
            RefusedError: The endpoint does not answer this question.
            UnreachableError: It did not answer at any try.
            ModelError: It will answer no question: key, name of the model, or account are at fault.
        """
        wait, tries = FIRST_WAIT, self._endpoint.max_retries + 1
        for number in range(1, tries + 1):
            await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
            self.requests += 1
            try:
                return await self._ask_once(body)
            except _PassingError as error:
                if number == tries:
                    count = f"{tries} tries" if tries > 1 else "1 try"
                    raise UnreachableError(
                        f"model.endpoint.base_url={self._endpoint.base_url}: no answer after {count}: {error}; the "
                        "answers so far are kept, so the same command continues from them"
                    ) from None
                log.debug("try %d of %d: %s", number, tries, error)
            self.retries += 1
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # apart, or all would come back at once
            wait = min(2 * wait, LONGEST_WAIT)
        raise AssertionError("the last try returns or raises")

    async def _ask_once(self, body: dict[str, Any]) -> Reply:
        import httpx

        began = time.perf_counter()
        try:
            answer = await self._client.post(
                self.url, content=json.dumps(body), headers={"Content-Type": "application/json"}
            )
        except httpx.TimeoutException:
            raise _PassingError(f"no reply within {self._endpoint.timeout_seconds:g} s") from None
        except httpx.TransportError as error:
            raise _PassingError(self._redact(summarize_error(error))) from None
        except httpx.InvalidURL as error:
            raise self._explain_silence(error) from None
        seconds = time.perf_counter() - began
        status = answer.status_code
        if status == 200:
            return self._read_reply(answer, seconds)
        said = self._quote(answer)
        if "insufficient_quota" in answer.text:
            raise ModelError(
                f"the account of the endpoint has no credit left: {said}; top it up, or choose another endpoint"
            )
        if status in REPEATED or status >= 500:
            self._postpone_all(answer)
            raise _PassingError(f"{status} {said}")
        if status in REFUSED:
            raise RefusedError(f"{status} {said}")
        raise self._explain_rejection(answer)

    def _read_reply(self, answer: httpx.Response, seconds: float) -> Reply:
        try:
            reply = parse_reply(answer.content, self._endpoint.api, seconds)
        except ValueError:
            raise _PassingError(f"the reply is not one of this API: {self._quote(answer)}") from None
        return replace(reply, text=self._redact(reply.text))

    def _postpone_all(self, answer: httpx.Response) -> None:
        """Let all questions wait as long as the endpoint wishes: Retry-After, in seconds or as a date."""
        seconds = parse_retry_after(answer.headers.get("retry-after", ""))
        if seconds is None:
            return
        until = time.monotonic() + min(seconds, LONGEST_WISH)
        if seconds > SILENT_WISH and until > self._not_before + 1:
            log.warning("the endpoint asks to wait %.0f s; waiting %.0f s", seconds, min(seconds, LONGEST_WISH))
        self._not_before = max(self._not_before, until)

    def _warn_of_unknown_name(self, answer: httpx.Response) -> None:
        names = parse_model_names(answer.content) if answer.status_code == 200 else []
        if names and self._endpoint.name not in names:
            shown = ", ".join(map(str, names[:MOST_NAMES])) + (", ..." if len(names) > MOST_NAMES else "")
            log.warning(
                "model.endpoint.name=%s: is not among the models that the endpoint lists (%s)",
                self._endpoint.name,
                shown,
            )

    def _explain_silence(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"model.endpoint.base_url={self._endpoint.base_url}: cannot be reached "
            f"({self._redact(summarize_error(error))}); start the server, or correct the address"
        )

    def _explain_rejection(self, answer: httpx.Response) -> ModelError:
        status, said = answer.status_code, self._quote(answer)
        address = f"model.endpoint.base_url={self._endpoint.base_url}"
        if status in (401, 403):
            given = "the key is refused" if self._key else "it requires a key"
            return ModelError(f"{address}: {given} ({status} {said}); export MLQA_LLM_API_KEY=<key>")
        if status == 404:
            return ModelError(
                f"{self.url}: 404 {said}; correct {address} or model.endpoint.name={self._endpoint.name}, or choose "
                "model.endpoint.api=chat or completions"
            )
        if 300 <= status < 400:
            place = self._redact(answer.headers.get("location", "elsewhere"))
            return ModelError(f"{address}: redirects to {place}; give the last address, because the key is not sent on")
        return ModelError(f"{address}: {status} {said}; correct the settings of model.endpoint")

    def _quote(self, answer: httpx.Response) -> str:
        """Return the endpoint's own words on one line, without the key if it repeats it."""
        said = parse_error_text(answer.content)
        text = answer.text if said is None else said
        return " ".join(self._redact(text).split())[:MOST_SHOWN] or answer.reason_phrase

    def _redact(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text
