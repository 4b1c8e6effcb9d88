"""`hydra-sagemaker scan` and `catalog show --json`: what scripts of other programs read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hydra_sagemaker_launcher.catalog.instances import count_vcpus
from hydra_sagemaker_launcher.cli import main

TOKEN = "hf_" + "a1B2c3D4e5" * 4


def test_findings_name_the_line_and_never_the_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text(f"first\ntoken = {TOKEN}\n", "utf-8")
    (tmp_path / ".env").write_text("X=1", "utf-8")
    (tmp_path / "fine.txt").write_text("nothing", "utf-8")
    main(["scan", str(tmp_path), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [line.replace(f"{tmp_path}/", "") for line in found] == [
        ".env: is private by its name or its folder; move it away",
        "notes.txt:2: looks like a Hugging Face token; remove it",
    ]
    with pytest.raises(SystemExit) as ended:
        main(["scan", str(tmp_path)])
    printed = capsys.readouterr()
    assert ended.value.code and TOKEN not in printed.out + printed.err


def test_nothing_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fine.txt").write_text("nothing", "utf-8")
    main(["scan", str(tmp_path / "fine.txt")])
    assert capsys.readouterr().out == "no secrets found\n"
    with pytest.raises(SystemExit):
        main(["scan", str(tmp_path / "missing")])
    assert "does not exist" in capsys.readouterr().err


def test_the_catalog_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HYDRA_SAGEMAKER_CATALOG", str(tmp_path / "none.yaml"))
    main(["catalog", "show", "--json", "--region", "us-east-1"])
    content = json.loads(capsys.readouterr().out)
    rows = {row["instance_type"]: row for row in content["instances"]}
    assert content["region"] == "us-east-1"
    assert rows["ml.m5.xlarge"] == {
        "instance_type": "ml.m5.xlarge",
        "gpus": 0,
        "gpu": None,
        "gpu_memory_gb": 0,
        "vcpus": 4,
        "usd_per_hour": 0.23,
        "price_source": "table 2026-11",
        "estimate": True,
    }
    assert (rows["ml.g5.12xlarge"]["gpus"], rows["ml.g5.12xlarge"]["vcpus"]) == (4, 48)


@pytest.mark.parametrize(
    ("name", "vcpus"),
    [("ml.m5.large", 2), ("ml.c5.xlarge", 4), ("ml.p4d.24xlarge", 96), ("ml.t3.medium", 2), ("ml.m5.metal", None)],
)
def test_virtual_cpus_by_name(name: str, vcpus: int | None) -> None:
    """As EC2's instance tables have them."""
    assert count_vcpus(name) == vcpus
