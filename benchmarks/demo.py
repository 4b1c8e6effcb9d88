"""Ask the API of `mlqa demo` from several clients at once, and compare its answers and its time with `Predictor`.

    python benchmarks/demo.py                                  8 clients, 500 requests, a small model of random weights
    python benchmarks/demo.py --run outputs/2026-11-23/10-00-00       the model of a run

Every request must be answered, and equal to what `mlqa predict` gives for the question. Needs the extra `demo`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from measuring import build_parser, finish, parse_arguments, report_progress
from rows import Row

from mlqa.config.compose import compose_config
from mlqa.data.sample import generate
from mlqa.demo.asking import load_asked
from mlqa.demo.page import build_page, get_launch_options, import_gradio
from mlqa.experiment import run

TOP_K = 3


def train_tiny_run(folder: Path) -> Path:
    """Make a run of one step."""
    sizes = ["dataset.sample.train_rows=60", "dataset.sample.validation_rows=20", "training.max_steps=1"]
    config, choices = compose_config(["experiment=quickstart", "tracking=files", *sizes])
    config.training.output_dir = str(folder)
    run(config, choices)
    return folder


def ask_all(address: str, asked: list[tuple[str, str]], clients: int) -> tuple[list[Any], list[float], float]:
    """Return every answer, the seconds of every request, and those of all."""
    from gradio_client import Client

    open_clients = [Client(address, verbose=False) for _ in range(clients)]

    def ask(number: int) -> list[tuple[int, Any, float]]:
        """Send the requests of one client, one after the other."""
        done = []
        for place in range(number, len(asked), clients):
            began = time.perf_counter()
            answer = open_clients[number].predict(*asked[place], TOP_K, api_name="/predict")
            done.append((place, answer, time.perf_counter() - began))
        return done

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        parts = [each for part in threads.map(ask, range(clients)) for each in part]
    seconds = time.perf_counter() - began
    parts.sort()
    return [answer for _, answer, _ in parts], [each for *_, each in parts], seconds


def is_equal(answer: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Return whether texts and places are the same, and probabilities up to the rounding of a batch."""
    pairs = list(zip(answer["answers"], expected["answers"], strict=True))
    return answer["sure"] == expected["sure"] and all(
        (one["text"], one["start"]) == (other["text"], other["start"])
        and abs(one["probability"] - other["probability"]) < 1e-4
        for one, other in pairs
    )


def main() -> None:
    parser = build_parser(__doc__)
    parser.add_argument("--run", type=Path, help="directory of a run (default: a small one is made)")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=500)
    args = parse_arguments(parser, clients=2, requests=8)
    with tempfile.TemporaryDirectory() as folder:
        model = load_asked(args.run or train_tiny_run(Path(folder)), None)
        examples = generate(args.requests, seed=3, split="validation")
        asked = [(examples.questions[row], examples.get_context(row)) for row in range(len(examples))]

        began = time.perf_counter()
        together = model.predictor.predict_all(asked, TOP_K)
        of_batch = time.perf_counter() - began
        began = time.perf_counter()
        for question, context in asked:
            model.predictor.predict(question, context, TOP_K)
        one_by_one = time.perf_counter() - began

        page = build_page([model])
        _, address, _ = page.launch(**get_launch_options(import_gradio(), "127.0.0.1", None), prevent_thread_lock=True)
        answers, each, of_all = ask_all(address, asked, args.clients)
        page.close()
    equal = sum(map(is_equal, answers, (one.to_dict() for one in together)))
    report_progress(f"{len(answers)} of {len(asked)} requests answered, {equal} equal to mlqa predict")
    if equal < len(asked):
        raise SystemExit("an answer is missing or differs")
    each.sort()
    predictor = "one by one in Python"
    finish(
        [
            Row(
                f"{len(asked)} questions, API, {args.clients} clients",
                [of_all],
                [one_by_one],
                predictor,
                is_overhead=True,
            ),
            Row(f"{len(asked)} questions, Predictor.predict_all", [of_batch], [one_by_one], predictor),
            Row("a request, median", [1000 * statistics.median(each)], unit="ms"),
            Row("a request, 95th percentile", [1000 * each[int(0.95 * (len(each) - 1))]], unit="ms"),
        ],
        args,
    )


if __name__ == "__main__":
    main()
