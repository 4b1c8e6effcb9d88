"""One service for the tests of this folder; their jobs have names of their own, and so have the faults.

It may be idle for long: files of other folders may come between those of this one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rehearsal_client import Rehearsal

import sagemaker_rehearsal


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("rehearsal")
    yield Rehearsal(state, idle_minutes=60, stop_seconds=1.5, checkpoint_seconds=0.3, processes_per_host=1)
    sagemaker_rehearsal.stop(state)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("simulated")
    yield Rehearsal(state, simulate=600, quotas={"ml.p3.16xlarge": 4})
    sagemaker_rehearsal.stop(state)
