"""The sentence at the top, on sweeps whose truth is known: what to choose, how sure that is, what would settle it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from made import config, result, write_manifest, write_member, write_scored

from mlqa.report.answer import Answer
from mlqa.report.closing import print_closing
from mlqa.report.content import Section, make_report
from mlqa.report.latex import render_latex
from mlqa.report.page import render_page
from mlqa.report.tables import render_csv, render_markdown

CONTEXTS, PER_CONTEXT = 200, 4
HARDWARE = {"p3": (1500, 3.825), "g4dn": (4200, 0.736)}


class World:
    """Questions and models of known strength: a score is 0, 1/2 or 1, by question, model, seed and chance."""

    def __init__(self, seed: int = 5, contexts: int = CONTEXTS) -> None:
        self.draw = np.random.default_rng(seed)
        self.context_of = np.repeat(np.arange(contexts), PER_CONTEXT)
        total = len(self.context_of)
        self.easy = self.draw.normal(0, 0.3, contexts)[self.context_of] + self.draw.normal(0, 0.7, total)
        self.own: dict[str, np.ndarray] = {}

    def run(self, model: str, strength: float, run_sd: float = 0.02) -> np.ndarray:
        total = len(self.context_of)
        own = self.own.setdefault(model, self.draw.normal(0, 0.3, total))
        quality = strength + self.easy + own + self.draw.normal(0, run_sd) + self.draw.normal(0, 0.3, total)
        return ((quality > 0).astype(float) + (quality > 0.5)) / 2


def write_a1(sweep: Path, **more: Any) -> None:
    """newcomers' sweep: three models x p3 and g4dn x two seeds. mbert is worse, the other two are equally strong."""
    world, number = World(), 0
    for model, strength in (("berturk", 0.8), ("xlmr_base", 0.8), ("mbert", 0.5)):
        for hardware, (seconds, price) in HARDWARE.items():
            for seed in (1, 2):
                slower = 1.3 if model == "xlmr_base" else 1.0  # the larger model takes longer
                write_scored(
                    sweep / str(number), model, hardware, seed, world.run(model, strength), world.context_of,
                    seconds=seconds * slower, price=price, **more,
                )  # fmt: skip
                number += 1


def answer_of(*sweeps: Path) -> Answer:
    return section_of(*sweeps).answer


def section_of(*sweeps: Path) -> Section:
    (section,) = make_report(sweeps).sections
    return section


def test_the_sweep_that_three_newcomers_read_is_answered(tmp_path: Path) -> None:
    """mbert is worse, the other two tie, berturk on g4dn is cheapest."""
    write_a1(tmp_path / "s")
    section = section_of(tmp_path / "s")
    answer, comparison = section.answer, section.comparison
    assert [one.name for one in comparison.treatments].count("mbert") == 1 and len(comparison.treatments) == 3
    assert comparison.verdict is not None and len(comparison.verdict.differences) == 3
    assert {one.name for one in answer.tied} == {"berturk", "xlmr_base"}
    assert answer.choice is not None and answer.choice.name == "berturk on g4dn"
    interval = r"−?\d+\.\d to \d+\.\d"
    assert re.fullmatch(
        rf"Choose berturk on g4dn: it ties with xlmr_base \(F1 difference −?\d\.\d, 95 % interval {interval}\) and "
        rf"beats mbert by \d+\.\d \({interval}\); \$0\.86 and 70 minutes a run\.",
        answer.sentence,
    )
    assert not answer.is_settled
    # 2 runs of each, on the cheapest of each: 4200 s and 5460 s at $0.736 an hour
    usd = 2 * (4200 + 5460) / 3600 * 0.736
    assert section.settling.purchases[0].runs == 4
    assert section.settling.purchases[0].usd == pytest.approx(usd)
    assert section.settling.purchases[0].minutes == pytest.approx(2 * (4200 + 5460) / 60)
    assert f"(4 runs, 5.4 hours and ${usd:.2f} in all) tell them apart with a chance of" in section.settling.lines[0]
    models = ",".join(one.name for one in answer.tied)
    assert section.settling.commands[0] == f"python train.py -m model={models} hardware=g4dn seed=3,4,5,6,7"
    assert section.settling.commands[1] == f"mlqa report {tmp_path / 's'} 'multirun/<date>/<time>'".replace("'", "")
    (check,) = comparison.hardware
    assert check.agreement is not None and check.agreement.runs == 6 and check.agreement.within < 3


def test_every_form_says_the_same_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_a1(tmp_path / "s")
    report = make_report([tmp_path / "s"])
    sentence = report.sections[0].answer.sentence
    assert sentence in render_page(report)
    assert sentence in render_markdown(report).replace("\\", "")
    print_closing(report, tmp_path / "index.html")
    assert sentence in " ".join(capsys.readouterr().err.split())
    tex = render_latex(report)
    lines = {line.split(" & ")[0]: line for line in tex.splitlines() if " & " in line}
    best, other = (one.name.replace("_", r"\_") for one in report.sections[0].answer.tied)
    assert r"\textbf{" in lines[best] and r"\underline{" in lines[other]
    assert "textbf" not in lines["mbert"] and "underline" not in lines["mbert"]
    assert "800 questions in 200 contexts" in tex and "over 2 seeds" in tex


def test_one_that_beats_all_is_the_answer(tmp_path: Path) -> None:
    world = World()
    for number, (model, strength, seed) in enumerate(
        (model, strength, seed) for model, strength in (("berturk", 1.2), ("mbert", 0.3)) for seed in (1, 2, 3)
    ):
        scores = world.run(model, strength)
        write_scored(tmp_path / "s" / str(number), model, "g6", seed, scores, world.context_of)
    section = section_of(tmp_path / "s")
    assert section.answer.is_settled
    assert re.match(
        r"Choose berturk on g6: it beats mbert by \d+\.\d \(\d+\.\d to \d+\.\d\) F1; ", section.answer.sentence
    )
    assert section.settling.commands == [] and section.settling.lines == ["Nothing: one treatment beats all others."]


def test_a_single_seed_is_told(tmp_path: Path) -> None:
    world = World()
    for number, (model, seed) in enumerate((("berturk", 1), ("mbert", 1))):
        write_scored(tmp_path / "s" / str(number), model, "g6", seed, world.run(model, 0.8), world.context_of)
    assert any("seed variance assumed, not measured" in line for line in answer_of(tmp_path / "s").cautions)
    write_scored(tmp_path / "s" / "2", "berturk", "g6", 2, world.run("berturk", 0.8), world.context_of)
    cautions = answer_of(tmp_path / "s").cautions
    assert any(line.startswith("One seed only: mbert.") for line in cautions)
    assert not any("assumed, not measured" in line for line in cautions)


def test_what_crashed_is_told_and_not_recommended_without_it(tmp_path: Path) -> None:
    """The cheapest configuration lost a run: another is chosen, and the sentence below says why."""
    write_a1(tmp_path / "s")
    failed = result("berturk", "g4dn", seed=3, status="failed", error="CUDA out of memory", metrics={})
    settings = config({"instance_type": "ml.g4dn.xlarge"}, 3, 800)
    overrides = ["model=berturk", "hardware=g4dn", "seed=3"]
    write_member(tmp_path / "s" / "12", failed, settings=settings, overrides=overrides)
    report = make_report([tmp_path / "s"])
    answer = report.sections[0].answer
    assert answer.choice is not None and answer.choice.name == "xlmr_base on g4dn"
    told = "berturk on g4dn costs less ($0.86 a run), but 1 of 3 runs failed: CUDA out of memory."
    assert told in answer.cautions and told in render_page(report)
    row = next(line for line in render_markdown(report).splitlines() if line.startswith("| berturk on g4dn"))
    assert "1 of 3 runs failed: CUDA out of memory" in row and "| 2 of 3 |" in row


def test_what_was_stopped_or_never_began_is_no_crash(tmp_path: Path) -> None:
    """After Ctrl-C, the cheapest configuration of the tied is still the advice."""
    write_a1(tmp_path / "s")
    stopped = result("berturk", "g4dn", seed=3, status="stopped", error="stopped by Ctrl-C", metrics={})
    settings = config({"instance_type": "ml.g4dn.xlarge"}, 3, 800)
    overrides = ["model=berturk", "hardware=g4dn", "seed=3"]
    write_member(tmp_path / "s" / "12", stopped, settings=settings, overrides=overrides)
    planned = {"event": "planned", "member": 13, "overrides": ["model=berturk", "hardware=g4dn", "seed=4"]}
    write_manifest(tmp_path / "s", [planned])
    answer = answer_of(tmp_path / "s")
    assert answer.choice is not None and answer.choice.name == "berturk on g4dn"
    assert len(answer.choice.unfinished) == 2 and "But" not in answer.sentence


def test_if_all_lost_runs_the_reason_is_in_the_sentence(tmp_path: Path) -> None:
    world = World()
    for number, model in enumerate(("berturk", "mbert")):
        write_scored(tmp_path / "s" / str(number), model, "g6", 1, world.run(model, 0.8), world.context_of)
    planned = [
        {"event": "planned", "member": number + 2, "overrides": [f"model={model}", "hardware=g6", "seed=2"]}
        for number, model in enumerate(("berturk", "mbert"))
    ]
    ended = [{"event": "finished", "member": number, "status": "failed", "reason": "no capacity"} for number in (2, 3)]
    write_manifest(tmp_path / "s", [*planned, *ended])
    assert answer_of(tmp_path / "s").sentence.endswith("a run. But 1 of 2 runs failed: no capacity.")


def test_who_does_not_read_the_question_is_flagged(tmp_path: Path) -> None:
    """F1 10.55 and 12.53 with the questions swapped, as newcomers found it unmarked."""
    world = World()
    for number, (model, strength, control) in enumerate((("tiny", -0.9, 12.53), ("berturk", -0.9, 3.0))):
        metrics = {"f1_shuffled_questions": control}
        for seed in (1, 2):
            scores = world.run(model, strength)
            folder = tmp_path / "s" / f"{number}{seed}"
            write_scored(
                folder, model, "g6", seed, scores, world.context_of, metrics=metrics, seconds=600 + 300 * number
            )
    report = make_report([tmp_path / "s"])
    page = render_page(report)
    assert "not shown to read the question: with swapped questions F1 is 12.53" in page
    assert "swapped questions F1 is 3.00" not in page
    answer = report.sections[0].answer
    if answer.choice is not None and answer.choice.model == "tiny":
        assert "tiny: not shown to read the question: with swapped questions F1 is 12.53." in answer.cautions


def test_a_ceiling_below_the_best_is_flagged(tmp_path: Path) -> None:
    world = World()
    low = {"oracle_f1": 55.0, "unk_rate": 0.42, "fertility": 1.1}
    for number, (model, strength, tokenization) in enumerate(
        (("berturk", 0.9, {"oracle_f1": 98.7}), ("tiny", 0.0, low))
    ):
        scores = world.run(model, strength)
        folder = tmp_path / "s" / str(number)
        write_scored(folder, model, "g6", 1, scores, world.context_of, tokenization=tokenization)
    text = render_markdown(make_report([tmp_path / "s"]))
    assert "its tokenizer permits F1 55.00 at most, less than berturk reaches" in text
    assert "42 % of its tokens are unknown" in text


def test_a_score_chosen_on_what_is_reported_is_told(tmp_path: Path) -> None:
    world = World()
    for number, model in enumerate(("berturk", "mbert")):
        chosen = {"keep": "best", "split": "validation", "epochs": 6.0}
        scores = world.run(model, 0.8)
        write_scored(tmp_path / "s" / str(number), model, "g6", 1, scores, world.context_of, selection=chosen)
    assert any("its checkpoint was chosen on the questions" in line for line in answer_of(tmp_path / "s").cautions)


def test_a_sweeper_that_chose_is_told(tmp_path: Path) -> None:
    world = World()
    for number, model in enumerate(("berturk", "mbert")):
        chosen = {"keep": "last", "split": "validation", "epochs": 2.0, "sweeper": "optuna"}
        scores = world.run(model, 0.8)
        write_scored(tmp_path / "s" / str(number), model, "g6", 1, scores, world.context_of, selection=chosen)
    assert any("the sweeper optuna chose on the questions" in line for line in answer_of(tmp_path / "s").cautions)


def test_a_rehearsal_is_labelled_in_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_a1(tmp_path / "s")
    write_manifest(tmp_path / "s", [{"event": "sweep", "sweep_id": "x", "service": "rehearsal"}])
    report = make_report([tmp_path / "s"])
    print_closing(report, tmp_path / "index.html")
    told = " ".join(capsys.readouterr().err.split())
    for text in (render_page(report), render_markdown(report), render_latex(report), told):
        assert "This was a rehearsal: the jobs ran on this machine and nothing was paid." in text
    for text in (render_page(report), render_markdown(report), told):
        assert "in all on AWS, had it been no rehearsal" in text
    assert "rehearsal, nothing was paid (table)" in render_csv(report)


def test_the_metric_of_the_language_is_compared(tmp_path: Path) -> None:
    world = World()
    for number, (model, strength) in enumerate((("berturk", 0.9), ("mbert", 0.1))):
        scores = world.run(model, strength)
        folder = tmp_path / "s" / str(number)
        dataset = {"fingerprint": "f", "primary_metric": "f1_language"}
        write_scored(folder, model, "g6", 1, scores, world.context_of, dataset=dataset)
        lines = [json.loads(line) for line in (folder / "scores.jsonl").read_text("utf-8").splitlines()]
        for line in lines:
            line["f1_language"] = 1 - line["f1"]  # the other way round, so that the ranking turns
        (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        content = json.loads((folder / "result.json").read_text("utf-8"))
        content["metrics"]["f1_language"] = 100 - content["metrics"]["f1"]
        (folder / "result.json").write_text(json.dumps(content), "utf-8")
    section = section_of(tmp_path / "s")
    assert section.comparison.treatments[0].name == "mbert"
    assert "F1 by the language's rules" in section.answer.sentence and section.answer.sentence.startswith(
        "Choose mbert"
    )


def test_a_cheaper_one_that_ties_is_chosen_and_a_faster_one_named(tmp_path: Path) -> None:
    world = World()
    scores = world.run("berturk", 0.9)
    for number, (hardware, seconds, price) in enumerate((("p3", 600, 3.825), ("g4dn", 2000, 0.736))):
        folder = tmp_path / "s" / str(number)
        write_scored(folder, "berturk", hardware, 1, scores, world.context_of, seconds=seconds, price=price)
    answer = answer_of(tmp_path / "s")
    assert answer.choice is not None and answer.choice.hardware == "g4dn"
    assert "If time matters more, berturk on p3 takes 10 minutes for $0.64." in answer.cautions


def test_equal_prices_go_to_the_better_score(tmp_path: Path) -> None:
    world = World()
    for number, (model, strength, seconds) in enumerate((("berturk", 0.82, 620), ("mbert", 0.8, 600))):
        scores = world.run(model, strength)
        write_scored(tmp_path / "s" / str(number), model, "g6", 1, scores, world.context_of, seconds=seconds)
    section = section_of(tmp_path / "s")
    assert section.answer.choice is not None
    assert section.answer.choice.model == section.comparison.treatments[0].model


def test_the_command_repeats_the_sweep_and_its_launcher(tmp_path: Path) -> None:
    """Other overrides and the place where it ran are kept, options of one launch and seeds are not."""
    world = World()
    for number, model in enumerate(("berturk", "mbert")):
        folder = tmp_path / "s" / str(number)
        overrides = [f"model={model}", "hardware=g6", "+experiment=x", "words=[a,b c]", "seed=7"]
        write_scored(folder, model, "g6", 7, world.run(model, 0.8), world.context_of, overrides=overrides)
        hydra = ["hydra.launcher.bucket=b", "hydra.launcher.dry_run=true", "hydra.sweep.dir=/x", "hydra.mode=MULTIRUN"]
        content = {"hydra": {"overrides": {"hydra": hydra}}}
        (folder / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump(content), "utf-8")
    section = section_of(tmp_path / "s")
    models = ",".join(one.name for one in section.answer.tied)
    assert section.settling.commands[0] == (
        f"python train.py -m model={models} hardware=g6 +experiment=x 'words=[a,b c]' seed=8,9,10,11,12 "
        "hydra.launcher.bucket=b"
    )


def test_treatments_that_differ_in_two_overrides_are_two_commands(tmp_path: Path) -> None:
    world = World()
    for number, (model, hardware) in enumerate((("berturk", "g6"), ("mbert", "g5"))):
        write_scored(tmp_path / "s" / str(number), model, hardware, 1, world.run(model, 0.8), world.context_of)
    first, second, _ = section_of(tmp_path / "s").settling.commands
    assert {first, second} == {
        f"python train.py -m model={model} hardware={hardware} seed=2,3,4,5,6"
        for model, hardware in (("berturk", "g6"), ("mbert", "g5"))
    }


def write_grid(sweep: Path, interact: float) -> None:
    """Two models x two learning rates x two seeds."""
    world, number = World(), 0
    for model, base in (("berturk", 0.9), ("mbert", 0.4)):
        for rate in (2e-5, 5e-5):
            strength = base + (interact if (model, rate) == ("mbert", 5e-5) else 0)
            for seed in (1, 2):
                settings = config({"instance_type": "ml.g6.xlarge"}, seed, 800)
                settings["optimizer"] = {"learning_rate": rate, "name": "adamw"}
                scores = world.run(f"{model}{rate}", strength)
                write_scored(sweep / str(number), model, "g6", seed, scores, world.context_of, settings=settings)
                number += 1


def test_two_factors_are_shown_by_their_main_effects_or_by_cells(tmp_path: Path) -> None:
    write_grid(tmp_path / "add", 0.0)
    design = section_of(tmp_path / "add").design
    assert design is not None and not design.interaction.is_found
    model, rate = design.factors
    assert (model.name, model.levels, rate.name) == ("model", ["berturk", "mbert"], "learning_rate")
    assert "told apart" in model.describe(model.differences[0]) and "told apart" not in rate.describe(
        rate.differences[0]
    )
    assert "each is shown on average over the other" in render_page(make_report([tmp_path / "add"]))
    write_grid(tmp_path / "cells", 1.2)
    crossed = section_of(tmp_path / "cells").design
    assert crossed is not None and crossed.interaction.is_found
    page = render_page(make_report([tmp_path / "cells"]))
    assert "So the cells count, not the averages." in page and "each is shown on average" not in page


def test_the_lead_by_memory_is_told(tmp_path: Path) -> None:
    """Half of the contexts are in train. One model is right on those alone, the other on nearly all of the rest."""
    world = World()
    seen = world.context_of % 2 == 0
    noise = World(9)
    for number, (model, knows) in enumerate((("memory", seen), ("reader", ~seen & (world.context_of % 11 != 1)))):
        for seed in (1, 2):
            scores = np.where(knows, 1.0, noise.run(model, -1.5))
            folder = tmp_path / "s" / f"{number}{seed}"
            write_scored(folder, model, "g6", seed, scores, world.context_of, seconds=600 + 400 * number)
            rows = [json.loads(line) for line in (folder / "scores.jsonl").read_text("utf-8").splitlines()]
            for row, is_seen in zip(rows, seen, strict=True):
                row["seen"] = bool(is_seen)
            (folder / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
            content = json.loads((folder / "result.json").read_text("utf-8"))
            content["metrics"]["total_unseen"] = int((~seen).sum())
            (folder / "result.json").write_text(json.dumps(content), "utf-8")
    section = section_of(tmp_path / "s")
    assert section.answer.choice is not None and section.answer.choice.model == "memory"
    line = next(line for line in section.answer.cautions if "also in train" in line)
    assert line.startswith(
        "400 of 800 questions are asked about contexts that are also in train. On the others, reader beats"
    )
    assert "part of the score may be memorized" in line
    verdict = section.comparison.verdict_on_unseen
    assert verdict is not None
    names = [one.name for one in section.comparison.compared]
    right = float(np.mean((world.context_of % 11 != 1)[~seen]))
    assert verdict.spread.means[names.index("reader")] >= 100 * right


def test_further_data_sets_are_a_matrix_with_intervals(tmp_path: Path) -> None:
    world = World()
    for number, model in enumerate(("berturk", "mbert")):
        folder = tmp_path / "s" / str(number)
        far = world.run(f"{model} far", 0.2)
        evaluations = {"xquad_tr": {"f1": 100 * float(far.mean()), "exact_match": 40.0, "total": 800, "language": "tr"}}
        if number:
            evaluations["tydiqa"] = {"f1": 55.5, "exact_match": 40.0, "total": 10}
        write_scored(folder, model, "g6", 1, world.run(model, 0.8), world.context_of, evaluations=evaluations)
        rows = [json.loads(line) for line in (folder / "scores.jsonl").read_text("utf-8").splitlines()]
        more = [{**row, "set": "xquad_tr", "f1": float(score)} for row, score in zip(rows, far, strict=True)]
        (folder / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]), "utf-8")
    report = make_report([tmp_path / "s"])
    matrix = report.sections[0].transfer
    assert matrix is not None and matrix.sets == ["sample", "xquad_tr", "tydiqa"]
    by_name = {one.name: of_one for one, of_one in zip(matrix.treatments, matrix.scores, strict=True)}
    cell = by_name["berturk"]["xquad_tr"]
    assert cell.interval is not None and cell.interval[0] < cell.score < cell.interval[1]
    assert by_name["mbert"]["tydiqa"].interval is None and "tydiqa" not in by_name["berturk"]
    for text in (render_page(report), render_markdown(report), render_latex(report).replace(r"\_", "_")):
        assert "xquad_tr" in text and f"{cell.score:.2f}" in text
    rows = list(csv.DictReader(io.StringIO(render_csv(report))))
    assert {float(row["xquad_tr.f1"]) for row in rows} == {of_one["xquad_tr"].score for of_one in matrix.scores}
    assert [row["tydiqa.f1"] for row in rows] == ["", "55.5"]
    own = by_name["berturk"]["sample"]
    assert own.score == matrix.treatments[0].score and own.interval is not None and own.total == 800


def test_other_questions_of_one_name_are_another_data_set(tmp_path: Path) -> None:
    world = World()
    for number, (model, fingerprint) in enumerate((("berturk", "aaaa1111"), ("mbert", "bbbb2222"))):
        dev = {"f1": 50.0 + number, "exact_match": 40.0, "total": 82, "fingerprint": fingerprint}
        folder, answered = tmp_path / "s" / str(number), world.run(model, 0.8)
        write_scored(folder, model, "g6", 1, answered, world.context_of, evaluations={"dev": dev})
    report = make_report([tmp_path / "s"])
    matrix = report.sections[0].transfer
    assert matrix is not None and sorted(matrix.sets) == ["dev (aaaa)", "dev (bbbb)", "sample"]
    assert all(len(of_one) == 2 for of_one in matrix.scores)
    caption = render_latex(report).split("tab:sample-transfer")[0]
    assert "dev (aaaa) (82 questions)" in caption and "mean over 1 seed" in caption


def test_without_answers_nothing_is_claimed(tmp_path: Path) -> None:
    for number, (model, f1) in enumerate((("berturk", 80.0), ("mbert", 50.0))):
        write_member(tmp_path / "s" / str(number), result(model, f1=f1), settings=config())
    section = section_of(tmp_path / "s")
    assert section.answer.sentence.startswith("Nothing is settled: berturk has the highest F1 (80.00)")
    assert "no scores.jsonl" in section.answer.sentence
    assert section.settling.lines[0].startswith("Runs that leave a scores.jsonl")
