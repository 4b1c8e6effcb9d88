"""Test that `mlqa card --license` takes the hub's identifiers only, and says which one was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import mlqa.publishing
from mlqa.cli import main
from mlqa.errors import ConfigError
from mlqa.publishing.licences import check_licence, list_licences


def test_the_list_is_the_hubs() -> None:
    """Test against facts of the hub's page (2026-06-06): 83 identifiers, its first, its last and some between."""
    known = list_licences()
    assert len(known) == len(set(known)) == 83
    assert (known[0], known[1], known[-2:]) == ("apache-2.0", "mit", ["unknown", "other"])
    assert {"cc-by-nc-sa-4.0", "openrail++", "lppl-1.3c", "llama3.1", "openmdw-1.1", "eupl-1.2"} <= set(known)


def test_the_licences_that_cards_state_are_in_the_list() -> None:
    facts = yaml.safe_load((Path(mlqa.publishing.__file__).parent / "facts.yaml").read_text("utf-8"))
    stated = {
        fact["licence"] for kind in ("models", "datasets") for fact in facts[kind].values() if fact.get("licence")
    }
    assert stated and stated <= set(list_licences())


@pytest.mark.parametrize("name", ["mit", "MIT", " apache-2.0", "Other"])
def test_the_case_does_not_matter(name: str) -> None:
    assert check_licence(name) == name.strip().lower()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("apache", "did you mean apache-2.0?"),
        ("Apache License 2", "did you mean apache-2.0?"),
        ("Apache 2.0", "did you mean apache-2.0?"),
        ("GPLv3", "did you mean gpl-3.0?"),
        ("CC BY 4.0", "did you mean cc-by-4.0?"),
        ("cc-by-nc", "did you mean cc-by-nc-4.0 or cc-by-nc-3.0?"),
        ("llama 3.1", "did you mean llama3.1"),
        ("mitt", "did you mean mit?"),
        ("proprietary", "for a licence of your own, give other."),
        ("", "for a licence of your own, give other."),
    ],
)
def test_another_name_is_refused_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_licence(name)
    assert meant in str(caught.value) and "huggingface.co/docs/hub/repositories-licenses" in str(caught.value)


def test_the_command_refuses_before_it_reads_the_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["card", str(tmp_path / "none"), "--license", "Apache 2"])
    said = capsys.readouterr().err
    assert "error: card: --license=Apache 2: the hub knows no such licence; did you mean apache-2.0?" in said
