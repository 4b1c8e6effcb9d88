"""hardware.fallbacks: its names, and the rules of InstancePreferences as AWS documents them."""

from __future__ import annotations

import botocore.session
import pytest

from hydra_sagemaker_launcher.catalog import fallbacks
from hydra_sagemaker_launcher.catalog.fallbacks import (
    MAX_TYPES,
    PENDING_MINUTES,
    find_candidate_problems,
    is_chosen_by_sagemaker,
    list_candidates,
)
from hydra_sagemaker_launcher.catalog.hardware import Hardware, parse_hardware
from hydra_sagemaker_launcher.catalog.images import choose_image, find_image_problems
from hydra_sagemaker_launcher.errors import LaunchError

SHAPES = botocore.session.get_session().get_service_model("sagemaker")


def types(hardware: Hardware) -> list[tuple[str, int]]:
    return [(each.instance_type, each.instance_count) for each in list_candidates(hardware)]


def test_a_family_means_the_same_size_and_a_count_of_its_own_may_follow() -> None:
    hardware = Hardware("ml.g6e.12xlarge", 2, "torchrun", fallbacks=("g6", "ml.g5.48xlarge:1"), usd_per_hour=9.0)
    assert types(hardware) == [("ml.g6e.12xlarge", 2), ("ml.g6.12xlarge", 2), ("ml.g5.48xlarge", 1)]
    assert [each.usd_per_hour for each in list_candidates(hardware)] == [9.0, None, None]
    assert {each.fallbacks for each in list_candidates(hardware)} == {()}


def test_a_node_is_read() -> None:
    hardware = parse_hardware({"instance_type": "ml.g6e.xlarge", "fallbacks": ["g6", "g5"], "max_pending_minutes": 60})
    assert hardware == Hardware("ml.g6e.xlarge", fallbacks=("g6", "g5"), max_pending_minutes=60)
    with pytest.raises(LaunchError, match=r"^hardware.fallbacks=g6: give a list of names$"):
        parse_hardware({"instance_type": "ml.g6e.xlarge", "fallbacks": "g6"})


def test_the_bounds_are_the_apis() -> None:
    assert SHAPES.shape_for("InstancePreferenceList").metadata["max"] == MAX_TYPES
    limits = SHAPES.shape_for("MaxPendingTimeInSeconds").metadata
    assert (limits["min"], limits["max"]) == tuple(60 * minutes for minutes in PENDING_MINUTES)
    documentation = SHAPES.shape_for("ResourceConfig").members["InstancePreferences"].documentation
    assert "EnableManagedSpotTraining" in documentation  # exclusive of it


@pytest.mark.parametrize(
    ("hardware", "words"),
    [
        (Hardware("ml.g6.xlarge", fallbacks=("g9",)), ["hardware.fallbacks=g9", "ml.g9.xlarge", "ml.g5.xlarge"]),
        (Hardware("ml.g6.xlarge", fallbacks=("g7",)), ["hardware.fallbacks=g7", "ml.g7.xlarge", "ml.g7.2xlarge"]),
        (Hardware("ml.g6.xlarge", fallbacks=("g5:0",)), ["hardware.fallbacks=g5:0", "number of instances"]),
        (Hardware("ml.g6.xlarge", fallbacks=("g5", "ml.g6.xlarge")), ["ml.g6.xlarge is there 2 times"]),
        (Hardware("ml.g6.xlarge", fallbacks=("g5", "ml.g5.xlarge")), ["ml.g5.xlarge is there 2 times"]),
        (
            Hardware("ml.g6.xlarge", fallbacks=("g5", "g6e", "ml.g5.2xlarge", "ml.g6.2xlarge", "ml.g6e.2xlarge")),
            ["6 types", "takes 5", "remove 1"],
        ),
        (Hardware("ml.g6.xlarge", precision="bf16", fallbacks=("g4dn",)), ["ml.g4dn.xlarge", "bf16"]),
        (Hardware("ml.g6.xlarge", fallbacks=("g5:2",)), ["several instances need a distribution", "torchrun"]),
        (Hardware("ml.p4d.24xlarge", 2, "smdistributed", fallbacks=("p4de",)), ["smdistributed", "torchrun"]),
        (Hardware("ml.g6.xlarge", max_pending_minutes=29), ["max_pending_minutes=29", "30 to 40320"]),
        (Hardware("ml.g6.xlarge", max_pending_minutes=40321), ["max_pending_minutes=40321", "30 to 40320"]),
    ],
)
def test_what_cannot_be_is_one_line_with_a_way_out(hardware: Hardware, words: list[str]) -> None:
    (problem,) = find_candidate_problems(hardware)
    assert all(word in problem for word in words) and "\n" not in problem


@pytest.mark.parametrize(
    "hardware",
    [
        Hardware("ml.g6e.xlarge", precision="bf16", fallbacks=("g6", "g5"), max_pending_minutes=30),
        Hardware("ml.g6.xlarge", spot=True, fallbacks=("g5",), max_pending_minutes=40320),
        Hardware("ml.g5.12xlarge", 1, "torchrun", fallbacks=("ml.g5.48xlarge", "ml.g5.xlarge:4")),
    ],
)
def test_what_goes_together(hardware: Hardware) -> None:
    assert find_candidate_problems(hardware) + find_image_problems(hardware) == []


def test_sagemaker_chooses_on_demand_and_the_launcher_for_spot_or_with_an_older_botocore(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert is_chosen_by_sagemaker(Hardware("ml.g6.xlarge", fallbacks=("g5",)))
    assert not is_chosen_by_sagemaker(Hardware("ml.g6.xlarge", spot=True, fallbacks=("g5",)))
    assert not is_chosen_by_sagemaker(Hardware("ml.g6.xlarge"))
    monkeypatch.setattr(fallbacks, "has_preferences", lambda: False)
    assert not is_chosen_by_sagemaker(Hardware("ml.g6.xlarge", fallbacks=("g5",)))


def test_one_image_serves_all_types() -> None:
    volta = Hardware("ml.g5.2xlarge", fallbacks=("p3",))
    assert choose_image(volta, "us-east-1").release.name == "transformers-4.49"  # not the newest: V100 has none newer
    (problem,) = find_image_problems(Hardware("ml.g7.2xlarge", fallbacks=("p3",)))
    assert problem.startswith("hardware.fallbacks: no image serves all of ml.g7.2xlarge, ml.p3.2xlarge")
    (problem,) = find_image_problems(Hardware("ml.g5.2xlarge", image="transformers-5.3", fallbacks=("p3",)))
    assert "Volta" in problem and "ml.p3.2xlarge" in problem
