"""Members of several hosts, and a member under SageMaker's own training toolkit."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import interpreter
from launcher_app import CONFIG, App, Service

pytestmark = pytest.mark.slow

BODY = """
import torch, torch.distributed as dist
if cfg.backend == "smddp":
    import smdistributed.dataparallel.torch.torch_smddp
dist.init_process_group(cfg.backend)
total = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(total)
seen = {"size": dist.get_world_size(), "total": total.item(), "host": os.environ["SM_CURRENT_HOST"]}
(out / f"rank-{dist.get_rank()}.json").write_text(json.dumps(seen))
dist.barrier()
dist.destroy_process_group()
"""
HOSTS = {
    "torchrun": ("gloo", "instance_type: ml.g5.12xlarge\ninstance_count: 2\ndistribution: torchrun\n"),
    "smdistributed": ("smddp", "instance_type: ml.p3.16xlarge\ninstance_count: 2\ndistribution: smdistributed\n"),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Its jobs find torch loaded."""
    with Service(tmp_path_factory.mktemp("service"), python=interpreter("training job")) as service:
        yield service


@pytest.mark.parametrize("distribution", HOSTS)
def test_two_hosts_train_together_and_the_first_leaves_the_run(
    service: Service, tmp_path: Path, distribution: str
) -> None:
    backend, hardware = HOSTS[distribution]
    app = App.make(tmp_path, BODY, CONFIG + "backend: gloo\n", service.environment())
    (tmp_path / "conf" / "hardware" / "two.yaml").write_text(hardware)
    done = app.run("hardware=two", f"backend={backend}", timeout=180)
    assert done.code == 0, done.output
    folder = tmp_path / "sweep" / "0"
    assert json.loads((folder / "rank-0.json").read_text()) == {"size": 2, "total": 3.0, "host": "algo-1"}
    assert sorted(path.name for path in folder.iterdir()) == [
        ".hydra",
        "app.log",
        "note.txt",
        "rank-0.json",
        "result.json",
        "sagemaker.log",
    ]
    result = app.sweep().result(0)
    assert (result["cost"]["instance_count"], result["objective"]) == (2, 2.0)
    tail = (folder / "sagemaker.log").read_text()
    assert "/algo-1-" in tail and "/algo-2-" in tail


def test_a_member_of_two_hosts_that_fails_says_why(service: Service, tmp_path: Path) -> None:
    body = 'import time\nif os.environ["RANK"] == "1":\n    raise ValueError("the second rank broke")\ntime.sleep(60)'
    app = App.make(tmp_path, body, environment=service.environment())
    (tmp_path / "conf" / "hardware" / "two.yaml").write_text(HOSTS["smdistributed"][1])
    done = app.run("hardware=two", timeout=120)
    assert done.code == 1
    done.says("#0 failed: AlgorithmError: ValueError: the second rank broke")


def toolkit() -> str:
    """A Python with sagemaker-training and hydra-core: `make toolkit` makes one."""
    python = os.environ.get("SAGEMAKER_TOOLKIT_PYTHON")
    if not python:
        pytest.skip("SAGEMAKER_TOOLKIT_PYTHON: no Python with sagemaker-training; make toolkit")
    check = "import sagemaker_training, hydra, omegaconf"
    if subprocess.run([python, "-c", check], capture_output=True).returncode:
        pytest.skip(f"{python} lacks sagemaker-training or hydra-core; make toolkit")
    return python


def test_sagemakers_own_toolkit_runs_a_member(tmp_path: Path) -> None:
    with Service(tmp_path / "service", toolkit=toolkit()) as service:
        body = 'if cfg.task == "raise":\n    raise ValueError("ağaç")\nprint(sys.argv[0])'
        app = App.make(tmp_path / "app", body, environment=service.environment())
        # The container's packages are there: nothing is installed.
        isolated = "hydra.launcher.network_isolation=true"
        done = app.run("hardware=m5", "task=ok,raise", "text='a=b, c'", isolated, timeout=180)
        sweep = app.sweep()
        assert sweep.statuses() == {0: "completed", 1: "failed"}, done.output
        assert done.code == 1
        assert sweep.result(0)["objective"] == 2.0
        assert (sweep.path / "0" / "note.txt").read_text() == "x=1.0"
        assert "Reporting training SUCCESS" in (sweep.path / "0" / "sagemaker.log").read_text()
        done.says("#1 failed: AlgorithmError: ValueError: ağaç, exit code: 1")
