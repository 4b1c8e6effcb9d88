"""Test that the tests do not depend on the environment of the person who runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from clean_environment import clean_environment

pytestmark = pytest.mark.slow

TESTS = Path(__file__).resolve().parent
HOSTILE = {
    "WANDB_MODE": "online", "WANDB_API_KEY": "k" * 40, "WANDB_RUN_ID": "mine", "WANDB_SWEEP_ID": "mine",
    "AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": "http://localhost:1", "AWS_REGION": "nowhere",
    "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://localhost:1", "HF_HOME": "/dev/null",
    "TRANSFORMERS_VERBOSITY": "debug", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "64",
    "HYDRA_FULL_ERROR": "1", "MLQA_CACHE": "/dev/null", "SAGEMAKER_ROLE_ARN": "mine", "SAGEMAKER_SWEEP_ID": "mine",
    "TRAINING_JOB_NAME": "mine", "SM_CURRENT_HOST": "mine", "SM_MODEL_DIR": "/dev/null",
    "RANK": "3", "LOCAL_RANK": "3", "WORLD_SIZE": "4", "MASTER_ADDR": "localhost", "MASTER_PORT": "1",
    "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu", "NETRC": "/dev/null",
    "COLUMNS": "20", "LINES": "5", "TERM": "dumb", "FORCE_COLOR": "1", "NO_COLOR": "1", "PYTHONHASHSEED": "7",
    "PYTHONWARNINGS": "default", "XDG_CACHE_HOME": "/dev/null", "HOME": "/dev/null",
}  # fmt: skip


def test_what_stays_and_what_is_set(tmp_path: Path) -> None:
    of_the_machine = {"PATH": "/bin", "https_proxy": "http://proxy", "CUDA_VISIBLE_DEVICES": "1", "SSL_CERT_FILE": "x"}
    asked = {"MLQA_ASSETS": "/data"}
    environ = {**HOSTILE, **of_the_machine, **asked, "no_proxy": "example.org"}
    clean_environment(environ, tmp_path)
    loopback = "localhost,127.0.0.1"
    assert environ == {
        **of_the_machine, **asked, "HOME": str(tmp_path), "LANG": "C.UTF-8", "TZ": "UTC", "HF_HUB_OFFLINE": "1",
        "AWS_EC2_METADATA_DISABLED": "true", "no_proxy": f"example.org,{loopback}", "NO_PROXY": loopback,
    }  # fmt: skip


def test_this_process_has_it() -> None:
    assert Path("~/.aws").expanduser().parent.is_dir() and not Path("~/.aws").expanduser().exists()
    assert os.environ["TZ"] == "UTC" and os.environ["HF_HUB_OFFLINE"] == "1"


def test_a_hostile_environment_changes_nothing() -> None:
    """Test it by a test that would fail if this process had the rank of another."""
    name = f"{TESTS}/config/test_compose.py::test_only_rank_0_keeps_a_directory"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    environ = {**os.environ, **HOSTILE}
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parent, timeout=120, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
