"""What this process runs in, as launchers, torchrun and SageMaker tell it by variables."""

from __future__ import annotations

import gc
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlqa import environment

RUN = Path("run")
CONTAINER = {"TRAINING_JOB_NAME": "job", "SM_CURRENT_HOST": "algo-1"}


def set_variables(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_garbage_is_collected_again_after_the_pause() -> None:
    with environment.pause_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    with environment.pause_garbage_collection():
        pass
    assert not gc.isenabled()  # as the user had it
    gc.enable()


def test_one_process_is_rank_0_of_1() -> None:
    assert (environment.get_rank(), environment.get_local_rank()) == (0, 0)
    assert (environment.get_world_size(), environment.get_local_world_size()) == (1, 1)
    assert environment.is_main()


def test_the_second_process_of_the_second_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun sets them for two machines with two processes each."""
    set_variables(monkeypatch, {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"})
    assert (environment.get_rank(), environment.get_local_rank()) == (3, 1)
    assert (environment.get_world_size(), environment.get_local_world_size()) == (4, 2)
    assert not environment.is_main()


def test_outside_a_container_everything_is_in_the_run_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some machines have SM_MODEL_DIR set, e.g. SageMaker's notebooks."""
    set_variables(monkeypatch, {"SM_MODEL_DIR": "/opt/ml/model", "SM_CHECKPOINT_DIR": "/opt/ml/checkpoints"})
    for name in CONTAINER:
        with monkeypatch.context() as only_one:
            only_one.setenv(name, "x")
            assert not environment.is_in_container()
            assert environment.get_model_dir(RUN) == RUN / "model"
            assert environment.get_checkpoint_dir(RUN) == RUN / "checkpoints"


def test_a_container_has_places_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, {**CONTAINER, "SM_MODEL_DIR": "/opt/ml/model"})
    assert environment.get_model_dir(RUN) == Path("/opt/ml/model")
    assert environment.get_checkpoint_dir(RUN) == RUN / "checkpoints"  # a job without CheckpointConfig
    monkeypatch.setenv("SM_CHECKPOINT_DIR", "/opt/ml/checkpoints")
    assert environment.get_checkpoint_dir(RUN) == Path("/opt/ml/checkpoints")


def test_the_cache_is_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert environment.get_cache_dir() == tmp_path / ".cache" / "mlqa"
    monkeypatch.setenv("MLQA_CACHE", "~/elsewhere")
    assert environment.get_cache_dir() == tmp_path / "elsewhere"


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub that knows nothing."""

    def do_HEAD(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    environment.go_offline_if_unreachable.cache_clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
    environment.go_offline_if_unreachable.cache_clear()


def test_a_hub_that_answers_is_used(monkeypatch: pytest.MonkeyPatch, hub: str) -> None:
    """Also one that answers with an error: it is there."""
    monkeypatch.setenv("HF_ENDPOINT", hub)
    environment.go_offline_if_unreachable()
    assert "HF_HUB_OFFLINE" not in os.environ


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "no address"])
def test_a_hub_that_does_not_answer_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, hub: str, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "")  # so that its value is put back after the test
    monkeypatch.setenv("HF_ENDPOINT", address)
    environment.go_offline_if_unreachable()
    environment.go_offline_if_unreachable()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert caplog.messages == ["the Hugging Face hub cannot be reached: only its cache on this machine is used"]
