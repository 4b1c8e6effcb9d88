"""Test the workspace: its panels name what a run logs. It is printed without a network and saved with one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from installed import require_installed
from reading import by_records
from tiny_runs import TINY_MODEL
from wandb_server import Run, WandbServer

require_installed("wandb_workspaces")
TOP = Path(__file__).resolve().parents[2]
OWN = {"config:label.value", "config:hardware.value", "label.value", "hardware.value"}  # of the config


def named_by_panels(content: Any) -> set[str]:
    """Return every metric, config key and table that a panel of the specification names."""
    found: set[str] = set()
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "metrics" and isinstance(value, list):
                found.update(value)
            elif key in ("xAxis", "yAxis", "accessor", "groupBy") and isinstance(value, str):
                found.add(value.removeprefix("summary:"))
            elif key == "key" and isinstance(value, dict) and value.get("type") == "string":
                found.add(str(value.get("val")))
            else:
                found |= named_by_panels(value)
    elif isinstance(content, list):
        for value in content:
            found |= named_by_panels(value)
    return found


@pytest.mark.slow
def test_every_name_in_a_panel_is_logged_by_a_run(
    no_account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlqa.config.compose import compose_config
    from mlqa.experiment import run
    from mlqa.tracking.dashboard import build_specification

    tiny = ["dataset.sample.train_rows=60", "dataset.sample.validation_rows=20", "training.logging_steps=1"]
    config, choices = compose_config(["experiment=quickstart", "tracking=wandb", *TINY_MODEL, *tiny])
    config.training.output_dir = str(tmp_path)
    run(config, choices)
    (run_dir,) = (tmp_path / "wandb").glob("offline-run-*")
    end = time.monotonic() + 60  # W&B's own process writes the last records after the run has ended
    while (found := by_records(run_dir))["exit_code"] is None and time.monotonic() < end:
        time.sleep(0.2)
    tables = {name.rpartition(".")[0] for name in found["summary"] if name.endswith("._type")}
    logged = {*found["summary"], *tables, *(name for row in found["rows"] for name in row)}
    assert {f"config:{key}.value" for key in found["config"]} >= {"config:label.value", "config:hardware.value"}
    names = (
        named_by_panels(build_specification("sweep", "mlqa", "team")["spec"]["section"]["panelBankConfig"]) - OWN - {""}
    )
    assert {"best/f1", "cost/usd", "tokenization/fertility", "train/loss", "eval/f1"} <= names
    missing = {name for name in names - logged if not name.startswith("system/")}  # W&B itself logs those of a GPU
    assert not missing
    assert {"predictions", "tokenization/words", "tokenization/figures"} <= tables
    documented = (TOP / "docs" / "wandb.md").read_text("utf-8")
    for name in found["summary"]:
        known = name.partition(".")[0]
        assert (
            name.startswith("_")
            or f"`{known}" in documented
            or f"`{known.partition('/')[0]}/..." in documented
            or (known.startswith("eval/"))
        ), name
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert result["tracking"]["wandb"]["mode"] == "offline"
    assert result["tokenization"]["embedding_share"] == pytest.approx(
        result["model"]["embedding_parameters"] / result["model"]["parameters"]
    )


@pytest.mark.slow
def test_dry_run_needs_no_network_and_nothing_heavy() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from mlqa.cli import main\n"
        "main(['dashboard', 'my sweep', '--dry-run'])\n"
        "print([name for name in ('torch', 'transformers', 'datasets') if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().endswith("[]")
    assert '"value": "my sweep"' in json.dumps(json.loads(done.stdout))


def make_sweep(folder: Path) -> Path:
    """Write what a sweep over the model and the learning rate leaves, with its report."""
    for number, (model, rate) in enumerate([("berturk", "1e-5"), ("mbert", "1e-5"), ("mbert", "2e-5")]):
        (folder / str(number) / ".hydra").mkdir(parents=True)
        lines = [f"model={model}", f"optimizer.learning_rate={rate}", "training.num_train_epochs=2"]
        (folder / str(number) / ".hydra" / "config.yaml").write_text("tracking: {project: null}\n")
        (folder / str(number) / ".hydra" / "overrides.yaml").write_text("".join(f"- {line}\n" for line in lines))
    (folder / "report").mkdir()
    (folder / "report" / "results.md").write_text(
        "**Choose berturk.**\n\n| treatment | F1 |\n|---|---:|\n| berturk | 80 |\n"
    )
    return folder


def shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    from mlqa.cli import main

    main(["dashboard", *arguments, "--dry-run"])
    return json.loads(capsys.readouterr().out)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    from mlqa.cli import main

    with pytest.raises(SystemExit):
        main(["dashboard", *arguments, "--dry-run"])
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.usefixtures("no_account")
def test_the_runs_say_where_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = make_sweep(tmp_path / "2026-11-24" / "10-00-00")
    (sweep / "multirun.yaml").touch()
    place = {"mode": "online", "project": "kept", "entity": "people", "group": "told", "id": "a", "url": None}
    (sweep / "0" / "result.json").write_text(json.dumps({"schema_version": 2, "tracking": {"wandb": place}}))
    for folder in (sweep, sweep / "1"):
        both = shown([str(folder), "--report"], capsys)
        text = json.dumps(both["workspace"])
        assert '"told"' in text and "config:cfg.value.optimizer.learning_rate" in text
        assert (both["workspace"]["project"], both["workspace"]["entity"]) == ("kept", "people")
        assert "**Choose berturk.**" in json.dumps(both["report"])
    assert shown([str(sweep), "--project", "mine"], capsys)["project"] == "mine"
    (sweep / "1" / "result.json").write_text(
        json.dumps({"schema_version": 2, "tracking": {"wandb": {**place, "project": "other"}}})
    )
    assert "its runs are in several W&B projects (kept, other)" in refused([str(sweep)], capsys)
    assert shown([str(sweep), "--project", "mine"], capsys)["project"] == "mine"
    for name in ("11-00-00", "12-00-00"):
        (make_sweep(tmp_path / "2026-11-25" / name) / "multirun.yaml").touch()
    several = "several W&B groups (2026-11-25_11-00-00, 2026-11-25_12-00-00)"
    assert several in refused([str(tmp_path / "2026-11-25")], capsys)


@pytest.mark.usefixtures("no_account")
def test_what_has_no_runs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"error: {tmp_path}: holds no run" in refused([str(tmp_path)], capsys)
    assert "error: sweep: multirun/none: there is no such directory" in refused(["multirun/none"], capsys)
    single = tmp_path / "10-00-00"
    (single / ".hydra").mkdir(parents=True)
    (single / ".hydra" / "config.yaml").write_text("tracking: {group: null}\n")
    assert f"error: {single}: is a single run without a group" in refused([str(single)], capsys)
    (single / ".hydra" / "config.yaml").write_text("tracking: {group: mine}\n")
    assert '"mine"' in json.dumps(shown([str(single)], capsys))


@pytest.mark.slow
def test_a_workspace_and_a_report_are_saved_once(
    server: WandbServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlqa.cli import main

    sweep = make_sweep(tmp_path / "2026-11-24" / "10-00-00")
    for _ in range(2):
        main(["dashboard", str(sweep), "--report"])
        workspace, report = capsys.readouterr().out.split()
        assert re.match(rf"{server.url}/team/mlqa\?nw=\w+", workspace)
        assert f"{server.url}/team/mlqa/reports/" in report
        assert [view["displayName"] for view in server.views] == ["mlqa 2026-11-24_10-00-00"] * 2
    shown, told = (json.loads(view["spec"]) for view in server.views)
    text = json.dumps(shown)
    assert "tokenization/figures" in text and '"2026-11-24_10-00-00"' in text
    assert "config:cfg.value.optimizer.learning_rate" in text and "num_train_epochs" not in text
    assert "**Choose berturk.**" in json.dumps(told) and "best/f1" in json.dumps(told)
    assert "report/pictures" not in json.dumps(told) and not server.runs  # this report has no page
    assert not server.unknown


@pytest.mark.slow
def test_the_pictures_of_the_report_are_a_run_of_their_own(
    server: WandbServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlqa.cli import main

    sweep = make_sweep(tmp_path / "2026-11-24" / "10-00-00")
    page = "<style>i { top: 0 }</style><p>Who came?</p><figure class='a'><i>80</i></figure><script>go()</script>"
    (sweep / "report" / "index.html").write_text(page)
    settings = {"groupName": "2026-11-24_10-00-00", "jobType": "train"}
    config = {"cfg": {"value": {"optimizer": {"learning_rate": 1e-5}}}}
    server.runs["member"] = Run("member", settings=settings, config=config)
    for _ in range(2):
        main(["dashboard", str(sweep), "--report"])
        capsys.readouterr()
    (name,) = server.runs.keys() - {"member"}
    run = server.runs[name]
    assert (run.settings["jobType"], run.settings["groupName"]) == ("mlqa report", "2026-11-24_10-00-00")
    end = time.monotonic() + 60
    while not (files := [body.decode() for file, body in run.files.items() if file.endswith(".html")]):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "<style>i { top: 0 }</style>" in files[0] and "<figure class='a'><i>80</i></figure>" in files[0]
    assert "Who came?" not in files[0] and "<script" not in files[0]
    shown, told = (json.loads(view["spec"]) for view in server.views)
    assert "report/pictures" in json.dumps(told)
    left_out = '"name": "jobType"}, "op": "!=", "value": "mlqa report"'
    assert left_out in json.dumps(shown) and left_out in json.dumps(told)  # by the panels of scores
    main(["dashboard", "2026-11-24_10-00-00"])  # and so does what finds out what was swept
    assert "learning_rate" in server.views[0]["spec"]
    assert not (sweep / "wandb").exists() and not server.unknown


@pytest.mark.slow
def test_of_a_group_the_runs_say_what_was_swept(server: WandbServer) -> None:
    from mlqa.cli import main

    for number, rate in enumerate((1e-5, 2e-5)):
        config = {"seed": 1, "optimizer": {"learning_rate": rate}, "training": {"output_dir": str(number)}}
        settings = {"groupName": "sweep"}
        server.runs[str(number)] = Run(str(number), settings=settings, config={"cfg": {"value": config}})
    main(["dashboard", "sweep"])
    (view,) = server.views
    assert re.findall(r"config:cfg\.value\.([\w.]+)", view["spec"]) == ["optimizer.learning_rate"]


def test_every_bar_shows_its_spread_over_seeds() -> None:
    from mlqa.tracking.dashboard import build_specification

    text = json.dumps(build_specification("sweep", "mlqa", "team"))
    assert text.count('"Bar Chart"') == text.count('"groupArea": "stddev"') > 0
    for name in ("best/f1_unseen", "best/exact_match", "cost/usd", "system/gpu.0.gpu", "train/epoch"):
        assert name in text, name


def test_a_report_needs_the_sweeps_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mlqa.cli import main

    sweep = make_sweep(tmp_path / "sweep")
    (sweep / "report" / "results.md").unlink()
    for arguments, said in (
        (["sweep"], "error: --report: sweep is not a directory"),
        ([str(sweep)], f"write it by: mlqa report {sweep}"),
    ):
        with pytest.raises(SystemExit):
            main(["dashboard", *arguments, "--report"])
        assert said in capsys.readouterr().err


@pytest.mark.usefixtures("no_account")
def test_without_a_key_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    from mlqa.cli import main

    with pytest.raises(SystemExit):
        main(["dashboard", "sweep"])
    assert (
        "error: dashboard: no W&B key in WANDB_API_KEY or the netrc: give one, or use --dry-run"
        in capsys.readouterr().err
    )


def test_no_name_is_no_group(capsys: pytest.CaptureFixture[str]) -> None:
    from mlqa.cli import main

    with pytest.raises(SystemExit):
        main(["dashboard", " ", "--dry-run"])
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: sweep: is empty")


def test_without_its_package_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlqa.cli import main

    monkeypatch.setitem(sys.modules, "wandb_workspaces.workspaces", None)
    with pytest.raises(SystemExit):
        main(["dashboard", "sweep", "--dry-run"])
    assert "pip install 'wandb-workspaces>=0.4,<0.5'" in capsys.readouterr().err
