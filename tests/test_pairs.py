"""Combinations of defaults: each pair of tracking, hardware, launcher, sweeper, model and data set, tiny."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import forked
import pytest
import yaml
from covering import Row, cover_pairs, list_pairs, list_rows

pytestmark = pytest.mark.exhaustive
TOP = Path(__file__).resolve().parents[1]
for folder in ("launchers", "tests/tracking", "tests/launchers"):
    sys.path.insert(0, str(TOP / folder))

import typed_requests  # noqa: E402
from reading import by_records  # noqa: E402

import sagemaker_rehearsal  # noqa: E402

FACTORS = {
    "hardware": ("local", "g4dn", "torchrun", "smddp", "spot"),
    "dataset": ("sample", "json", "csv", "parquet"),
    "model": ("tiny_wordpiece", "tiny_unigram", "tiny_char", "folder"),
    "tracking": ("wandb", "files"),
    "launcher": ("sagemaker", "basic"),
    "sweeper": ("basic", "optuna"),
}
HARDWARE = {
    "local": ("local", {}),
    "g4dn": ("g4dn", {"max_hours": 1}),
    "torchrun": ("g5_torchrun", {"max_hours": 1, "instance_count": 2}),
    "smddp": ("p3_smddp", {"max_hours": 1}),
    "spot": ("g5", {"max_hours": 1, "spot": True}),
}
SMALL = {
    "words": ["evlerimizden"],
    "training": {
        "max_steps": 2,
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 8,
        "max_seq_length": 64,
        "doc_stride": 16,
    },
}
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}
ROLE = "arn:aws:iam::123456789012:role/jobs"
TRAIN, VALIDATION = 24, 8  # questions


def is_allowed(row: Row) -> bool:
    """Hydra's basic launcher runs every member here, so train.py refuses other hardware with it."""
    return row["launcher"] == "sagemaker" or row["hardware"] == "local"


ROWS = cover_pairs(FACTORS, is_allowed, seed=1)


def test_each_pair_that_is_possible_occurs() -> None:
    everything = set().union(*map(list_pairs, list_rows(FACTORS, lambda row: True)))
    covered = set().union(*map(list_pairs, ROWS))
    excluded = {(("hardware", name), ("launcher", "basic")) for name in FACTORS["hardware"] if name != "local"}
    assert everything - covered == excluded
    assert all(is_allowed(row) for row in ROWS)


# --- data, model and project of the test


def build_rows(first: int, count: int) -> list[dict[str, Any]]:
    """Questions about who lives where. Each context is another one."""
    names, cities = ("Ayşe", "Işıl", "Çağrı", "Ömer"), ("İzmir", "Muğla", "Iğdır", "Şırnak", "Ağrı")
    rows = []
    for number in range(first, first + count):
        name, city = names[number % 4], cities[number % 5]
        context = f"{name} {1900 + number} yılında {city} kentindeki evlerimizden birinde yaşadı."
        answers = {"text": [city], "answer_start": [context.index(city)]}
        question = f"{name} hangi kentte yaşadı?"
        rows.append({"id": f"q{number}", "question": question, "context": context, "answers": answers})
    return rows


def write_rows(rows: list[dict[str, Any]], path: Path) -> str:
    if path.suffix == ".json":
        paragraphs = [
            {
                "context": row["context"],
                "qas": [
                    {
                        "id": row["id"],
                        "question": row["question"],
                        "answers": [
                            {"text": text, "answer_start": start}
                            for text, start in zip(*row["answers"].values(), strict=True)
                        ],
                    }
                ],
            }
            for row in rows
        ]
        path.write_text(json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}), "utf-8")
    elif path.suffix == ".csv":
        import csv

        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row | {"answers": json.dumps(row["answers"], ensure_ascii=False)} for row in rows)
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


def make_pretrained(folder: Path) -> str:
    """A BERT of random weights, saved as any model of the hub is."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    letters = sorted(set("".join(row["context"] + row["question"] for row in build_rows(0, TRAIN)).lower()))
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **sizes)
    BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with an experiment for each row: members that share no product of overrides."""
    folder = tmp_path_factory.mktemp("pairs") / "project"
    for name in ("conf", "src/mlqa", "requirements"):
        shutil.copytree(TOP / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOP / "train.py", folder)
    (folder / "launchers").symlink_to(TOP / "launchers")
    files = {}
    for ending in ("json", "csv", "parquet"):
        files[ending] = {
            "language": "tr",
            "train_file": write_rows(build_rows(0, TRAIN), folder / f"train.{ending}"),
            "validation_file": write_rows(build_rows(TRAIN, VALIDATION), folder / f"validation.{ending}"),
        }
    pretrained = make_pretrained(folder / "tiny_bert")
    for number, row in enumerate(ROWS):
        option, more = HARDWARE[row["hardware"]]
        chosen = {
            "hardware": option,
            "tracking": row["tracking"],
            "model": "berturk" if row["model"] == "folder" else row["model"],
            "dataset": "sample" if row["dataset"] == "sample" else "squad_json",
        }
        content: dict[str, Any] = {
            "defaults": [{f"override /{group}": name} for group, name in chosen.items()],
            "hardware": {"precision": "fp32", **more},
            **SMALL,
            "dataset": files.get(row["dataset"], {"sample": {"train_rows": TRAIN, "validation_rows": VALIDATION}}),
        }
        if row["model"] == "folder":
            content["model"] = {"pretrained": pretrained}
        text = f"# @package _global_\n{yaml.safe_dump(content, sort_keys=False)}"
        (folder / "conf" / "experiment" / f"row{number}.yaml").write_text(text, "utf-8")
    return folder


# --- the sweeps


@pytest.fixture(scope="module")
def service(project: Path) -> Iterator[str]:
    """A stand-in whose jobs start with the project's libraries loaded, torchrun and its workers too."""
    state, python = project.parent / "service", forked.interpreter("training", project)
    forked.fork_services()
    yield sagemaker_rehearsal.start(state, checkpoint_seconds=0.5, idle_minutes=5, python=python)
    sagemaker_rehearsal.stop(state)


def sweep(rows: list[int], launcher: str, sweeper: str, project: Path, url: str) -> str:
    """Run the members of one launcher and one sweeper, and return what was printed."""
    names = ",".join(f"row{number}" for number in rows)
    command = [*forked.python("training", project), "train.py", "-m"]
    command += [f"hydra.sweep.dir={project.parent / f'{launcher}-{sweeper}'}"]
    if sweeper == "optuna":
        command += ["hydra/sweeper=optuna", "hydra/sweeper/sampler=grid", "hydra.sweeper.direction=maximize"]
        command += [f"hydra.sweeper.n_trials={len(rows)}", f"hydra.sweeper.n_jobs={len(rows)}"]
        command += [f"experiment=choice({names})"]
    else:
        command += [f"experiment={names}"]
    if launcher == "basic":
        command += ["hydra/launcher=basic"]
    else:
        command += ["hydra.launcher.poll_interval=0.3", "hydra.launcher.submit_interval=0"]
        command += ["hydra.launcher.max_parallel=2"]
    env = os.environ | ACCOUNT | {"AWS_ENDPOINT_URL": url, "SAGEMAKER_ROLE_ARN": ROLE, "WANDB_MODE": "offline"}
    done = subprocess.run(command, cwd=project, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def members(project: Path, service: str) -> dict[int, Path]:
    """The directory of each row's member."""
    directories = {}
    for launcher in FACTORS["launcher"]:
        for sweeper in FACTORS["sweeper"]:
            chosen = {"launcher": launcher, "sweeper": sweeper}
            rows = [number for number, row in enumerate(ROWS) if row | chosen == row]
            said = sweep(rows, launcher, sweeper, project, service)
            place = project.parent / f"{launcher}-{sweeper}"
            for sign in ("Traceback", "left out", "could not be fetched", "is not used from now on", "could not start"):
                assert sign not in said, said
            assert (place / "report" / "index.html").is_file() or launcher == "basic", said
            for path in place.glob("*/.hydra/overrides.yaml"):
                (name,) = [text for text in yaml.safe_load(path.read_text("utf-8")) if text.startswith("experiment=")]
                directories[int(name.removeprefix("experiment=row"))] = path.parents[1]
    return directories


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


NODES = ("metrics", "tokenization", "timing", "cost", "model", "dataset", "versions")


def describe_shape(result: dict[str, Any]) -> dict[str, set[str] | None]:
    """The keys of each part of a result. Which questions there are decides on the groups of the breakdown."""
    shape = {key: set(result[key]) if key in NODES else None for key in result}
    shape["cost"] = (shape["cost"] or set()) - {"spot_saving"}
    return shape


@pytest.mark.parametrize("number", range(len(ROWS)), ids=["-".join(row.values()) for row in ROWS])
def test_a_combination_gives_a_whole_result(number: int, members: dict[int, Path]) -> None:
    row, directory = ROWS[number], members[number]
    result = read(directory / "result.json")
    assert (result["status"], result["error"]) == ("completed", None)
    assert result["objective"] == result["metrics"]["f1"]
    assert result["choices"]["hardware"] == HARDWARE[row["hardware"]][0]
    assert result["choices"]["tracking"] == row["tracking"]
    assert result["label"] == ("project/tiny_bert" if row["model"] == "folder" else row["model"])
    first = next(number for number, row in enumerate(ROWS) if row["hardware"] == "local")
    assert describe_shape(result) == describe_shape(read(members[first] / "result.json"))
    assert ("spot_saving" in result["cost"]) == (row["hardware"] == "spot")
    assert len(read(directory / "predictions.json")) == VALIDATION
    assert len((directory / "scores.jsonl").read_text("utf-8").splitlines()) == VALIDATION
    assert (directory / "history.jsonl").is_file() and (directory / "tokenization.json").is_file()
    assert (directory / "model" / "config.json").is_file() == (row["hardware"] == "local")


def test_each_request_is_one_of_sagemaker_cores_shapes(service: str, members: dict[int, Path]) -> None:
    session = boto3.Session(ACCOUNT["AWS_ACCESS_KEY_ID"], ACCOUNT["AWS_SECRET_ACCESS_KEY"], None, ACCOUNT["AWS_REGION"])
    sagemaker = session.client("sagemaker", endpoint_url=service)
    pages = sagemaker.get_paginator("list_training_jobs").paginate()
    names = [summary["TrainingJobName"] for page in pages for summary in page["TrainingJobSummaries"]]
    assert len(names) == sum(row["hardware"] != "local" for row in ROWS)
    for name in names:
        typed_requests.judge_created(sagemaker.describe_training_job(TrainingJobName=name))


@pytest.mark.parametrize("number", [number for number, row in enumerate(ROWS) if row["tracking"] == "wandb"])
def test_the_tracked_run_can_be_read(number: int, members: dict[int, Path]) -> None:
    (run,) = [path for path in (members[number] / "wandb").glob("offline-run-*") if not path.is_symlink()]
    recorded = by_records(run)
    assert recorded["exit_code"] == 0
    result = read(members[number] / "result.json")
    assert recorded["summary"]["metrics/f1"] == pytest.approx(result["metrics"]["f1"])


def test_a_sweeper_gets_every_objective(project: Path, members: dict[int, Path]) -> None:
    for launcher in FACTORS["launcher"]:
        chosen = {"launcher": launcher, "sweeper": "optuna"}
        scores = [
            read(members[number] / "result.json")["objective"] for number, row in enumerate(ROWS) if row | chosen == row
        ]
        best = yaml.safe_load((project.parent / f"{launcher}-optuna" / "optimization_results.yaml").read_text("utf-8"))
        assert best["best_value"] == pytest.approx(max(scores))
