"""`mlqa evaluate`: score the models of finished runs on further data sets, here or on SageMaker."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlqa.errors import ConfigError, MlqaError, RunError

if TYPE_CHECKING:
    from mlqa.data.further_sets import FurtherSet

log = logging.getLogger(__name__)

EXAMPLE = """\
examples. The scores are added to `evaluations` of each run's result.json, and mlqa report shows them:
  mlqa evaluate outputs/2026-11-23/10-00-00 dataset=xquad_tr
  mlqa evaluate multirun/2026-11-23/10-00-00 dataset=xquad_tr,tquad          every completed run of a sweep
  mlqa evaluate outputs/2026-11-23/10-00-00 dataset=squad_json dataset.language=tr dataset.validation_file=exam.json
  mlqa evaluate multirun/2026-11-23/10-00-00 dataset=xquad_tr hardware=g6    on SageMaker, one job per run and data set
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `mlqa evaluate`."""
    parser.add_argument(
        "run_dir",
        nargs="+",
        help="directories of runs or sweeps, and what to score on, as for train.py: dataset=... (several: dataset=a,b)",
    )


def run(args: argparse.Namespace) -> None:
    """Score each run on each data set, and record the scores in the run directories.

    What a run was scored on before is not scored again. If one run cannot be scored, the others still are.

    Raises:
        ConfigError: If an argument is wrong.
        RunError: If a directory holds no completed run, or some runs could not be scored.
        DataError: If a data set cannot be read.
        UnreachableError: If a data set cannot be reached.
    """
    overrides = [argument for argument in args.run_dir if "=" in argument and not Path(argument).exists()]
    run_dirs = list(_find_runs([argument for argument in args.run_dir if argument not in overrides]))
    names, of_sets, others = _sort_overrides(overrides)
    from mlqa.config.further_sets import compose_set, name_set

    options = {name_set(option, of_sets): option for option in names}
    datasets = {name: compose_set(option, of_sets) for name, option in options.items()}
    if any(override.startswith("hardware=") and override != "hardware=local" for override in others):
        from mlqa.commands.evaluation_jobs import evaluate_remotely

        evaluate_remotely(run_dirs, options, of_sets, others)
        return
    if others := [override for override in others if override != "hardware=local"]:
        raise ConfigError([f"{override}: needs hardware=..., the machine of the jobs" for override in others])

    from mlqa.data.further_sets import load_set
    from mlqa.environment import go_offline_if_unreachable

    if any(dataset.hub is not None for dataset in datasets.values()):
        go_offline_if_unreachable()
    sets = [load_set(name, dataset) for name, dataset in datasets.items()]
    problems = []
    for run_dir in run_dirs:
        try:
            _evaluate_run(run_dir, sets)
        except MlqaError as error:
            log.error("error: %s", error)
            problems.append(str(run_dir))
    if problems:
        raise RunError(f"{len(problems)} of {len(run_dirs)} runs could not be scored: {', '.join(problems)}")


def _find_runs(folders: Sequence[str]) -> Iterator[Path]:
    """Yield the directories of completed runs: those given, and those in the sweep directories given."""
    from mlqa.result import FILE, read_result

    if not folders:
        raise ConfigError("evaluate: names no run; give the directory of a completed run, or of a sweep")
    for folder in map(Path, folders):
        members = [folder] if (folder / FILE).is_file() else sorted(path.parent for path in folder.glob(f"*/{FILE}"))
        completed = [member for member in members if read_result(member).get("status") == "completed"]
        if not completed:
            raise RunError(f"{folder}: holds no completed run; give the directory of a run, or of a sweep")
        yield from completed


def _sort_overrides(overrides: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the options of the group dataset, the overrides of keys below it, and the other overrides."""
    chosen = [override.partition("=")[2] for override in overrides if override.startswith("dataset=")]
    names = [name for name in chosen[-1].split(",") if name] if chosen else []
    of_sets = [override for override in overrides if override.startswith("dataset.")]
    if not names:
        raise ConfigError("dataset: names nothing to score on; add dataset=..., e.g. dataset=xquad_tr,tquad")
    if len(names) > 1 and of_sets:
        raise ConfigError(
            f"{of_sets[0]}: applies to one data set, but dataset={chosen[-1]} names several; give one at a time"
        )
    rest = [override for override in overrides if not override.startswith("dataset")]
    return names, of_sets, rest


def _evaluate_run(run_dir: Path, sets: Sequence[FurtherSet]) -> None:
    """Score the model of a run on the data sets that it was not scored on."""
    from mlqa.result import read_result

    result = read_result(run_dir)
    left = [further for further in sets if not _is_known(run_dir, result, further)]
    if not left:
        return
    from mlqa.environment import get_console
    from mlqa.evaluation import Evaluation
    from mlqa.features.windows import make_windows
    from mlqa.inference import Predictor
    from mlqa.metrics.set_scores import describe_scores, record_scores

    predictor = Predictor.from_run(run_dir)
    length, stride = predictor.training.max_seq_length, predictor.training.doc_stride
    for further in left:
        windows = make_windows(further.examples, predictor.tokenizer, length, stride, reading=predictor.reading)
        evaluation = Evaluation(
            predictor.training,
            further.dataset,
            further.examples,
            windows,
            None,
            predictor.reading,
            with_null=predictor.with_null,
        )
        scores = evaluation.score_set(further, predictor.model)
        assert scores is not None
        record_scores(run_dir, further.name, scores)
        get_console().print(f"{run_dir} on {further.name}: {describe_scores(scores.record)}", highlight=False)


def _is_known(run_dir: Path, result: dict[str, Any], further: FurtherSet) -> bool:
    from mlqa.result import get_own_set

    if get_own_set(result) == further.name:
        log.warning("%s: %s is the run's own data set, whose score is in its result.json", run_dir, further.name)
        return True
    from mlqa.metrics.set_scores import describe_scores

    known = (result.get("evaluations") or {}).get(further.name) or {}
    if known.get("fingerprint") != further.examples.compute_fingerprint():
        if known:
            log.warning(
                "%s on %s: the %s questions scored before under this name are others; their scores are replaced",
                run_dir, further.name, known.get("total"),
            )  # fmt: skip
        return False
    print(f"{run_dir} on {further.name}: {describe_scores(known)}, scored before")
    return True
