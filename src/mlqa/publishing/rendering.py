"""Render the pages of `templates`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any


@cache
def _load_environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("mlqa.publishing"), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a page of Markdown, without runs of empty lines.

    Args:
        template: The file's name in `templates`.
        values: The values that it shows.
    """
    lines: list[str] = []
    for line in _load_environment().get_template(template).render(values).splitlines():
        if line.strip() or (lines and lines[-1].strip()):
            lines.append(line.rstrip())
    return "\n".join(lines).strip() + "\n"
