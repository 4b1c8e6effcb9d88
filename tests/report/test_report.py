"""A report over fixed members: every number against one computed here, and words that the numbers bear out."""

from __future__ import annotations

import csv
import json
import re
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from forked import python
from made import answers, config, questions, result, some, write_manifest, write_member

from mlqa.errors import RunError
from mlqa.on_sweep_end import finish_sweep
from mlqa.report.build import write_report
from mlqa.report.closing import print_closing
from mlqa.report.content import Report, make_report
from mlqa.report.page import render_page
from mlqa.report.rows import build_treatment_table
from mlqa.report.tables import render_csv, render_markdown

TOP = Path(__file__).resolve().parents[2]
P3, G4DN = {"instance_type": "ml.p3.2xlarge"}, {"instance_type": "ml.g4dn.xlarge"}


def cost(seconds: float, price: float, instance: str = "ml.p3.2xlarge") -> dict[str, Any]:
    return {
        "billable_seconds": seconds, "instance_type": instance, "instance_count": 1, "usd_per_hour": price,
        "usd": round(seconds / 3600 * price, 4), "price_source": "table", "estimate": False,
    }  # fmt: skip


def rows_of(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(render_csv(report).splitlines()))


@pytest.fixture
def published_like(tmp_path: Path) -> Path:
    """The original experiment's scores, with times and prices, as a sweep without answers."""
    made = [
        ("xlmr", "p3", 77.14, 2010, 3.825),
        ("berturk", "p3", 75.63, 1487, 3.825),
        ("mbert", "p3", 71.74, 1500, 3.825),
        ("xlmr", "g4dn", 76.60, 6000, 0.736),
    ]
    for number, (model, hardware, f1, seconds, price) in enumerate(made):
        node = P3 if hardware == "p3" else G4DN
        content = result(model, hardware, f1=f1, cost=cost(seconds, price, node["instance_type"]))
        write_member(tmp_path / "blog" / str(number), content, settings=config(node))
    return tmp_path / "blog"


def test_the_tables_hold_the_numbers(published_like: Path) -> None:
    report = make_report([published_like])
    rows = rows_of(report)
    assert [row["f1"] for row in rows] == ["77.14", "75.63", "71.74", "76.6"]  # by member
    berturk = rows[1]
    assert float(berturk["minutes"]) == pytest.approx(1487 / 60)
    assert float(berturk["usd"]) == pytest.approx(1487 * 3.825 / 3600, abs=1e-4)
    # A count is a whole number, what is not known is empty.
    assert (berturk["vocab_size"], berturk["instance_type"], berturk["epochs"]) == ("32000", "ml.p3.2xlarge", "2.0")
    assert (berturk["total"], berturk["instance_count"], berturk["f1_unseen"]) == ("60", "1", "")
    assert (berturk["price_source"], berturk["is_rehearsal"]) == ("table", "False")
    line = next(line for line in render_markdown(report).splitlines() if line.startswith("| berturk on p3"))
    assert [cell.strip() for cell in line.split("|")[1:8]] == [
        "berturk on p3", "p3", "1", "75.63", "24.8", "$1.58", "3.825",
    ]  # fmt: skip
    assert report.spent_usd == pytest.approx(sum(float(row["usd"]) for row in rows))


def test_the_fronts_are_marked(published_like: Path) -> None:
    """xlmr reaches 76.87 on average, at 2.14 and 1.23 dollars, berturk 75.63 at 1.58. Minutes: 33.5, 100 and 24.8."""
    of = {one.name: one.on_fronts for one in make_report([published_like]).sections[0].comparison.configurations}
    assert of == {
        "xlmr on p3": {"minutes"},
        "xlmr on g4dn": {"usd"},
        "berturk on p3": {"minutes"},
        "mbert on p3": set(),
    }


def test_damaged_choices_are_called_unknown(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result("m5", f1=70, choices=3), settings=config())
    (section,) = make_report([tmp_path / "s"]).sections
    assert section.answer.sentence.startswith("Only m5 has a score on unknown dataset (F1 70.00)")
    assert [one.name for one in section.comparison.configurations] == ["m5 on unknown hardware"]


def token_f1(prediction: str, gold: str) -> float:
    """SQuAD's F1, written anew; these texts hold no articles."""
    a, b = (re.sub(r"[^\w\s]", "", text.lower()).split() for text in (prediction, gold))
    shared = sum(min(a.count(word), b.count(word)) for word in set(a))
    return 2 * shared / (len(a) + len(b)) if shared else 0.0


def test_seeds_are_put_together(tmp_path: Path) -> None:
    asked = questions()
    for seed in (1, 2, 3):
        write_member(
            tmp_path / "s" / str(seed), result("berturk", "p3", seed=seed, cost=cost(600 + seed, 3.6)),
            settings=config(P3, seed), given=answers(asked, some(0.7, seed)),
        )  # fmt: skip
    write_member(
        tmp_path / "s" / "4", result("mbert", "p3", seed=1), settings=config(P3, 1), given=answers(asked, some(0.1, 9))
    )
    report = make_report([tmp_path / "s"])
    berturk, mbert = report.sections[0].comparison.treatments
    golds = [asked.answers[row][0].text for row in range(len(asked))]
    f1 = [
        100 * statistics.fmean(map(token_f1, answers(asked, some(0.7, seed)), golds)) for seed in (1, 2, 3)
    ]  # from the answers themselves, not from what the scorer says
    assert berturk.name == "berturk" and len(berturk.seeds) == 3
    assert berturk.score == pytest.approx(statistics.fmean(f1))
    assert berturk.compute_std("metrics", "f1") == pytest.approx(statistics.stdev(f1))
    assert berturk.configurations[0].minutes == pytest.approx(602 / 60)
    verdict = report.sections[0].comparison.verdict
    assert verdict is not None
    difference = verdict.find_difference(0, 1)
    other = 100 * statistics.fmean(map(token_f1, answers(asked, some(0.1, 9)), golds))
    assert mbert.name == "mbert" and difference.mean == pytest.approx(statistics.fmean(f1) - other)
    assert report.sections[0].answer.is_settled
    assert f"{statistics.fmean(f1):.2f} ± {statistics.stdev(f1):.2f}" in render_markdown(report)


def test_the_same_seed_again_is_no_further_evidence(tmp_path: Path) -> None:
    for number, f1 in enumerate((70.0, 72.0)):
        write_member(tmp_path / "s" / str(number), result(f1=f1, seed=1), settings=config(P3, 1))
    write_member(tmp_path / "s" / "2", result(f1=75.0, seed=2), settings=config(P3, 2))
    (one,) = make_report([tmp_path / "s"]).sections[0].comparison.treatments
    assert one.compute_seed_means("metrics", "f1") == [71.0, 75.0] and one.score == 73.0


def test_a_spot_job_is_cheaper_but_no_faster(tmp_path: Path) -> None:
    costs = (cost(600, 3.6), cost(150, 3.6) | {"spot_saving": 0.75})
    for number, of_job in enumerate(costs):
        settings = config(P3 | {"spot": bool(number)})
        write_member(tmp_path / "s" / str(number), result(f1=70, cost=of_job), settings=settings)
    report = make_report([tmp_path / "s"])
    spot, on_demand = report.sections[0].comparison.configurations  # of one treatment, the cheapest first
    assert (spot.minutes, on_demand.minutes) == (10, 10)
    assert (spot.usd, on_demand.usd) == (pytest.approx(0.15), pytest.approx(0.6))
    assert spot.name == "berturk on p3 (spot=True)"


def test_a_machine_without_a_price_is_not_the_cheapest(tmp_path: Path) -> None:
    free = {"billable_seconds": 600, "instance_type": "local", "instance_count": 1, "usd_per_hour": 0, "usd": 0.0}
    write_member(tmp_path / "s/0", result(hardware="local", f1=70, cost=free), settings=config())
    write_member(tmp_path / "s/1", result(f1=69.5, cost=cost(600, 3.8)), settings=config(P3))
    report = make_report([tmp_path / "s"])
    answer = report.sections[0].answer
    assert answer.choice is not None and answer.choice.name == "berturk on p3"
    assert "$0.63 and 10 minutes a run on p3" in answer.sentence
    assert report.spent_usd == pytest.approx(0.6333)
    (tmp_path / "s/1/result.json").unlink()
    alone = make_report([tmp_path / "s"])
    assert alone.spent_usd is None and "$0.00" not in render_page(alone)


def test_settings_tell_configurations_of_one_model_apart(tmp_path: Path) -> None:
    for number, epochs in enumerate((1.0, 2.0)):
        settings = config(P3, num_train_epochs=epochs)
        write_member(tmp_path / "s" / str(number), result(f1=70 + epochs), settings=settings)
    names = [one.name for one in make_report([tmp_path / "s"]).sections[0].comparison.treatments]
    assert names == ["berturk (num_train_epochs=2.0)", "berturk (num_train_epochs=1.0)"]


def named(tmp_path: Path, *members: tuple[dict[str, Any], dict[str, Any]]) -> list[str]:
    """The names of treatments, in the order of members of falling F1."""
    for number, (content, settings) in enumerate(members):
        content["metrics"] = result(f1=90.0 - number)["metrics"]
        write_member(tmp_path / "s" / str(number), content, settings=settings)
    return [one.name for one in make_report([tmp_path / "s"]).sections[0].comparison.treatments]


def test_what_an_option_has_decided_is_told_by_the_option(tmp_path: Path) -> None:
    adamw = {"optimizer": {"name": "adamw", "epsilon": 1e-8, "learning_rate": 5e-5, "betas": [0.9, 0.999]}}
    adafactor = {"optimizer": {"name": "adafactor", "learning_rate": 5e-5, "scale": True}}
    faster = {"optimizer": adamw["optimizer"] | {"learning_rate": 1e-4}}
    options = result()["choices"]
    assert named(
        tmp_path,
        (result(), config(P3) | adamw),
        (result(choices=options | {"optimizer": "adafactor"}), config(P3) | adafactor),
        (result(), config(P3) | faster),
    ) == [
        "berturk (optimizer=adamw, learning_rate=5e-05)",
        "berturk (optimizer=adafactor, learning_rate=5e-05)",
        "berturk (optimizer=adamw, learning_rate=0.0001)",
    ]


def test_a_setting_that_one_lacks_is_not_set(tmp_path: Path) -> None:
    less, more = config(P3), config(P3)
    more["training"]["warmup_ratio"] = 0.1
    assert named(tmp_path, (result(), more), (result(), less)) == [
        "berturk (warmup_ratio=0.1)",
        "berturk (warmup_ratio=not set)",
    ]


def test_settings_of_the_hardware_make_no_other_treatment(tmp_path: Path) -> None:
    assert named(tmp_path, (result(), config(P3 | {"usd_per_hour": 2.0})), (result(), config(P3))) == ["berturk"]
    (treatment,) = make_report([tmp_path / "s"]).sections[0].comparison.treatments
    assert [one.name for one in treatment.configurations] == [
        "berturk on p3 (usd_per_hour=2.0)",
        "berturk on p3 (usd_per_hour=not set)",
    ]


def test_null_says_the_same_as_no_key(tmp_path: Path) -> None:
    """A sweep of before there was a setting, and one of after."""
    older, newer = config(P3, 1), config(P3 | {"usd_per_hour": None}, 2)
    newer["dataset"]["segmentation_file"] = newer["dataset"]["question_words"] = None
    assert named(tmp_path, (result(seed=1), older), (result(seed=2), newer)) == ["berturk"]


def test_very_long_names_are_cut_and_stand_whole_in_the_title(tmp_path: Path) -> None:
    long = "a-model-with-a-name-" * 15
    names = named(tmp_path, *((result(f"{long}{end}"), config(P3)) for end in ("x" * 60, "y" * 60, "x" * 61)))
    assert len(set(names)) == 3 and all(len(name) <= 80 for name in names)
    html = render_page(make_report([tmp_path / "s"]))
    assert f'title="{long}{"x" * 60}"' in html
    text = html.partition('<section id="results-0">')[2].partition("</section>")[0]
    assert max(len(cell) for cell in re.findall(r"<t[hd][^<>]*>([^<>]*)<", text)) < 200


def test_a_name_does_not_turn_the_sentence_around_it(tmp_path: Path) -> None:
    (name,) = named(tmp_path, (result("ber\u202eturk\n"), config(P3)))
    assert name == "ber\ufffdturk\ufffd"


def test_other_questions_are_not_compared(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result(f1=70), settings=config(rows=60))
    write_member(tmp_path / "s/1", result(f1=80), settings=config(rows=100))
    report = make_report([tmp_path / "s"])
    assert [len(one.comparison.treatments) for one in report.sections] == [1, 1]
    assert all("nothing to compare" in one.answer.sentence for one in report.sections)


def test_answers_of_another_data_set_are_not_compared_by_question(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result("berturk"), settings=config(P3), given=answers(questions(), some(0.8, 1)))
    write_member(tmp_path / "s/1", result("mbert"), settings=config(P3), given=answers(questions(), some(0.5, 2)))
    changed = json.loads((tmp_path / "s/1/result.json").read_text("utf-8"))
    changed["metrics"]["f1"] += 0.01
    (tmp_path / "s/1/result.json").write_text(json.dumps(changed), "utf-8")
    report = make_report([tmp_path / "s"])
    comparison = report.sections[0].comparison
    assert comparison.verdict is None
    assert "in scores.jsonl and" in comparison.doubts[0] and "(s/1)" in comparison.doubts[0]
    assert report.sections[0].answer.sentence.startswith("Nothing is settled: berturk has the highest F1")


def test_runs_of_an_older_version_stand_with_their_own_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without scores.jsonl they have scores and intervals, and one line says why they are not compared further."""
    asked = questions()
    for number, model in enumerate(("berturk", "mbert", "xlmr", "finbert")):
        given = answers(asked, some(0.9 - 0.1 * number, number))
        write_member(tmp_path / "s" / str(number), result(model), settings=config(P3), given=given)
    for number in (1, 2):
        folder = tmp_path / "s" / str(number)
        content = json.loads((folder / "result.json").read_text("utf-8"))
        del content["label"], content["reported_split"]
        (folder / "result.json").write_text(json.dumps(content | {"schema_version": 1}), "utf-8")
        (folder / "scores.jsonl").unlink()
    report = make_report([tmp_path / "s"])
    comparison = report.sections[0].comparison
    assert {one.model for one in comparison.treatments} == {"berturk", "mbert", "xlmr", "finbert"}
    assert {one.model for one in comparison.compared} == {"berturk", "finbert"} and comparison.verdict is not None
    assert comparison.doubts == ["mbert (s/1), xlmr (s/2): no scores.jsonl: made by an older version"]
    print_closing(report, tmp_path / "index.html")
    markdown, told = render_markdown(report), " ".join(capsys.readouterr().err.split())
    line = "Not compared question by question: mbert (s/1), xlmr (s/2): no scores.jsonl: made by an older"
    assert line in told and line in render_page(report).replace("&#39;", "'")
    assert markdown.count("made by an older version") == 1
    assert "made by an older version" in markdown.partition("## Provenance")[0]  # with the comparison it belongs to


def test_only_members_that_answered_the_same_questions_are_compared(tmp_path: Path) -> None:
    """The gold answers of one question differ: what most members answered counts, though the other is the best."""
    asked = questions()
    changed = replace(asked, answers=[asked.answers[0][:1], *asked.answers[1:]], unplaced={0: ("another gold",)})
    for number, (model, examples) in enumerate((("berturk", changed), ("mbert", asked), ("xlmr", asked))):
        given = answers(asked, some((0.9, 0.6, 0.5)[number], number))
        write_member(tmp_path / "s" / str(number), result(model), settings=config(P3), given=given, examples=examples)
    comparison = make_report([tmp_path / "s"]).sections[0].comparison
    assert comparison.treatments[0].model == "berturk"
    assert [one.model for one in comparison.compared] == ["mbert", "xlmr"]
    assert comparison.doubts == ["berturk (s/0): its questions or gold answers differ from the others'"]


@pytest.mark.slow
def test_a_report_loads_no_data_set_and_no_model_library(whole_sweep: Path) -> None:
    heavy = ("torch", "transformers", "datasets", "tokenizers", "pyarrow", "mlqa.data.load", "mlqa.data.readers")
    code = (
        "import sys\nfrom mlqa.report.build import write_report\n"
        f"write_report([{str(whole_sweep)!r}])\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=TOP)
    assert done.stdout.strip() == "[]", done.stderr


def test_what_questions_cost_is_a_column_if_a_run_was_exported(tmp_path: Path) -> None:
    serving = {"usd_per_million": {"cpu": 4.25, "gpu": 0.5}}
    write_member(tmp_path / "0", result("berturk", f1=70.0, serving=serving), settings=config())
    write_member(tmp_path / "1", result("mbert", f1=60.0), settings=config())
    table = build_treatment_table(make_report([tmp_path]).sections[0].comparison)
    headings = [column.heading for column in table.columns]
    places = [headings.index(f"$ a million questions, {kind} (estimate)") for kind in ("CPU", "GPU")]
    assert [[row[place].text for place in places] for row in table.rows] == [["4.25", "0.50"], ["", ""]]


def test_a_model_is_called_by_what_was_loaded(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result(f1=70, label="dbmdz/convbert"), settings=config(P3))
    report = make_report([tmp_path / "s"])
    assert report.sections[0].comparison.treatments[0].name == "dbmdz/convbert"
    assert rows_of(report)[0]["model"] == "dbmdz/convbert"


def test_several_sweeps_on_one_page(published_like: Path, tmp_path: Path) -> None:
    write_member(tmp_path / "second" / "0", result("mbert", "g4dn", f1=72.0), settings=config(G4DN))
    path = write_report([published_like, tmp_path / "second", published_like], tmp_path / "both")
    assert path == tmp_path / "both" / "index.html"
    assert "second/0" in path.read_text("utf-8")
    assert len(list(csv.DictReader((tmp_path / "both" / "results.csv").open(encoding="utf-8")))) == 5


def test_after_ctrl_c_what_never_began_is_missing(tmp_path: Path) -> None:
    sweep = tmp_path / "s"
    write_member(sweep / "0", result(f1=70), settings=config())
    sweeper = {
        "_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
        "params": {"model": "berturk,mbert"},
    }
    told = {"hydra": {"sweeper": sweeper, "overrides": {"task": ["seed=1"]}}}
    (sweep / "multirun.yaml").write_text(json.dumps(told), "utf-8")
    write_manifest(sweep, [{"event": "planned", "member": 0, "overrides": ["model=berturk", "seed=1"]}])
    report = make_report([sweep])
    assert [(one.name, one.status, one.overrides) for one in report.not_completed] == [
        ("1", "missing", ["model=mbert", "seed=1"])
    ]


def test_money_is_counted_with_every_job(tmp_path: Path) -> None:
    """A failed attempt, the second that completed, and a job that failed: all of them were paid."""
    write_member(tmp_path / "s/0", result(f1=70), settings=config())
    write_manifest(
        tmp_path / "s",
        [
            {"event": "submitting", "member": 0, "job_name": "a"},
            {"event": "ended", "member": 0, "job_status": "Failed", "usd": 0.5},
            {"event": "ended", "member": 0, "job_status": "Failed", "usd": 0.5},  # told twice, paid once
            {"event": "submitting", "member": 0, "job_name": "b"},
            {"event": "ended", "member": 0, "job_status": "Completed", "usd": 0.75},
            {"event": "submitting", "member": 1, "job_name": "c"},
            {"event": "ended", "member": 1, "job_status": "Failed", "usd": 0.25},
        ],
    )
    assert make_report([tmp_path / "s"]).spent_usd == pytest.approx(1.5)


def test_the_end_of_a_sweep_says_it_in_the_terminal(whole_sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish_sweep(str(whole_sweep))
    told = " ".join(capsys.readouterr().err.split())
    for part in (
        "EM",
        "F1",
        "minutes",
        "Choose berturk on g4dn: it ties with xlmr_base",
        "What would settle it:",
        "python train.py -m model=berturk,xlmr_base hardware=g4dn seed=3,4,5,6,7",
        "12 completed, 1 failed, 1 missing",
        "index.html",
    ):
        assert part in told
    assert "CUDA out of memory" in told
    assert {path.name for path in (whole_sweep / "report").iterdir()} == {
        "index.html", "results.csv", "results.md", "results.tex",
    }  # fmt: skip


def test_a_directory_without_a_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        make_report([tmp_path])
    with pytest.raises(RunError, match="no such directory"):
        make_report([tmp_path / "nowhere"])


def test_what_is_no_sweep_is_named(tmp_path: Path) -> None:
    write_member(tmp_path / "s" / "0", result(f1=70), settings=config())
    with pytest.raises(RunError, match="is a file, not a directory"):
        make_report([tmp_path / "s" / "0" / "result.json"])
    with pytest.raises(RunError, match="'': there is no such directory"):
        make_report([""])


def test_a_directory_of_sweeps_is_all_of_them(tmp_path: Path) -> None:
    """`mlqa report multirun`: also what was planned and what was paid stands there, as when each is named."""
    for day, name in (("day1", "a"), ("day2", "b")):
        sweep = tmp_path / "multirun" / day / name
        write_member(sweep / "0", result(f1=70), settings=config())
        planned = [{"event": "planned", "member": number, "overrides": []} for number in (0, 1)]
        write_manifest(sweep, [*planned, {"event": "ended", "member": 0, "job_status": "Completed", "usd": 0.01}])
    write_member(tmp_path / "multirun" / "alone", result(f1=70), settings=config())
    sweeper = {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper", "params": None}
    told = {"hydra": {"sweeper": sweeper, "overrides": {"task": ["seed=1,2", "hydra.launcher.dry_run=true"]}}}
    (tmp_path / "multirun" / "day2" / "dry").mkdir()
    (tmp_path / "multirun" / "day2" / "dry" / "multirun.yaml").write_text(json.dumps(told), "utf-8")
    report = make_report([tmp_path / "multirun", tmp_path / "multirun" / "day2" / "b"])
    assert [one.label for one in report.members] == ["a/0", "a/1", "b/0", "b/1", "multirun/alone"]
    assert [one.status for one in report.members] == ["completed", "missing"] * 2 + ["completed"]
    assert report.spent_usd == pytest.approx(0.02 + 0.6375)
    assert report.format_spending() == ", $0.66 in all"


def test_cents_are_not_rounded_away(tmp_path: Path) -> None:
    write_member(tmp_path / "s" / "0", result(f1=70, cost=cost(30, 0.5)), settings=config())
    assert make_report([tmp_path / "s"]).format_spending() == ", $0.0042 in all"


def test_markdown_says_where_each_score_comes_from(published_like: Path) -> None:
    text = render_markdown(make_report([published_like]))
    assert "- commit of every member with a score: 0123456789ab" in text
    assert "- data of every member with a score: ac92020e3f8bbdd4" in text
    assert "python 3.11.7, mlqa 0.1.0" in text
    (published_like / "0" / ".hydra" / "overrides.yaml").write_text("[model=xlmr, +a=b]", "utf-8")
    changed = json.loads((published_like / "1" / "result.json").read_text("utf-8"))
    changed["versions"]["commit"] = "another"
    (published_like / "1" / "result.json").write_text(json.dumps(changed), "utf-8")
    table = render_markdown(make_report([published_like])).partition("| member | status |")[2].splitlines()
    assert "| model=xlmr +a=b |" in table[2] and "| 0123456789ab |" in table[2]
    assert "| another |" in table[3]


def test_a_single_run_is_a_sweep_of_one(tmp_path: Path) -> None:
    write_member(tmp_path / "outputs" / "10-00-00", result(f1=70), settings=config())
    report = make_report([tmp_path / "outputs" / "10-00-00"])
    assert [one.label for one in report.members] == ["outputs/10-00-00"]


@pytest.mark.slow
def test_after_ctrl_c_there_is_a_report(tmp_path: Path) -> None:
    """`python train.py -m` with three members here, stopped while the second runs."""
    sweep = tmp_path / "sweep"
    tiny = ["experiment=quickstart", "dataset.sample.train_rows=120", "dataset.sample.validation_rows=30"]
    process = subprocess.Popen(
        [*python("training"), str(TOP / "train.py"), "-m", *tiny, "training.num_train_epochs=1,99,100",
         f"hydra.sweep.dir={sweep}", "model.scratch.num_hidden_layers=1", "report.reference=blog"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not (sweep / "1" / "result.json").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 130, told
    rows = list(csv.DictReader((sweep / "report" / "results.csv").open(encoding="utf-8")))
    assert [row["status"] for row in rows] == ["completed", "stopped", "missing"]
    assert [row["reason"] for row in rows][1:] == ["stopped by Ctrl-C", "planned, never started"]
    never_started = "training.num_train_epochs=100 model.scratch.num_hidden_layers=1 report.reference=blog"
    assert rows[2]["overrides"].endswith(never_started)
    assert "## Published: the original experiment" in (sweep / "report" / "results.md").read_text("utf-8")
    assert "3 members: 1 completed, 1 stopped, 1 missing" in " ".join(told.split())
