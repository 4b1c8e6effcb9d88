"""Replies come from outside: what is not as the API has it is refused or left out, whatever its type."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from mlqa.config.schema import EndpointApi
from mlqa.llm.cache import Reply
from mlqa.llm.replies import parse_error_text, parse_model_names, parse_reply, parse_retry_after

CHAT = {
    "model": "m",
    "choices": [{"message": {"content": "Ankara"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2},
}


def parse(**changed: Any) -> Reply:
    return parse_reply(json.dumps({**CHAT, **changed}).encode(), EndpointApi.chat, 0.25)


def test_a_reply_is_read() -> None:
    assert parse() == Reply("Ankara", "stop", 9, 2, 0.25, "m")
    parts = [{"message": {"content": [{"text": "An"}, {"type": "image"}, {"text": "kara"}]}}]
    assert parse(choices=parts, usage=None, model=7) == Reply("Ankara", None, None, None, 0.25, None)
    assert parse(usage={"prompt_tokens": -1, "completion_tokens": True}).output_tokens is None
    assert parse(choices=[{"message": {"content": None}}]).text == ""
    completion = json.dumps({"choices": [{"text": "1923"}]}).encode()
    assert parse_reply(completion, EndpointApi.completions, 1).text == "1923"


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": 5}}]}']
)
def test_what_is_no_reply_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a reply"):
        parse_reply(content, EndpointApi.chat, 0.0)


def test_words_about_an_error() -> None:
    assert parse_error_text(b'{"error": {"message": "too long"}}') == "too long"
    assert parse_error_text(b'{"error": "down"}') == "down"
    assert parse_error_text('{"detail": "çok"}'.encode()) == '{"detail": "çok"}'
    assert parse_error_text(b"Bad Gateway") is None


def test_names_of_models() -> None:
    assert parse_model_names(b'{"data": [{"id": "a"}, {"id": "b"}]}') == ["a", "b"]
    assert parse_model_names(b'{"data": 1}') == parse_model_names(b"none") == parse_model_names(b"[]") == []


@pytest.mark.parametrize("value", ["", "soon", "0", "-3", "nan", "inf", "Sun, 29 Nov 2020 10:00:00 GMT"])
def test_no_wait_is_asked_for(value: str) -> None:
    assert parse_retry_after(value) is None


def test_a_wait_in_seconds_or_to_a_date() -> None:
    assert parse_retry_after("1.5") == 1.5
    seconds = parse_retry_after(formatdate(time.time() + 90, usegmt=True))
    assert seconds == pytest.approx(90, abs=5)
