"""Export the model of a run: the graphs, the files beside them, their check, their speed and what they cost."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlqa.data.examples import Examples
from mlqa.errors import RunError, explain_write_failure
from mlqa.features.template import make_template
from mlqa.features.tokens import prepare_backend
from mlqa.features.windows import make_windows
from mlqa.inference import Predictor, find_model
from mlqa.models.heads import list_forward_inputs
from mlqa.serving.check import (
    GraphCheck,
    TorchSession,
    check_graph,
    explain_refusal,
    refuse_unequal,
    score_answers,
)
from mlqa.serving.check_questions import load_check_questions
from mlqa.serving.graph import OPSET, export_graph, list_graph_inputs, quantize_graph
from mlqa.serving.launcher import list_instances
from mlqa.serving.prices import ServingCost, Work, count_operations, estimate_costs
from mlqa.serving.settings import build_settings
from mlqa.serving.throughput import Speed, measure_host, measure_speed, open_graph

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).parent / "shipped"
GRAPHS = {"fp32": "model.onnx", "int8": "model_int8.onnx"}
SETTINGS = "predict.json"
MEASURED = 40  # questions, few enough to be answered several times


@dataclass
class Export:
    """What an export found out. It is the node `serving` of result.json."""

    opset: int = OPSET
    questions: str = ""  # the source of the questions of the check
    exact_match: float | None = None  # of mlqa itself on them
    f1: float | None = None
    megabytes: dict[str, float] = field(default_factory=dict)  # by graph
    checks: dict[str, GraphCheck] = field(default_factory=dict)  # by graph
    refused: dict[str, str] = field(default_factory=dict)  # why a graph was not kept
    speeds: list[Speed] = field(default_factory=list)
    costs: list[ServingCost] = field(default_factory=list)

    def to_node(self) -> dict[str, Any]:
        """Return the node of result.json, with the lowest price of a million questions by kind of device."""
        best: dict[str, float] = {}
        for cost in self.costs:
            best.setdefault(cost.kind, cost.usd_per_million)
        return {"usd_per_million": best, **asdict(self)}


def export_run(run_dir: Path, output: Path, file: str | None, most_lost: float, usd_per_hour: float | None) -> Export:
    """Export the model of a run, checked, measured and priced.

    Args:
        run_dir: The directory of a completed run.
        output: The folder to write. What it held before is replaced if the export succeeds.
        file: Questions for the check, None for those of the run.
        most_lost: Points of F1 that 8 bits may cost.
        usd_per_hour: Price of this machine, None if it has none.

    Returns:
        What was found out. A graph in 8 bits that loses too much is not kept, and `refused` says why.

    Raises:
        RunError: The directory has no model, or the folder cannot be written.
        DataError: The questions cannot be read.
        ModelError: The model cannot be exported, or its graph does not answer as mlqa does.
    """
    find_model(run_dir)  # a wrong directory is the first thing to say
    examples, source = load_check_questions(run_dir, file)
    predictor = Predictor.from_run(run_dir, device="cpu")
    log.info("answering %d questions with mlqa", len(examples))
    best = [prediction.answers[0] for prediction in predictor.answer(examples)]
    expected = [(candidate.text, candidate.start) for candidate in best]
    found = Export(questions=source)
    found.exact_match, found.f1 = score_answers([text for text, _ in expected], examples)
    with _write_whole(output) as folder:
        reader_class = write_files(predictor, folder)
        exact = _check(found, "fp32", folder, reader_class, predictor, examples, expected)
        refuse_unequal(exact)
        quantize_graph(folder / GRAPHS["fp32"], folder / GRAPHS["int8"])
        quantized = _check(found, "int8", folder, reader_class, predictor, examples, expected)
        reason = explain_refusal(quantized, exact, most_lost)
        if reason is not None:
            found.refused["int8"] = reason
            (folder / GRAPHS["int8"]).unlink()
        _measure(found, folder, reader_class, examples)
        work = _count_work(predictor, examples, reader_class(folder))
    try:
        found.costs = estimate_costs(list_instances(), found.speeds, work, usd_per_hour)
    except RunError as error:
        log.warning("no prices: %s", error)
    return found


def write_files(predictor: Predictor, folder: Path, graph: bool = True) -> Any:
    """Write what predict.py needs: tokenizer.json, predict.json, predict.py and, if `graph` is set, model.onnx.

    Returns:
        The class `Reader` of the predict.py that was written.
    """
    inputs = write_settings(predictor, folder)
    shutil.copyfile(SHIPPED / "predict.py", folder / "predict.py")
    if graph:
        log.info("writing %s, opset %d", GRAPHS["fp32"], OPSET)
        export_graph(predictor.model, inputs, folder / GRAPHS["fp32"])
    return load_reader(folder / "predict.py")


def write_settings(predictor: Predictor, folder: Path) -> list[str]:
    """Write tokenizer.json and predict.json to a folder, and return the names of the graph's inputs."""
    template = make_template(predictor.tokenizer, predictor.reading)
    inputs = list_graph_inputs(sorted(list_forward_inputs(predictor.model)), template.has_token_type_ids)
    temperature = predictor.calibration.temperature if predictor.calibration else 1.0
    settings = build_settings(template, predictor.training, predictor.with_null, temperature, inputs)
    prepare_backend(predictor.tokenizer).save(str(folder / "tokenizer.json"))
    (folder / SETTINGS).write_text(json.dumps(settings) + "\n", "utf-8")
    return inputs


def load_reader(path: Path) -> Any:
    """Return the class `Reader` of a predict.py, as it was written."""
    spec = importlib.util.spec_from_file_location("mlqa_exported_predict", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Reader


def _check(
    found: Export,
    name: str,
    folder: Path,
    reader_class: Any,
    predictor: Predictor,
    examples: Examples,
    expected: list[tuple[str, int]],
) -> GraphCheck:
    log.info("checking %s", GRAPHS[name])
    path = folder / GRAPHS[name]
    session = open_graph(path)
    check = check_graph(reader_class(folder, session), session, TorchSession(predictor.model), examples, expected)
    found.checks[name], found.megabytes[name] = check, round(path.stat().st_size / 1e6, 3)
    return check


def _measure(found: Export, folder: Path, reader_class: Any, examples: Examples) -> None:
    """Measure each kept graph with one thread and with all cores, on some of the questions."""
    some = examples.select(np.unique(np.linspace(0, len(examples) - 1, MEASURED).round().astype(int)))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > cores:
        log.warning(
            "other processes keep this machine busy (load %.1f on %d cores), so the measured speeds are too low",
            load,
            cores,
        )
    for name, file in GRAPHS.items():
        for threads in sorted({1, cores}):
            if name not in found.refused:
                log.info("measuring %s with %d thread%s", file, threads, "s" if threads > 1 else "")
                reader = reader_class(folder, open_graph(folder / file, threads))
                found.speeds.append(measure_speed(reader, name, threads, some))


def _count_work(predictor: Predictor, examples: Examples, reader: Any) -> Work:
    training, config = predictor.training, predictor.model.config
    windows = make_windows(
        examples, predictor.tokenizer, training.max_seq_length, training.doc_stride, reading=predictor.reading
    )
    parameters = sum(one.numel() for one in predictor.model.parameters())
    operations = count_operations(
        parameters - predictor.model.get_input_embeddings().weight.numel(),
        int(getattr(config, "num_hidden_layers", 0) or 0),
        int(getattr(config, "hidden_size", 0) or 0),
        windows.lengths.tolist(),
        len(examples),
    )
    return Work(operations, measure_host(reader, examples))


@contextmanager
def _write_whole(output: Path) -> Iterator[Path]:
    """Yield a folder that takes the place of `output` if the block ends without an error.

    Raises:
        RunError: It cannot be written.
    """
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        shutil.rmtree(output, ignore_errors=True)
        os.replace(partial, output)
    except OSError as error:
        raise RunError(f"{output}: cannot be written: {explain_write_failure(error, output.parent)}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
