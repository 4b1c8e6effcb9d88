"""Render the Jinja templates of a package, and say what a page may do."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render_template(package: str, name: str, escape: Callable[[Any], str] | None = None, **values: Any) -> str:
    """Render a template with autoescaping. A value that the template names and that is not given is an error.

    Args:
        package: Package with the folder `templates`, e.g. "mlqa.report".
        name: File name of the template.
        escape: Escapes a value for the document. None means HTML.
        **values: What the template shows.

    Returns:
        The document as text, to be written as UTF-8.
    """
    return _make_environment(package, escape).get_template(name).render(**values)


@cache
def _make_environment(package: str, escape: Callable[[Any], str] | None) -> Environment:
    """Make what compiles the templates of a package, and keeps them compiled for the next page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:  # what a macro returns is escaped already
        return value if escape is None or isinstance(value, Markup) else Markup(escape(value))

    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )


def build_security_policy(script: str) -> str:
    """Return the Content-Security-Policy of a page that has one script of its own and fetches nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
