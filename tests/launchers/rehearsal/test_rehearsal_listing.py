"""ListTrainingJobs: filters, order and pages, on a clock that stands still until it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rehearsal_client import Rehearsal

import sagemaker_rehearsal


@pytest.fixture(scope="module")
def listed(simulated: Rehearsal) -> Rehearsal:
    """Seven jobs, created a minute apart; the first two have ended since."""
    for number in range(7):
        simulated.create(f"list-{number}", StoppingCondition={"MaxRuntimeInSeconds": 3600})
        sagemaker_rehearsal.call(simulated.url, "clock", {"advance_seconds": 60})
    sagemaker_rehearsal.call(simulated.url, "clock", {"advance_seconds": 250})
    return simulated


def names(service: Rehearsal, **filters: Any) -> list[str]:
    answer = service.sagemaker.list_training_jobs(**{"MaxResults": 100, "NameContains": "list-", **filters})
    return [entry["TrainingJobName"].removeprefix("list-") for entry in answer["TrainingJobSummaries"]]


def test_the_newest_come_first_by_default(listed: Rehearsal) -> None:
    assert names(listed) == list("6543210")
    assert names(listed, SortOrder="Ascending") == list("0123456")
    assert names(listed, SortBy="Name", SortOrder="Ascending") == list("0123456")
    assert names(listed, SortBy="Status", SortOrder="Ascending") == list("0123456")  # Completed, InProgress


def test_filters(listed: Rehearsal) -> None:
    created = [listed.describe(f"list-{number}")["CreationTime"] for number in range(7)]
    assert names(listed, StatusEquals="Completed") == list("10")
    assert names(listed, StatusEquals="InProgress", NameContains="LIST-5") == ["5"]
    assert names(listed, CreationTimeAfter=created[4]) == list("65")
    assert names(listed, CreationTimeBefore=created[1]) == ["0"]
    ended = created[0] + timedelta(seconds=600)
    assert names(listed, LastModifiedTimeAfter=ended - timedelta(seconds=1)) == list("10")
    assert names(listed, LastModifiedTimeBefore=ended + timedelta(seconds=1), StatusEquals="Completed") == ["0"]


def test_pages_hold_every_job_once_though_new_ones_arrive(listed: Rehearsal) -> None:
    first = listed.sagemaker.list_training_jobs(MaxResults=3, NameContains="list-")
    listed.create("list-later", StoppingCondition={"MaxRuntimeInSeconds": 3600})
    found = [entry["TrainingJobName"] for entry in first["TrainingJobSummaries"]]
    token: str | None = first["NextToken"]
    while token:
        page = listed.sagemaker.list_training_jobs(MaxResults=3, NameContains="list-", NextToken=token)
        found += [entry["TrainingJobName"] for entry in page["TrainingJobSummaries"]]
        token = page.get("NextToken")
    assert found == [f"list-{number}" for number in (6, 5, 4, 3, 2, 1, 0)]


def test_a_page_is_ten_jobs_by_default(listed: Rehearsal) -> None:
    for number in range(11):
        listed.create(f"ten-{number}", StoppingCondition={"MaxRuntimeInSeconds": 3600})
    answer = listed.sagemaker.list_training_jobs(NameContains="ten-")
    assert len(answer["TrainingJobSummaries"]) == 10 and answer["NextToken"]


def test_a_token_that_is_none(listed: Rehearsal) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*token"):
        listed.sagemaker.list_training_jobs(NextToken="made up")
