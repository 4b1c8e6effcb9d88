"""The control loop on the clock of a service that simulates its jobs: hours take no time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from launcher_app import Service
from omegaconf import OmegaConf

import sagemaker_rehearsal
from hydra_sagemaker_launcher.aws.training_jobs import TrainingJobClient
from hydra_sagemaker_launcher.catalog import images as image_catalog
from hydra_sagemaker_launcher.catalog.hardware import Hardware
from hydra_sagemaker_launcher.clock import Clock
from hydra_sagemaker_launcher.config import SageMakerLauncherConf
from hydra_sagemaker_launcher.jobs.control_loop import Control
from hydra_sagemaker_launcher.jobs.job import Job
from hydra_sagemaker_launcher.jobs.outcome import Outcome
from hydra_sagemaker_launcher.manifest import Manifest
from hydra_sagemaker_launcher.member import Member
from hydra_sagemaker_launcher.request.training_job import JobSpec as Requested
from hydra_sagemaker_launcher.request.training_job import build_training_job_request

HARDWARE = Hardware("ml.m5.large")


def asked(jobs: TrainingJobClient, number: int, **changes: Any) -> dict[str, Any]:
    """A request of a member of the sweep."""
    made = build_training_job_request(
        Requested(
            hardware=HARDWARE,
            image=image_catalog.choose_image(HARDWARE, "us-east-1"),
            number=number,
            name=f"job-{jobs._sweep_id}-{number}",
            sweep_id=jobs._sweep_id,
            sweep_dir=Path("sweep"),
            role="arn:aws:iam::123456789012:role/Trainer",
            region="us-east-1",
            channels={"code": "s3://bucket/code/"},
            prefix="s3://bucket",
        ),
        SageMakerLauncherConf(checkpoints=False),
    )
    return made | changes


class Simulated(Clock):
    """The service's clock: waiting moves it on, and takes no time."""

    def __init__(self, service: Service) -> None:
        self._service, self._now = service, 0.0

    def get_time(self) -> float:
        return self._now

    def wait(self, seconds: float, event: threading.Event) -> None:
        if not event.wait(0.01):
            self._now += seconds
            sagemaker_rehearsal.call(self._service.url, "clock", {"advance_seconds": seconds})


def control(
    jobs: TrainingJobClient, service: Service, path: Path, members: int, said: list[str] | None = None, **options: Any
) -> Control:
    made = [
        Job(Member(number, [], OmegaConf.create({}), path, HARDWARE), asked(jobs, number), None, 1.0)
        for number in range(members)
    ]
    return Control(
        made, jobs, Manifest(path), lambda job: Outcome("completed"), SageMakerLauncherConf(**options),
        [].append if said is None else said.append, Simulated(service),
    )  # fmt: skip


def counted(service: Service, before: dict[str, int]) -> dict[str, int]:
    now = service.calls()
    return {name: now[name] - before.get(name, 0) for name in now if now[name] != before.get(name, 0)}
