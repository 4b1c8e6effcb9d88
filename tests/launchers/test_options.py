"""A wrong option is one line that names the option: no class, no traceback, no advice to set HYDRA_FULL_ERROR."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher_app import App

from hydra_sagemaker_launcher.config import RehearsalConf, SageMakerLauncherConf
from hydra_sagemaker_launcher.errors import LaunchError, exit_on_error
from hydra_sagemaker_launcher.options import parse_options


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    return App.make(tmp_path_factory.mktemp("app"))


def test_unknown_options_are_reported_together_with_what_was_meant() -> None:
    given = {"_target_": "x", "budget_us": 1, "rehearsal": {"quota": {}}, "xyzzy": 2, "max_parallel": 3}
    with pytest.raises(LaunchError) as refused:
        parse_options(given)
    first, second, third = refused.value.problems
    assert first == "hydra.launcher.budget_us: the launcher has no such option; did you mean budget_usd?"
    assert second.startswith("hydra.launcher.xyzzy: the launcher has no such option; choose from service, region, ")
    assert third == "hydra.launcher.rehearsal.quota: the launcher has no such option; did you mean quotas?"


def test_a_value_of_another_type_names_the_option() -> None:
    with pytest.raises(LaunchError, match=r"^hydra\.launcher\.max_parallel: Value 'many' of type 'str'"):
        parse_options({"max_parallel": "many"})


def test_known_options_keep_their_values() -> None:
    options = parse_options({"budget_usd": 2, "job_name": "job", "rehearsal": {"quotas": {"ml.m5.large": 1}}})
    rehearsal = RehearsalConf(quotas={"ml.m5.large": 1})
    assert options == SageMakerLauncherConf(budget_usd=2.0, job_name="job", rehearsal=rehearsal)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "hydra.launcher.budgt_usd=1",
            "error: hydra.launcher.budgt_usd: the launcher has no such option; did you mean budget_usd?",
        ),
        (
            "hydra.launcher.resume=nowhere",
            "error: hydra.launcher.resume=nowhere: contains no members.jsonl; give the directory of a sweep",
        ),
        ("hydra.launcher.on_interrupt=wave", "error: hydra.launcher.on_interrupt=wave: choose stop or detach"),
    ],
)
def test_what_a_user_reads_is_one_line(app: App, override: str, line: str) -> None:
    done = app.run("hardware=m5", "hydra.launcher.service=rehearsal", "hydra.launcher.dry_run=true", override)
    assert done.code == 1
    assert [said for said in done.output.splitlines() if not said.startswith("[")] == [line]


@pytest.mark.slow
def test_values_are_checked_although_names_are_left_to_the_launcher(app: App) -> None:
    done = app.run("hardware=m5", "hydra.launcher.poll_interval=abc")
    assert done.code == 1
    done.says("Error merging override hydra.launcher.poll_interval=abc", "could not be converted to Float")


@pytest.mark.slow
def test_an_apps_own_settings_are_held_to_the_options(tmp_path: Path) -> None:
    app = App.make(tmp_path)
    own = tmp_path / "conf" / "hydra" / "launcher"
    own.mkdir(parents=True)
    (own / "sagemaker.yaml").write_text("defaults: [sagemaker_schema]\nmax_paralel: 2\n", "utf-8")
    done = app.run("hardware=m5", "hydra.launcher.dry_run=true")
    assert done.code == 1
    done.says("error: hydra.launcher.max_paralel: the launcher has no such option; did you mean max_parallel?")


def test_who_asks_for_the_stack_trace_gets_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, exit_on_error():
        raise LaunchError(["a: b", "c: d"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: a: b\nerror: c: d\n"
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(LaunchError), exit_on_error():
        raise LaunchError("a: b")
