"""What tells runs apart in a report: options, settings, and the sets of a mix in one text."""

from __future__ import annotations

from mlqa.config.identity import extract_configuration_settings
from mlqa.report.names import find_differing_settings


def settle(**sets: dict[str, object]) -> dict[str, str]:
    node = {"mix": {"sets": sets, "target": "tquad"}, "language": "tr"} if sets else {"language": "tr"}
    return extract_configuration_settings({"dataset": node})


def test_mixes_are_told_apart_by_their_sets() -> None:
    tquad, squad = {"download": {"train_url": "a"}}, {"weight": 0.2, "hub": {"path": "b"}}
    mixes = [
        settle(tquad=tquad),
        settle(tquad=tquad, squad_tr=squad),
        settle(tquad={**tquad, "max_train_samples": 9000}),
    ]
    expected = ["tquad", "tquad + 0.2 squad_tr", "tquad (at most 9,000 rows)"]
    assert find_differing_settings([{"dataset": "mix"}] * 3, mixes) == [("dataset.mix.sets", expected)]


def test_settings_of_sets_count_if_the_sets_are_the_same() -> None:
    mixes = [settle(squad_tr={"hub": {"path": "b", "revision": revision}}) for revision in ("1", "2")]
    key = "dataset.mix.sets.squad_tr.hub.revision"
    assert find_differing_settings([{"dataset": "mix"}] * 2, mixes) == [(key, ["1", "2"])]


def test_a_mix_is_told_from_its_target_by_the_option() -> None:
    runs = [settle(), settle(tquad={"weight": 1.0})]
    assert find_differing_settings([{"dataset": "tquad"}, {"dataset": "mix"}], runs) == [("dataset", ["tquad", "mix"])]
