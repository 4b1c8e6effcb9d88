"""What a card says of a run: its result, its config, its seeds, and what is known of its model and data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mlqa.config.model_facts import is_local_folder
from mlqa.errors import RunError, describe_status
from mlqa.models.heads import SUFFIX
from mlqa.report.manifest import FILE as MANIFEST
from mlqa.report.manifest import MULTIRUN
from mlqa.report.member import COMPLETED, Member
from mlqa.report.members import read_sweep
from mlqa.report.treatments import Treatment, build_treatments, make_evaluation_key
from mlqa.result import ENDPOINT_ANSWERS, FILE, MODEL

FURTHEST = 3  # folders above a run that may be its sweep


@dataclass(frozen=True)
class RunFacts:
    """A completed run, and what else is known about it.

    Attributes:
        directory: The directory of the run.
        member: Its result.json and config.
        treatment: The runs of its sweep that differ from it only in seed and hardware, itself included.
        model_facts: "licence", as far as it is known of the base model.
        data_facts: "name", "licence", "url" and "origin", as far as they are known of the data set.
        model_config: The config.json of the model.
    """

    directory: Path
    member: Member
    treatment: Treatment
    model_facts: dict[str, str]
    data_facts: dict[str, str]
    model_config: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        """The content of result.json."""
        return self.member.result

    @property
    def base_model(self) -> str | None:
        """What was fine-tuned: a name on the hub, the last part of a local folder, or None for a model from scratch."""
        pretrained = self.member.get_text("model", "pretrained")
        return Path(pretrained).name if pretrained and is_local_folder(pretrained) else pretrained

    @property
    def base_is_on_hub(self) -> bool:
        """Whether the base model has a name on the hub."""
        pretrained = self.member.get_text("model", "pretrained")
        return pretrained is not None and not is_local_folder(pretrained)

    @property
    def has_own_head(self) -> bool:
        """Whether transformers has no class of its own that loads the model."""
        return str((self.model_config.get("architectures") or [""])[0]).endswith(SUFFIX)

    @property
    def language(self) -> str | None:
        """The code of the data set's language."""
        code = self.member.get_config_value("dataset", "language")
        return str(code) if code else None

    @property
    def hub_dataset(self) -> str | None:
        """The data set's name on the hub, None if it comes from elsewhere."""
        path = self.member.get_config_value("dataset", "hub", "path")
        return str(path) if path else None

    @property
    def dataset_name(self) -> str:
        """What the data set is called."""
        return self.data_facts.get("name") or self.hub_dataset or self.member.get_option("dataset")


@cache
def _load_facts() -> dict[str, dict[str, dict[str, str]]]:
    content: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(
        Path(__file__).with_name("facts.yaml").read_text("utf-8")
    )
    return content


def read_run_facts(run_dir: Path) -> RunFacts:
    """Read everything that is known of a run.

    Args:
        run_dir: The directory of a completed run.

    Raises:
        RunError: It is not the directory of a completed run, or its model is missing.
    """
    if not (run_dir / FILE).is_file():
        raise RunError(f"{run_dir}: has no {FILE}; give the directory of a completed run (outputs/<date>/<time>)")
    member = read_sweep(run_dir).members[0]
    if member.status != COMPLETED:
        raise RunError(f"{run_dir}: the run {describe_status(member.status)}: {member.reason}; give a completed run")
    if (run_dir / ENDPOINT_ANSWERS).is_file():
        raise RunError(f"{run_dir}: its model was asked at an endpoint, so there is nothing to publish")
    path = run_dir / MODEL / "config.json"
    try:
        model_config = yaml.safe_load(path.read_text("utf-8"))  # JSON is YAML
    except (OSError, yaml.YAMLError):
        raise RunError(f"{path}: is missing or cannot be read; give the directory of a completed run") from None
    facts = _load_facts()
    return RunFacts(
        run_dir,
        member,
        _find_treatment(run_dir, member),
        facts["models"].get(member.get_text("model", "pretrained") or "", {}),
        facts["datasets"].get(member.get_option("dataset"), {}),
        model_config if isinstance(model_config, dict) else {},
    )


def _find_treatment(run_dir: Path, member: Member) -> Treatment:
    """Return the runs of the same sweep that differ in seed and hardware alone."""
    place = run_dir.resolve()
    for top in list(place.parents)[:FURTHEST]:
        if not ((top / MANIFEST).is_file() or (top / MULTIRUN).is_file()):
            continue
        members = [one for one in read_sweep(top).members if one.is_compared]
        mine = next((one for one in members if one.directory.resolve() == place), None)
        if mine is not None:
            key = make_evaluation_key(mine)
            alike = build_treatments([one for one in members if make_evaluation_key(one) == key])
            return next(one for one in alike if mine in one.runs)
    return build_treatments([member])[0]
