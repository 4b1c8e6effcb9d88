"""What the answers of an endpoint cost, before they are asked for and while they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from mlqa.config.schema import EndpointConfig
from mlqa.errors import RunError
from mlqa.llm.cache import Reply

# Before the first reply a token is taken for so many bytes of UTF-8, and an answer for so many tokens. Turkish has 2.5
# to 4 bytes per token with the vocabularies of 2026, English 4 to 5.
BYTES_PER_TOKEN = 3.0
ANSWER_TOKENS = 16
UNLIMITED_TOKENS = 1000  # the longest answer that is expected if the request has no limit


class BudgetSpentError(RunError):
    """The next question would cost more than is left of the budget."""


class Spending:
    """The price of tokens, and what is left of a budget. Dollars are those of the answers that this run asked for."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        """Start at 0.

        Args:
            endpoint: Its prices and its budget.
        """
        self._input_price, self._output_price = endpoint.usd_per_million_input, endpoint.usd_per_million_output
        self._budget = endpoint.budget_usd
        self.paid_usd = 0.0
        self._reserved = 0.0
        self._bytes, self._tokens = 0, 0  # of the replies whose tokens are known
        self._settled: asyncio.Condition

    def begin(self) -> None:
        """Begin to spend in the event loop that runs now."""
        self._settled, self._reserved = asyncio.Condition(), 0.0

    @property
    def has_price(self) -> bool:
        """Whether the price of a token is known."""
        return self._input_price is not None and self._output_price is not None

    def compute_usd(self, input_tokens: float, output_tokens: float) -> float | None:
        """Return the price of so many tokens, None if it is unknown."""
        if self._input_price is None or self._output_price is None:
            return None
        return (input_tokens * self._input_price + output_tokens * self._output_price) / 1e6

    def price_reply(self, body: dict[str, Any], reply: Reply) -> float | None:
        """Return what a reply cost. Tokens that the endpoint did not count are estimated by their bytes."""
        written = len(reply.text.encode("utf-8", "replace")) / BYTES_PER_TOKEN
        return self.compute_usd(
            self._estimate_input(body) if reply.input_tokens is None else reply.input_tokens,
            written if reply.output_tokens is None else reply.output_tokens,
        )

    def forecast(self, bodies: Sequence[dict[str, Any]]) -> float | None:
        """Return what requests will cost, with answers of usual length. None if the price is unknown."""
        expected = sum(min(ANSWER_TOKENS, _get_longest_answer(body)) for body in bodies)
        return self.compute_usd(sum(map(self._estimate_input, bodies)), expected)

    async def reserve(self, body: dict[str, Any]) -> float:
        """Reserve the most that a request may cost. Wait for requests on their way if that may leave enough.

        Returns:
            The reserved dollars, for `settle`.

        Raises:
            BudgetSpentError: What is left is not enough.
        """
        most = self.compute_usd(self._estimate_input(body), _get_longest_answer(body)) or 0.0
        if self._budget is None:
            return 0.0
        async with self._settled:
            while self.paid_usd + self._reserved + most > self._budget:
                if self._reserved <= 0:
                    raise BudgetSpentError(f"model.endpoint.budget_usd={self._budget:g}")
                await self._settled.wait()
            self._reserved += most
        return most

    async def settle(self, reserved: float, body: dict[str, Any], reply: Reply | None) -> None:
        """Replace a reservation by what the reply cost, or by nothing if there is none."""
        async with self._settled:
            self._reserved = max(0.0, self._reserved - reserved)
            if reply is not None:
                self.paid_usd += self.price_reply(body, reply) or 0.0
                if reply.input_tokens:
                    self._bytes += _count_bytes(body)
                    self._tokens += reply.input_tokens
            if self._reserved < 1e-12:
                self._reserved = 0.0
            self._settled.notify_all()

    def _estimate_input(self, body: dict[str, Any]) -> float:
        per_token = self._bytes / self._tokens if self._tokens else BYTES_PER_TOKEN
        return _count_bytes(body) / per_token


def _count_bytes(body: dict[str, Any]) -> int:
    asked = body.get("prompt") or [message["content"] for message in body.get("messages", ())]
    return len(json.dumps(asked, ensure_ascii=False).encode("utf-8", "replace"))


def _get_longest_answer(body: dict[str, Any]) -> int:
    return int(body.get("max_tokens") or body.get("max_completion_tokens") or UNLIMITED_TOKENS)
