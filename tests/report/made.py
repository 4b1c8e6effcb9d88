"""Sweeps made by hand: directories as runs and launcher leave them, with answers and figures that a test chooses."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mlqa.data.examples import Examples
from mlqa.data.sample import generate
from mlqa.metrics.language_rules import get_language_rules
from mlqa.metrics.scores_file import build_score_rows
from mlqa.metrics.scoring import score_predictions, score_questions
from mlqa.metrics.tokenizer_analysis import TokenizerAnalysis
from mlqa.result import SCORES, TOKENIZATION, write_json, write_json_lines

ROWS = 60


def questions(rows: int = ROWS) -> Examples:
    return generate(rows, 0, split="validation")


def answers(examples: Examples, right: Callable[[int], bool]) -> list[str]:
    """The gold where `right(row)`, else the first words of the context."""
    return [
        examples.answers[row][0].text if right(row) else " ".join(examples.get_context(row).split()[:3])
        for row in range(len(examples))
    ]


def some(share: float, seed: int) -> Callable[[int], bool]:
    """Rows that are right with a probability of `share`, the same ones for the same seed."""
    return lambda row: bool(np.random.default_rng((seed, row)).random() < share)


def config(hardware: dict[str, Any] | None = None, seed: int = 42, rows: int = ROWS, **training: Any) -> dict[str, Any]:
    return {
        "model": {"pretrained": None},
        "dataset": {
            "language": "tr", "train_file": None, "validation_file": None, "download": None, "hub": None,
            "sample": {"train_rows": 300, "validation_rows": rows, "seed": 0},
            "max_train_samples": None, "max_eval_samples": None, "strict": False,
        },
        "hardware": {"instance_type": None, "instance_count": 1, "distribution": "none", **(hardware or {})},
        "training": {"num_train_epochs": 2.0, "seed": "${seed}", "output_dir": "${hydra:run.dir}", **training},
        "seed": seed,
    }  # fmt: skip


def result(
    model: str = "berturk", hardware: str = "p3", *, f1: float | None = None, seed: int = 42, **parts: Any
) -> dict[str, Any]:
    """A result.json; `parts` replace its nodes. `f1` alone is enough where no answers are to be compared."""
    metrics = {} if f1 is None else {
        "exact_match": f1 - 20, "f1": f1, "f1_ci_low": f1 - 2, "f1_ci_high": f1 + 2, "total": ROWS,
    }  # fmt: skip
    return {
        "schema_version": 2,
        "status": "completed",
        "objective": f1,
        "label": model,
        "reported_split": "validation",
        "choices": {"model": model, "dataset": "sample", "hardware": hardware, "optimizer": "adamw"},
        "seed": seed,
        "config_hash": f"{model}{hardware}{seed}",
        "metrics": metrics,
        "tokenization": {"vocab_size": 32000, "fertility": 1.73, "continued_words": 0.4, "unk_rate": 0.0,
                         "boundary_recall": 0.964, "oracle_exact_match": 96.4, "oracle_f1": 98.7},
        "timing": {"train_seconds": 80.0, "total_seconds": 120.0, "train_samples_per_second": 100.0},
        "cost": {"billable_seconds": 600, "instance_type": "ml.p3.2xlarge", "instance_count": 1, "usd_per_hour": 3.825,
                 "usd": 0.6375, "price_source": "table", "estimate": False},
        "model": {"pretrained": None, "parameters": 1000, "embedding_parameters": 100},
        "dataset": {"fingerprint": "ac92020e3f8bbdd4", "squad_version": "1.1"},
        "versions": {"python": "3.11.7", "mlqa": "0.1.0", "commit": "0123456789ab"},
        "error": None,
        **parts,
    }  # fmt: skip


def write_member(
    folder: Path,
    content: dict[str, Any] | str | None,
    *,
    settings: dict[str, Any] | None = None,
    overrides: Sequence[str] = (),
    given: Sequence[str] | None = None,
    examples: Examples | None = None,
    history: Sequence[dict[str, Any]] = (),
    words: Sequence[dict[str, Any]] = (),
    unseen: np.ndarray | None = None,
) -> None:
    """One run directory. With `given` answers to `examples`, result.json and scores.jsonl get their scores."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text(yaml.safe_dump(settings or {}, allow_unicode=True), "utf-8")
    (folder / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(list(overrides), allow_unicode=True), "utf-8")
    if given is not None and isinstance(content, dict):
        asked = examples or questions()
        unseen = np.arange(len(asked)) % 3 > 0 if unseen is None else unseen
        rules = get_language_rules("tr")
        content["metrics"] = score_predictions(given, asked, rules=rules, unseen=unseen)
        content["objective"] = content["metrics"]["f1"]
        scores = score_questions(given, asked, rules=rules)
        rows = build_score_rows(content["choices"]["dataset"], "validation", asked, given, scores, {}, unseen)
        write_json_lines(folder / SCORES, rows)
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (folder / "result.json").write_text(text, "utf-8")
    if history:
        (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in history), "utf-8")
    if words:
        write_json(folder / TOKENIZATION, TokenizerAnalysis({"words": 1035}, list(words), []).to_dict())


def write_scored(
    folder: Path,
    model: str,
    hardware: str,
    seed: int,
    scores: np.ndarray,
    context_of: np.ndarray,
    *,
    seen: bool | None = False,
    seconds: float = 600,
    price: float = 3.6,
    settings: dict[str, Any] | None = None,
    overrides: Sequence[str] | None = None,
    **parts: Any,
) -> None:
    """One run whose F1 by question (0-1) are `scores`. No answer is scored: exact where F1 is 1."""
    exact = scores >= 1
    rows = [
        {
            "set": "sample", "split": "validation", "id": f"q{row}", "context": int(context), "seen": seen,
            "exact_match": int(exact[row]), "f1": float(scores[row]), "exact_match_language": int(exact[row]),
            "f1_language": float(scores[row]), "groups": {"question_type": ("kim", "ne")[row % 2]},
            "question": f"Soru {row}?", "golds": ["altın"], "answer": f"cevap {scores[row]:.2f}",
            "context_text": f"Metin {context}: altın.",
        }
        for row, context in enumerate(context_of)
    ]  # fmt: skip
    metrics = {
        "exact_match": 100 * float(exact.mean()), "f1": 100 * float(scores.mean()), "total": len(scores),
        "f1_language": 100 * float(scores.mean()), "exact_match_language": 100 * float(exact.mean()),
        **parts.pop("metrics", {}),
    }  # fmt: skip
    instance = f"ml.{hardware}.xlarge"
    cost = {"billable_seconds": seconds, "instance_type": instance, "instance_count": 1, "usd_per_hour": price,
            "usd": seconds / 3600 * price, "price_source": "table", "estimate": False}  # fmt: skip
    content = result(model, hardware, seed=seed, metrics=metrics, cost=parts.pop("cost", cost), **parts)
    node = config({"instance_type": instance}, seed, len(scores))
    given = [f"model={model}", f"hardware={hardware}", f"seed={seed}"] if overrides is None else overrides
    write_member(folder, content, settings=settings or node, overrides=given)
    write_json_lines(folder / SCORES, rows)


def write_manifest(sweep: Path, events: Sequence[dict[str, Any]]) -> None:
    sweep.mkdir(parents=True, exist_ok=True)
    (sweep / "members.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")


def word(text: str, pieces: Sequence[str], morphemes: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A row of tokenization.json's words."""
    cuts = np.cumsum([len(piece) for piece in pieces])[:-1].tolist()
    ends = np.cumsum([len(surface) for surface, _ in morphemes])[:-1].tolist()
    return {
        "word": text,
        "tokens": list(pieces),
        "input_ids": list(range(len(pieces))),
        "pieces": list(pieces),
        "morphemes": [{"surface": surface, "gloss": gloss} for surface, gloss in morphemes],
        "met": [cut for cut in cuts if cut in ends],
        "missed": [end for end in ends if end not in cuts],
        "inside": [cut for cut in cuts if cut not in ends],
    }


# What the whole page is tried with: model, share of right answers, seconds and dollars by hardware.
MODELS = {"berturk": (0.85, 32_000, 1.73), "xlmr_base": (0.83, 250_002, 1.97), "mbert": (0.55, 105_879, 2.16)}
HARDWARE = {
    "p3": ({"instance_type": "ml.p3.2xlarge"}, 1487, 3.825),
    "g4dn": ({"instance_type": "ml.g4dn.xlarge"}, 4210, 0.736),
}
WORDS = {
    "berturk": [("kedileri", ["kedi", "leri"]), ("evlerimizden", ["evlerimiz", "den"])],
    "xlmr_base": [("kedileri", ["ke", "di", "leri"]), ("evlerimizden", ["ev", "lerimiz", "den"])],
    "mbert": [("kedileri", ["ked", "iler", "i"]), ("evlerimizden", ["ev", "ler", "imi", "zden"])],
}
MORPHEMES = {
    "kedileri": [("kedi", "cat"), ("ler", "plural"), ("i", "its")],
    "evlerimizden": [("ev", "house"), ("ler", "plural"), ("imiz", "our"), ("den", "from")],
}


def write_whole(sweep: Path) -> Path:
    """A sweep of three models on two machines with two seeds, one failed and one missing member."""
    asked = questions(240)
    events: list[dict[str, Any]] = [{"event": "sweep", "sweep_id": "x"}]
    number = 0
    for model, (share, vocab_size, fertility) in MODELS.items():
        for hardware, (node, seconds, price) in HARDWARE.items():
            for seed in (1, 2):
                usd = round(seconds / 3600 * price, 4)
                content = result(
                    model, hardware, seed=seed,
                    tokenization={"vocab_size": vocab_size, "fertility": fertility, "oracle_exact_match": 96.0,
                                  "oracle_f1": 98.0 + share, "boundary_recall": 0.95, "continued_words": 0.4},
                    cost={"billable_seconds": seconds + seed, "instance_type": node["instance_type"],
                          "instance_count": 1, "usd_per_hour": price, "usd": usd, "estimate": hardware == "g4dn"},
                    timing={"train_samples_per_second": 9000 / seconds, "total_seconds": seconds},
                )  # fmt: skip
                steps = np.arange(50, 1050, 50)
                write_member(
                    sweep / str(number), content,
                    settings=config(node, seed, 240),
                    overrides=[f"model={model}", f"hardware={hardware}", f"seed={seed}"],
                    given=answers(asked, some(share, seed + 10 * len(model))), examples=asked,
                    history=[{"step": int(step), "loss": float(4 * np.exp(-step / 400) + 1 - share)} for step in steps],
                    words=[word(text, pieces, MORPHEMES[text]) for text, pieces in WORDS[model]],
                )  # fmt: skip
                events += [
                    {"event": "planned", "member": number, "overrides": [f"model={model}", f"hardware={hardware}"]},
                    {"event": "submitting", "member": number, "job_name": f"mlqa-{number}"},
                    {"event": "ended", "member": number, "job_status": "Completed", "usd": usd},
                    {"event": "finished", "member": number, "status": "completed", "reason": None, "return_value": 1.0},
                ]
                number += 1
    failed = result("mbert", "p3", status="failed", error="CUDA out of memory: choose a smaller batch", metrics={})
    write_member(sweep / str(number), failed, settings=config(), overrides=["model=mbert", "hardware=p3", "seed=3"])
    events += [
        {"event": "planned", "member": number, "overrides": ["model=mbert", "hardware=p3", "seed=3"]},
        {"event": "planned", "member": number + 1, "overrides": ["model=mbert", "hardware=g4dn", "seed=3"]},
    ]
    write_manifest(sweep, events)
    return sweep
