"""A sweep whose first instance type has no capacity, as a user runs it: on the rehearsal service, with real jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_app import App, Service

HARDWARE = {
    "list": "instance_type: ml.g6e.xlarge\nfallbacks: [g6]\nmax_hours: 0.1\nmax_pending_minutes: 30\nspot: false\n",
    "none": "instance_type: ml.g6e.xlarge\nmax_hours: 0.1\nspot: false\nfallbacks: []\n",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def app(tmp_path: Path, service: Service) -> Iterator[App]:
    made = App.make(tmp_path, environment=service.environment())
    for name, content in HARDWARE.items():
        (tmp_path / "conf" / "hardware" / f"{name}.yaml").write_text(content)
    yield made
    service.faults(clear=True)


def test_the_chosen_type_is_in_result_json_and_in_the_table(app: App, service: Service) -> None:
    service.faults(no_capacity=[{"instance_type": "ml.g6e.xlarge"}])
    done = app.run("x=1,2", "hardware=list")
    assert done.code == 0, done.output
    done.says("#0 runs on ml.g6.xlarge", "#1 runs on ml.g6.xlarge", "1 x ml.g6.xlarge")
    assert done.output.count("AWS has not patched it since 2026-10-15") == 1  # once a sweep, not once a member
    for number in (0, 1):
        cost = json.loads((app.root / "sweep" / str(number) / "result.json").read_text())["cost"]
        assert (cost["instance_type"], cost["usd_per_hour"]) == ("ml.g6.xlarge", 1.127)


def test_a_resumed_sweep_goes_on_with_the_type_that_is_next(app: App, service: Service) -> None:
    service.faults(no_capacity=[{"instance_type": "ml.g6e.xlarge", "spot": True}])
    waits = ("x=1", "hardware=list", "hardware.spot=true", "hydra.launcher.wait=false")
    assert app.run(*waits).code == 0
    (name,) = service.names(app.sweep())
    service.sagemaker.stop_training_job(TrainingJobName=name)
    manifest = app.root / "sweep" / "members.jsonl"
    # What the launcher writes when the first type has no capacity, before it is killed.
    event = {"time": "2026-11-28T00:00:00+00:00", "event": "fallback", "member": 0, "instance_type": "ml.g6.xlarge"}
    with manifest.open("a") as file:
        file.write(json.dumps(event) + "\n")
    done = app.run("x=1", "hardware=list", "hardware.spot=true", f"hydra.launcher.resume={app.root / 'sweep'}")
    assert done.code == 0, done.output
    names = service.names(app.sweep())
    assert sorted(names) == [name, f"{name}-r2"]
    assert service.describe(f"{name}-r2")["ResourceConfig"]["InstanceType"] == "ml.g6.xlarge"
    cost = json.loads((app.root / "sweep" / "0" / "result.json").read_text())["cost"]
    assert cost["instance_type"] == "ml.g6.xlarge"


def test_a_quota_that_does_not_cover_a_fallback_stops_the_sweep_before_it_begins(app: App, service: Service) -> None:
    service.faults(quota=[{"instance_type": "ml.g6.xlarge", "instances": 0}])
    before = service.calls()
    done = app.run("x=1", "hardware=list")
    assert done.code == 1
    done.says("quota 'ml.g6.xlarge for training job usage' in us-east-1 is 0", "Service Quotas")
    after = service.calls()
    assert after["ListServiceQuotas"] > before.get("ListServiceQuotas", 0)
    assert after.get("CreateTrainingJob") == before.get("CreateTrainingJob")
    assert app.run("x=1", "hardware=none").code == 0  # without a list only its own type's quota counts


def test_the_plan_names_the_types_and_their_prices(app: App) -> None:
    done = app.run("x=1", "hardware=list", "hardware.fallbacks=[g6]", "hydra.launcher.dry_run=true")
    done.says(
        "hardware.fallbacks=[g6]",
        "1 x ml.g6e.xlarge or g6",
        "hardware.fallbacks, SageMaker chooses",
        "1 x ml.g6.xlarge at 1.127 $/h",
    )
