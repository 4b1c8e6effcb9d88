"""Hardware against botocore's service model, sagemaker-core's GPU counts and AWS's documented limits."""

from __future__ import annotations

import enum
import json
from importlib import resources
from pathlib import Path

import botocore.session
import pytest
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.catalog.hardware import (
    Hardware,
    find_hardware_problems,
    list_assumptions,
    parse_hardware,
)
from hydra_sagemaker_launcher.catalog.instances import find_instance, load_instances
from hydra_sagemaker_launcher.errors import LaunchError

INSTANCES = load_instances()


@pytest.fixture(scope="module")
def offered() -> list[str]:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return list(model.shape_for("TrainingInstanceType").enum)


def test_every_instance_of_the_table_is_one_that_sagemaker_trains_on(offered):
    assert set(INSTANCES) <= set(offered)


def test_the_families_of_the_table_are_complete(offered):
    families = {name.rpartition(".")[0] for name in INSTANCES}
    assert {name for name in offered if name.rpartition(".")[0] in families} == set(INSTANCES)


@pytest.mark.slow
def test_gpu_counts_are_those_of_sagemaker_core():
    file = resources.files("sagemaker.core") / "image_uri_config" / "instance_gpu_info.json"
    counts = {name: gpus["Count"] for region in json.loads(file.read_text()).values() for name, gpus in region.items()}
    common = set(counts) & set(INSTANCES)
    assert len(common) > 15
    assert {name: INSTANCES[name].gpus for name in common} == {name: counts[name] for name in common}


def test_gpu_memory_is_that_of_sagemaker_core():
    """Its g5.48xlarge has less than eight times g5.12xlarge's share, and is left out."""
    file = resources.files("sagemaker.core") / "image_uri_config" / "instance_gpu_info.json"
    told = {name: gpus for region in json.loads(file.read_text()).values() for name, gpus in region.items()}
    common = (set(told) & set(INSTANCES)) - {"ml.g5.48xlarge"}
    memory = {name: told[name]["TotalGpuMemoryInMiB"] / told[name]["Count"] / 1024 for name in common}
    assert {name: INSTANCES[name].gpu_memory_gb for name in common} == memory


def test_p3_alone_is_said_to_be_withdrawn():
    assert {name for name, has in INSTANCES.items() if has.end_of_life} == {
        "ml.p3.2xlarge", "ml.p3.8xlarge", "ml.p3.16xlarge",
    }  # fmt: skip


def test_every_offered_type_without_accelerators_is_known_as_such(offered):
    unknown = {name.split(".")[1] for name in offered if find_instance(name) is None}
    assert unknown == {"trn1", "trn1n", "trn2", "p6e-gb200"}
    assert all(find_instance(name).gpus == 0 for name in offered if name[3] in "mcrt" and name[3:6] != "trn")
    assert find_instance("ml.r5d.xlarge").own_disks
    assert not find_instance("ml.m5.xlarge").own_disks


@pytest.mark.parametrize("node", [None, {}, {"instance_type": None, "usd_per_hour": 0}, {"instance_type": "???"}])
def test_no_instance_type_means_this_machine(node):
    assert parse_hardware(None if node is None else OmegaConf.create(node)) is None


class Distribution(enum.Enum):
    torchrun = 1


@pytest.mark.parametrize("distribution", ["torchrun", Distribution.torchrun])
def test_a_node_is_read_with_its_defaults_and_foreign_keys_are_ignored(distribution):
    node = OmegaConf.create(
        {"instance_type": "ml.g5.12xlarge", "distribution": distribution, "max_hours": 2, "mine": 1}
    )
    hardware = parse_hardware(node)
    assert hardware == Hardware("ml.g5.12xlarge", distribution="torchrun", max_hours=2.0)
    assert isinstance(hardware.max_hours, float)
    assert parse_hardware({"instance_type": "ml.g5.xlarge", "precision": 16}).precision == "16"


def test_wrong_types_are_named_all_at_once():
    node = {
        "instance_type": "ml.g5.xlarge",
        "instance_count": "two",
        "spot": "yes",
        "max_hours": None,
        "volume_gb": True,
    }
    with pytest.raises(LaunchError) as raised:
        parse_hardware(node)
    assert raised.value.problems == [
        "hardware.instance_count=two: give a whole number",
        "hardware.spot=yes: give true or false",
        "hardware.volume_gb=true: give a whole number",
        "hardware.max_hours=null: give a number",
    ]


GOOD = [
    Hardware("ml.p3.2xlarge", precision="fp16"),
    Hardware("ml.g4dn.xlarge", precision="fp16", spot=True),
    Hardware("ml.p3.16xlarge", 2, "smdistributed", precision="fp16"),
    Hardware("ml.p4d.24xlarge", 1, "smdistributed", precision="bf16"),
    Hardware("ml.g5.12xlarge", 2, "torchrun", precision="bf16", max_hours=672, volume_gb=16384, usd_per_hour=0.0),
    Hardware("ml.m5.large", 2, "torchrun", precision="bf16", max_hours=1 / 3600, volume_gb=1),
    Hardware("ml.trn1.2xlarge"),
]


@pytest.mark.parametrize("hardware", GOOD)
def test_what_goes_together(hardware):
    assert find_hardware_problems(hardware) == []


BAD = [
    (Hardware("ml.p33.2xlarge"), "hardware.instance_type=ml.p33.2xlarge", "ml.p3.2xlarge"),
    (Hardware("p3.2xlarge"), "hardware.instance_type=p3.2xlarge", "ml.p3.2xlarge"),
    (Hardware(""), "hardware.instance_type=", "ml.g5.xlarge"),
    (Hardware("ml.g5.xlarge", distribution="smdistributed"), "hardware.distribution=smdistributed", "ml.p4d.24xlarge"),
    (Hardware("ml.p3.8xlarge", distribution="smdistributed"), "hardware.distribution=smdistributed", "ml.p3.16xlarge"),
    (Hardware("ml.p5.48xlarge", distribution="smdistributed"), "hardware.distribution=smdistributed", "torchrun"),
    (Hardware("ml.trn1.2xlarge", distribution="smdistributed"), "hardware.distribution=smdistributed", "torchrun"),
    (Hardware("ml.g5.xlarge", instance_count=2), "hardware.instance_count=2", "torchrun"),
    (Hardware("ml.g5.xlarge", instance_count=0), "hardware.instance_count=0", "1 or more"),
    (Hardware("ml.g5.xlarge", distribution="mpi"), "hardware.distribution=mpi", "none, torchrun, smdistributed"),
    (Hardware("ml.p3.2xlarge", precision="bf16"), "hardware.precision=bf16", "fp16"),
    (Hardware("ml.g4dn.xlarge", precision="bf16"), "hardware.precision=bf16", "ml.g5.xlarge"),
    (Hardware("ml.c5.xlarge", precision="fp16"), "hardware.precision=fp16", "fp32"),
    (Hardware("ml.g5.xlarge", max_hours=0), "hardware.max_hours=0", "672"),
    (Hardware("ml.g5.xlarge", max_hours=672.001), "hardware.max_hours=672.001", "672"),
    (Hardware("ml.g5.xlarge", max_hours=float("nan")), "hardware.max_hours=nan", "672"),
    (Hardware("ml.g5.xlarge", volume_gb=0), "hardware.volume_gb=0", "16384"),
    (Hardware("ml.g5.xlarge", volume_gb=16385), "hardware.volume_gb=16385", "16384"),
    (Hardware("ml.g5.xlarge", usd_per_hour=-1.0), "hardware.usd_per_hour=-1", "0 or more"),
    (Hardware("ml.g5.xlarge", usd_per_hour=float("inf")), "hardware.usd_per_hour=inf", "0 or more"),
]


@pytest.mark.parametrize(("hardware", "key", "way_out"), BAD)
def test_what_cannot_be_is_one_line_with_a_way_out(hardware, key, way_out):
    (problem,) = find_hardware_problems(hardware)
    assert problem.startswith(f"{key}: ") and way_out in problem and "\n" not in problem


def test_all_problems_come_at_once():
    assert (
        len(find_hardware_problems(Hardware("ml.p3.2xlarge", 2, "none", precision="bf16", volume_gb=0, max_hours=0)))
        == 4
    )


def test_what_is_assumed_is_said():
    assert list_assumptions(Hardware("ml.p3.2xlarge", volume_gb=200)) == []
    assert "own disks" in list_assumptions(Hardware("ml.g5.xlarge", volume_gb=200))[0]
    assert "does not know this type" in list_assumptions(Hardware("ml.trn1.2xlarge"))[0]


def test_the_nvme_families_are_those_the_api_documents():
    documentation = (
        botocore.session.get_session()
        .get_service_model("sagemaker")
        .shape_for("ResourceConfig")
        .members["VolumeSizeInGB"]
        .documentation
    )
    assert all(f"ml.{family}" in documentation for family in ("p4d", "g4dn", "g5", "c5", "p2"))
    assert all(INSTANCES[name].own_disks for name in ("ml.p4d.24xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge"))
    assert not find_instance("ml.c5.xlarge").own_disks and not find_instance("ml.p2.xlarge").own_disks


def test_the_hardware_options_of_the_repository_are_sound():
    files = sorted((Path(__file__).parents[3] / "conf" / "hardware").glob("*.yaml"))
    read = {file.stem: parse_hardware(OmegaConf.load(file)) for file in files}
    assert read.pop("local") is None
    assert len(read) >= 6
    assert {name: find_hardware_problems(hardware) for name, hardware in read.items()} == {name: [] for name in read}
