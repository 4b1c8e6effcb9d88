"""Jobs run as processes, with the container's folders, files and environment."""

from __future__ import annotations

import json
import os
import signal
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rehearsal_client import BUCKET, Rehearsal, channel, statuses

pytestmark = pytest.mark.slow
PHASES = ["Starting", "Downloading", "Training", "Uploading"]


def program(text: str) -> str:
    return "import json, os, pathlib, signal, sys, time\n" + textwrap.dedent(text)


def spot(seconds: int = 60, **more: Any) -> dict[str, Any]:
    limits = {"MaxRuntimeInSeconds": seconds, "MaxWaitTimeInSeconds": seconds}
    return {"EnableManagedSpotTraining": True, "StoppingCondition": limits, **more}


LOOK = program(
    """
    base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
    data = pathlib.Path(os.environ["SM_CHANNEL_DATA"])
    seen = {
        "argv": sys.argv, "cwd": os.getcwd(), "base": str(base), "env": dict(os.environ),
        "data": {str(path.relative_to(data)): path.read_text() for path in data.rglob("*") if path.is_file()},
        "one": [path.name for path in pathlib.Path(os.environ["SM_CHANNEL_ONE"]).iterdir()],
        "config": {path.stem: json.loads(path.read_text()) for path in (base / "input/config").iterdir()},
    }
    pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "deep").mkdir()
    pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "deep/seen.json").write_text(json.dumps(seen))
    pathlib.Path(os.environ["SM_MODEL_DIR"], "weights").write_text("w")
    print("{'loss': '0.69'}")
    print("{'loss': '0.25'}", file=sys.stderr)
    print("Ankara'da ğüşiöç")
    """
)


@pytest.fixture(scope="module")
def looked(rehearsal: Rehearsal) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a job saw, and its description."""
    for key, text in {"a.txt": "A", "sub/b.txt": "B"}.items():
        rehearsal.upload(f"look/data/{key}", text)
    name = rehearsal.create(
        "look",
        LOOK,
        HyperParameters={"epochs": "3", "name": '"a b"', "sagemaker_region": '"us-east-1"', "sagemaker_extra": "true"},
        Environment={"GREETING": "a=b, 'c'"},
        AlgorithmSpecification={
            "TrainingImage": "image:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "'loss': '([0-9.]+)'"}],
        },
        channels=[
            channel("data", f"s3://{BUCKET}/look/data", InputMode="FastFile"),
            channel("one", f"s3://{BUCKET}/look/data/sub/b.txt"),
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/look/output/", "KmsKeyId": "alias/key"},
    )
    described = rehearsal.wait(name)
    assert described["TrainingJobStatus"] == "Completed", (described, rehearsal.log(name))
    return json.loads(rehearsal.output(name)["deep/seen.json"]), described


def test_a_job_goes_through_the_phases(looked: tuple[Any, dict[str, Any]]) -> None:
    described = looked[1]
    assert statuses(described) == [*PHASES, "Completed"]
    times = [entry["StartTime"] for entry in described["SecondaryStatusTransitions"]]
    assert times == sorted(times)
    assert described["CreationTime"] <= described["TrainingStartTime"] <= described["TrainingEndTime"]
    assert described["BillableTimeInSeconds"] == described["TrainingTimeInSeconds"] >= 1


def test_the_container_has_its_folders_and_files(looked: tuple[dict[str, Any], Any]) -> None:
    seen = looked[0]
    assert seen["cwd"] == f"{seen['base']}/code"
    assert seen["argv"] == ["main.py", "--epochs", "3", "--name", "a b"]
    assert seen["data"] == {"a.txt": "A", "sub/b.txt": "B"}
    assert seen["one"] == ["b.txt"]
    config = seen["config"]
    assert config["hyperparameters"]["epochs"] == "3"
    assert config["hyperparameters"]["sagemaker_submit_directory"] == '"/opt/ml/input/data/code/sourcedir.tar.gz"'
    assert config["inputdataconfig"]["data"]["TrainingInputMode"] == "FastFile"
    assert config["resourceconfig"]["hosts"] == ["algo-1"] and config["resourceconfig"]["current_host"] == "algo-1"


def test_the_environment_is_the_toolkits(looked: tuple[dict[str, Any], Any]) -> None:
    env = looked[0]["env"]
    assert env["SM_HOSTS"] == '["algo-1"]'
    assert env["SM_NUM_GPUS"] == "0"
    assert env["SM_CURRENT_INSTANCE_TYPE"] == "ml.p3.2xlarge"
    assert json.loads(env["SM_HPS"]) == {"epochs": 3, "name": "a b"}
    assert json.loads(env["SM_FRAMEWORK_PARAMS"]) == {"sagemaker_extra": True}
    assert json.loads(env["SM_TRAINING_ENV"])["hyperparameters"] == {"epochs": 3, "name": "a b"}
    assert env["TRAINING_JOB_NAME"] == "look"
    assert env["TRAINING_JOB_ARN"].endswith(":training-job/look")
    assert env["AWS_REGION"] == "us-east-1"
    assert env["GREETING"] == "a=b, 'c'"
    assert env["PYTHONPATH"].split(os.pathsep)[0] == looked[0]["cwd"]


def test_the_services_own_environment_stays_outside(looked: tuple[dict[str, Any], Any]) -> None:
    env = looked[0]["env"]
    own = ("SM_", "SAGEMAKER_", "AWS_", "TRAINING_JOB_", "PYTHON", "HF_", "S3_", "GLOO_", "LC_")
    openmp = {"OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}
    allowed = {"PATH", "LANG", "TMPDIR", "VIRTUAL_ENV", "HOME", "GREETING", *openmp}
    assert {name for name in env if not name.startswith(own)} <= allowed
    assert Path(env["HOME"]).is_relative_to(looked[0]["base"]) and not list(Path(env["HOME"]).iterdir())
    assert not Path(env["HF_TOKEN_PATH"]).exists()


@pytest.mark.slow
def test_secrets_of_the_machine_do_not_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sagemaker_rehearsal

    for name in ("WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "canary-7")
    try:
        service = Rehearsal(tmp_path)
        service.wait(service.create("canary", program("print(dict(os.environ))")))
        log = service.log("canary")
        assert "TRAINING_JOB_NAME" in log[0]
        assert "canary-7" not in "".join(log)
    finally:
        sagemaker_rehearsal.stop(tmp_path)


def test_what_a_job_leaves(rehearsal: Rehearsal, looked: tuple[Any, dict[str, Any]]) -> None:
    described = looked[1]
    model = f"s3://{BUCKET}/look/output/look/output/model.tar.gz"
    assert described["ModelArtifacts"] == {"S3ModelArtifacts": model}
    assert rehearsal.output("look", "model.tar.gz") == {"weights": b"w"}
    for name in ("model.tar.gz", "output.tar.gz"):
        head = rehearsal.s3.head_object(Bucket=BUCKET, Key=f"look/output/look/output/{name}")
        assert head["ServerSideEncryption"] == "aws:kms" and head["SSEKMSKeyId"].endswith("alias/key")
    assert rehearsal.log("look") == ["{'loss': '0.69'}", "{'loss': '0.25'}", "Ankara'da ğüşiöç"]
    metrics = {entry["MetricName"]: entry["Value"] for entry in described["FinalMetricDataList"]}
    assert metrics == {"loss": pytest.approx(0.25)}


def test_a_failures_own_words_are_its_reason(rehearsal: Rehearsal) -> None:
    script = """
    pathlib.Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("ModelError: no such model" + "." * 2000)
    pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "result.json").write_text("{}")
    sys.exit(3)
    """
    described = rehearsal.wait(rehearsal.create("fails", program(script)))
    assert statuses(described) == [*PHASES, "Failed"]
    reason = described["FailureReason"]
    assert reason.startswith("AlgorithmError: ModelError: no such model...")
    assert reason.endswith("..., exit code: 3")
    assert len(reason) == 1024
    assert rehearsal.output("fails") == {"result.json": b"{}"}


def test_an_exception_is_the_reason_where_nothing_was_written(rehearsal: Rehearsal) -> None:
    described = rehearsal.wait(rehearsal.create("raises", "def f():\n    raise ValueError('not this')\nf()"))
    assert described["FailureReason"] == (
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: not this"\n'
        'Command "python main.py", exit code: 1'
    )


def test_a_killed_program_fails_with_its_signal(rehearsal: Rehearsal) -> None:
    described = rehearsal.wait(rehearsal.create("killed", program("os.kill(os.getpid(), signal.SIGKILL)")))
    assert described["FailureReason"].endswith("exit code: 137")


def test_source_that_is_missing_or_spoiled(rehearsal: Rehearsal) -> None:
    rehearsal.create("no-program", HyperParameters={"sagemaker_program": '"other.py"'})
    assert "sagemaker_program=other.py: there is no such file" in rehearsal.wait("no-program")["FailureReason"]
    request = rehearsal.request("spoiled")
    rehearsal.upload("spoiled/code/sourcedir.tar.gz", b"no archive")
    rehearsal.sagemaker.create_training_job(**request)
    assert "the source archive cannot be unpacked" in rehearsal.wait("spoiled")["FailureReason"]


def test_source_from_s3(rehearsal: Rehearsal) -> None:
    uri = f"s3://{BUCKET}/from-s3/code/sourcedir.tar.gz"
    name = rehearsal.create("from-s3", HyperParameters={"sagemaker_submit_directory": json.dumps(uri)})
    assert rehearsal.wait(name)["TrainingJobStatus"] == "Completed"
    assert rehearsal.log(name) == ["hello"]


STUBBORN = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "pids").write_text(f"{os.getpid()} {child.pid}")
print("ready")
"""


def has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_a_stop_is_first_polite(rehearsal: Rehearsal) -> None:
    script = program(
        """
        def leave(*_):
            pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "stopped").write_text("in time")
            sys.exit(0)
        signal.signal(signal.SIGTERM, leave)
        print("ready")
        time.sleep(60)
        """
    )
    name = rehearsal.create("polite", script)
    rehearsal.wait_for_line(name, "ready")
    rehearsal.sagemaker.stop_training_job(TrainingJobName=name)
    assert rehearsal.describe(name)["TrainingJobStatus"] == "Stopping"
    described = rehearsal.wait(name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert statuses(described) == ["Starting", "Downloading", "Training", "Stopping", "Uploading", "Stopped"]
    assert rehearsal.output(name) == {"stopped": b"in time"}


def test_a_stop_ends_all_processes(rehearsal: Rehearsal) -> None:
    script = program(STUBBORN + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)")
    name = rehearsal.create("stubborn", script)
    rehearsal.wait_for_line(name, "ready")
    rehearsal.sagemaker.stop_training_job(TrainingJobName=name)
    assert rehearsal.wait(name)["TrainingJobStatus"] == "Stopped"
    pids = [int(pid) for pid in rehearsal.output(name)["pids"].split()]
    assert [has_ended(pid) for pid in pids] == [True, True]


def test_max_runtime_stops_a_job(rehearsal: Rehearsal) -> None:
    limit = {"MaxRuntimeInSeconds": 1}
    name = rehearsal.create("too-long", "import time; time.sleep(60)", StoppingCondition=limit)
    described = rehearsal.wait(name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert described["BillableTimeInSeconds"] in (2, 3)


RESUMES = program(
    """
    checkpoint = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints", "step-1", "state.txt")
    leftover = pathlib.Path(os.environ["SM_MODEL_DIR"], "partial")
    print("resumed" if checkpoint.exists() else "fresh", leftover.exists())
    if not checkpoint.exists():
        leftover.write_text("x")
        checkpoint.parent.mkdir()
        checkpoint.write_text("1")
        time.sleep(60)
    """
)


def test_an_interrupted_spot_job_goes_on_from_its_checkpoint(rehearsal: Rehearsal) -> None:
    rehearsal.faults(interrupt={"job": "^spot-1$", "after_seconds": 1, "wait_seconds": 1.2})
    checkpoints = {"S3Uri": f"s3://{BUCKET}/spot-1/checkpoints"}
    rehearsal.create("spot-1", RESUMES, **spot(CheckpointConfig=checkpoints))
    rehearsal.wait_for("spot-1", "Interrupted")
    described = rehearsal.wait("spot-1")
    assert described["TrainingJobStatus"] == "Completed"
    interrupted = ["Starting", "Downloading", "Training", "Interrupted"]
    assert statuses(described) == [*interrupted, *PHASES, "Completed"]
    assert rehearsal.log("spot-1") == ["fresh False", "resumed False"]
    assert rehearsal.read("spot-1/checkpoints/step-1/state.txt") == b"1"
    elapsed = (described["TrainingEndTime"] - described["TrainingStartTime"]).total_seconds()
    assert described["TrainingTimeInSeconds"] < elapsed  # waiting is not training
    assert described["BillableTimeInSeconds"] < described["TrainingTimeInSeconds"]  # and spot is cheaper


def test_checkpoints_are_uploaded_while_a_job_runs(rehearsal: Rehearsal) -> None:
    checkpoints = {"S3Uri": f"s3://{BUCKET}/saves/checkpoints"}
    rehearsal.create("saves", RESUMES, CheckpointConfig=checkpoints)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            assert rehearsal.read("saves/checkpoints/step-1/state.txt") == b"1"
            break
        except ClientError:
            time.sleep(0.1)
    assert rehearsal.describe("saves")["SecondaryStatus"] == "Training"
    rehearsal.sagemaker.stop_training_job(TrainingJobName="saves")
    rehearsal.wait("saves")


def test_max_wait_ends_a_job_that_waits_for_capacity(rehearsal: Rehearsal) -> None:
    rehearsal.faults(interrupt={"job": "^spot-2$", "after_seconds": 0, "wait_seconds": 60})
    rehearsal.create("spot-2", "import time; time.sleep(60)", **spot(2))
    described = rehearsal.wait("spot-2")
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    with pytest.raises(ClientError, match="NoSuchKey"):  # what was not a checkpoint is gone with the instances
        rehearsal.output("spot-2", "model.tar.gz")


def test_the_services_end_is_the_jobs_end(tmp_path: Path) -> None:
    import sagemaker_rehearsal

    service = Rehearsal(tmp_path, stop_seconds=1)
    service.create("orphan", program(STUBBORN + "time.sleep(600)"))
    service.wait_for_line("orphan", "ready")
    pids = (tmp_path / "jobs/orphan/algo-1/output/data/pids").read_text().split()
    serving = json.loads((tmp_path / "endpoint.json").read_text())
    sagemaker_rehearsal.stop(tmp_path)
    assert has_ended(serving["pid"])
    assert [has_ended(int(pid)) for pid in pids] == [True, True]
    assert not (tmp_path / "endpoint.json").exists()


def test_a_killed_services_jobs_end_with_the_next_start(tmp_path: Path) -> None:
    import sagemaker_rehearsal

    service = Rehearsal(tmp_path, stop_seconds=1)
    service.create("orphan", program(STUBBORN + "time.sleep(600)"))
    service.wait_for_line("orphan", "ready")
    pids = (tmp_path / "jobs/orphan/algo-1/output/data/pids").read_text().split()
    os.kill(json.loads((tmp_path / "endpoint.json").read_text())["pid"], signal.SIGKILL)
    assert sagemaker_rehearsal.start(tmp_path, idle_minutes=1) != service.url
    try:
        assert [has_ended(int(pid)) for pid in pids] == [True, True]
    finally:
        sagemaker_rehearsal.stop(tmp_path)


def test_the_typed_layer_of_the_sdk_runs_a_job(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    resources = pytest.importorskip("sagemaker.core.resources")
    from boto3.session import Session
    from sagemaker.core import shapes

    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER"):
        monkeypatch.setenv(name, rehearsal.url)
    session = Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    request = rehearsal.request("typed", "import sys; sys.exit('out of luck')")
    [code] = request["InputDataConfig"]
    job = resources.TrainingJob.create(
        session=session,
        region="us-east-1",
        training_job_name=request["TrainingJobName"],
        role_arn=request["RoleArn"],
        hyper_parameters=request["HyperParameters"],
        algorithm_specification=shapes.AlgorithmSpecification(training_image="image:1", training_input_mode="File"),
        input_data_config=[
            shapes.Channel(
                channel_name="code",
                data_source=shapes.DataSource(
                    s3_data_source=shapes.S3DataSource(
                        s3_data_type="S3Prefix", s3_uri=code["DataSource"]["S3DataSource"]["S3Uri"]
                    )
                ),
            )
        ],
        output_data_config=shapes.OutputDataConfig(s3_output_path=request["OutputDataConfig"]["S3OutputPath"]),
        resource_config=shapes.ResourceConfig(instance_type="ml.p3.2xlarge", instance_count=1, volume_size_in_gb=30),
        stopping_condition=shapes.StoppingCondition(max_runtime_in_seconds=60),
    )
    rehearsal.wait("typed")
    job.refresh()
    assert job.training_job_status == "Failed"
    assert "ExitCode 1" in job.failure_reason
    assert job.secondary_status_transitions[-1].status == "Failed"


def test_many_jobs_run_at_a_time(rehearsal: Rehearsal) -> None:
    names = [rehearsal.create(f"crowd-{number}", f"print({number})") for number in range(8)]
    assert {rehearsal.wait(name, 60)["TrainingJobStatus"] for name in names} == {"Completed"}
    assert [rehearsal.log(name) for name in names] == [[str(number)] for number in range(8)]
