"""What several tests of configs ask for."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, tzinfo

import pytest
from hydra.core import utils as hydra_utils

from mlqa.config import loader


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each look at the clock be a second later."""
    seconds = itertools.count()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            return cls(2026, 1, 1, tzinfo=tz) + timedelta(seconds=next(seconds))

    for module in (hydra_utils, loader):
        monkeypatch.setattr(module, "datetime", Clock)
