"""Test each type of decoder end to end on a tiny model, against plain transformers and against docs/models.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from exhaustive import keep_cases
from families import DECODERS, try_family
from transformers import CONFIG_MAPPING
from write_page import read_page

pytestmark = pytest.mark.slow
PAGE = read_page()


@pytest.mark.parametrize("model_type", keep_cases(["llama", "qwen3"], DECODERS))
def test_the_outcome_is_the_one_that_the_docs_promise(model_type: str, tmp_path: Path) -> None:
    if model_type not in CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {model_type}")
    assert try_family(model_type, tmp_path) == PAGE.get(model_type), "python tests/models/write_page.py writes the page"
