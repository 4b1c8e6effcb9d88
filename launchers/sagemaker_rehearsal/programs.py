"""The commands that run a job's program on its hosts: plain, by torchrun, like mpirun with smddprun, or by `train`."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sagemaker_rehearsal.container import Container
from sagemaker_rehearsal.cores import count_cores
from sagemaker_rehearsal.errors import JobError
from sagemaker_rehearsal.program_environment import build_arguments, build_environment

# As mlqa sets them. GNU's OpenMP counts rounds, LLVM's and Intel's milliseconds. Without them, threads spin for 300,000
# rounds and 200 ms.
SPINNING = {"GOMP_SPINCOUNT": "4500", "KMP_BLOCKTIME": "1"}
SHIM = Path(__file__).parent / "shim"


@dataclass(frozen=True)
class Program:
    """One process to start on a host."""

    container: Container
    command: list[str]
    env: dict[str, str]


def build_programs(
    containers: Sequence[Container],
    url: str,
    processes_per_host: int,
    jobs: int = 1,
    python: Path = Path(sys.executable),
) -> list[Program]:
    """Build the programs to start on the hosts.

    Args:
        containers: The hosts.
        url: The endpoint of the service.
        processes_per_host: How many processes a distributed job starts per host.
        jobs: How many jobs share this machine, this one included.
        python: The interpreter.

    Raises:
        JobError: The program is missing in the source archive.
    """
    values = containers[0].parse_hyperparameters()
    script = str(values.get("sagemaker_program", ""))
    if not (containers[0].code / script).is_file():
        raise JobError(f"ClientError: sagemaker_program={script}: there is no such file in the source archive")
    port = str(_find_free_port())
    programs: list[Program] = []
    openmp = _build_openmp_environment(jobs * len(containers) * processes_per_host)
    for node, container in enumerate(containers):
        env = openmp | build_environment(container, url)
        run = [script, *build_arguments(container)]
        if values.get("sagemaker_torch_distributed_enabled"):
            torchrun = [str(python), "-m", "torch.distributed.run", "--nnodes", str(len(containers))]
            torchrun += ["--node_rank", str(node), "--nproc_per_node", str(processes_per_host)]
            torchrun += ["--master_addr", "127.0.0.1", "--master_port", port]
            programs.append(Program(container, [*torchrun, *run], env))
        elif values.get("sagemaker_distributed_dataparallel_enabled"):
            env["PYTHONPATH"] = os.pathsep.join([env["PYTHONPATH"], str(SHIM)])
            for local in range(processes_per_host):
                ranks = _build_rank_environment(
                    node * processes_per_host + local, len(containers), local, processes_per_host, port
                )
                programs.append(Program(container, [str(python), *run], env | ranks))
        else:
            programs.append(Program(container, [str(python), *run], env))
    return programs


def _build_openmp_environment(processes: int) -> dict[str, str]:
    """Share the cores of this machine among processes, and bound how long OpenMP's threads spin.

    Threads that spin while another process has the core that they wait for are slower by an order of magnitude.
    """
    threads = max(1, count_cores() // processes)
    return {"OMP_NUM_THREADS": str(threads), **({} if "OMP_WAIT_POLICY" in os.environ else SPINNING)}


def build_toolkit_program(container: Container, url: str, python: Path) -> Program:
    """Build the program that runs the real toolkit's `train`, unmodified.

    Args:
        container: The host.
        url: The endpoint of the service.
        python: The Python that has the toolkit.

    Raises:
        JobError: That Python has no `train`.
    """
    train = python.parent / "train"
    if not train.is_file():
        raise JobError(f"ClientError: {train} does not exist; give --toolkit a Python that has sagemaker-training")
    env = build_environment(container, url, by_toolkit=True)
    env["PATH"] = os.pathsep.join([str(python.parent), env.get("PATH", os.defpath)])
    env["SM_STUDIO_LOCAL_MODE"] = "true"  # otherwise it waits until the name algo-1 is known on the network
    return Program(container, [str(python), str(train)], env)


def _build_rank_environment(rank: int, hosts: int, local: int, per_host: int, port: str) -> dict[str, str]:
    places = {"RANK": rank, "WORLD_SIZE": hosts * per_host, "LOCAL_RANK": local, "LOCAL_WORLD_SIZE": per_host}
    return {
        **{name: str(value) for name, value in places.items()},
        **{f"OMPI_COMM_WORLD_{name.replace('WORLD_', '')}": str(value) for name, value in places.items()},
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
