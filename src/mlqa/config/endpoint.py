"""What must be right before an endpoint is asked: its address, its key, its price and the machine that asks."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from mlqa.config.schema import Config, EndpointConfig
from mlqa.environment import get_world_size

KEY = "MLQA_LLM_API_KEY"
OPENAI_KEY = "OPENAI_API_KEY"
OPENAI_HOST = "api.openai.com"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"api[_-]?key|authorization|secret|password|bearer", re.IGNORECASE)
# Fields of a request that settings already give. The others of `parameters` are the endpoint's own.
_OWN_FIELDS = ("model", "messages", "prompt", "stream", "n", "seed")
_NOT_FOR_ENDPOINTS = ("pretrained", "revision", "attn_implementation", "num_hidden_layers", "scratch")


def is_this_machine(base_url: str) -> bool:
    """Return whether an address is on this machine."""
    host = _get_host(base_url)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def find_key_variable(endpoint: EndpointConfig) -> str | None:
    """Return the name of the environment variable that holds the key of an endpoint, None if there is no key.

    A key for OpenAI is never sent to another host, nor unencrypted.
    """
    names = [endpoint.key_variable or KEY]
    is_openai = _get_host(endpoint.base_url) == OPENAI_HOST and endpoint.base_url.startswith("https:")
    if endpoint.key_variable is None and is_openai:
        names.append(OPENAI_KEY)
    return next((name for name in names if os.environ.get(name, "").strip()), None)


def read_key(endpoint: EndpointConfig) -> str | None:
    """Return the key of an endpoint from the environment, None if there is none."""
    name = find_key_variable(endpoint)
    return os.environ[name].strip() if name else None


def check_endpoint(config: Config) -> Iterator[str]:
    """Check the endpoint of a config, if it has one.

    Yields:
        One line per problem. None shows a key.
    """
    endpoint = config.model.endpoint
    if endpoint is None:
        return
    yield from _check_place(config)
    yield from _check_address(endpoint)
    if not endpoint.name.strip():
        yield "model.endpoint.name=: is empty; give the name by which the endpoint knows the model"
    yield from _check_parameters(endpoint)
    yield from _check_prices(endpoint)


def _check_place(config: Config) -> Iterator[str]:
    if config.hardware.instance_type is not None:
        yield (
            f"hardware.instance_type={config.hardware.instance_type}: an endpoint is asked from this machine, and a "
            "rented one would only wait for it; choose hardware=local"
        )
    if get_world_size() > 1:
        yield (
            f"model.endpoint: torchrun has started {get_world_size()} processes, and one is enough to ask; start "
            "python train.py, and set model.endpoint.concurrency"
        )
    if importlib.util.find_spec("httpx") is None:
        yield "model.endpoint: httpx is not installed; pip install 'mlqa[llm]'"
    if config.evaluation.sets:
        yield (
            f"evaluation.sets=[{','.join(config.evaluation.sets)}]: an endpoint is asked one data set a run; leave it "
            f"out, and sweep dataset={config.evaluation.sets[0]} with the endpoint"
        )
    model = config.model
    given = [name for name in _NOT_FOR_ENDPOINTS if getattr(model, name) is not None]
    for name in [*given, *(["trim_vocabulary"] if model.trim_vocabulary else [])]:
        value = "{...}" if name == "scratch" else str(getattr(model, name)).lower()
        yield (
            f"model.{name}={value}: a model behind an endpoint is not loaded here; leave it out, or leave out "
            "model.endpoint"
        )


def _check_address(endpoint: EndpointConfig) -> Iterator[str]:
    shown = f"model.endpoint.base_url={_hide_credentials(endpoint.base_url)}"
    example = "give e.g. http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(endpoint.base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        yield f"{shown}: is not an address; {example}"
        return
    if parts.username or parts.password or parts.query or parts.fragment:
        yield f"{shown}: holds more than an address, perhaps a key; {example}, and the key by ${KEY}"
        return
    if parts.scheme not in ("http", "https") or not host or port == 0:
        yield f"{shown}: is not an address of a web service; {example}"
        return
    for route in ("/chat/completions", "/completions"):
        if parts.path.rstrip("/").endswith(route):
            yield f"{shown}: ends in a route, which model.endpoint.api chooses; leave out {route}"
            return
    yield from _check_key(endpoint)


def _check_key(endpoint: EndpointConfig) -> Iterator[str]:
    name = endpoint.key_variable
    if name is not None and not _VARIABLE.fullmatch(name):
        yield (
            "model.endpoint.key_variable: is not the name of an environment variable; put the key into a variable and "
            f"give its name, e.g. {KEY}. If the value is a key, it now is in your shell's history: replace it"
        )
        return
    found = find_key_variable(endpoint)
    if found is None and name is not None:
        yield f"model.endpoint.key_variable={name}: the variable is not set; export {name}=<key>"
    elif found is None and endpoint.base_url.startswith("https:") and not is_this_machine(endpoint.base_url):
        also = f" (or {OPENAI_KEY})" if _get_host(endpoint.base_url) == OPENAI_HOST else ""
        yield (
            f"model.endpoint.base_url={endpoint.base_url}: there is no key for it; export {KEY}=<key>{also}, or "
            f"{KEY}=none if it needs none"
        )
    elif found is not None and any(letter.isspace() or not letter.isascii() for letter in read_key(endpoint) or ""):
        yield f"${found}: holds white space or letters that no key has; export it again"


def _check_parameters(endpoint: EndpointConfig) -> Iterator[str]:
    if endpoint.parameters is not None and not isinstance(endpoint.parameters, dict):
        yield f"model.endpoint.parameters={endpoint.parameters}: not a table of fields; give e.g. {{top_p: 0.9}}"
        return
    for name in endpoint.parameters or ():
        if _SECRET.search(str(name)):
            yield f"model.endpoint.parameters.{name}: no key belongs in a setting; export {KEY}=<key>"
        elif name in _OWN_FIELDS:
            yield f"model.endpoint.parameters.{name}: is set by mlqa; leave it out"


def _check_prices(endpoint: EndpointConfig) -> Iterator[str]:
    prices = {name: getattr(endpoint, f"usd_per_million_{name}") for name in ("input", "output")}
    unknown = [f"model.endpoint.usd_per_million_{name}" for name, price in prices.items() if price is None]
    if len(unknown) == 1:
        yield f"{unknown[0]}=null: has no value although the other price has one; give it, 0 for free"
    elif unknown and endpoint.budget_usd is not None:
        yield (
            f"model.endpoint.budget_usd={endpoint.budget_usd:g}: cannot be kept without prices; give "
            f"{' and '.join(unknown)}"
        )


def _get_host(base_url: str) -> str:
    try:
        return urlsplit(base_url).hostname or ""
    except ValueError:
        return ""


def _hide_credentials(base_url: str) -> str:
    """Return an address without what could be a key in it."""
    return re.sub(r"[?#].*", "?...", re.sub(r"//[^/]*@", "//...@", base_url))
