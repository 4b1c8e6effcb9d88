"""Write the request that asks a language model a question."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from mlqa.config.schema import EndpointApi, EndpointConfig
from mlqa.data.examples import Examples
from mlqa.data.language import Prompt, load_language
from mlqa.errors import DataError

log = logging.getLogger(__name__)

FALLBACK = "en"


@dataclass(frozen=True)
class PromptWriter:
    """Everything that the requests of a run share.

    Attributes:
        endpoint: The config of the endpoint.
        language: The language of the prompt, e.g. "tr".
        prompt: Its texts.
        shown: The examples.
        seed: The seed of the run.
        may_have_none: Whether the model may say that there is no answer.
    """

    endpoint: EndpointConfig
    language: str
    prompt: Prompt
    shown: Examples
    seed: int
    may_have_none: bool

    def build_request(self, question: str, context: str | None) -> dict[str, Any]:
        """Return the body of the request. It holds no key.

        Args:
            question: What is asked.
            context: None withholds it, and asks from memory without any example.
        """
        endpoint = self.endpoint
        body: dict[str, Any] = {"model": endpoint.name}
        from_memory = f"{self.prompt.from_memory}\n\n{self.prompt.question}: {question}"
        if endpoint.api is EndpointApi.chat:
            asked = [{"role": "user", "content": from_memory}]
            body["messages"] = asked if context is None else self._write_messages(question, context)
        else:
            text = f"{from_memory}\n{self.prompt.answer}:"
            body |= {"prompt": text if context is None else self._write_text(question, context), "stop": ["\n"]}
        body |= {"max_tokens": endpoint.max_tokens, "temperature": endpoint.temperature}
        if endpoint.send_seed:
            body["seed"] = self.seed
        body |= endpoint.parameters or {}
        return {name: value for name, value in body.items() if value is not None}

    def _write_messages(self, question: str, context: str) -> list[dict[str, str]]:
        """Return the examples as a conversation, then the question.

        The instruction opens the first message of the user, because the templates of some models refuse a system
        message.
        """
        messages: list[dict[str, str]] = []
        for row in range(len(self.shown)):
            asked = self._write_question(self.shown.questions[row], self.shown.get_context(row))
            messages += [
                {"role": "user", "content": asked},
                {"role": "assistant", "content": self._get_shown_answer(row)},
            ]
        messages.append({"role": "user", "content": self._write_question(question, context)})
        messages[0]["content"] = f"{self._instruction}\n\n{messages[0]['content']}"
        return messages

    def _write_text(self, question: str, context: str) -> str:
        parts = [self._instruction]
        for row in range(len(self.shown)):
            asked = self._write_question(self.shown.questions[row], self.shown.get_context(row))
            parts.append(f"{asked}\n{self.prompt.answer}: {self._get_shown_answer(row)}")
        parts.append(f"{self._write_question(question, context)}\n{self.prompt.answer}:")
        return "\n\n".join(parts)

    @property
    def _instruction(self) -> str:
        prompt = self.prompt
        return f"{prompt.instruction} {prompt.no_answer_rule}" if self.may_have_none else prompt.instruction

    def _write_question(self, question: str, context: str) -> str:
        return f"{self.prompt.context}: {context}\n{self.prompt.question}: {question}"

    def _get_shown_answer(self, row: int) -> str:
        answers = self.shown.answers[row]
        return answers[0].text if answers else self.prompt.no_answer


def choose_prompt(language: str, asked: str | None) -> tuple[str, Prompt]:
    """Return the language and the texts of the prompt, with one warning if they are not in the data set's language.

    Args:
        language: The data set's.
        asked: `model.endpoint.prompt_language`. None takes the data set's language, or English if it has no prompt.

    Raises:
        DataError: The language that was asked for has no prompt.
    """
    prompt = load_language(asked or language).prompt
    if prompt is not None:
        return asked or language, prompt
    if asked is not None:
        raise DataError(
            f"model.endpoint.prompt_language={asked}: there is no prompt in this language; leave it out, or add the "
            f"key prompt to data/languages/{asked}.yaml"
        )
    log.warning(
        "there is no prompt in %r, so the questions are asked in English; to ask in the language of the data, add the "
        "key prompt to data/languages/%s.yaml",
        language,
        language,
    )
    fallback = load_language(FALLBACK).prompt
    assert fallback is not None
    return FALLBACK, fallback
