"""What is said of an endpoint's config before anything starts, and which of its settings make another run."""

from __future__ import annotations

import pytest

from mlqa.config.compose import compose_config
from mlqa.config.endpoint import find_key_variable, is_this_machine, read_key
from mlqa.config.identity import compute_config_hash, extract_configuration_settings
from mlqa.config.model_label import resolve_model_label
from mlqa.config.preflight import check_command_line
from mlqa.config.schema import EndpointConfig
from mlqa.errors import ConfigError

LOCAL = ["model=llm", "model.endpoint.base_url=http://127.0.0.1:8000/v1", "model.endpoint.name=a/b"]
REMOTE = ["model=llm", "model.endpoint.base_url=https://llm.example/v1", "model.endpoint.name=a/b"]


@pytest.fixture(autouse=True)
def _without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLQA_LLM_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def find_problems(*overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        compose_config(overrides)
    return raised.value.problems


def test_everything_wrong_is_said_at_once() -> None:
    problems = find_problems(
        "model=llm", "model.endpoint.base_url=ftp://x", "model.endpoint.name=m", "hardware=g5", "model.pretrained=a/b",
        "model.endpoint.budget_usd=1", "model.endpoint.examples=-1", "model.endpoint.parameters={Api-Key: x, seed: 1}",
        "model.endpoint.timeout_seconds=0",
    )  # fmt: skip
    beginnings = [
        "model.endpoint.timeout_seconds=0", "model.endpoint.examples=-1",
        "hardware.instance_type=ml.g5.xlarge: an endpoint",
        "model.pretrained=a/b: a model behind an endpoint", "model.endpoint.base_url=ftp://x: is not an address",
        "model.endpoint.parameters.Api-Key: no key belongs", "model.endpoint.parameters.seed: is set by mlqa",
        "model.endpoint.budget_usd=1: cannot be kept without prices",
    ]  # fmt: skip
    assert [one for one in beginnings if not any(line.startswith(one) for line in problems)] == []
    assert len(problems) == len(beginnings)


def test_what_has_no_value_is_said_as_for_every_setting() -> None:
    assert find_problems("model=llm") == [
        "model.endpoint.base_url: has no value; set model.endpoint.base_url=...",
        "model.endpoint.name: has no value; set model.endpoint.name=...",
    ]


@pytest.mark.parametrize(
    ("base_url", "message"),
    [
        ("https://user:sk-secret@x.example/v1", "holds more than an address"),
        ("https://x.example/v1?key=sk-secret", "holds more than an address"),
        ("http://127.0.0.1:8000/v1/chat/completions", "ends in a route"),
        ("http://127.0.0.1:99999/v1", "is not an address"),
        ("127.0.0.1:8000/v1", "is not an address of a web service"),
        ("https://llm.example/v1", "there is no key for it; export MLQA_LLM_API_KEY=<key>, or"),
        ("https://api.openai.com/v1", r"export MLQA_LLM_API_KEY=<key> (or OPENAI_API_KEY)"),
    ],
)
def test_a_wrong_address_or_a_missing_key(base_url: str, message: str) -> None:
    (problem,) = find_problems("model=llm", f"model.endpoint.base_url='{base_url}'", "model.endpoint.name=m")
    assert message in problem and "sk-secret" not in problem


def test_a_key_in_the_place_of_its_variable_is_not_repeated() -> None:
    (problem,) = find_problems(*LOCAL, "model.endpoint.key_variable=sk-abc-123")
    assert "not the name of an environment variable" in problem and "sk-abc" not in problem


def test_which_key_goes_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def endpoint(host: str, variable: str | None = None) -> EndpointConfig:
        return EndpointConfig(base_url=f"https://{host}/v1", name="m", key_variable=variable)

    monkeypatch.setenv("OPENAI_API_KEY", " sk-openai\n")
    monkeypatch.setenv("MISTRAL_API_KEY", "sk-mistral")
    assert read_key(endpoint("api.openai.com")) == "sk-openai"
    assert read_key(endpoint("api.openai.com.evil.example")) is None
    assert read_key(EndpointConfig(base_url="http://api.openai.com/v1", name="m")) is None
    assert read_key(endpoint("api.mistral.ai", "MISTRAL_API_KEY")) == "sk-mistral"
    assert find_key_variable(endpoint("api.openai.com", "OTHER")) is None
    monkeypatch.setenv("MLQA_LLM_API_KEY", "sk-any")
    assert read_key(endpoint("api.openai.com")) == read_key(endpoint("llm.example")) == "sk-any"


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("http://localhost:1/v1", True), ("http://127.8.0.1/v1", True), ("http://[::1]:8000/v1", True),
        ("http://10.0.0.1/v1", False), ("https://localhost.example/v1", False), ("http://[", False),
    ],
)  # fmt: skip
def test_what_this_machine_is(base_url: str, expected: bool) -> None:
    assert is_this_machine(base_url) is expected


def test_one_price_alone_is_refused_and_a_budget_needs_both() -> None:
    (problem,) = find_problems(*LOCAL, "model.endpoint.usd_per_million_input=1")
    assert problem.startswith("model.endpoint.usd_per_million_output=null")
    prices = ["model.endpoint.usd_per_million_input=1", "model.endpoint.usd_per_million_output=0"]
    assert compose_config([*LOCAL, *prices, "model.endpoint.budget_usd=0.5"])


def test_several_processes_would_each_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    (problem,) = find_problems(*LOCAL)
    assert "torchrun has started 2 processes" in problem


def test_how_it_is_asked_makes_no_other_run_and_what_is_asked_does() -> None:
    base = compute_config_hash(compose_config(LOCAL)[0])
    same = ["concurrency=9", "timeout_seconds=5", "max_retries=0", "key_variable=null"]
    same += ["{usd_per_million_input: 1, usd_per_million_output: 2, budget_usd: 3}"]
    for item in same:
        override = f"model.endpoint.{item}" if "{" not in item else f"model.endpoint={item}"
        assert compute_config_hash(compose_config([*LOCAL, override])[0]) == base, item
    for item in ("examples=0", "temperature=0.7", "max_tokens=5", "api=completions", "name=c", "send_seed=false"):
        assert compute_config_hash(compose_config([*LOCAL, f"model.endpoint.{item}"])[0]) != base, item
    settings = extract_configuration_settings(
        {"model": {"endpoint": {"concurrency": 4, "budget_usd": 1, "examples": 3}}}
    )
    assert settings == {"model.endpoint.examples": "3"}


def test_rows_are_called_by_what_the_endpoint_serves() -> None:
    for name, label in (("gpt-x", "gpt-x"), ("a/b", "a/b"), ("/models/of/mine", "of/mine")):
        config, choices = compose_config([*LOCAL, f"model.endpoint.name={name}"])
        assert resolve_model_label(config.model, choices) == label


def test_a_sweep_is_checked_before_it_starts() -> None:
    with pytest.raises(ConfigError, match="there is no key for it"):
        check_command_line(["-m", *REMOTE, "seed=1,2", "tracking=files"])
