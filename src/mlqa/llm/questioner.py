"""Everything that the questions of a run are asked with, and the answers that come of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mlqa.config.schema import Config
from mlqa.data.examples import Examples
from mlqa.data.load import Splits
from mlqa.environment import get_cache_dir
from mlqa.llm.alignment import Aligned, Step, align_answer
from mlqa.llm.asking import Asked, ask_all
from mlqa.llm.cache import AnswerCache, Reply
from mlqa.llm.client import build_url
from mlqa.llm.examples import choose_shown
from mlqa.llm.prompts import PromptWriter, choose_prompt
from mlqa.llm.spending import Spending
from mlqa.metrics.language_rules import resolve_language_rules
from mlqa.metrics.no_answer import detect_squad_version

log = logging.getLogger(__name__)

CACHE = "llm"  # folder in the cache directory


@dataclass(frozen=True)
class Answered:
    """Replies to the questions of a split. `aligned` is what counts as the answer of each row.

    `usd` is the price of all answers, also of those from the cache. None if it is unknown.
    """

    asked: Asked
    aligned: list[Aligned]
    usd: float | None

    @property
    def predictions(self) -> list[str | None]:
        """The answer to each question, None if the endpoint refused it."""
        pairs = zip(self.aligned, self.asked.replies, strict=True)
        return [None if reply is None else one.text for one, reply in pairs]


class Questioner:
    """Asks the questions of a data set.

    Attributes:
        endpoint: The config of the endpoint.
        rules: How the language compares texts.
        version: The version of SQuAD's script.
        writer: Writes the requests.
        spending: Prices, budget, and what this run has paid.
    """

    def __init__(self, config: Config, splits: Splits) -> None:
        """Choose prompt and examples.

        Args:
            config: The run's config. `model.endpoint` is set.
            splits: Train and validation split.

        Raises:
            DataError: There is no prompt in the language that was asked for.
        """
        endpoint = config.model.endpoint
        assert endpoint is not None
        self.endpoint = endpoint
        self.rules = resolve_language_rules(config.dataset)
        self.version = detect_squad_version(splits.train, splits.reported)
        language, prompt = choose_prompt(self.rules.language, endpoint.prompt_language)
        shown = choose_shown(splits, endpoint.examples, config.seed)
        self.writer = PromptWriter(endpoint, language, prompt, shown, config.seed, self.version == "2.0")
        self.spending = Spending(endpoint)
        self._cache = AnswerCache(get_cache_dir() / CACHE, build_url(endpoint), config.seed)
        self._warn_of_few_examples()

    def answer(self, examples: Examples, from_memory: bool = False) -> Answered:
        """Ask every question, or take its answer from the cache.

        Args:
            examples: The questions.
            from_memory: Whether their contexts are withheld. Answers are aligned to them all the same.

        Raises:
            MlqaError: As `ask_all`.
        """
        bodies = [
            self.writer.build_request(question, None if from_memory else examples.get_context(row))
            for row, question in enumerate(examples.questions)
        ]
        asked = ask_all(bodies, self.endpoint, self._cache, self.spending)
        pairs = zip(bodies, asked.replies, strict=True)
        prices = [self.spending.price_reply(body, reply) for body, reply in pairs if reply is not None]
        known = [price for price in prices if price is not None]
        aligned = [self._align(reply, examples.get_context(row)) for row, reply in enumerate(asked.replies)]
        return Answered(asked, aligned, sum(known) if self.spending.has_price else None)

    def _align(self, reply: Reply | None, context: str) -> Aligned:
        if reply is None:
            return Aligned("", Step.unaligned)
        return align_answer(reply.text, context, self.rules, self.writer.prompt, self.writer.may_have_none)

    def _warn_of_few_examples(self) -> None:
        asked, shown = self.endpoint.examples, len(self.writer.shown)
        if shown < asked:
            log.warning(
                "model.endpoint.examples=%d: train has %d questions about contexts that are not asked about",
                asked,
                shown,
            )
        if not asked and self.endpoint.temperature == 0:
            log.warning(
                "model.endpoint.temperature=0, model.endpoint.examples=0: every seed asks the same, so that seeds will "
                "not show how much the score varies; choose e.g. model.endpoint.temperature=0.7"
            )
