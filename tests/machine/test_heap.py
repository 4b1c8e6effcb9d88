"""Freed memory stays in the process: the kernel counts the pages that it must give anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# Each turn fills and frees three blocks of the size that a step of training needs: 60 MB, some 15,000 pages.
TURNS = """
import contextlib, json, resource, sys
from mlqa.machine.heap import keep_freed_memory
def count_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        for megabytes in (40, 3, 17):
            b'x' * (megabytes << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
count_pages()
with keep_freed_memory() if "keep" in sys.argv else contextlib.nullcontext():
    count_pages()
    within = count_pages()
print(json.dumps([within, count_pages()]))
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other allocators")


def count_pages(*arguments: str, **variables: str) -> tuple[int, int]:
    """Return the pages of five turns in the block, and of five after it."""
    command = [sys.executable, "-c", TURNS, *arguments]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    within, after = json.loads(done.stdout)
    return within, after


def test_a_turn_finds_the_memory_of_the_turn_before() -> None:
    returned, _ = count_pages()
    within, after = count_pages("keep")
    assert returned > 10_000
    assert within < returned / 100
    assert after > 10_000  # given back at the end: what is tried next must not start with a full machine


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"])
def test_what_the_user_has_chosen_stays(name: str) -> None:
    within, _ = count_pages("keep", **{name: "131072"})
    assert within > 10_000
