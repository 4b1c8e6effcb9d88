"""The channels of a job: where the data of each comes from, and how it reaches the container."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_sagemaker_launcher.aws.data_files import LocalFiles
from hydra_sagemaker_launcher.errors import LaunchError

MODES = ("File", "FastFile", "Pipe")
OWN_CHANNELS = ("code", "member")
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/.*)?")
_FILE_SYSTEM = re.compile(r"fs-[0-9a-f]{8,}")
_TYPES = ("EFS", "FSxLustre")


@dataclass(frozen=True)
class FileSystem:
    """A directory of an EFS or FSx for Lustre file system, which the job mounts.

    Attributes:
        id: The id of the file system, e.g. fs-0123456789abcdef0.
        type: EFS or FSxLustre.
        path: The directory. For FSx for Lustre it begins with the mount name.
        access: ro, or rw.
    """

    id: str
    type: str
    path: str
    access: str = "ro"

    def __str__(self) -> str:
        """Return it as one text."""
        return f"{self.type} {self.id}:{self.path} ({self.access})"


# A local file or folder, several files, an S3 URI, or a directory of a file system.
DataSource = Path | LocalFiles | str | FileSystem


@dataclass(frozen=True)
class Channel:
    """One entry of `hydra.launcher.channels`: the name of a config key, an S3 URI, or a mapping with these fields.

    Attributes:
        key: The config key that names the data, and whose value becomes the path in the container. The value may be a
            list of files, and a `*` in the key stands for every key of a mapping.
        s3: The data in S3, if it is not what the key names.
        file_system: The id of a file system, with type, path and access.
        type: EFS or FSxLustre.
        path: A directory of the file system.
        access: ro or rw.
        mode: File, FastFile or Pipe. None: `hydra.launcher.input_mode`.
    """

    key: str | None = None
    s3: str | None = None
    file_system: str | None = None
    type: str | None = None
    path: str | None = None
    access: str = "ro"
    mode: str | None = None

    @property
    def source(self) -> str | FileSystem | None:
        """The data that the channel itself names. None: the config key names it."""
        if self.file_system is not None:
            return FileSystem(self.file_system, str(self.type), str(self.path), self.access)
        return self.s3

    def get_mode(self, input_mode: str) -> str:
        """Return the input mode, `input_mode` by default. A file system is mounted, whatever the default is."""
        return self.mode or ("File" if self.file_system is not None else input_mode)


def parse_channel(value: Any) -> Channel:
    """Parse one entry of `hydra.launcher.channels`, which `find_channel_problems` has accepted."""
    if isinstance(value, str):
        return Channel(s3=value) if value.startswith("s3://") else Channel(key=value)
    return Channel(**value)


def find_channel_problems(channels: Mapping[str, Any], has_vpc: bool) -> Iterator[str]:
    """Yield a line for everything that is wrong with the channels, whatever a member's config holds.

    Args:
        channels: `hydra.launcher.channels`.
        has_vpc: Whether the jobs run in a VPC, without which no file system can be mounted.
    """
    taken = {name.upper(): name for name in OWN_CHANNELS}  # the job finds a channel by SM_CHANNEL_<NAME>
    for name, value in channels.items():
        option = f"hydra.launcher.channels.{name}"
        if not _NAME.fullmatch(name):
            yield f"{option}: choose another name, of letters, digits and _"
        elif (other := taken.setdefault(name.upper(), name)) != name or name in OWN_CHANNELS:
            yield f"{option}: its SM_CHANNEL_{name.upper()} would be that of the channel {other}; choose another name"
        problem = _find_problem(value, has_vpc)
        if problem is not None:
            yield f"{option}{problem}"


def iter_data_sources(config: DictConfig, channels: Mapping[str, Any]) -> Iterator[tuple[str, DataSource]]:
    """Yield channel and source of the data that the channels or the keys of a config name.

    The value of a key that is neither a path nor in S3 (the name of a hub, null) stays as it is.

    Raises:
        LaunchError: An interpolation of a key cannot be resolved, or one of several files is in S3.
    """
    for name, entry in channels.items():
        channel = parse_channel(entry)
        if channel.source is not None:
            yield name, channel.source
            continue
        found = find_sources(config, name, str(channel.key))
        if len(found) == 1 and str(channel.key) in found:
            yield name, found[str(channel.key)]
        elif found:
            paths = [source for source in found.values() if isinstance(source, Path)]
            if len(paths) < len(found):
                raise LaunchError(
                    f"hydra.launcher.channels.{name}={channel.key}: an s3:// address is one of several files; put them "
                    "under one s3:// prefix, or give local files"
                )
            yield name, LocalFiles(tuple(paths))


def find_sources(config: DictConfig, name: str, key: str) -> dict[str, Path | str]:
    """Find the local paths and S3 addresses in the value of a config key.

    Args:
        config: The config of a member.
        name: The channel, for messages.
        key: The key. A `*` in it stands for every key of a mapping.

    Returns:
        {key: local path or S3 address}, of a list by keys like `files[0]`.

    Raises:
        LaunchError: An interpolation cannot be resolved.
    """
    found: dict[str, Path | str] = {}
    for place in _expand_key(config, key):
        try:
            value = OmegaConf.select(config, place)
        except OmegaConfBaseException as error:
            raise LaunchError(
                f"hydra.launcher.channels.{name}={key}: the config has no value there: "
                f"{str(error).strip().splitlines()[0]}; give {key} one, or leave the channel out"
            ) from error
        listed = OmegaConf.is_list(value)
        for number, item in enumerate(value if listed else [value]):
            source = _find_source(item)
            if source is not None:
                found[f"{place}[{number}]" if listed else place] = source
    return found


def _expand_key(config: DictConfig, key: str) -> list[str]:
    """Return the keys for which one with `*` stands. A mapping that is not there has none."""
    before, star, after = key.partition(".*")
    if not star:
        return [key]
    node = OmegaConf.select(config, before, throw_on_missing=False)
    if not OmegaConf.is_dict(node):
        return []
    return [place for name in node for place in _expand_key(config, f"{before}.{name}{after}")]


def _find_source(value: Any) -> Path | str | None:
    """Return the local path or S3 address that a value is, or None if it is neither."""
    if not isinstance(value, str) or not value:
        return None
    if value.startswith("s3://"):
        return value
    if Path(value).expanduser().exists() or value.startswith(("/", "./", "../", "~")):
        return Path(value).expanduser().absolute()
    return None


def build_channel(name: str, source: str | FileSystem, mode: str) -> dict[str, Any]:
    """Build an entry of InputDataConfig.

    Args:
        name: The channel.
        source: Its S3 URI or file system.
        mode: Its input mode.
    """
    if isinstance(source, FileSystem):
        data: dict[str, Any] = {
            "FileSystemDataSource": {
                "FileSystemId": source.id,
                "FileSystemType": source.type,
                "DirectoryPath": source.path,
                "FileSystemAccessMode": source.access,
            }
        }
    else:
        described = {"S3DataType": "S3Prefix", "S3Uri": source, "S3DataDistributionType": "FullyReplicated"}
        data = {"S3DataSource": described}
    return {"ChannelName": name, "InputMode": mode, "DataSource": data}


def _find_problem(value: Any, has_vpc: bool) -> str | None:
    """Return what is wrong with an entry, to be put behind its name. None if nothing is."""
    if isinstance(value, str):
        value = {"s3": value} if value.startswith("s3://") else {"key": value}
    if not isinstance(value, dict):
        return f"={value}: give the name of a config key, an s3:// address, or a mapping"
    known = [field.name for field in fields(Channel)]
    if unknown := [name for name in value if name not in known]:
        return f".{unknown[0]}: there is no such field; choose from {', '.join(known)}"
    channel = Channel(**value)
    if (channel.s3 is None) + (channel.file_system is None) + (channel.key is None) == 3:
        return ": names no data; give key, s3 or file_system"
    if channel.s3 is not None and channel.file_system is not None:
        return ": names data in S3 and in a file system; choose one of them"
    if channel.s3 is not None and not _S3.fullmatch(channel.s3):
        return f".s3={channel.s3}: give an address like s3://bucket/folder/"
    if channel.mode not in (*MODES, None):
        return f".mode={channel.mode}: choose {', '.join(MODES)}"
    return _find_file_system_problem(channel, has_vpc)


def _find_file_system_problem(channel: Channel, has_vpc: bool) -> str | None:
    if channel.file_system is None:
        return None if channel.type is channel.path is None else ".type, path: belong to file_system; also give that"
    if not _FILE_SYSTEM.fullmatch(channel.file_system):
        return f".file_system={channel.file_system}: give an id like fs-0123456789abcdef0"
    if channel.type not in _TYPES:
        return f".type={channel.type}: choose {' or '.join(_TYPES)}"
    if not (channel.path or "").startswith("/"):
        return f".path={channel.path}: give the directory from / on, with the mount name for FSxLustre"
    if channel.access not in ("ro", "rw"):
        return f".access={channel.access}: choose ro or rw"
    if channel.mode not in ("File", None):
        return f".mode={channel.mode}: a file system is mounted; remove mode"
    if not has_vpc:
        return ": a file system is only reached from its VPC; set hydra.launcher.subnets and security_group_ids"
    return None
