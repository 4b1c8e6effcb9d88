"""Ask the questions of a split: from the cache, else several at a time, within the budget."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from mlqa.config.schema import EndpointConfig
from mlqa.environment import get_console
from mlqa.errors import ModelError, RunError
from mlqa.llm.cache import AnswerCache, Reply
from mlqa.llm.client import EndpointClient, RefusedError
from mlqa.llm.spending import BudgetSpentError, Spending

log = logging.getLogger(__name__)

PLAIN_LINES = 10  # of progress, if no bar can be drawn
MOST_REFUSED = 5  # questions in a row, before any was answered: then the settings are at fault, not the questions


@dataclass
class Asked:
    """The replies to the requests of a run, and what it took to get them.

    Attributes:
        replies: One per request, None if the endpoint refused it.
        is_kept: Whether each came from the cache.
        refusals: Why each refused one was refused, by its number.
        requests: How many were sent.
        retries: How many of them repeated another.
    """

    replies: list[Reply | None]
    is_kept: list[bool]
    refusals: dict[int, str] = field(default_factory=dict)
    requests: int = 0
    retries: int = 0


def ask_all(
    bodies: Sequence[dict[str, Any]], endpoint: EndpointConfig, cache: AnswerCache, spending: Spending
) -> Asked:
    """Return the reply to each request. An answer is kept as soon as it is there, however the run ends.

    Args:
        bodies: The requests.
        endpoint: The config of the endpoint.
        cache: The answers that are kept.
        spending: The prices and the budget.

    Raises:
        RunError: The budget is too small, before anything is asked or when it is spent.
        UnreachableError: The endpoint does not answer.
        ModelError: It will answer no question.
    """
    replies = [cache.find(body) for body in bodies]
    asked = Asked(replies, [reply is not None for reply in replies])
    missing = [number for number, reply in enumerate(replies) if reply is None]
    if len(missing) < len(bodies):
        log.info("%d of %d answers are kept from an earlier run", len(bodies) - len(missing), len(bodies))
    if missing:
        _check_forecast(endpoint, spending, [bodies[number] for number in missing])
        asyncio.run(_Asking(bodies, missing, endpoint, cache, spending, asked).run())
    return asked


def _check_forecast(endpoint: EndpointConfig, spending: Spending, bodies: Sequence[dict[str, Any]]) -> None:
    """Say what the questions will cost, and refuse to begin what the budget cannot end."""
    expected = spending.forecast(bodies)
    if expected is None:
        log.info("asking %d questions; their price is unknown: model.endpoint.usd_per_million_input=null", len(bodies))
        return
    log.info("asking %d questions for about $%.4f", len(bodies), expected)
    if endpoint.budget_usd is not None and expected > endpoint.budget_usd:
        affordable = int(len(bodies) * endpoint.budget_usd / expected)
        raise RunError(
            f"model.endpoint.budget_usd={endpoint.budget_usd:g}: {len(bodies)} questions will cost about "
            f"${expected:.6f}; raise the budget, or ask fewer by dataset.max_eval_samples={max(1, affordable)}"
        )


class _Asking:
    """Several workers that take the next question each."""

    def __init__(
        self,
        bodies: Sequence[dict[str, Any]],
        missing: Sequence[int],
        endpoint: EndpointConfig,
        cache: AnswerCache,
        spending: Spending,
        asked: Asked,
    ) -> None:
        self._bodies, self._missing, self._endpoint = bodies, missing, endpoint
        self._cache, self._spending, self._asked = cache, spending, asked
        self._next = iter(missing)
        self._answered = self._done = 0
        self._budget_spent: BudgetSpentError | None = None

    async def run(self) -> None:
        """Ask until every question has a reply or a refusal."""
        self._spending.begin()
        async with EndpointClient(self._endpoint) as client:
            await client.check()
            with self._show_progress():
                workers = [
                    asyncio.create_task(self._ask_in_turn(client))
                    for _ in range(min(self._endpoint.concurrency, len(self._missing)))
                ]
                try:
                    await asyncio.gather(*workers)
                finally:
                    for worker in workers:
                        worker.cancel()
                    await asyncio.gather(*workers, return_exceptions=True)
            self._asked.requests, self._asked.retries = client.requests, client.retries
        if self._budget_spent is not None:
            left = len(self._missing) - self._done
            raise RunError(
                f"{self._budget_spent}: ${self._spending.paid_usd:.4f} is spent, and {left} of {len(self._bodies)} "
                "questions are left; the answers so far are kept, so raise the budget and run the same command again"
            )

    async def _ask_in_turn(self, client: EndpointClient) -> None:
        """Ask one question after another. Once the budget is spent, the other workers still finish theirs."""
        for number in self._next:
            try:
                await self._ask_one(client, number)
            except BudgetSpentError as error:
                self._budget_spent = error
            if self._budget_spent is not None:
                return

    async def _ask_one(self, client: EndpointClient, number: int) -> None:
        body = self._bodies[number]
        reserved = await self._spending.reserve(body)
        reply = None
        try:
            reply = await client.ask(body)
            self._cache.keep(body, reply)
            self._asked.replies[number] = reply
            self._answered += 1
        except RefusedError as refusal:
            self._asked.refusals[number] = str(refusal)
            if not self._answered and len(self._asked.refusals) >= min(MOST_REFUSED, len(self._missing)):
                raise ModelError(
                    f"model.endpoint: the first {len(self._asked.refusals)} questions were all refused: {refusal}; "
                    "correct the settings of model.endpoint"
                ) from None
        finally:
            await self._spending.settle(reserved, body, reply)
        self._done += 1
        self._advance()

    @contextlib.contextmanager
    def _show_progress(self) -> Iterator[None]:
        self._bar = Progress(
            TextColumn("Asking"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[paid]}"),
            TimeRemainingColumn(),
            console=get_console(),
            transient=True,
            disable=not get_console().is_terminal,
        )
        self._task: TaskID = self._bar.add_task("Asking", total=len(self._missing), paid="")
        with self._bar:
            yield

    def _advance(self) -> None:
        paid = f"${self._spending.paid_usd:.4f}" if self._spending.has_price else ""
        self._bar.update(self._task, completed=self._done, paid=paid)
        every = max(1, len(self._missing) // PLAIN_LINES)
        if not get_console().is_terminal and self._done % every == 0:
            log.info("asked %d of %d%s", self._done, len(self._missing), f", {paid}" if paid else "")
