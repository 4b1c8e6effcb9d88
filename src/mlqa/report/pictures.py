"""The drawn pictures of a report's page without the rest, for a service that shows HTML."""

from __future__ import annotations

import re

_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
_FIGURE = re.compile(r"<figure\b.*?</figure>", re.DOTALL)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def collect_pictures(page: str) -> str:
    """Return a document with the pictures of a report's page in their order.

    Args:
        page: Content of the report's index.html.

    Returns:
        HTML that has no script and fetches nothing. It holds no question and no answer. "" if the page has no picture.
    """
    figures = _FIGURE.findall(page)
    if not figures:
        return ""
    styles = "\n".join(_STYLE.findall(page))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n<title>Pictures</title>\n{styles}\n</head>\n'
        f'<body>\n<div class="charts">\n{"".join(figures)}\n</div>\n</body>\n</html>\n'
    )
