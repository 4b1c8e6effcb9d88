"""Freed memory stays in the process: the kernel counts the pages that it must give anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# Each turn fills and frees three blocks of the size that a step of training needs: 60 MB, some 15,000 pages.
TURNS = """
import json, resource, sys
from mlqa.machine.heap import keep_freed_memory
kept = keep_freed_memory() if "keep" in sys.argv else None
def take():
    for megabytes in (40, 3, 17):
        b'x' * (megabytes << 20)
take()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    take()
print(json.dumps([kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before]))
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other allocators")


def count_pages(*arguments: str, **variables: str) -> tuple[bool | None, int]:
    command = [sys.executable, "-c", TURNS, *arguments]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    kept, pages = json.loads(done.stdout)
    return kept, pages


def test_a_turn_finds_the_memory_of_the_turn_before() -> None:
    _, returned = count_pages()
    kept, pages = count_pages("keep")
    assert kept
    assert returned > 10_000
    assert pages < returned / 100


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"])
def test_what_the_user_has_chosen_stays(name: str) -> None:
    kept, pages = count_pages("keep", **{name: "131072"})
    assert kept is False
    assert pages > 10_000
