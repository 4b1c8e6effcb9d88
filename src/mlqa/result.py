"""result.json: what a run says about itself. This is the only module of mlqa that writes and reads it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mlqa.errors import RunError

SCHEMA_VERSION = 2
READABLE_VERSIONS = (1, 2)
# Files and the folder of a run directory.
FILE = "result.json"
PREDICTIONS = "predictions.json"
SCORES = "scores.jsonl"
HISTORY = "history.jsonl"
TOKENIZATION = "tokenization.json"
NULL_ODDS = "null_odds.json"  # SQuAD 2.0 only
ENDPOINT_ANSWERS = "endpoint_answers.jsonl"  # of a model behind an endpoint only: what it wrote
MODEL = "model"
CALIBRATION = "calibration.json"  # in the folder of the model
ONNX = "onnx"  # a folder: what `mlqa export` writes
ENDPOINT = "model.tar.gz"  # what `mlqa export --sagemaker` writes
CARD, DATA_STATEMENT = "README.md", "data_statement.md"  # in the folder of the model: what `mlqa card` writes


@dataclass
class Result:
    """The content of result.json. Metrics are on the 0-100 scale, times in seconds, money in US dollars."""

    status: str = "failed"  # completed, failed or stopped
    objective: float | None = None  # the primary metric: what a sweeper maximizes
    objective_split: str = "validation"  # the split that it is of
    label: str = ""  # what rows, charts and W&B call the model
    choices: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    config_hash: str = ""
    reported_split: str = "validation"  # the split that `metrics` are of
    metrics: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)  # of the validation split, if another one is reported
    selection: dict[str, Any] = field(default_factory=dict)  # which model was kept, and the split it was chosen on
    training: dict[str, Any] = field(default_factory=dict)  # the numbers of config.training: windows, decoding, steps
    evaluations: dict[str, Any] = field(default_factory=dict)  # {set: metrics}: scores on further data sets
    breakdown: dict[str, Any] = field(default_factory=dict)  # official scores by group
    calibration: dict[str, Any] = field(default_factory=dict)  # how sure the model may be: docs/calibration.md
    tokenization: dict[str, float] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    endpoint: dict[str, Any] = field(default_factory=dict)  # how it was asked, tokens, dollars, seconds per answer
    weights: dict[str, Any] = field(default_factory=dict)  # what of the model was loaded, and what is new
    dataset: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)  # windows per process and pass, and passes that make a step
    threads: dict[str, Any] = field(default_factory=dict)  # how many rank 0 computed with, and why
    serving: dict[str, Any] = field(default_factory=dict)  # what `mlqa export` measured, and what questions cost
    tracking: dict[str, Any] = field(default_factory=dict)  # {"wandb": {...}}: where else the run is recorded
    error: str | None = None

    def write(self, run_dir: Path) -> None:
        """Write result.json, all of it or nothing.

        Raises:
            RunError: The file cannot be written.
        """
        write_json(run_dir / FILE, {"schema_version": SCHEMA_VERSION, **asdict(self)})

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Result:
        """Make a result of a file's content.

        Args:
            content: The content from `read_result`. Keys that this version does not know are left out.
        """
        return cls(**{item.name: content[item.name] for item in fields(cls) if item.name in content})


def read_result(run_dir: Path) -> dict[str, Any]:
    """Return the content of a run's result.json, whatever version wrote it.

    Returns:
        The content with the keys of the newest version. `schema_version` is that of the file.

    Raises:
        RunError: The file is missing, or it is not a result.json that this version reads.
    """
    path = run_dir / FILE
    try:
        return parse_result(path.read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"{path}: the file does not exist; give the directory of a run (outputs/<date>/<time>)"
        ) from None
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror or error}") from None
    except RunError as error:
        raise RunError(f"{path} {error}") from None


def get_own_set(result: Mapping[str, Any]) -> str | None:
    """Return the option of the data set that a run is scored on, as scores.jsonl names it: of a mix its target."""
    own = (result.get("dataset") or {}).get("set") or (result.get("choices") or {}).get("dataset")
    return None if own is None else str(own)


def record_evaluations(run_dir: Path, evaluations: Mapping[str, Any]) -> None:
    """Add scores on further data sets to a run's result.json, which keeps everything else as it is.

    Args:
        run_dir: Directory of a run.
        evaluations: {set: metrics}. A set that is there already is replaced.

    Raises:
        RunError: The file cannot be read or written.
    """
    _add_to_node(run_dir, "evaluations", evaluations)


def record_selection(run_dir: Path, selection: Mapping[str, Any]) -> None:
    """Add to a run's result.json what has chosen by its scores since it ended.

    Args:
        run_dir: Directory of a run.
        selection: `split` and `sweeper`. What the run says of its checkpoint stays.

    Raises:
        RunError: The file cannot be read or written.
    """
    _add_to_node(run_dir, "selection", selection)


def _add_to_node(run_dir: Path, node: str, values: Mapping[str, Any]) -> None:
    content = read_result(run_dir)
    content[node] = {**(content.get(node) or {}), **values}
    write_json(run_dir / FILE, {**content, "schema_version": SCHEMA_VERSION})


def record_place(run_dir: Path, place: Mapping[str, Any]) -> None:
    """Add a run's address in a tracker to its result.json. All else in it stays, known to this version or not.

    Args:
        run_dir: Directory of a run.
        place: {tracker: how to find the run there}. What the run says of this tracker itself stays if it says more.

    Raises:
        RunError: The file cannot be read or written.
    """
    content = read_result(run_dir)
    known = content.get("tracking") or {}
    places = {**known, **{name: {**(known.get(name) or {}), **one} for name, one in place.items()}}
    if places != known:
        write_json(run_dir / FILE, {**content, "tracking": places, "schema_version": SCHEMA_VERSION})


def record_serving(run_dir: Path, serving: Mapping[str, Any]) -> None:
    """Write the node `serving` into the result.json of a run. All else in it stays, known to this version or not.

    Raises:
        RunError: The file cannot be read or written.
    """
    content = read_result(run_dir)
    write_json(run_dir / FILE, {**content, "serving": dict(serving)})


def find_completed(run_dir: Path, config_hash: str) -> Result | None:
    """Return the result of a completed run with these settings, None if the directory is free to be claimed.

    Raises:
        RunError: The directory holds a completed run with other settings, or a result.json of another tool.
    """
    path = run_dir / FILE
    if not path.exists():
        return None
    way_out = "choose another directory by hydra.run.dir=... (hydra.sweep.dir=...)"
    not_readable = f"{path} is not of this version of mlqa: {way_out}"
    try:
        content = read_result(run_dir)
    except RunError:
        raise RunError(not_readable) from None
    if content.get("status") != "completed":
        return None
    if content.get("config_hash") != config_hash:
        raise RunError(f"{run_dir} holds a completed run with other settings: {way_out}, or remove its {FILE}")
    dataset = content.get("dataset")
    if not isinstance(dataset, dict) or "fingerprint" not in dataset:
        raise RunError(not_readable)
    return Result.from_content(content)


def parse_result(text: bytes) -> dict[str, Any]:
    """Return the content of a result.json of any readable version, with the keys of the newest.

    Raises:
        RunError: The text is something else. The message goes on after the name of the file.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise RunError("is not JSON: the run that wrote it was probably cut short; run it again") from None
    if not isinstance(content, dict):
        raise RunError("is not a JSON object, so mlqa did not write it; run it again")
    version = content.get("schema_version")
    if version not in READABLE_VERSIONS or isinstance(version, bool):
        if version is None:
            raise RunError("has no schema_version: mlqa did not write it; give the directory of a run")
        readable = " and ".join(map(str, READABLE_VERSIONS))
        raise RunError(f"has schema_version {version!r:.20}, but this mlqa reads {readable}: update mlqa")
    if version == 1:
        choices = content.get("choices")
        model = choices.get("model") if isinstance(choices, dict) else None
        content = {"reported_split": "validation", "label": model or "", **content}
    return content


def write_json(path: Path, content: Any) -> None:
    """Write JSON (UTF-8, readable Turkish) through a temporary file, so that no reader sees half of it.

    Raises:
        RunError: The file cannot be written, e.g. on a full disk. What stood there before stays.
    """
    encoder = json.JSONEncoder(ensure_ascii=False, indent=1, allow_nan=False)
    _replace_file(path, (*encoder.iterencode(content), "\n"))


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object per line, in the same way as `write_json`.

    Raises:
        RunError: The file cannot be written.
    """
    _replace_file(path, (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


def _replace_file(path: Path, parts: Iterable[str]) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", errors="surrogatepass") as file:
            file.writelines(parts)
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from None
