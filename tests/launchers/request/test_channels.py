"""Channels: a config key, data in S3 as it is, a file system, and the input mode of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from hydra_sagemaker_launcher.aws.data_files import LocalFiles, select_data_files
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.channels import FileSystem, find_channel_problems, iter_data_sources
from hydra_sagemaker_launcher.request.container_paths import build_path_overrides
from hydra_sagemaker_launcher.request.plan import make_plan
from hydra_sagemaker_launcher.request.training_job import build_trial_request

VPC = {"subnets": ["subnet-0123456789abcdef0"], "security_group_ids": ["sg-0123456789abcdef0"]}
EFS = {"file_system": "fs-0123456789abcdef0", "type": "EFS", "path": "/data"}


def build_inputs(config: dict[str, Any], **options: Any) -> dict[str, dict[str, Any]]:
    composed = OmegaConf.create({**config, "hydra": {"overrides": {"task": []}}})
    member = Member(0, [], composed, Path("0"), Hardware("ml.g5.xlarge", usd_per_hour=1.0))
    conf = SageMakerLauncherConf(**options)
    (planned,) = make_plan([member], conf, "us-east-1", None)
    request = build_trial_request(planned, conf, Path("/sweep"), "us-east-1")
    return {channel["ChannelName"]: channel for channel in request["InputDataConfig"]}


def test_data_in_s3_is_taken_as_it_is() -> None:
    inputs = build_inputs(
        {"data": {"train": "s3://mine/train.json"}}, channels={"train": "data.train", "extra": "s3://other/prefix/"}
    )
    assert inputs["train"]["DataSource"]["S3DataSource"]["S3Uri"] == "s3://mine/train.json"
    assert inputs["extra"]["DataSource"]["S3DataSource"]["S3Uri"] == "s3://other/prefix/"


def test_each_channel_may_have_its_own_mode() -> None:
    channels: dict[str, Any] = {
        "train": {"s3": "s3://mine/a/", "mode": "FastFile"},
        "rest": {"key": "rest", "mode": "Pipe"},
        "small": "s3://mine/b/",
    }
    inputs = build_inputs({"rest": "s3://mine/c/"}, channels=channels)
    modes = {name: channel["InputMode"] for name, channel in inputs.items()}
    assert modes == {"code": "File", "member": "File", "train": "FastFile", "rest": "Pipe", "small": "File"}
    streamed = build_inputs(
        {"rest": "s3://mine/c/"}, channels={"rest": "rest", **EFS_CHANNEL}, input_mode="FastFile", **VPC
    )
    assert [streamed[name]["InputMode"] for name in ("rest", "disk", "code")] == ["FastFile", "File", "File"]


EFS_CHANNEL = {"disk": EFS}


@pytest.mark.parametrize("kind", ["EFS", "FSxLustre"])
def test_a_file_system_is_mounted(kind: str) -> None:
    entry = {**EFS, "type": kind, "access": "rw"}
    source = build_inputs({}, channels={"disk": entry}, **VPC)["disk"]["DataSource"]
    assert source == {
        "FileSystemDataSource": {
            "FileSystemId": "fs-0123456789abcdef0",
            "FileSystemType": kind,
            "DirectoryPath": "/data",
            "FileSystemAccessMode": "rw",
        }
    }


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (3, "=3: give the name of a config key, an s3:// address, or a mapping"),
        ({"kye": "a"}, ".kye: there is no such field; choose from key, s3, file_system"),
        ({"mode": "File"}, ": names no data; give key, s3 or file_system"),
        ({**EFS, "s3": "s3://mine/a"}, ": names data in S3 and in a file system"),
        ({"s3": "/data"}, ".s3=/data: give an address like s3://bucket/folder/"),
        ({"key": "a", "mode": "Fast"}, ".mode=Fast: choose File, FastFile, Pipe"),
        ({"key": "a", "path": "/a"}, ".type, path: belong to file_system"),
        ({**EFS, "file_system": "efs-1"}, ".file_system=efs-1: give an id like fs-0123456789abcdef0"),
        ({**EFS, "type": "NFS"}, ".type=NFS: choose EFS or FSxLustre"),
        ({**EFS, "path": "data"}, ".path=data: give the directory from / on"),
        ({**EFS, "access": "w"}, ".access=w: choose ro or rw"),
        ({**EFS, "mode": "Pipe"}, ".mode=Pipe: a file system is mounted; remove mode"),
    ],
)
def test_an_impossible_channel_is_named(entry: Any, said: str) -> None:
    (problem,) = find_channel_problems({"disk": entry}, has_vpc=True)
    assert problem.startswith(f"hydra.launcher.channels.disk{said}")


def test_a_file_system_needs_a_vpc() -> None:
    with pytest.raises(LaunchError) as refused:
        build_inputs({}, channels={"disk": EFS})
    assert refused.value.problems == [
        "hydra.launcher.channels.disk: a file system is only reached from its VPC; set hydra.launcher.subnets and "
        "security_group_ids"
    ]


def test_a_key_may_go_with_a_source_of_the_channel() -> None:
    config = OmegaConf.create({"data": None, "hub": "org/name"})
    channels = {"disk": {**EFS, "key": "data"}, "hub": "hub"}
    assert dict(iter_data_sources(config, channels)) == {"disk": FileSystem("fs-0123456789abcdef0", "EFS", "/data")}


def make_sets(folder: Path) -> DictConfig:
    """A config in which a list, a mapping and a single key name files, two of which have the same name."""
    for name in ("a/train.json", "b/train.json", "c.json", "dev.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    files = [str(folder / "a" / "train.json"), str(folder / "b" / "train.json")]
    sets = {
        "own": {"train_file": str(folder / "c.json"), "weight": 0.5, "note": "it's {a}"},
        "both": {"train_file": files},
        "hub": {"train_file": None, "path": "org/name"},
    }
    return OmegaConf.create({"train": files, "dev": str(folder / "dev.json"), "sets": sets})


def test_a_list_of_files_and_every_set_of_a_mapping_travel(tmp_path: Path) -> None:
    config = make_sets(tmp_path)
    channels = {"train": "train", "dev": "dev", "sets": "sets.*.train_file", "none": "nothing.*.file"}
    a, b, c = (tmp_path / name for name in ("a/train.json", "b/train.json", "c.json"))
    assert dict(iter_data_sources(config, channels)) == {
        "train": LocalFiles((a, b)),
        "dev": tmp_path / "dev.json",
        "sets": LocalFiles((c, a, b)),
    }
    assert LocalFiles((c, a, b)).name_files() == {c: "c.json", a: "1-train.json", b: "2-train.json"}
    files, left_out = select_data_files(LocalFiles((c, a, b)))
    assert (files, left_out) == ({"c.json": c, "1-train.json": a, "2-train.json": b}, [])


def test_the_container_reads_the_copies_at_the_same_keys(tmp_path: Path) -> None:
    """Hydra's own parser reads the overrides back: only the paths differ, whatever else a mapping holds."""
    config = make_sets(tmp_path)
    paths = {
        "train": {"train[0]": "/in/0-train.json", "train[1]": "/in/1-train.json"},
        "dev": {"dev": "${oc.env:SM_CHANNEL_DEV}/dev.json"},
        "sets.*.train_file": {"sets.own.train_file": "/in/c.json", "sets.both.train_file[1]": "/in/b.json"},
    }
    parsed = OverridesParser.create().parse_overrides(build_path_overrides(config, paths))
    assert {override.key_or_group: override.value() for override in parsed} == {
        "train": ["/in/0-train.json", "/in/1-train.json"],
        "dev": "${oc.env:SM_CHANNEL_DEV}/dev.json",
        "sets": {
            "own": {"train_file": "/in/c.json", "weight": 0.5, "note": "it's {a}"},
            "both": {"train_file": [str(tmp_path / "a" / "train.json"), "/in/b.json"]},
            "hub": {"train_file": None, "path": "org/name"},
        },
    }


def test_several_files_that_cannot_travel_are_named(tmp_path: Path) -> None:
    config = make_sets(tmp_path)
    config.sets.own.train_file = [str(tmp_path / "lost.json")]
    with pytest.raises(LaunchError) as refused:
        build_inputs(OmegaConf.to_container(config), channels={"sets": {"key": "sets.*.train_file", "mode": "Pipe"}})
    assert refused.value.problems == [
        f"sets.*.train_file={tmp_path}/lost.json: there is no such file or folder",
        "sets.*.train_file: names several files, and a pipe is one; set mode: File for hydra.launcher.channels.sets",
    ]
    config.sets.own.train_file = [str(tmp_path)]
    with pytest.raises(LaunchError, match="is a folder among several files; give the files in it"):
        build_inputs(OmegaConf.to_container(config), channels={"sets": "sets.*.train_file"})
    config.train = [str(tmp_path / "c.json"), "s3://lake/b.json"]
    with pytest.raises(LaunchError, match="an s3:// address is one of several files; put them under one s3:// prefix"):
        build_inputs(OmegaConf.to_container(config), channels={"train": "train"})
