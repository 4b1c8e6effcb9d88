"""The program that the user started, and how to start it again inside a container: the archive and member.json."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hydra._internal.utils import get_args_parser
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.container import MEMBER_FILE
from hydra_sagemaker_launcher.errors import LaunchError, raise_problems
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.packaging.source_archive import Source, pack
from hydra_sagemaker_launcher.packaging.source_state import read_source_state
from hydra_sagemaker_launcher.request.channels import DataSource
from hydra_sagemaker_launcher.request.training_job import PROGRAM, REQUIREMENTS_VARIABLE
from hydra_sagemaker_launcher.secret_scan import find_secrets

PYTHON_AND_YAML = ("*.py", "*.yaml", "*.yml")
_PROGRAM = b"from hydra_sagemaker_launcher.container import main\n\nmain()\n"


@dataclass(frozen=True)
class Program:
    """A script or module of the user's project."""

    root: Path  # the project's folder
    name: str  # a script relative to root, or the name of a module
    module: bool
    flags: tuple[str, ...]  # --config-name and the like


def detect_program(project_dir: str | None) -> Program:
    """Detect what was started: `python train.py` or `python -m package.app`.

    Args:
        project_dir: `hydra.launcher.project_dir`. If None, the project is the script's folder.

    Raises:
        LaunchError: The script or a config folder is outside the project, so it cannot travel.
    """
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    file = Path(getattr(main, "__file__", None) or sys.argv[0]).resolve()
    if spec is not None:
        root = Path(project_dir or ".").expanduser().resolve()
        return Program(root, spec.name, True, _collect_config_flags(root, file.parent))
    root = Path(project_dir).expanduser().resolve() if project_dir else file.parent
    if not file.is_relative_to(root):
        raise LaunchError(f"hydra.launcher.project_dir={project_dir}: {file} is outside; choose a folder above it")
    return Program(root, file.relative_to(root).as_posix(), False, _collect_config_flags(root, file.parent))


def pack_program(program: Program, options: Any, requirements: Set[str], sweep_dir: Path) -> Source:
    """Pack the archive of a sweep: the project's files, the launcher, and what the container installs.

    The image's toolkit installs requirements.txt and nothing else. That file names a variable, which pip fills in, so
    one archive serves images with different requirements.

    Args:
        program: What the container starts.
        options: The launcher's options: `include`, `exclude` and `network_isolation` count.
        requirements: The requirements files of the sweep's images, relative to the project.
        sweep_dir: The sweep's directory. It grows while the sweep runs, so it is left out.

    Raises:
        LaunchError: A requirements file is missing, or `pack` refuses a file.
    """
    ours = Path(__file__).resolve().parents[1]
    extra: dict[str, bytes | Path] = {
        file.relative_to(ours.parent).as_posix(): file
        for folder in (ours, ours.parent / "hydra_plugins" / "sagemaker_launcher")
        for file in sorted(folder.rglob("*"))
        if file.suffix in (".py", ".yaml")
    }
    extra[PROGRAM] = _PROGRAM
    missing = [name for name in sorted(requirements) if not (program.root / name).is_file()]
    if missing:
        raise LaunchError([f"hydra.launcher.requirements: there is no {program.root / name}" for name in missing])
    extra |= {name: program.root / name for name in requirements}
    if requirements:
        extra["requirements.txt"] = f"-r ${{{REQUIREMENTS_VARIABLE}}}\n".encode()
    elif not options.network_isolation:
        extra["requirements.txt"] = f"hydra-core=={version('hydra-core')}\n".encode()
    include = list(options.include) or [pattern for pattern in PYTHON_AND_YAML if any(program.root.rglob(pattern))]
    exclude = list(options.exclude)
    if (program.root / "setup.py").is_file():  # the toolkit would install the project instead of running the program
        exclude.append("/setup.py")
    if sweep_dir.is_relative_to(program.root) and sweep_dir != program.root:
        exclude.append(f"/{sweep_dir.relative_to(program.root).as_posix()}/")
    return pack(program.root, include, exclude, extra)


def build_member_file(
    member: Member,
    program: Program,
    overrides: list[str],
    config_sha256: str,
    options: Any,
    sources: Mapping[str, DataSource],
) -> bytes:
    """Build the content of a member's member.json.

    Args:
        member: The member.
        program: The app's program.
        overrides: The overrides that compose its config in the container.
        config_sha256: The hash of that config.
        options: The options of the launcher.
        sources: The data of its channels. Of a local path, the container is told the last two parts.

    Raises:
        LaunchError: The file, or the member's config, contains what looks like a secret.
    """
    state = read_source_state(program.root)
    body = {
        "program": program.name,
        "commit": state.commit if state else None,
        "diff": state.diff if state else "",
        "module": program.module,
        "flags": program.flags,
        "overrides": overrides,
        "config_sha256": config_sha256,
        "number": member.number,
        "checkpoints": options.checkpoints,
        "secrets": dict(options.secrets),
        "sources": {
            channel: "/".join(source.parts[-2:]) for channel, source in sources.items() if isinstance(source, Path)
        },
    }
    content = json.dumps(body, ensure_ascii=False, indent=1).encode()
    raise_problems([*_find_secrets_in_config(member), *_describe_secrets(member, MEMBER_FILE, content)][:1])
    return content


def find_secrets_in_configs(members: Sequence[Member]) -> Iterator[str]:
    """Yield a line for each member whose config contains what looks like a secret, as far as a plan can tell cheaply.

    Members differ by their overrides, so the complete config is read of the first one only. `build_member_file` reads
    all of them.
    """
    for member in members[:1]:
        yield from _find_secrets_in_config(member)
    for member in members:
        yield from _describe_secrets(member, "overrides.yaml", "\n".join(member.task_overrides).encode())


def _find_secrets_in_config(member: Member) -> Iterator[str]:
    return _describe_secrets(member, "config.yaml", OmegaConf.to_yaml(member.task_config).encode())


def _describe_secrets(member: Member, name: str, content: bytes) -> Iterator[str]:
    for _, kind in itertools.islice(find_secrets(name, content), 1):
        yield (
            f"#{member.number}: its config contains what looks like {kind}; a config is stored and shown in many "
            "places; put the value into Secrets Manager and its ARN into hydra.launcher.secrets"
        )


def _collect_config_flags(root: Path, script_dir: Path) -> tuple[str, ...]:
    """Return Hydra's flags that decide which config is composed.

    A relative --config-path starts at the script. A relative --config-dir starts at the working directory, which is
    the project's folder in the container.
    """
    given, _ = get_args_parser().parse_known_args(sys.argv[1:])
    flags: list[str] = []
    if given.config_name:
        flags += ["--config-name", given.config_name]
    for flag, value, base, container_base in (
        ("--config-path", given.config_path, script_dir, script_dir),
        ("--config-dir", given.config_dir, Path.cwd(), root),
    ):
        if not value:
            continue
        if value.startswith("pkg://"):
            flags += [flag, value]
            continue
        folder = (base / value).resolve()
        if not folder.is_relative_to(root):
            raise LaunchError(f"{flag} {value}: would be missing in the container; move it into {root}")
        flags += [flag, Path(os.path.relpath(folder, container_base)).as_posix()]
    return tuple(flags)
