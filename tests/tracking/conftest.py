"""W&B without an account: a clean environment and the stand-in server."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from wandb_server import KEY, WandbServer


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the settings and the key of the person who runs the tests."""
    for name in [name for name in os.environ if name.startswith(("WANDB_", "SAGEMAKER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))


@pytest.fixture
def server(no_account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbServer]:
    """Start a W&B server on loopback, with a key for it in the environment."""
    import wandb

    wandb.teardown()  # what a run of another test has left in W&B's own process
    with WandbServer() as running:
        monkeypatch.setenv("WANDB_BASE_URL", running.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        yield running
