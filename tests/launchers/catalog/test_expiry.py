"""What is past its end is warned of, with what to use instead."""

from __future__ import annotations

import datetime

import pytest

from hydra_sagemaker_launcher.catalog.expiry import list_expired
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.catalog.images import choose_image

TODAY = datetime.date(2026, 11, 28)


def expired(hardware: Hardware, today: datetime.date = TODAY) -> list[str]:
    return list_expired(hardware, choose_image(hardware, "us-east-1"), "us-east-1", today)


def test_the_original_experiment_is_warned_of_its_machines_and_of_its_image() -> None:
    machine, image = expired(Hardware("ml.p3.16xlarge", 2, "smdistributed"))
    assert machine.startswith("ml.p3.16xlarge: AWS asked its users to leave this family by 2025-12-20")
    assert image.startswith("image transformers-4.36 (torch 2.1.0): AWS has not patched it since 2024-10-04")
    assert "hardware.distribution=torchrun" in image


def test_nothing_newer_serves_a_v100() -> None:
    assert expired(Hardware("ml.p3.2xlarge"))[1].endswith("and no newer one serves ml.p3.2xlarge")


def test_patched_images_are_named_with_their_ends() -> None:
    (line,) = expired(Hardware("ml.g5.xlarge"))
    assert "not patched it since 2026-10-15" in line
    assert "transformers-5.13 until 2027-04-30" in line and "hardware.image=" in line
    for name in ("transformers-5.13", "pytorch-2.14"):
        assert expired(Hardware("ml.g5.xlarge", image=name)) == []


@pytest.mark.parametrize(("day", "lines"), [(datetime.date(2026, 10, 15), 0), (datetime.date(2026, 10, 16), 1)])
def test_the_last_day_still_counts(day: datetime.date, lines: int) -> None:
    assert len(expired(Hardware("ml.g6.xlarge"), day)) == lines


def test_a_fallback_is_warned_of_as_well() -> None:
    lines = expired(Hardware("ml.g5.2xlarge", fallbacks=("p3",)))
    assert [line.partition(":")[0] for line in lines] == ["ml.p3.2xlarge", "image transformers-4.49 (torch 2.5.1)"]


def test_cpus_get_an_image_that_is_patched_and_own_images_are_trusted() -> None:
    assert expired(Hardware("ml.m5.xlarge")) == []
    assert expired(Hardware("ml.g5.xlarge", image="123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1")) == []
