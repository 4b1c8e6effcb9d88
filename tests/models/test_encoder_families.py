"""Test each type of encoder end to end on a tiny model, against plain transformers and against docs/models.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from exhaustive import keep_cases
from families import ENCODERS, FAMILIES, try_family
from transformers import CONFIG_MAPPING
from write_page import read_page

pytestmark = pytest.mark.slow
PAGE = read_page()
USED = ["bert", "convbert", "deberta-v2", "electra", "modernbert", "xlm-roberta"]  # by the options of conf/model


@pytest.mark.parametrize("model_type", keep_cases(USED, ENCODERS))
def test_the_outcome_is_the_one_that_the_docs_promise(model_type: str, tmp_path: Path) -> None:
    if model_type not in CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {model_type}")
    assert try_family(model_type, tmp_path) == PAGE.get(model_type), "python tests/models/write_page.py writes the page"


def test_the_page_names_what_is_tested_and_nothing_else() -> None:
    assert set(PAGE) == set(FAMILIES)
