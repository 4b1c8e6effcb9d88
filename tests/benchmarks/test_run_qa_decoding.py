"""Test decoding as run_qa.py does it, against the files that transformers' utils_qa.py made of the same logits.

Logits and files are in golden/run_qa.json. To make it again, set PEER_DIR to transformers'
examples/pytorch/question-answering and run `python tests/benchmarks/test_run_qa_decoding.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlqa.data.examples import Examples
from mlqa.features.windows import Windows, make_windows
from mlqa.tokenization.scratch import train_tokenizer

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from run_qa_decoding import decode_as_run_qa

GOLDEN = Path(__file__).parent / "golden" / "run_qa.json"
WIDTH, STRIDE = 24, 8
WORDS = "kedi ev at ip su yol dil gün".split()
# "few" is so few that in some rows all of the best are outside the context.
CASES: dict[str, dict[str, Any]] = {
    "as in run_qa": {"n_best_size": 20, "max_answer_length": 30},
    "few": {"n_best_size": 2, "max_answer_length": 3},
    "with no answer": {"n_best_size": 20, "max_answer_length": 30, "with_null": True},
    "with no answer, few": {
        "n_best_size": 2, "max_answer_length": 3, "with_null": True, "null_score_diff_threshold": -2.0,
    },
}  # fmt: skip


def examples() -> Examples:
    contexts = [" ".join(WORDS[(7 * place * place + shift) % 8] for place in range(40)) for shift in range(2)]
    contexts += ["ev at", "su"]
    context_of = np.array([0, 0, 1, 2, 3, 1, 3, 3])
    rows = range(len(context_of))
    return Examples([str(row) for row in rows], [WORDS[row] for row in rows], contexts, context_of, [()] * len(rows))


def windows() -> tuple[Windows, Any]:
    tokenizer = train_tokenizer([" ".join(WORDS) * 9, *WORDS * 9], "wordpiece", 60, 512)
    return make_windows(examples(), tokenizer, WIDTH, STRIDE), tokenizer


@pytest.mark.parametrize("case", CASES)
def test_equals_run_qa(case: str) -> None:
    golden = json.loads(GOLDEN.read_text("utf-8"))
    starts, ends = (np.array(golden[name], dtype=np.float32) for name in ("start_logits", "end_logits"))
    made, _ = windows()
    found = decode_as_run_qa(starts, ends, made, examples(), **CASES[case])
    wanted = golden["files"][case]
    assert found.predictions == wanted["predictions"]
    assert found.null_odds == wanted.get("null_odds")
    for row, entries in wanted["nbest_predictions"].items():
        for mine, theirs in zip(found.n_best[row], entries, strict=True):
            # If numpy's exponential function differs in the last bit, so do probabilities.
            assert mine == {**theirs, "probability": pytest.approx(theirs["probability"], rel=1e-6)}


def test_the_golden_cases_are_of_all_kinds() -> None:
    files = json.loads(GOLDEN.read_text("utf-8"))["files"]
    texts = [[entry["text"] for entry in row] for row in files["as in run_qa"]["nbest_predictions"].values()]
    assert any(len(set(row)) < len(row) for row in texts)
    assert "empty" in files["few"]["predictions"].values()
    assert {"", "empty"} < set(files["with no answer, few"]["predictions"].values())


def test_equal_logits_are_taken_from_behind() -> None:
    made, _ = windows()
    flat = np.zeros((len(made), WIDTH), dtype=np.float32)
    flat[:, 3:5] = [0.0, -0.0]
    found = decode_as_run_qa(flat, flat, made, examples(), n_best_size=WIDTH, max_answer_length=1)
    assert found.predictions["0"] == examples().contexts[0].split()[made.end[0] - 1]


def make_golden() -> None:
    import os
    import tempfile

    import peer

    made, tokenizer = windows()
    random = np.random.default_rng(3)
    starts, ends = (random.normal(0, 2, (len(made), WIDTH)).round(4).astype(np.float32) for _ in range(2))
    peer.LENGTH, peer.STRIDE = WIDTH, STRIDE  # type: ignore[misc]
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        data = peer.save_dataset(examples(), Path(folder) / "data")
        features = peer.map_dataset(peer.load_feature_functions(Path(os.environ["PEER_DIR"]), tokenizer)[1], data)
        decode = peer.load_postprocess(Path(os.environ["PEER_DIR"]))
        for name, options in CASES.items():
            options = dict(options)
            place = Path(folder) / name
            place.mkdir()
            options["version_2_with_negative"] = options.pop("with_null", False)
            decode(data, features, (starts, ends), output_dir=str(place), **options)
            files[name] = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(place.glob("*.json"))}
    logits = {"start_logits": starts.round(4).tolist(), "end_logits": ends.round(4).tolist()}
    rounded = {name: [[round(value, 4) for value in line] for line in lines] for name, lines in logits.items()}
    GOLDEN.write_text(json.dumps({**rounded, "files": files}, ensure_ascii=False, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    make_golden()
