"""Score the models of finished runs on SageMaker: a multirun of train.py that trains nothing, whose scores come back.

Each member is one run's model on one data set. Members are like those of any sweep: they are priced, shown, resumed and
stopped in the same way (docs/sagemaker.md).
"""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlqa.config.compose import find_conf_dir
from mlqa.environment import get_console
from mlqa.errors import ConfigError, MlqaError, RunError
from mlqa.metrics.set_scores import SetScores, describe_scores, record_scores
from mlqa.result import MODEL, SCORES, get_own_set, read_result

log = logging.getLogger(__name__)

# Settings that decide which windows a model reads and which answers it gives: as it was scored in its own run.
SETTINGS = ("max_seq_length", "doc_stride", "max_answer_length", "n_best_size", "null_score_diff_threshold")


def evaluate_remotely(
    run_dirs: Sequence[Path],
    sets: dict[str, str],
    of_sets: Sequence[str],
    others: Sequence[str],
) -> None:
    """Score runs on data sets as jobs, and add the scores to the run directories.

    Args:
        run_dirs: Directories of completed runs.
        sets: {name of the data set in results: its option}.
        of_sets: Overrides of keys below `dataset`.
        others: The other overrides: hardware, launcher, sweep directory ...

    Raises:
        ConfigError: There is no train.py, or it refuses the command.
        RunError: Some members have no score.
    """
    script = find_conf_dir().parent / "train.py"
    if not script.is_file():
        raise ConfigError(
            "hardware: jobs are started from a clone of mlqa; clone it, or leave hardware out to score here"
        )
    given = [override.partition("=")[2] for override in others if override.startswith("hydra.sweep.dir=")]
    sweep_dir = Path(given[-1] if given else time.strftime("evaluations/%Y-%m-%d/%H-%M-%S"))
    groups = _group_runs(run_dirs, list(sets))
    missing: list[str] = []
    for number, ((settings, names), runs) in enumerate(groups.items()):
        folder = sweep_dir if len(groups) == 1 else sweep_dir / f"group{number}"
        command = [
            *(sys.executable, str(script), "-m", "model=pretrained", "training.num_train_epochs=0"),
            *("tracking=files", "report.write=false"),  # the report is that of the sweep that trained the models
            *others,
            *of_sets,
            *(f"training.{name}={value:g}" for name, value in settings),
            f"model.pretrained={','.join(_quote(str((run / MODEL).absolute())) for run in runs)}",
            f"dataset={','.join(sets[name] for name in names)}",
            f"hydra.sweep.dir={_quote(str(folder))}",
        ]
        code = subprocess.run(command).returncode
        if "hydra.launcher.dry_run=true" in others:
            continue
        pairs = itertools.product(runs, names)  # Hydra numbers its members in this order
        for member, (run, name) in enumerate(pairs):
            try:
                _take_scores(folder / str(member), run, name, sets[name])
            except MlqaError as error:
                missing.append(f"{run} on {name}: {error}")
        if code and not missing:
            raise RunError(f"train.py ended with exit code {code}; its last lines say why")
    if missing:
        raise RunError(
            f"{len(missing)} scores are missing, and the same command with hydra.sweep.dir={sweep_dir} goes on: "
            + " | ".join(missing)
        )


def _group_runs(run_dirs: Sequence[Path], names: Sequence[str]) -> dict[tuple[Any, tuple[str, ...]], list[Path]]:
    """Group runs by the settings that they were scored with, and by the data sets that they lack."""
    groups: defaultdict[tuple[Any, tuple[str, ...]], list[Path]] = defaultdict(list)
    for run_dir in run_dirs:
        result = read_result(run_dir)
        known = result.get("evaluations") or {}
        own = get_own_set(result)
        for name in names:
            if name == own:
                log.warning("%s: %s is the run's own data set, whose score is in its result.json", run_dir, name)
            elif name in known:
                get_console().print(f"{run_dir} on {name}: {describe_scores(known[name])}, scored before")
        training = result.get("training") or {}
        settings = tuple((name, training[name]) for name in SETTINGS if name in training)
        if left := tuple(name for name in names if name != own and name not in known):
            groups[settings, left].append(run_dir)
    return groups


def _take_scores(member_dir: Path, run_dir: Path, name: str, option: str) -> None:
    """Add what a member scored to the run whose model it was.

    Raises:
        RunError: The member has no score, or is of another data set.
    """
    result = read_result(member_dir)
    if result["status"] != "completed":
        raise RunError(str(result.get("error") or result["status"]))
    if result["choices"].get("dataset") != option:
        raise RunError(f"{member_dir} was scored on {result['choices'].get('dataset')}; choose another hydra.sweep.dir")
    split = result["reported_split"]
    record = {
        # What a member found unseen is not in the train split of the data set, which this model was not trained on.
        **{key: value for key, value in result["metrics"].items() if "_unseen" not in key},
        "language": result["dataset"]["language"],
        "split": split,
        "fingerprint": result["dataset"]["reported_fingerprint"],
    }
    lines = (member_dir / SCORES).read_bytes().split(b"\n")  # not splitlines(): a text may hold other line ends
    rows = [{**row, "set": name, "seen": None} for row in map(json.loads, filter(None, lines)) if row["split"] == split]
    for row in rows:
        row["groups"].pop("gold_rarity", None)  # nor does that split say which words are rare for it
        row.pop("probability", None)  # by a temperature that the member has chosen on these questions
    record_scores(run_dir, name, SetScores(record, rows))
    get_console().print(f"{run_dir} on {name}: {describe_scores(record)}", highlight=False)


def _quote(text: str) -> str:
    """Quote a value for Hydra, so that a comma in a path does not make two of it."""
    escaped = text.replace("'", "\\'")
    return f"'{escaped}'"
