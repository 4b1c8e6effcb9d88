"""Render the Jinja templates of a package as HTML."""

from __future__ import annotations

from typing import Any


def render_template(package: str, name: str, **values: Any) -> str:
    """Render a template with autoescaping. A value that the template names and nobody gives is an error.

    Args:
        package: Package with the folder `templates`, e.g. "mlqa.report".
        name: File name of the template.
        **values: What the template shows.

    Returns:
        The document as text, to be written as UTF-8.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name).render(**values)
