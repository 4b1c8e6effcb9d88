"""Load the peer to compare with: transformers' question-answering example, from a folder of yours.

Set PEER_DIR to examples/pytorch/question-answering of https://github.com/huggingface/transformers, in a release up to
4.57 (`git clone --depth 1 --branch v4.55.4 https://github.com/huggingface/transformers`, or only its files run_qa.py
and utils_qa.py). It is not part of this project and is used unchanged. Its functions are closures inside main() and
are compiled out of it.
"""

from __future__ import annotations

import ast
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlqa.data.examples import Examples

PEER = "run_qa.py"  # its name in the tables
LENGTH, STRIDE = 384, 128


def find_peer() -> Path | None:
    """Return PEER_DIR if it has the peer, else print what is missing."""
    folder = os.environ.get("PEER_DIR")
    if folder and all((Path(folder) / name).is_file() for name in ("run_qa.py", "utils_qa.py")):
        return Path(folder)
    problem = f"{folder} lacks run_qa.py or utils_qa.py" if folder else "not set"
    print(f"PEER_DIR: {problem}, so the peer is left out; set it to transformers' examples/pytorch/question-answering")
    return None


def load_feature_functions(
    folder: Path, tokenizer: Any, length: int = LENGTH, stride: int = STRIDE
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Compile the peer's prepare_train_features and prepare_validation_features for a tokenizer."""
    path = folder / "run_qa.py"
    (main,) = (
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "main"
    )
    names = ("prepare_train_features", "prepare_validation_features")
    functions = [node for node in main.body if isinstance(node, ast.FunctionDef) and node.name in names]
    scope: dict[str, Any] = {
        "tokenizer": tokenizer,
        "question_column_name": "question",
        "context_column_name": "context",
        "answer_column_name": "answers",
        "pad_on_right": tokenizer.padding_side == "right",
        "max_seq_length": length,
        "data_args": SimpleNamespace(doc_stride=stride, pad_to_max_length=True),
    }
    exec(compile(ast.Module(functions, []), str(path), "exec"), scope)
    return scope[names[0]], scope[names[1]]


def load_postprocess(folder: Path) -> Callable[..., Any]:
    """Load the peer's postprocess_qa_predictions."""
    spec = importlib.util.spec_from_file_location("utils_qa", folder / "utils_qa.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., Any] = module.postprocess_qa_predictions
    return function


def save_dataset(examples: Examples, folder: Path) -> Any:
    """Return the examples as the peer reads them: a datasets.Dataset with its Arrow file in `folder` and unique ids."""
    import datasets

    rows = {
        "id": [str(row) for row in range(len(examples))],
        "question": examples.questions,
        "context": [examples.get_context(row) for row in range(len(examples))],
        "answers": [
            {"text": [gold.text for gold in golds], "answer_start": [gold.start for gold in golds]}
            for golds in examples.answers
        ],
    }
    datasets.Dataset.from_dict(rows).save_to_disk(str(folder))
    return datasets.load_from_disk(str(folder))


def map_dataset(function: Callable[..., Any], data: Any) -> Any:
    """Make features as run_qa.py does: in batches of 1,000 rows, written to an Arrow file, without reading a cache."""
    return data.map(function, batched=True, remove_columns=data.column_names, load_from_cache_file=False)
