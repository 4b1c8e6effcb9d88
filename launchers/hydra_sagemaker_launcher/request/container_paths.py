"""The overrides that put the paths of the container into a member's config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.types import Override, Quote, QuotedString
from omegaconf import DictConfig, OmegaConf


def build_path_overrides(config: DictConfig, paths: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Build the overrides that put the paths of the container into a member's config.

    Hydra's grammar sets no item of a list, and no key that the app adds to a config after it is composed. So a list is
    replaced as a whole, and of a key with `*` the mapping in front of it is laid over what is there (`++`).

    Args:
        config: The config of the member.
        paths: {key of a channel: {key of a value: path in the container}}. The latter as `find_sources` gives them.

    Returns:
        One override per replaced key.
    """
    replaced: dict[str, Any] = {}
    for key, values in paths.items():
        root = key.partition(".*")[0]
        for place, path in values.items():
            if place == root:
                replaced[root] = path
                continue
            if root not in replaced:
                replaced[root] = OmegaConf.to_container(OmegaConf.select(config, root), enum_to_str=True)
            *parents, last = re.findall(r"[^.\[\]]+", place[len(root) :])
            node = replaced[root]
            for part in parents:
                node = node[int(part) if isinstance(node, list) else part]
            node[int(last) if isinstance(node, list) else last] = path
    return [
        f"{'++' if isinstance(value, dict) else ''}{key}={Override._get_value_element_as_str(_quote(value))}"
        for key, value in replaced.items()
    ]


def _quote(value: Any) -> Any:
    """Return a value with every text quoted, as Hydra's grammar needs it."""
    if isinstance(value, dict):
        return {key: _quote(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_quote(item) for item in value]
    return QuotedString(value, Quote.single) if isinstance(value, str) else value
