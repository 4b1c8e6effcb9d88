"""Texts in LaTeX."""

from __future__ import annotations

import re

_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "±": r"$\pm$", "−": "$-$", "…": r"\dots{}",
}  # fmt: skip
_TO_ESCAPE = re.compile("|".join(map(re.escape, _ESCAPES)))


def escape_latex(text: str) -> str:
    """Escape a text so that LaTeX shows it unchanged."""
    return _TO_ESCAPE.sub(lambda match: _ESCAPES[match.group()], " ".join(text.split()))
