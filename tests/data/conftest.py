"""What several tests of data ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlqa.data.examples import Examples
from mlqa.data.readers import read_file


@pytest.fixture(scope="session")
def tquad(assets: Path) -> tuple[Examples, Examples]:
    """TQuAD's train and dev split."""
    train, dev = (read_file(assets / "data" / "tquad" / f"{split}-v0.1.json") for split in ("train", "dev"))
    return train, dev
