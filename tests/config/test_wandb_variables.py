"""Test that a variable of W&B is honoured or refused by name, never ignored."""

from __future__ import annotations

import os

import pytest

from mlqa.config.preflight import check_command_line
from mlqa.errors import ConfigError


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WANDB_MODE", "ofline", "WANDB_MODE=ofline: W&B has no such mode; choose online, offline or disabled"),
        ("WANDB_RESUME", "must", "WANDB_RESUME=must: mlqa resumes a run by its directory: unset it"),
        ("WANDB_DISABLED", "true", "WANDB_DISABLED=true: set tracking=files or WANDB_MODE=disabled instead"),
        ("WANDB_LOG_MODEL", "end", "WANDB_LOG_MODEL=end: set tracking.artifacts=true instead, which uploads the model"),
        ("WANDB_FINISH_TIMEOUT", "5", "WANDB_FINISH_TIMEOUT=5: set tracking.finish_timeout instead"),
    ],
)
def test_what_would_be_ignored_is_refused(name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        check_command_line(["-m", "seed=1,2"])
    assert caught.value.problems == [said]
    check_command_line(["tracking=files"])
    check_command_line(["tracking.mode=disabled"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("WANDB_MODE", "dryrun"), ("WANDB_RESUME", "allow"), ("WANDB_DISABLED", "false"), ("WANDB_NAME", "mine"),
     ("WANDB_SAGEMAKER_DISABLE", "true"), ("WANDB_CONSOLE", "off"), ("WANDB_DIR", "/tmp")],
)  # fmt: skip
def test_what_agrees_is_accepted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    check_command_line([])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (f"tracking.name={'x' * 129}", "tracking.name="),
        (f"tracking.tags=[{'x' * 65}]", "tracking.tags: "),
        ("tracking.predictions=10001", "tracking.predictions=10001: W&B shows at most 10000 rows"),
    ],
)
def test_what_wandb_would_refuse_later_is_refused_now(override: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_command_line([override])
    assert [line for line in caught.value.problems if line.startswith(said)] == caught.value.problems


def test_trackio_keeps_no_run_of_a_job() -> None:
    with pytest.raises(ConfigError, match=r"choose tracking=files, and then `mlqa sync --to trackio"):
        check_command_line(["-m", "hardware=p3", "tracking=trackio"])
    check_command_line(["tracking=trackio"])
