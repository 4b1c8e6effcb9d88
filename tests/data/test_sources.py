"""Where data comes from: downloads checked and kept, the hub by its own library, both clear without a network."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import datasets
import pytest

from mlqa.config.schema import DatasetConfig, DownloadConfig, HubConfig, SampleConfig
from mlqa.data.download import fetch
from mlqa.data.hub import read_hub
from mlqa.data.load import load_reported, load_splits
from mlqa.errors import DataError, UnreachableError

ROW = {"id": "1", "question": "Kim?", "context": "Ali geldi.", "answers": {"text": ["Ali"], "answer_start": [0]}}
SQUAD = json.dumps(
    {
        "data": [
            {
                "paragraphs": [
                    {
                        "context": "Ali geldi.",
                        "qas": [{"id": 1, "question": "Kim?", "answers": [{"text": "Ali", "answer_start": 0}]}],
                    }
                ]
            }
        ]
    }
).encode()
DIGEST = hashlib.sha256(SQUAD).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    served: list[str]

    def log_message(self, *_: object) -> None:
        self.served.append(self.path)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server on loopback with one data set, and an empty cache."""
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "train.json").write_bytes(SQUAD)
    monkeypatch.setenv("MLQA_CACHE", str(tmp_path / "cache"))
    Quiet.served = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as served:
        threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


def test_a_file_is_fetched_once(server: str) -> None:
    first = fetch(f"{server}/train.json", DIGEST, "go on")
    assert first.read_bytes() == SQUAD
    assert fetch(f"{server}/train.json", DIGEST, "go on") == first
    assert len(Quiet.served) == 1


def test_a_damaged_copy_is_fetched_again(server: str) -> None:
    path = fetch(f"{server}/train.json", DIGEST, "go on")
    path.write_bytes(b"half")
    assert fetch(f"{server}/train.json", DIGEST, "go on").read_bytes() == SQUAD


def test_another_content_is_refused_and_not_kept(server: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the file has changed"):
        fetch(f"{server}/train.json", "0" * 64, "go on")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("url", ["{server}/missing.json", "http://127.0.0.1:9/train.json"])
def test_unreachable_says_what_and_the_way_out(server: str, url: str) -> None:
    with pytest.raises(UnreachableError, match=r"offline, give the file") as caught:
        fetch(url.format(server=server), DIGEST, "offline, give the file: dataset.train_file=...")
    assert "\n" not in str(caught.value)


def test_both_splits_of_a_download(server: str) -> None:
    url = f"{server}/train.json"
    dataset = DatasetConfig(language="tr", download=DownloadConfig(url, DIGEST, url, DIGEST))
    splits = load_splits(dataset)
    assert splits.train.questions == splits.validation.questions == ["Kim?"]


def test_a_file_takes_the_place_of_one_split(tmp_path: Path) -> None:
    path = tmp_path / "dev.jsonl"
    path.write_text(json.dumps(ROW), "utf-8")
    dataset = DatasetConfig(language="tr", validation_file=str(path), sample=SampleConfig(train_rows=7))
    splits = load_splits(dataset)
    assert (len(splits.train), len(splits.validation)) == (7, 1)


def test_max_samples(tmp_path: Path) -> None:
    dataset = DatasetConfig(
        language="tr",
        sample=SampleConfig(train_rows=50, validation_rows=20),
        max_train_samples=10,
        max_eval_samples=5,
    )
    splits = load_splits(dataset)
    assert (len(splits.train), len(splits.validation)) == (10, 5)


def test_hub_data_sets_go_through_the_datasets_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own loader, on a data set folder as the hub would serve it."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.jsonl").write_text(json.dumps(ROW) + "\n", "utf-8")
    examples = read_hub(HubConfig(path=str(tmp_path / "set")), "train")
    assert examples.answers[0][0].text == "Ali"
    with pytest.raises(DataError, match="split nope"):
        read_hub(HubConfig(path=str(tmp_path / "set")), "nope")


def test_one_language_of_one_folder_of_a_hub_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As TyDi QA keeps nine languages in one table, and the hub's conversion several sets in folders."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    for folder, answer in (("default", "Ali"), ("excluded", "geldi")):
        (tmp_path / "set" / folder).mkdir(parents=True)
        golds = {"text": [answer], "answer_start": [ROW["context"].index(answer)]}  # type: ignore[attr-defined]
        ids = [f"{language}-{number}" for language in ("fi", "tr") for number in (1, 2)]
        rows = [{**ROW, "id": one, "answers": golds} for one in ids]
        (tmp_path / "set" / folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    hub = HubConfig(path=str(tmp_path / "set"), data_dir="default")
    assert read_hub(hub, "train").ids == ["fi-1", "fi-2", "tr-1", "tr-2"]
    chosen = read_hub(HubConfig(path=str(tmp_path / "set"), data_dir="excluded", id_prefix="tr-"), "train")
    assert (chosen.ids, chosen.answers[0][0].text) == (["tr-1", "tr-2"], "geldi")
    with pytest.raises(DataError, match=r"split train, ids sw-\.\.\.: no question in this source"):
        read_hub(HubConfig(path=str(tmp_path / "set"), data_dir="default", id_prefix="sw-"), "train")


def test_a_split_that_is_cut_out_of_train_can_be_scored_on(tmp_path: Path) -> None:
    dataset = DatasetConfig(language="tr", sample=SampleConfig(train_rows=200), validation_share=0.5)
    cut = load_splits(dataset)
    path = tmp_path / "train.jsonl"
    rows = [
        {"id": cut.train.ids[row], "question": cut.train.questions[row], "context": cut.train.get_context(row),
         "answers": [{"text": gold.text, "answer_start": gold.start} for gold in cut.train.answers[row]]}
        for row in range(len(cut.train))
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    alone = DatasetConfig(language="tr", train_file=str(path), validation_share=0.5)
    split, questions = load_reported(alone)
    assert split == "validation"
    assert questions.compute_fingerprint() == load_splits(alone).validation.compute_fingerprint()


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({"train.jsonl": "{"}, "split train: .*JSON"),
        ({"train.jsonl": "nonsense"}, "split train: .*JSON"),
        ({"a.bin": "x"}, "dataset.hub.path=.*data files"),
        (None, "there is no such folder"),
    ],
)
def test_a_folder_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str] | None, part: str
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    if files is not None:
        (tmp_path / "set").mkdir()
        for name, content in files.items():
            (tmp_path / "set" / name).write_text(content, "utf-8")
    with pytest.raises(DataError, match=part) as caught:
        read_hub(HubConfig(path=str(tmp_path / "set")), "train")
    assert len(str(caught.value).splitlines()) == 1


def test_the_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UnreachableError, match=r"nobody/nothing.*could not be reached.*dataset=squad_json"):
        read_hub(HubConfig(path="nobody/nothing"), "train")
