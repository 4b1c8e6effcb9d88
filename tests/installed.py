"""Packages that some tests need."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def require_installed(package: str) -> None:
    """Skip a module of tests if a package is not installed. Unlike pytest.importorskip, it does not load the package.

    Every process collects every module, and some packages take seconds to load.
    """
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)
