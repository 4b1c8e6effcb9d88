"""A mix when it is composed: the forms of its sets, what they fill in, and what is refused before anything starts."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.request.container_paths import build_path_overrides
from mlqa.config.compose import compose_all, compose_config, initialize_hydra
from mlqa.config.identity import compute_config_hash, extract_evaluation_settings
from mlqa.config.schema import MixedSetConfig
from mlqa.errors import ConfigError

MIX = "dataset=mix"


def get_sets(sets: str, *more: str) -> dict[str, MixedSetConfig]:
    mix = compose_config([MIX, f"dataset.mix.sets={sets}", *more])[0].dataset.mix
    assert mix is not None
    return dict(mix.sets)


def test_sets_have_three_forms() -> None:
    assert list(get_sets("[tquad,squad_tr]")) == ["tquad", "squad_tr"]
    assert (
        get_sets("[tquad,squad_tr]") == get_sets("{tquad: 1.0, squad_tr: 1}") == get_sets("{tquad: {}, squad_tr: {}}")
    )
    sets = get_sets("{tquad: 2, squad_tr: {max_train_samples: 20000, hub: {revision: abc}}}")
    assert (sets["tquad"].weight, sets["tquad"].max_train_samples) == (2.0, None)
    assert (sets["squad_tr"].weight, sets["squad_tr"].max_train_samples) == (1.0, 20000)
    hub = sets["squad_tr"].hub
    assert hub is not None and (hub.path, hub.revision) == ("boun-tabi/squad_tr", "abc")


def test_a_mix_is_scored_as_its_target_set_is() -> None:
    alone = compose_config(["dataset=tquad"])[0].dataset
    mixed = compose_config([MIX, "dataset.mix.sets=[tquad,squad_tr]"])[0].dataset
    assert (mixed.language, mixed.download, mixed.hub) == ("tr", alone.download, None)
    other = compose_config([MIX, "dataset.mix.sets=[tquad,squad_tr]", "dataset.mix.target=xquad_tr"])[0].dataset
    assert other.download is None and other.hub is not None and other.hub.path == "google/xquad"


def read_node(*overrides: str) -> dict[str, Any]:
    with initialize_hydra():
        node: Any = OmegaConf.to_container(compose_all([list(overrides)])[0].dataset)
    return node


def test_the_record_of_a_run_names_every_source_and_says_the_same_again() -> None:
    """A job composes the filled-in sets a second time."""
    given = [MIX, "dataset.mix.sets={tquad: {weight: 0.5, train_file: [a b.json]}, multi_wiki_qa_tr: 1}"]
    first = read_node(*given)
    sets = first["mix"]["sets"]
    assert sets["multi_wiki_qa_tr"]["hub"]["path"] == "alexandrainst/multi-wiki-qa"
    assert sets["tquad"]["weight"] == 0.5 and first["mix"]["target"] == "tquad"
    place, inside = "dataset.mix.sets.tquad.train_file[0]", "${oc.env:SM_CHANNEL_SETS}/a-b.json"
    config = OmegaConf.create({"dataset": first})
    again = read_node(*given, *build_path_overrides(config, {"dataset.mix.sets.*.train_file": {place: inside}}))
    assert again["mix"]["sets"]["tquad"].pop("train_file") == [inside]
    assert sets["tquad"].pop("train_file") == ["a b.json"]
    assert again == first


def test_members_with_other_sets_answer_the_same_questions() -> None:
    alone = extract_evaluation_settings(read_node("dataset=tquad"))
    assert extract_evaluation_settings(read_node(MIX, "dataset.mix.sets=[tquad,squad_tr]")) == alone
    assert extract_evaluation_settings(read_node(MIX, "dataset.mix.sets={tquad: 0.5}")) == alone


def test_other_weights_are_another_run() -> None:
    hashes = {
        compute_config_hash(compose_config([MIX, f"dataset.mix.sets={sets}"])[0])
        for sets in ("[tquad]", "{tquad: 0.5}", "{tquad: {max_train_samples: 5}}", "[tquad,squad_tr]")
    }
    assert len(hashes) == 4


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], "dataset.mix.sets: has no value; set dataset.mix.sets=[tquad,squad_tr]"),
        (["dataset.mix.sets=[]"], "dataset.mix.sets=[]: names no sets; give dataset.mix.sets=[tquad,squad_tr]"),
        (["dataset.mix.sets=[tqad]"], "dataset.mix.sets: dataset has no option 'tqad'; choose one of"),
        (["dataset.mix.sets=[tqad]"], "did you mean tquad?"),
        (["dataset.mix.sets=[tquad,tquad]"], "tquad is in the list twice; give it a weight: {tquad: 2.0}"),
        (["dataset.mix.sets=[mix]"], "dataset.mix.sets: mix is a mix itself; name its sets instead"),
        (["dataset.mix.sets={tquad: much}"], "dataset.mix.sets.tquad=much: is neither a weight nor settings"),
        (["dataset.mix.sets={tquad: {max_train_smples: 5}}"], "(did you mean max_train_samples?)"),
        (["dataset.mix.sets={tquad: {max_train_samples: many}}"], "dataset.mix.sets.tquad: Value 'many'"),
        (["dataset.mix.sets={tquad: -1}"], "dataset.mix.sets.tquad.weight=-1: choose more than 0"),
        (["dataset.mix.sets={tquad: {max_train_samples: 0}}"], "max_train_samples=0: choose 1 or more"),
        (["dataset.mix.sets=[squad_json]"], "dataset.mix.sets.squad_json.language: has no value; give"),
        (["dataset.mix.sets=[tquad,xquad_tr]"], "dataset.mix.sets.xquad_tr: the data set has no train split"),
        (["dataset.mix.sets={tquad: {train_file: no.json}}"], "sets.tquad.train_file=no.json: there is no such file"),
        (["dataset.mix.sets={tquad: {train_file: 3}}"], "dataset.mix.sets.tquad.train_file=3: is no path; give"),
        (
            ["dataset.mix.sets=[tquad]", "dataset.mix.target=xqad_tr"],
            "dataset.mix.target=xqad_tr: dataset has no option",
        ),
        (
            ["dataset.mix.sets=[tquad]", "dataset.max_train_samples=5"],
            "dataset.max_train_samples=5: is for one data set",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(overrides: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compose_config([MIX, *overrides])
    assert [problem for problem in refused.value.problems if said in problem], refused.value.problems


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        compose_config([MIX, "dataset.mix.sets=[tqad,sqad_tr]", "modle=berturk"])
    named = [problem.split(";")[0] for problem in refused.value.problems]
    assert named == [
        "modle=berturk: there is no key or group 'modle'",
        "dataset.mix.sets: dataset has no option 'tqad'",
        "dataset.mix.sets: dataset has no option 'sqad_tr'",
    ]
