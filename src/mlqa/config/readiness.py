"""Say what makes a sweep not worth its money before it is launched: data and tokenizers, checked as `mlqa audit` does.

The launching process stays light, so another process reads the data and loads the tokenizers. What it finds is kept in
the cache, because a dry run, the sweep and the next sweep ask the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mlqa.config.data_files import iter_data_files
from mlqa.environment import get_cache_dir, is_in_container

SECONDS = 300  # for one data set and tokenizer
AT_A_TIME = 2  # processes. Each loads transformers
PYTHON = [sys.executable]  # starts them; tests give one that has its libraries loaded
_TRAINING = ("max_seq_length", "doc_stride", "max_answer_length", "num_train_epochs", "max_steps")


def warn_before_launch(members: Sequence[DictConfig]) -> None:
    """Print what to look at before paying for a sweep. Members that run on this machine say it themselves.

    Args:
        members: The composed members.
    """
    if is_in_container():
        return
    paid: dict[str, DictConfig] = {}
    for member in members:
        if member.hardware.instance_type is not None:
            paid.setdefault(_hash_question(member), member)
    if not paid:
        return
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = pool.map(_find_reasons, paid, paid.values())
        lines = dict.fromkeys(
            f"{_describe(member)}: {reason}"
            for member, reasons in zip(paid.values(), found, strict=True)
            for reason in reasons
        )
    for line in lines:
        print(f"before you pay: {line}", file=sys.stderr)


def _find_reasons(key: str, member: DictConfig) -> list[str]:
    """Return what `mlqa audit` says of a member's data and tokenizer, from the cache if it was asked before."""
    file = get_cache_dir() / "readiness" / f"{key}.json"
    with contextlib.suppress(OSError, ValueError):
        kept: list[str] = json.loads(file.read_text("utf-8"))
        return kept
    print(f"auditing {_describe(member)} before anything is paid", file=sys.stderr, flush=True)
    overrides = [str(line) for line in member.hydra.overrides.task]
    top = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(
            [*PYTHON, "-m", "mlqa.cli", "audit", "--json", *overrides],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(top), os.environ.get("PYTHONPATH", "")))},
        )
    except subprocess.TimeoutExpired:
        return [f"not checked within {SECONDS} s; mlqa audit checks it"]
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return [f"not checked: {said[-1].removeprefix('error: ') if said else 'mlqa audit failed'}"]
    audited = json.loads(done.stdout)
    reasons: list[str] = audited["before_training"]
    if error := audited["tokenizer"].get("error"):
        return [*reasons, f"the tokenizer was not checked: {error}"]
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(reasons, ensure_ascii=False), "utf-8")
    return reasons


def _describe(member: DictConfig) -> str:
    choices = member.hydra.runtime.choices
    return f"model={choices.model} dataset={choices.dataset}"


def _hash_question(member: DictConfig) -> str:
    """Return a hash of everything that the answer depends on, the files by their sizes and times."""
    nodes: dict[str, Any] = {
        name: OmegaConf.to_container(member[name], resolve=True, enum_to_str=True) for name in ("model", "dataset")
    }
    nodes["training"] = {name: member.training[name] for name in _TRAINING} | {"keep": str(member.training.keep)}
    paths = [member.model.pretrained, *(path for _, path in iter_data_files(member.dataset))]
    stats = [(str(path), *_list_file_stats(Path(path).expanduser())) for path in paths if path]
    return hashlib.sha256(json.dumps([nodes, stats], sort_keys=True).encode()).hexdigest()[:24]


def _list_file_stats(path: Path) -> Iterator[tuple[str, int, int]]:
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.is_file() else []
    for file in files:
        status = file.stat()
        yield file.name, status.st_size, status.st_mtime_ns
