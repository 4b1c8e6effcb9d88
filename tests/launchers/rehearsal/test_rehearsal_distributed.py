"""Several hosts and processes: torchrun and the smdistributed shim, both on gloo."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from rehearsal_client import Rehearsal

import sagemaker_rehearsal

ALL_REDUCE = """
import json, os, pathlib, sys
import torch, torch.distributed as dist
{prepare}
dist.init_process_group("{backend}")
total = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(total)
seen = {{"rank": dist.get_rank(), "size": dist.get_world_size(), "total": total.item(), "backend": dist.get_backend(),
        "host": os.environ["SM_CURRENT_HOST"], "hosts": json.loads(os.environ["SM_HOSTS"]),
        "framework": json.loads(os.environ["SM_FRAMEWORK_PARAMS"]), "argv": sys.argv,
        "mpi": os.environ.get("OMPI_COMM_WORLD_RANK"), "local": os.environ["LOCAL_RANK"]}}
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], f"rank-{{dist.get_rank()}}.json").write_text(json.dumps(seen))
print("rank", dist.get_rank())
dist.barrier()
dist.destroy_process_group()
"""
TWO = {"InstanceType": "ml.p3.16xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """A service that runs two processes on a host."""
    state = tmp_path_factory.mktemp("pairs")
    yield Rehearsal(state, processes_per_host=2, stop_seconds=1)
    sagemaker_rehearsal.stop(state)


def test_torchrun_on_two_hosts(rehearsal: Rehearsal) -> None:
    name = rehearsal.create(
        "torchrun",
        ALL_REDUCE.format(prepare="", backend="gloo"),
        ResourceConfig=TWO,
        HyperParameters={"sagemaker_torch_distributed_enabled": "true", "flag": "1"},
    )
    described = rehearsal.wait(name, 60)
    assert described["TrainingJobStatus"] == "Completed", (described.get("FailureReason"), rehearsal.log(name))
    output = {file: json.loads(content) for file, content in rehearsal.output(name).items()}
    assert sorted(output) == ["rank-0.json", "rank-1.json"]
    assert [output[f"rank-{rank}.json"]["host"] for rank in (0, 1)] == ["algo-1", "algo-2"]
    for seen in output.values():
        assert (seen["size"], seen["total"], seen["hosts"]) == (2, 3.0, ["algo-1", "algo-2"])
        assert seen["argv"] == ["main.py", "--flag", "1"]
    assert "rank 0" in rehearsal.log(name, "algo-1")
    assert "rank 1" in rehearsal.log(name, "algo-2")


def test_the_smdistributed_shim_reduces_over_two_processes(pairs: Rehearsal) -> None:
    name = pairs.create(
        "smddp",
        ALL_REDUCE.format(prepare="import smdistributed.dataparallel.torch.torch_smddp", backend="smddp"),
        HyperParameters={"sagemaker_distributed_dataparallel_enabled": "true"},
    )
    described = pairs.wait(name, 60)
    assert described["TrainingJobStatus"] == "Completed", (described.get("FailureReason"), pairs.log(name))
    output = [json.loads(content) for _, content in sorted(pairs.output(name).items())]
    assert [(seen["rank"], seen["mpi"], seen["local"]) for seen in output] == [(0, "0", "0"), (1, "1", "1")]
    for seen in output:
        assert (seen["size"], seen["total"], seen["backend"]) == (2, 3.0, "smddp")
        assert seen["framework"] == {"sagemaker_distributed_dataparallel_enabled": True}


def test_other_jobs_have_no_shim(rehearsal: Rehearsal) -> None:
    name = rehearsal.create("no-shim", "import importlib.util; print(importlib.util.find_spec('smdistributed'))")
    rehearsal.wait(name)
    assert rehearsal.log(name) == ["None"]


def test_the_first_failure_ends_the_other_hosts(rehearsal: Rehearsal) -> None:
    script = """
import os, pathlib, sys, time
if os.environ["SM_CURRENT_HOST"] == "algo-2":
    pathlib.Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("the second host's fault")
    sys.exit(1)
time.sleep(600)
"""
    described = rehearsal.wait(rehearsal.create("second-fails", script, ResourceConfig=TWO))
    assert described["FailureReason"] == "AlgorithmError: the second host's fault, exit code: 1"
