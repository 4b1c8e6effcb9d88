"""Print the section of docs/results.md on what it costs to repeat each published Turkish score, none of which was run.

    python docs/reference_costs.py             print the section
    python docs/reference_costs.py --write     put it into docs/results.md

Every number is computed: scores come from src/mlqa/report/published, sizes of models from the headers in conf/model,
epochs, seeds and hours from the composed command, the price from the launcher's catalogue, the GPU's peak from
serving/gpus.yaml, and minutes from the operations that docs/performance.md counts. reference_costs.yaml has the rest.
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from hydra_sagemaker_launcher.catalog.hardware import parse_hardware
from hydra_sagemaker_launcher.catalog.instances import find_instance
from hydra_sagemaker_launcher.catalog.prices import compute_worst_case, look_up_prices
from mlqa.config.compose import compose_all, get_choices, initialize_hydra
from mlqa.config.conversion import convert_to_config
from mlqa.config.member_overrides import split_members
from mlqa.config.schema import Batching, Config
from mlqa.report.reference import PublishedResult, Reference, load_references

TOP = Path(__file__).resolve().parents[1]
PAGE = TOP / "docs" / "results.md"
TITLE = "## What it would cost to repeat the published scores"
FACTS: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
REFERENCES = ("blog", "turkish", "xquad_tr")
REGION = "us-east-1"


@dataclass(frozen=True)
class Size:
    """What a model's operations depend on. `matrices` are the weights of all matrices except embeddings."""

    matrices: float
    layers: int
    hidden: int
    tokenizer: str
    padded: bool = False

    def count_operations(self, positions: float) -> float:
        """Count the operations of forward and backward passes over positions in rows of FACTS["row"] tokens."""
        return positions * (6 * self.matrices + 12 * self.layers * self.hidden * FACTS["row"])


@dataclass
class Repeat:
    """How one published score would be repeated. Minutes are of one job, dollars of all jobs, each least and most.

    `command` is empty if mlqa cannot repeat it, and then `note` says why.
    """

    published: PublishedResult
    note: str = ""
    command: str = ""
    number: int = 0
    jobs: int = 0
    training: tuple[float, float] = (0.0, 0.0)
    minutes: tuple[float, float] = (0.0, 0.0)
    usd: tuple[float, float] = (0.0, 0.0)
    most_usd: float = 0.0


@dataclass
class Repeats:
    """The rows of one reference."""

    reference: Reference
    rows: list[Repeat] = field(default_factory=list)


def collect_repeats() -> list[Repeats]:
    """Return every published Turkish score with what it takes to repeat it. Equal commands have one number."""
    numbers: dict[str, int] = {}
    found = []
    with initialize_hydra():
        for name in REFERENCES:
            (reference,) = load_references(name)
            repeats = Repeats(reference)
            for published in reference.rows:
                if published.f1 is not None:
                    entry = FACTS["repeats"][name][published.checkpoint]
                    repeat = Repeat(published, entry.get("note", ""))
                    if "recipe" in entry:
                        repeat.command = build_command(published, entry)
                        repeat.number = numbers.setdefault(repeat.command, len(numbers) + 1)
                        estimate_costs(repeat)
                    repeats.rows.append(repeat)
            found.append(repeats)
    return found


def build_command(published: PublishedResult, entry: dict[str, Any]) -> str:
    """Return the command that would repeat a score, with five seeds if the published one is their mean."""
    seeds = f"seed={','.join(str(seed) for seed in range(1, published.seeds + 1))}" if published.seeds else "seed=1"
    recipe, hours = FACTS["recipes"][entry["recipe"]], entry.get("hours", 1)
    hardware = f"hardware={FACTS['hardware']} hardware.max_hours={hours}"
    words = [entry["add"], recipe, seeds, hardware]
    return " ".join(["python train.py -m", *words])


def estimate_costs(repeat: Repeat) -> None:
    """Fill in jobs, minutes and dollars from the composed command. Hydra must be initialized."""
    members = split_members(shlex.split(repeat.command)[3:], multirun=True)
    composed = compose_all([members[-1]])[0]
    config, choices = convert_to_config(composed), get_choices(composed.hydra)
    hardware = parse_hardware(OmegaConf.to_container(composed.hardware))
    assert hardware is not None
    price = look_up_prices([hardware.instance_type], REGION, None)[hardware.instance_type]
    worst = compute_worst_case(hardware, price)
    assert price is not None and worst is not None
    size = find_size(choices["model"], str(config.model.pretrained))
    positions = config.training.num_train_epochs * count_positions(config, choices["dataset"], size)
    peak = 1e12 * read_peak(hardware.instance_type)
    repeat.jobs = len(members)
    least, most = (size.count_operations(positions) / (share * peak) / 60 for share in FACTS["share"])
    repeat.training = least, most
    repeat.minutes = least + FACTS["other_minutes"][0], most + FACTS["other_minutes"][1]
    first, last = (repeat.jobs * price.usd_per_hour * minutes / 60 for minutes in repeat.minutes)
    repeat.usd = first, last
    repeat.most_usd = repeat.jobs * worst


def find_size(option: str, pretrained: str) -> Size:
    """Return the size of a model by its option of conf/model, or by its name on the hub if it has none."""
    facts = FACTS["models"].get(option) or FACTS["others"][pretrained]
    if like := facts.get("like"):
        return find_size(like, "")
    parameters, vocabulary = facts.get("parameters"), facts.get("vocabulary")
    if parameters is None:
        parameters, vocabulary = read_header(option)
    shape = FACTS["shapes"][facts.get("shape", "base")]
    matrices = 1e6 * parameters - vocabulary * shape["embedding"]
    return Size(matrices, shape["layers"], shape["hidden"], facts["tokenizer"], facts.get("padded", False))


def read_header(option: str) -> tuple[float, int]:
    """Return millions of parameters and pieces of the vocabulary, as the header of an option in conf/model says."""
    text = (TOP / "conf" / "model" / f"{option}.yaml").read_text("utf-8").replace("\n# ", " ")
    parameters = re.search(r"([\d,.]+) million parameters", text)
    vocabulary = re.search(r"([\d,]+) (?:Word|Sentence)Pieces", text)
    assert parameters and vocabulary, f"conf/model/{option}.yaml: its header says no size"
    return float(parameters[1]), int(vocabulary[1].replace(",", ""))


def count_positions(config: Config, dataset: str, size: Size) -> float:
    """Return the positions that a model reads in an epoch of a data set, or of all sets of a mix."""
    names = list(config.dataset.mix.sets) if config.dataset.mix else [dataset]
    is_padded = size.padded or config.training.batching is Batching.padded
    pairs = [FACTS["positions"][name][size.tokenizer] for name in names]
    return float(sum(windows * FACTS["row"] if is_padded else packed for windows, packed in pairs))


def read_peak(instance_type: str) -> float:
    """Return the TFLOP/s of an instance's GPU in half precision."""
    gpus = yaml.safe_load((TOP / "src" / "mlqa" / "serving" / "gpus.yaml").read_text("utf-8"))
    instance = find_instance(instance_type)
    assert instance is not None
    return float(gpus[instance.gpu]["tflops"])


def render_section() -> str:
    """Return the section in Markdown."""
    every = collect_repeats()
    commands = {row.number: row.command for repeats in every for row in repeats.rows if row.number}
    lines = [TITLE, "", *FACTS["introduction"].strip().splitlines(), ""]
    for repeats in every:
        lines += [f"[{repeats.reference.title}]({repeats.reference.source}): {repeats.reference.data}", ""]
        minutes = "minutes of a training | minutes of a job"
        lines += [f"| published | EM | F1 | command | jobs | {minutes} | $ of all jobs | $ at most | status |"]
        lines += ["|---" * 10 + "|", *map(format_row, repeats.rows), ""]
    lines += ["```"]
    for number, command in sorted(commands.items()):
        lines += [f"# {number}", command]
    return "\n".join([*lines, "```", "", *FACTS["assumptions"].strip().splitlines()]) + "\n"


def format_row(row: Repeat) -> str:
    """Return a row of the table."""
    one = row.published
    name = f"{one.checkpoint}, on {one.hardware}" if one.hardware else one.checkpoint
    note = f" ({row.note})" if row.note else ""
    scores = ["" if score is None else f"{score:.2f}" for score in (one.exact_match, one.f1)]
    costs = [""] * 6
    if row.command:
        costs = [
            str(row.number), str(row.jobs), format_range(row.training, ".1f"), format_range(row.minutes, ".0f"),
            format_range(row.usd, ".2f"), f"{row.most_usd:.2f}",
        ]  # fmt: skip
    return f"| {' | '.join([name + note, *scores, *costs, 'not run here'])} |"


def format_range(pair: tuple[float, float], form: str) -> str:
    """Return "least - most"."""
    return " - ".join(f"{value:{form}}" for value in pair)


def replace_section(page: str, section: str) -> str:
    """Return a page with its section of this title replaced, or with the section at its end."""
    before, found, after = page.partition(f"{TITLE}\n")
    rest = after[after.index("\n## ") + 1 :] if found and "\n## " in after else ""
    return before.rstrip("\n") + "\n\n" + section + (f"\n{rest}" if rest else "")


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(replace_section(PAGE.read_text("utf-8"), render_section()), "utf-8")
    else:
        print(render_section(), end="")
